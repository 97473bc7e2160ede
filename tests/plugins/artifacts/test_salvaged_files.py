"""salvaged_files on a whole volume: rows, their place, coverage, and what is said."""

from analyzer.blocks import Memory
from analyzer.records import FileEntry
from analyzer.source import Source
from analyzer.system import build_systems
from analyzer.volume import Medium
from plugins.artifacts.salvaged_files import salvaged_files
from tests.unit.filesystem.mft_writer import CLUSTER, DATA, resident
from tests.unit.filesystem.test_salvage import FREE, VHD, old, volume


def test_rows_say_where_in_the_image_the_record_lies() -> None:
    image = volume({FREE + 10: old(77, VHD, resident(DATA, b"ads", "s"))}).build()
    (system,) = build_systems([Medium(Source("a.dd"), Memory(image))])
    rows = [row for row in salvaged_files(system) if isinstance(row, FileEntry)]
    at = (FREE + 10) * CLUSTER
    path = f"p1:\\$Salvaged\\{at:x}\\{VHD}"
    assert [(r.path, r.size, r.seen_by, r.allocated) for r in rows] == [
        (path, 0, "scan", False), (f"{path}:s", 3, "scan", False)]
    assert {(r.source.path, r.source.offset, r.source.image_offset) for r in rows} == {
        ("/p1", at, at)}
    assert [(c.place, c.state) for c in system.coverage()] == [
        ("a.dd!/p1: FILE records outside $MFT, unallocated clusters", "read")]
    assert [p.code for p in system.problems() if p.plugin == "salvaged_files"] == ["NTFS-SCAN"]


def test_a_system_without_anything_to_find() -> None:
    (system,) = build_systems([Medium(Source("a.dd"), Memory(volume({}).build()))])
    assert list(salvaged_files(system)) == []
