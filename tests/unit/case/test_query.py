"""Reading a case: typed, sorted, narrowed, and closed to the outside."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analyzer.case import query, store
from analyzer.case.folder import Case
from analyzer.case.manifest import Manifest
from analyzer.case.query import CaseTables, Window, ask
from analyzer.case.schema import table_columns
from analyzer.case.store import PartitionWriter
from analyzer.errors import UsageError
from analyzer.records import (
    TABLES,
    FileEntry,
    LifeEvent,
    Problem,
    Record,
    Snapshot,
    VirtualMachine,
)
from analyzer.source import Source
from analyzer.times import parse_iso

HERE = Source("a.E01", "/p1/x")
TAKEN = parse_iso("2008-11-09T05:34:40.4317320Z") + 0


@pytest.fixture
def case(tmp_path: Path) -> Case:
    case = Case(tmp_path / "it's a case")
    case.tables.mkdir(parents=True)
    tasks: dict[str, list[Record]] = {
        "b": [Snapshot(source=HERE, name="two\0\x1b", vm_id="V1", created_at=TAKEN + 5)],
        "a": [Snapshot(source=HERE, name="one", vm_id="V1", created_at=TAKEN),
              Snapshot(source=HERE, name="old", vm_id="V2", created_at=1),
              VirtualMachine(source=HERE, vm_id="V1", name="DC01", format="xml", state="x",
                             boot_order=("cd", "ide"))],
    }
    for task, records in tasks.items():
        write(case, task, records)
    return case


def write(case: Case, task: str, records: list[Record]) -> None:
    with PartitionWriter(case.tables, task) as writer:
        writer.extend(records)


def values(batches: Iterable[pa.RecordBatch], column: str) -> list[Any]:
    return [value for batch in batches for value in batch[column].to_pylist()]


def test_rows_are_in_total_order_whatever_the_task(case: Case) -> None:
    names = [r["name"] for r in CaseTables(case).rows("snapshot")]
    assert names == ["one", "two\0\x1b", "old"]  # by source, system, machine, snapshot, name


def test_frames_keep_ticks_exact_and_have_all_columns(case: Case) -> None:
    tables = CaseTables(case)
    frame = tables.frame("snapshot")
    assert frame["created_at"].tolist() == [TAKEN, TAKEN + 5, 1]
    assert str(frame["source_entry"].dtype) == "Int64"
    assert list(tables.frame("virtual_machine")["boot_order"].iloc[0]) == ["cd", "ide"]
    for table in TABLES:
        assert list(tables.frame(table).columns) == [c.name for c in table_columns(table)]
    assert len(tables.frame("disk_layer")) == 0
    assert list(tables.rows("disk_layer")) == []


def test_counts_need_no_rows(case: Case) -> None:
    tables = CaseTables(case)
    assert tables.counts("snapshot", "vm_id") == {"V1": 2, "V2": 1}
    assert tables.counts("disk_layer", "path") == {}


def begun(case: Case, **more: Any) -> None:
    Manifest("1.0", ["analyze", "it's.E01", "-o", "x"], "2026-11-28T02:00:00.0000000Z",
             evidence=[{"name": "it's.E01"}], **more).save(case.manifest)


def test_the_run_is_read_from_the_manifest(case: Case) -> None:
    assert list(CaseTables(case).rows("run")) == []
    begun(case)
    assert list(CaseTables(case).rows("run")) == []  # it did not come to its reports
    begun(case, exit_code=4, finished_at="2026-11-28T02:00:01.5000000Z")
    (row,) = CaseTables(case).rows("run")
    assert (row["source_evidence"], row["source_path"], row["source_offset"], row["exit_code"],
            row["arguments"], row["tool_version"]) == (
                "it's.E01", "", None, 4, ["analyze", "it's.E01", "-o", "x"], "1.0")
    assert row["finished_at"] - row["started_at"] == 15_000_000
    assert row["started_at"] == parse_iso("2026-11-28T02:00:00Z")
    assert list(ask(case, "SELECT exit_code, len(arguments) FROM run").rows) == [(4, 4)]


@pytest.mark.parametrize("more", [{"finished_at": "yesterday"}, {"finished_at": ""}])
def test_a_manifest_that_was_changed_is_said(case: Case, more: dict[str, Any]) -> None:
    begun(case, exit_code=0, **more)
    with pytest.raises(UsageError, match=r"case\.json was changed"):
        list(CaseTables(case).rows("run"))


@pytest.mark.parametrize(("window", "names"), [
    (Window(), "abc"), (Window(vm="dc01"), "ab"), (Window(begin=20), "bc"),
    (Window(begin=20, end=30), "b"), (Window(vm="V1", end=20), "ab"), (Window(begin=31), "")])
def test_files_are_narrowed_by_any_of_their_times(case: Case, window: Window, names: str) -> None:
    def entry(path: str, vm_id: str, created: int, accessed: int | None) -> FileEntry:
        return FileEntry(source=HERE, vm_id=vm_id, volume_id="p1", path=path, entry=1, sequence=1,
                         size=0, allocated=True, is_directory=False, si_created_at=created,
                         fn_accessed_at=accessed)
    write(case, "files", [entry("a", "V1", 10, None), entry("b", "V1", 5, 25),
                          entry("c", "V2", 30, 1)])
    found = values(CaseTables(case, window).files(), "path")
    assert "".join(found) == names


def test_two_readers_at_once(case: Case) -> None:
    tables = CaseTables(case)
    pairs = [(a["name"], b["name"]) for a in tables.rows("snapshot")
             for b in tables.rows("virtual_machine")]
    assert len(pairs) == 3


@pytest.mark.parametrize(("window", "count"), [
    (Window(), 3), (Window(vm="dc01"), 2), (Window(vm="{v1}"), 2),
    (Window(begin=TAKEN), 2), (Window(end=TAKEN), 1), (Window(vm="DC01", begin=TAKEN + 1), 1)])
def test_timeline_is_narrowed_and_in_order(case: Case, window: Window, count: int) -> None:
    times = values(CaseTables(case, window).timeline(), "at")
    assert times == sorted(times)
    assert len(times) == count


def test_an_unknown_machine_names_the_nearest(case: Case) -> None:
    with pytest.raises(UsageError, match="DC01"):
        list(CaseTables(case, Window(vm="DC1")).timeline())


def test_a_machine_of_which_only_the_name_is_known_has_a_story_alone(case: Case) -> None:
    write(case, "c", [LifeEvent(
        source=HERE, story="name OLD", vm_name="OLD", happened_at=TAKEN, last_at=TAKEN,
        what="exported", subject="", certainty="direct", basis="an event", sources=())])
    with pytest.raises(UsageError, match="add --story"):
        CaseTables(case, Window(vm="old"))
    told = CaseTables(case, Window(vm="old", story=True)).timeline()
    assert values(told, "what") == ["exported"]


def test_a_query_sees_times_and_ticks(case: Case) -> None:
    answer = ask(case, "SELECT created_at::VARCHAR, created_at_ticks FROM snapshot ORDER BY 2")
    assert answer.columns[1] == "created_at_ticks"
    assert list(answer.rows) == [("1601-01-01 00:00:00", 1),
                                 ("2008-11-09 05:34:40.431732", TAKEN),
                                 ("2008-11-09 05:34:40.431732", TAKEN + 5)]


@pytest.mark.validates("VMT-CASE-01")
@pytest.mark.parametrize("sql", [
    "COPY (SELECT 1) TO '{tables}/x.csv'", "SELECT * FROM read_csv('/etc/passwd')",
    "CREATE TABLE x (a INT)", "SELECT 1; SELECT 2", "", "SELECT nothing FROM snapshot",
    "ATTACH '/etc/passwd'", "ATTACH ':memory:' AS m", "DETACH main", "DELETE FROM snapshot",
    "UPDATE snapshot SET name = ''", "INSERT INTO snapshot SELECT * FROM snapshot",
    "DROP VIEW snapshot", "CREATE OR REPLACE VIEW snapshot AS SELECT 1", "LOAD httpfs",
    "EXPORT DATABASE '{tables}'", "IMPORT DATABASE '{tables}'", "PRAGMA memory_limit='9GB'",
    "RESET memory_limit", "CHECKPOINT", "USE stored", "VACUUM", "PREPARE p AS SELECT 1", "BEGIN",
    "SELECT * FROM '/etc/passwd'", "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')", "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')", "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT getenv('HOME')", "SELECT * FROM read_text('{tables}/../case.json')",
    "SELECT * FROM 'http://127.0.0.1/x.csv'", "SELECT * FROM parquet_metadata('/etc/passwd')",
    "EXPLAIN ANALYZE DELETE FROM snapshot", "EXPLAIN ANALYZE COPY (SELECT 1) TO '{tables}/x.csv'",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{tables}/x.csv''')",
    "WITH x AS (DELETE FROM snapshot RETURNING *) SELECT * FROM x",
    "SET threads=1", "SELECT * FROM glob('/etc/*')", "INSTALL httpfs"])
def test_a_query_changes_nothing_and_reaches_nothing(case: Case, sql: str) -> None:
    before = sorted(p for p in case.root.rglob("*"))
    with pytest.raises(UsageError):
        list(ask(case, sql.replace("{tables}", str(case.tables))).rows)
    assert sorted(p for p in case.root.rglob("*")) == before


def test_a_problem_said_twice_is_one_problem(case: Case) -> None:
    problem = Problem(source=HERE, code="X", what="a", effect="b")
    write(case, "c", [problem])
    write(case, "d", [problem])
    assert len(CaseTables(case).frame("problem")) == 1


def test_a_foreign_partition_is_refused(case: Case) -> None:
    (case.tables / "problem").mkdir()
    source = case.tables / "snapshot" / "a.parquet"
    (case.tables / "problem" / "x.parquet").write_bytes(source.read_bytes())
    with pytest.raises(UsageError, match="not written by this version"):
        CaseTables(case)


def test_a_partition_of_another_writer_with_the_same_columns_is_read(case: Case) -> None:
    path = case.tables / "snapshot" / "a.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path, store_schema=False)
    assert len(list(CaseTables(case).rows("snapshot"))) == 3


def test_long_rows_come_in_smaller_batches(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "_BATCH_BYTES", 1)
    batches = list(CaseTables(case).timeline())
    assert [batch.num_rows for batch in batches] == [1, 1, 1]
    assert [batch["at"][0].as_py() for batch in batches] == [1, TAKEN, TAKEN + 5]


def _scanned(case: Case, where: str) -> tuple[int, int]:
    """Row groups of `event` that a condition reads, and all of them, as DuckDB tells it."""
    sql = f'EXPLAIN ANALYZE SELECT * FROM stored.event WHERE {where} ORDER BY "at"'
    plan = str(query.connect(case).execute(sql).fetchall())
    found = re.search(r"Row Groups Scanned: (\d+) / (\d+)", plan)
    assert found is not None, plan
    return int(found[1]), int(found[2])


def test_a_window_reads_the_row_groups_it_needs(case: Case,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """Times come in the order of a walk, not of time; machines in partitions of their own."""
    monkeypatch.setattr(store, "BLOCK", 160)
    monkeypatch.setattr(store, "EVENTS", 10)
    for vm_id in ("V1", "V2"):
        write(case, f"guest-{vm_id}", [
            Snapshot(source=HERE, vm_id=vm_id, name=str(n), created_at=1_000 + n * 389 % 320)
            for n in range(320)])
    (case.tables / "event" / "a.parquet").unlink()
    (case.tables / "event" / "b.parquet").unlink()
    assert _scanned(case, '"at" > 0') == (64, 64)
    assert _scanned(case, '"at" >= 1100 AND "at" < 1110')[0] <= 8
    assert _scanned(case, "vm_id IN ('V1')") == (32, 64)
    times = values(CaseTables(case, Window("V1", 1100, 1110)).timeline(), "at")
    assert times == list(range(1100, 1110))


def test_each_batch_is_a_sign_of_progress(case: Case) -> None:
    signs: list[int] = []
    rows = list(CaseTables(case, heard=lambda: signs.append(1)).rows("event"))
    assert 1 <= len(signs) <= len(rows)
