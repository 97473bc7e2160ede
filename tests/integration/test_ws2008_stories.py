"""The life story of every machine of the bundled host, against what its recipe made happen."""

import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.case.folder import Case
from analyzer.case.query import CaseTables
from analyzer.times import TICKS_PER_SECOND
from tests.integration.conftest import Vmtrail

BOOTS = ("guest installed", "guest shut down", "guest booted")
"""Of these the story names the guest, which the truth does not."""


@pytest.fixture(scope="module")
def lines(case: Path) -> list[dict[str, Any]]:
    return list(CaseTables(Case(case)).rows("life_event"))


@pytest.fixture(scope="module")
def truth(corpus: Path) -> dict[str, list[list[Any]]]:
    stories: dict[str, list[list[Any]]] = json.loads(
        (corpus / "truth" / "ws2008.json").read_text())["stories"]
    return stories


def test_every_story_is_what_happened(lines: list[dict[str, Any]],
                                      truth: dict[str, list[list[Any]]]) -> None:
    told: dict[str, list[tuple[int, str, str]]] = {row["story"]: [] for row in lines}
    for row in lines:
        if row["happened_at"] is not None and row["what"] != "deleted":
            subject = "" if row["what"] in BOOTS else row["subject"]
            told[row["story"]].append((row["happened_at"], row["what"], subject))
    assert {machine: sorted(story) for machine, story in told.items()} == {
        machine: sorted((at, what, thing) for at, what, thing in story if what != "deleted")
        for machine, story in truth.items()}


def test_a_deletion_is_not_dated_after_it_happened(lines: list[dict[str, Any]],
                                                   truth: dict[str, list[list[Any]]]) -> None:
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


def test_witnesses_of_a_snapshot_lie_near_each_other(lines: list[dict[str, Any]]) -> None:
    taken = [row for row in lines if row["what"] == "snapshot taken"]
    assert len(taken) == 6
    assert all(len(row["sources"]) >= 3 for row in taken)
    assert all(row["last_at"] - row["happened_at"] <= 120 * TICKS_PER_SECOND for row in taken)
