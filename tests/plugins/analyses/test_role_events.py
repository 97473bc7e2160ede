"""Events that tell of the role of a Windows."""

from typing import Any

from analyzer.records import RoleEvidence
from plugins.analyses.role_events import role_events
from tests.plugins.analyses.rows import event
from tests.plugins.reports.tables import FakeTables


def rows(*events: Any) -> list[RoleEvidence]:
    return [row for row in role_events(FakeTables(events)) if isinstance(row, RoleEvidence)]


def logged(meaning: str, at: int | None, certainty: str = "verified") -> Any:
    return event(meaning, logged_at=at, certainty=certainty)


def test_the_first_of_each_and_how_many() -> None:
    found = rows(logged("role installed: switch created", 9),
                 *(logged("management service started", at) for at in (7, 3, None)),
                 logged("started", 1))
    assert [(r.name, r.value, r.is_proof, r.traced_at) for r in found] == [
        ("role installed: switch created (P 1)", "1 in the logs", True, 9),
        ("management service started (P 1)", "3 in the logs", True, 3)]
    assert {r.group for r in found} == {"event log"}


def test_a_hypervisor_alone_makes_no_host() -> None:
    (one,) = rows(logged("hypervisor started", 5))
    assert not one.is_proof
    assert "clients" in one.meaning
    (unsure,) = rows(logged("management service started", 5, "unsure"))
    assert not unsure.is_proof
    assert unsure.certainty.startswith("unsure")


def test_features_are_told_apart_by_name() -> None:
    found = rows(*(event("feature turned on", concerns=name, logged_at=at, certainty="verified")
                   for name, at in (("Microsoft-Hyper-V", 9), ("Microsoft-Hyper-V", 4),
                                    ("Microsoft-Hyper-V-Management-Clients", 6))))
    assert [(r.name, r.value, r.is_proof, r.traced_at) for r in found] == [
        ("feature turned on Microsoft-Hyper-V (P 1)", "2 in the logs", False, 4),
        ("feature turned on Microsoft-Hyper-V-Management-Clients (P 1)", "1 in the logs", False, 6)]
