"""The life story of every machine of the bundled hosts, against what its recipe made happen."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyzer.case.folder import Case
from analyzer.case.query import CaseTables
from analyzer.times import TICKS_PER_SECOND
from tests.integration.conftest import Vmtrail

BOOTS = ("guest installed", "guest shut down", "guest booted")
"""Of these the story names the guest, which the truth does not."""


HOSTS = ("vs2005", "ws2008", "ws2012r2", "ws2019")
Truth = dict[str, list[list[Any]]]


def stories_of(corpus: Path, name: str) -> Truth:
    stories: Truth = json.loads((corpus / "truth" / f"{name}.json").read_text())["stories"]
    return stories


@pytest.fixture(scope="module")
def lines(case: Path) -> list[dict[str, Any]]:
    return list(CaseTables(Case(case)).rows("life_event"))


@pytest.fixture(scope="module")
def truth(corpus: Path) -> Truth:
    return stories_of(corpus, "ws2008")


@pytest.mark.parametrize("name", HOSTS)
def test_every_story_is_what_happened(case_of: Callable[[str], Path], corpus: Path,
                                      name: str) -> None:
    tables = CaseTables(Case(case_of(name)))
    ids = {row["configuration_path"]: row["vm_id"] or f"configuration {row['configuration_path']}"
           for row in tables.rows("virtual_machine")}
    truth = {ids.get(machine, machine): story
             for machine, story in stories_of(corpus, name).items()}
    told: dict[str, list[tuple[int, str, str]]] = {}
    for row in tables.rows("life_event"):
        lines = told.setdefault(row["story"], [])
        if row["happened_at"] is not None and not (row["what"] == "deleted"
                                                   and row["certainty"] == "inferred"):
            subject = "" if row["what"] in BOOTS else row["subject"].partition(" (by its ")[0]
            lines.append((row["happened_at"], row["what"], subject))
    wanted = {machine: [(at, what, thing) for at, what, thing in story
                        if name != "ws2008" or what != "deleted"]
              for machine, story in truth.items()}
    assert {machine: sorted(story) for machine, story in told.items()} == {
        machine: sorted(story) for machine, story in wanted.items()}


def test_a_deletion_is_not_dated_after_it_happened(lines: list[dict[str, Any]],
                                                   truth: Truth) -> None:
    deleted = {(row["story"], row["subject"]): row for row in lines if row["what"] == "deleted"}
    known = {(machine, thing): at for machine, story in truth.items()
             for at, what, thing in story if what == "deleted"}
    assert deleted.keys() == known.keys()
    assert known
    for key, row in deleted.items():
        assert row["happened_at"] <= known[key]
        assert row["certainty"] == "inferred"


def test_each_line_cites_rows_that_are_there(case: Path, lines: list[dict[str, Any]]) -> None:
    tables = CaseTables(Case(case))
    places: dict[str, set[str]] = {}
    for row in lines:
        for cited in row["sources"]:
            table, _, place = cited.partition(": ")
            if table not in places:
                places[table] = {f"{r['source_evidence']}!{r['source_path']}"
                                 for r in tables.rows(table)}
            address = place.rpartition(" (")[0].partition("#")[0].partition("@0x")[0]
            assert address in places[table]
    assert {"virtual_machine", "snapshot", "disk_layer", "file_entry", "system"} <= places.keys()


def test_only_the_old_disk_of_sql01_contradicts(lines: list[dict[str, Any]]) -> None:
    """Its guest was installed two years before the machine was made here."""
    assert [(row["vm_name"], row["what"]) for row in lines if row["contradictions"]] == [
        ("SQL01", "guest installed")]


def test_the_command_line_tells_it(case: Path, vmtrail: Vmtrail) -> None:
    done = vmtrail("timeline", case, "--story", "--vm", "dc01", "--to", "2009-07-01")
    assert done.returncode == 0, done.stderr
    assert [row.split(",")[1] for row in done.stdout.splitlines()[1:]] == [
        "created", "disk created", "guest installed"]
    assert "[witnesses: virtual_machine: ws2008.E01!/" in done.stdout
    assert vmtrail("timeline", case, "--story", "--vm", "nobody").returncode == 2


def test_a_machine_that_only_logs_know_has_its_place_in_every_report(
        case_of: Callable[[str], Path], vmtrail: Vmtrail) -> None:
    """TEMP03 of ws2012r2 was deleted with its files; events are all that tells of it."""
    reports = case_of("ws2012r2") / "reports"
    assert "TEMP03   no configuration, in event logs" in re.sub(
        " {3,}", "   ", (reports / "inventory.txt").read_text())
    page, = (text for text in (p.read_text() for p in (reports / "report/machines").iterdir())
             if "<h1>TEMP03" in text)
    assert page.count('<text class="number"') == 4  # its lifeline is drawn
    done = vmtrail("timeline", case_of("ws2012r2"), "--vm", "TEMP03")
    assert [row.split(",")[2].partition(":")[0] for row in done.stdout.splitlines()[1:]] == [
        "created", "started", "turned off", "deleted"]


def test_witnesses_of_a_snapshot_lie_near_each_other(lines: list[dict[str, Any]]) -> None:
    taken = [row for row in lines if row["what"] == "snapshot taken"]
    assert len(taken) == 6
    assert all(len(row["sources"]) >= 3 for row in taken)
    assert all(row["last_at"] - row["happened_at"] <= 120 * TICKS_PER_SECOND for row in taken)
