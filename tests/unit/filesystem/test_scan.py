"""The scan of $MFT alone states what the walk states of the same names."""

from pathlib import Path

import pytest

from analyzer.blocks import Memory
from analyzer.evidence import open_evidence
from analyzer.filesystem import mft_table, name_index
from analyzer.filesystem.entries import Entry, Times
from analyzer.filesystem.listing import Listed
from analyzer.filesystem.ntfs import Ntfs
from analyzer.filesystem.volumes import read_partitions
from benchmarks.mft.volume import make_table
from tests.conftest import ROOT
from tests.unit.filesystem.mft_writer import TinyVolume


def scanned(ntfs: Ntfs) -> list[Entry]:
    return [entry for found in ntfs.scan()
            for entry in (found.entries() if isinstance(found, Listed) else [found])]


def facts(entries: list[Entry]) -> list[tuple[object, ...]]:
    return sorted((e.path, e.inode, e.sequence, e.size, e.times, e.is_directory)
                  for e in entries if e.allocated)


def test_the_bundled_host() -> None:
    (image,) = open_evidence([ROOT / "corpus" / "ws2008.E01"])
    for partition in read_partitions(image.blocks).partitions:
        ntfs = Ntfs.open(partition.blocks)
        assert facts(scanned(ntfs)) == facts(list(ntfs.walk()))


@pytest.mark.parametrize("files", [100, 0])
def test_a_table_of_known_content(tmp_path: Path, files: int) -> None:
    path = make_table(tmp_path / "table", 5_000, files=files)
    found = {e.inode: e for e in scanned(Ntfs.open(Memory(path.read_bytes()))) if e.inode >= 64}
    assert len(found) == 5_000 - 64
    first = 128_444_736_000_000_000 + 70 * 10_000
    folder = "/folder____ 00000064" if files else ""
    assert found[70].path == f"{folder}/document_n 00000070"
    assert found[70].times == Times(*(first + at for at in (*range(80, 112, 8),
                                                            *range(184, 216, 8))))


def test_columns_that_grow_and_a_table_that_is_mostly_holes(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = Memory(make_table(tmp_path / "table", 500, files=20).read_bytes())
    whole = scanned(Ntfs.open(image))
    assert len(whole) > 400
    monkeypatch.setattr(name_index, "_MOST_FIRST", 4)
    monkeypatch.setattr(name_index, "_SPARSE", 0)
    assert scanned(Ntfs.open(image)) == whole


def test_a_table_longer_than_the_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mft_table, "_MOST_RECORDS", 41)
    made = TinyVolume()
    for number in range(40, 44):
        made.add(number, f"file {number}", [])
    ntfs = Ntfs.open(Memory(made.build()))
    assert {e.inode for e in scanned(ntfs) if e.inode >= 40} == {40}
    assert [n.effect for n in ntfs.notices if n.code == "MFT-MANY"] == ["the rest is not read"]
