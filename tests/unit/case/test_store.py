"""Partitions: whole or not there, the same bytes for the same rows."""

import os
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analyzer.case import store
from analyzer.case.schema import columns
from analyzer.case.store import PartitionWriter
from analyzer.case.whole_files import replacing_folder, write_whole
from analyzer.records import TABLES, Event, Evidence, FileEntry, Problem, Record, Snapshot
from analyzer.source import Source
from analyzer.text import from_storable

HERE = Source("a.E01", "/p1/x", entry=5)


def entry(number: int, path: str = "C:\\x") -> FileEntry:
    return FileEntry(source=HERE, volume_id="p1", path=path, entry=number, sequence=1, size=0,
                     allocated=True, is_directory=False, si_created_at=number + 1)


def write(folder: Path, records: Iterable[Record], task: str = "t") -> None:
    folder.mkdir(exist_ok=True)
    with PartitionWriter(folder, task) as writer:
        writer.extend(records)


def test_rows_and_their_events_come_back(tmp_path: Path) -> None:
    write(tmp_path / "t", [entry(7)])
    row = pq.read_table(tmp_path / "t/file_entry/t.parquet").to_pylist()[0]
    assert (row["source_evidence"], row["source_entry"], row["source_offset"]) == ("a.E01", 5, None)
    assert (row["entry"], row["si_created_at"], row["si_modified_at"]) == (7, 8, None)
    event = pq.read_table(tmp_path / "t/event/t.parquet").to_pylist()
    assert [(e["at"], e["table"], e["subject"]) for e in event] == [(8, "file_entry", "C:\\x")]


def test_same_rows_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    records: list[Record] = [entry(i, f"C:\\{i % 3}") for i in range(200)]
    records += [Evidence(source=HERE, name="a", format="raw", size=1, files=("b", str(i)))
                for i in range(9)]
    write(tmp_path / "a", records)
    random.Random(1).shuffle(records)
    write(tmp_path / "b", records)
    for table in ("file_entry", "event", "evidence"):
        first, second = (tmp_path / f / table / "t.parquet" for f in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BLOCK", 16)
    write(tmp_path / "t", [entry(i) for i in range(50)])
    file = pq.ParquetFile(tmp_path / "t/file_entry/t.parquet")
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (50, 4)


@pytest.mark.parametrize("name", ["a\0b", "\x1b[2J", "\ud800", "x\udfff\\udc80", "\\u005c", "名"])
def test_hostile_text_survives(tmp_path: Path, name: str) -> None:
    write(tmp_path / "t", [entry(1, name), Evidence(source=HERE, name="a", format="raw", size=1,
                                                    files=(name,))])
    rows = pq.read_table(tmp_path / "t/file_entry/t.parquet").to_pylist()
    assert from_storable(rows[0]["path"]) == name
    rows = pq.read_table(tmp_path / "t/evidence/t.parquet").to_pylist()
    assert [from_storable(f) for f in rows[0]["files"]] == [name]


def test_a_record_that_does_not_fit_costs_itself_only(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    wrong = Snapshot(source=HERE, name=None)  # type: ignore[arg-type] # wrong on purpose
    with PartitionWriter(tmp_path / "t", "t") as writer:
        writer.extend([entry(1), entry(2**63), entry(3), wrong])
        unfit = writer.flush()
    assert len(unfit) == 3  # the entry, its event, the snapshot
    assert {u.split(":")[0] for u in unfit} == {"file_entry", "event", "snapshot"}
    assert pq.read_table(tmp_path / "t/file_entry/t.parquet")["entry"].to_pylist() == [1, 3]
    assert not (tmp_path / "t/snapshot").exists()


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Record]:
        yield entry(1)
        raise KeyError

    with pytest.raises(KeyError):
        write(tmp_path / "t", interrupted())
    assert list((tmp_path / "t").glob("*/*")) == []


def test_a_small_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "case.json"
    write_whole(target, b"1")
    write_whole(target, b"2")
    assert target.read_bytes() == b"2"
    assert [p.name for p in tmp_path.iterdir()] == ["case.json"]


def test_nothing_takes_its_name_before_it_is_on_the_disk(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    named: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        sync(handle)

    def rename(self: Path, target: Path) -> Path:
        assert synced[-1:] == [self.name] or self.name in synced
        assert self.name.startswith(".")
        named.append(target.name)
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", rename)
    write(tmp_path / "t", [entry(1)])
    write_whole(tmp_path / "case.json", b"1")
    with replacing_folder(tmp_path / "report") as folder:
        (folder / "data").mkdir()
        (folder / "data" / "page.html").write_text("text")
    assert sorted(named) == ["case.json", "report", "t.parquet", "t.parquet"]
    assert {"file_entry", "event", tmp_path.name, "data", "page.html"} <= set(synced)


def test_one_column_name_has_one_type_in_all_tables() -> None:
    seen: dict[str, object] = {}
    for record in TABLES.values():
        for column in columns(record):
            kind = str(column.type)
            assert seen.setdefault(column.name, kind) == kind, column.name


def test_only_optional_fields_are_nullable() -> None:
    by_name = {c.name: c for c in columns(Problem)}
    assert by_name["start"].nullable
    assert by_name["source_entry"].nullable
    assert not by_name["code"].nullable
    assert [c.name for c in columns(Event) if c.is_time] == ["at"]


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with replacing_folder(tmp_path / "report") as folder:
            (folder / "index.html").write_text(text)
        assert [p.name for p in tmp_path.iterdir()] == ["report"]
        assert (tmp_path / "report" / "index.html").read_text() == text


def test_a_folder_that_is_not_finished_leaves_the_former_one(tmp_path: Path) -> None:
    with replacing_folder(tmp_path / "report") as folder:
        (folder / "index.html").write_text("one")
    filling = replacing_folder(tmp_path / "report")
    (filling.__enter__() / "index.html").write_text("ha")
    assert not filling.__exit__(OSError, OSError("full"), None)
    assert [p.name for p in tmp_path.iterdir()] == ["report"]
    assert (tmp_path / "report" / "index.html").read_text() == "one"
