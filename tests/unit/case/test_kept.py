"""Analyses and reports that follow each other get the same rows, which are sorted once."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from analyzer.case import kept
from analyzer.case.folder import Case
from analyzer.case.kept import KeptTables
from analyzer.case.query import CaseTables
from analyzer.case.store import PartitionWriter
from analyzer.records import Coverage, Snapshot
from analyzer.source import Source

EVENTS = 20_000


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    case = Case(tmp_path_factory.mktemp("kept"))
    case.tables.mkdir()
    with PartitionWriter(case.tables, "t") as writer:
        writer.extend(Snapshot(source=Source("a.E01", f"/p1/{n}"), name=f"s{n}", vm_id="v",
                               created_at=n * 7 % EVENTS) for n in range(EVENTS))
        writer.extend(Coverage(source=Source("a.E01"), place=f"p{n}", state=state)
                      for n, state in enumerate(("read", "absent")))
    return case


@pytest.fixture
def sorts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows each time that the timeline is sorted."""
    done: list[int] = []
    plain = CaseTables.timeline

    def timeline(self: CaseTables) -> Iterator[pa.RecordBatch]:
        done.append(1)
        yield from plain(self)

    monkeypatch.setattr(CaseTables, "timeline", timeline)
    return done


def rows(tables: CaseTables) -> list[dict[str, Any]]:
    return [row for batch in tables.timeline() for row in batch.to_pylist()]


def test_it_is_sorted_once_and_the_same_each_time(case: Case, sorts: list[int]) -> None:
    expected = rows(CaseTables(case))
    assert [row["at"] for row in expected] == list(range(EVENTS))
    assert len(sorts) == 1
    heard: list[int] = []
    tables = KeptTables(case, lambda: heard.append(1))
    for _ in range(3):
        heard.clear()
        assert rows(tables) == expected
        assert len(heard) > EVENTS // 10_000  # a long report is seen to get on
    assert len(sorts) == 2
    assert {p.name for p in case.root.iterdir()} == {"tables"}  # nothing is left there


def test_a_report_that_stops_in_the_middle_costs_the_next_one_nothing(
        case: Case, sorts: list[int]) -> None:
    tables = KeptTables(case, lambda: None)
    part = tables.timeline()
    next(part)
    part.close()  # type: ignore[attr-defined] # a generator, declared as an iterator
    assert len(rows(tables)) == EVENTS
    assert len(rows(tables)) == EVENTS
    assert len(sorts) == 2


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that were read and sorted."""
    done: list[str] = []
    plain = CaseTables.batches

    def batches(self: CaseTables, table: str, first: str = "") -> Iterator[pa.RecordBatch]:
        done.append(table)
        return plain(self, table, first)

    monkeypatch.setattr(CaseTables, "batches", batches)
    return done


@pytest.mark.parametrize("first", ["", "source_path"])
@pytest.mark.parametrize(("table", "times"), [("coverage", 1), ("volume", 1), ("snapshot", 2)])
def test_a_small_table_is_read_once_in_each_order(
        case: Case, reads: list[str], table: str, first: str, times: int) -> None:
    expected = list(CaseTables(case).batches(table, first))
    reads.clear()
    heard: list[int] = []
    tables = KeptTables(case, lambda: heard.append(1))
    assert list(tables.batches(table, first)) == expected
    heard.clear()
    assert list(tables.batches(table, first)) == expected
    assert heard
    assert reads == [table] * times


def test_what_a_reader_does_to_its_rows_is_its_own_business(case: Case) -> None:
    tables = KeptTables(case, lambda: None)
    for row in tables.rows("coverage"):
        row.clear()
    assert list(tables.rows("coverage")) == list(CaseTables(case).rows("coverage"))


def test_who_reads_one_row_of_a_large_table_costs_the_next_nothing(case: Case) -> None:
    tables = KeptTables(case, lambda: None)
    assert next(tables.rows("snapshot")) == next(CaseTables(case).rows("snapshot"))
    assert sum(batch.num_rows for batch in tables.batches("snapshot")) == EVENTS


def test_what_was_written_since_is_read_once_it_is_forgotten(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.tables.mkdir()
    tables = KeptTables(case, lambda: None)
    for task in ("a", "b"):
        with PartitionWriter(case.tables, task) as writer:
            writer.extend(Snapshot(source=Source(task, f"{n}"), name="s", vm_id="v", created_at=n)
                          for n in range(9_000))
            writer.add(Coverage(source=Source(task), place=task, state="read"))
        written = writer.rows
        for table in written:
            tables.forget(table)
        half = tables.rows("snapshot")  # its reader stopped, and something still holds it
        next(half)
        assert list(tables.rows("coverage")) == list(CaseTables(case).rows("coverage"))
        assert rows(tables) == rows(CaseTables(case))
        assert set(written) == {"coverage", "event", "snapshot"}
    assert sum(batch.num_rows for batch in tables.batches("snapshot")) == 18_000
    assert [row["place"] for row in tables.rows("coverage")] == ["a", "b"]


def test_no_event_at_all(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    tables = KeptTables(Case(tmp_path), lambda: None)
    assert [rows(tables), rows(tables)] == [[], []]


def test_a_full_disk_is_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> Any:
        return Path("/dev/full").open("w+b", buffering=0)

    monkeypatch.setattr(kept, "TemporaryFile", full)
    with pytest.raises(OSError, match="No space") as raised:
        rows(KeptTables(case, lambda: None))
    assert raised.value.errno == errno.ENOSPC
