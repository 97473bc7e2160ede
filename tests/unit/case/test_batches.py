"""Batches hold the rows that the records would have had, their events too."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analyzer import columns
from analyzer.blocks import Memory
from analyzer.case import store
from analyzer.case.batches import batch_table
from analyzer.case.store import PartitionWriter
from analyzer.columns import Texts, join
from analyzer.evidence import open_evidence
from analyzer.file_batch import file_batch
from analyzer.filesystem.listing import Listed
from analyzer.records import Batch, FileEntry, Record, masked, moments
from analyzer.source import Source
from analyzer.system import WindowsSystem, open_systems
from analyzer.volume import Item, Medium
from plugins.artifacts.file_entries import file_entries
from tests.conftest import ROOT
from tests.unit.filesystem.mft_writer import IN_USE, TinyVolume

NAMES = ("plain", "ünï", "日本", "u005c", "ud800 is no surrogate", "end!", "50%", "a" * 20)


def of_item(item: Item) -> FileEntry:
    """The record as the plugin makes it of one item."""
    entry, times = item.entry, item.entry.times
    return FileEntry(
        source=item.entry_source(), volume_id=item.volume.volume_id, path=item.path,
        entry=entry.inode, sequence=entry.sequence, size=entry.size, allocated=entry.allocated,
        is_directory=entry.is_directory, note=entry.note, seen_by=entry.seen_by,
        **{name: getattr(times, name.removesuffix("_at")) for name in moments(FileEntry)})


def written(folder: Path, statements: Sequence[Record | Batch]) -> dict[str, pa.Table]:
    folder.mkdir()
    with PartitionWriter(folder, "task") as writer:
        for one in statements:
            if isinstance(one, Batch):
                writer.add_batch(one)
            else:
                writer.add(one)
    return {path.parent.name: pq.read_table(path) for path in folder.glob("*/*.parquet")}


def pairs(medium: Medium) -> tuple[list[Batch], list[FileEntry]]:
    """What is plain on a disk, both ways."""
    batches: list[Batch] = []
    records: list[FileEntry] = []
    for volume in medium.volumes:
        for found in volume.listing():
            if isinstance(found, Listed):
                batches.append(file_batch(volume, found))
                records += [of_item(volume.item(entry)) for entry in found.entries()]
    return batches, records


def tiny() -> Medium:
    made = TinyVolume()
    for number, name in enumerate(NAMES, start=40):
        flags = IN_USE if number % 3 else 0
        made.add(number, name, [], flags=flags)
    return Medium(Source("tiny.dd"), Memory(made.build()))


def hosts() -> list[WindowsSystem]:
    (image,) = open_evidence([ROOT / "corpus" / "ws2008.E01"])
    return open_systems([image])


@pytest.mark.parametrize("block", [store.BLOCK, 7])
def test_batches_are_written_as_their_records_are(
        tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte, wherever the blocks of the files end."""
    monkeypatch.setattr(store, "BLOCK", block)
    for number, medium in enumerate([tiny(), *hosts()[0].media]):
        batches, records = pairs(medium)
        assert [one for batch in batches for one in batch.records()] == records
        assert len(records) >= len(NAMES)
        for name, statements in (("many", batches), ("one", records)):
            written(tmp_path / f"{name}{number}", [*statements])
        for table in ("file_entry", "event"):
            one, many = (tmp_path / f"{name}{number}" / table / "task.parquet"
                         for name in ("one", "many"))
            assert one.read_bytes() == many.read_bytes()


def test_most_of_a_volume_goes_as_batches() -> None:
    (system,) = hosts()
    statements = list(file_entries(system))
    many = sum(one.count for one in statements if isinstance(one, Batch))
    assert many > 2 * sum(not isinstance(one, Batch) for one in statements)
    assert {one.system_id for one in statements} == {system.system_id}


def batch(**columns: object) -> Batch:
    known = {"source_evidence": "e", "volume_id": "p1", "path": "C:\\x", "entry": 1, "sequence": 1,
             "size": 0, "allocated": True, "is_directory": False}
    return Batch(kind=FileEntry, count=1, columns=known | columns, subjects=Texts.of(["x"]))  # type: ignore[arg-type] # wrong on purpose


def test_what_does_not_fit_is_refused() -> None:
    assert batch_table(batch()).num_rows == 1
    with pytest.raises(KeyError, match="no_such"):
        batch_table(batch(no_such=1))
    with pytest.raises(ValueError, match="size cannot be None"):
        batch_table(batch(size=masked(np.zeros(1, np.int64), np.ones(1, np.bool_))))
    with pytest.raises(ValueError, match="2 of 1 rows"):
        batch_table(batch(path=Texts.of(["a", "b"])))


def test_texts_are_put_together_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_STEP", 3)
    first, second = ["", "/a/", "/ä/"], [f"{'x' * (n % 4)}{n}" for n in range(20)]
    rows = np.arange(20) % 3
    joined = join(Texts.of(first), rows, Texts.of(second))
    assert joined.tolist() == [first[row] + name for row, name in zip(rows, second, strict=True)]
    assert joined.take(np.arange(20)[::-1]).tolist() == joined.tolist()[::-1]


def test_columns_of_text() -> None:
    texts = Texts.of(NAMES)
    units = np.frombuffer("".join(NAMES).encode("utf-16-le"), np.uint16)
    again = Texts.of_utf16(units, np.array([len(name) for name in NAMES]))
    assert texts.tolist() == again.tolist() == list(NAMES)
    rows = np.array([7, 0, 0, 2])
    assert texts.take(rows).tolist() == [NAMES[row] for row in rows]
    folders = Texts.of(["", "ä/"])
    assert join(folders, np.arange(len(NAMES)) % 2, texts).tolist() == [
        ("", "ä/")[number % 2] + name for number, name in enumerate(NAMES)]
    none = Texts.of_utf16(np.zeros(0, np.uint16), np.zeros(0, np.int64))
    assert none.tolist() == join(folders, np.zeros(0, np.int64), none).tolist() == []
    assert Texts.of(["\ud800x"]).tolist() == ["\ud800x"]
