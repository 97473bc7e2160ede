"""Files marked by their runs: nothing of their content is read."""

from analyzer.blocks import Memory, withhold
from analyzer.filesystem.ntfs import Ntfs
from analyzer.filesystem.touched import Touched
from analyzer.records import FileEntry, Problem
from analyzer.source import Source
from analyzer.system import build_systems
from analyzer.volume import Medium
from plugins.artifacts.file_entries import file_entries
from plugins.artifacts.unreadable_files import MOST, unreadable_files
from tests.unit.filesystem.faulty import Faulty
from tests.unit.filesystem.mft_writer import (
    CLUSTER,
    DATA,
    RECORD,
    TinyVolume,
    attribute_list,
    non_resident,
    record,
    reference,
    resident,
)

PIECES = [(130, 2), (200, 2)]
"""Where the content of `two pieces` lies: clusters and how many."""


def volume() -> TinyVolume:
    tiny = TinyVolume()
    tiny.add(40, "one", [non_resident(DATA, [(128, 2)], 2 * CLUSTER)])
    tiny.add(41, "two pieces", [non_resident(DATA, PIECES, 4 * CLUSTER - 100)])
    tiny.add(42, "small", [resident(DATA, b"in its record")])
    tiny.add(43, "with a stream", [
        resident(DATA, b""), non_resident(DATA, [(210, 1)], CLUSTER, name="x")])
    tiny.add(44, "sparse", [non_resident(DATA, [(220, 1), (None, 5)], 6 * CLUSTER)])
    tiny.add(45, "last", [non_resident(DATA, [(500, 10)], 10 * CLUSTER)])
    return tiny


def touched(*ranges: tuple[int, int], data: bytes = b"") -> list[Touched]:
    found = Ntfs.open(Memory(data or volume().build())).touched(ranges)
    assert all(key == (one.inode, one.stream) for key, one in found.items())
    return list(found.values())


def test_nothing_is_touched_where_nothing_is_lost() -> None:
    assert touched() == []
    assert touched((300 * CLUSTER, CLUSTER)) == []


def test_a_sector_in_the_second_piece_is_told_by_its_place_in_the_stream() -> None:
    bad = 200 * CLUSTER + 512, 512
    assert touched(bad) == [Touched(41, "", 4 * CLUSTER - 100, 2 * CLUSTER + 512, 512, 512)]


def test_a_range_over_several_files_and_what_lies_behind_an_end() -> None:
    found = touched((129 * CLUSTER, 3 * CLUSTER), (201 * CLUSTER + 800, 224), (210 * CLUSTER, 1))
    assert [(one.inode, one.stream, one.start, one.length, one.lost) for one in found] == [
        (40, "", CLUSTER, CLUSTER, CLUSTER),
        (41, "", 0, 2 * CLUSTER, 2 * CLUSTER + 124),  # the last 100 bytes are not of the file
        (43, "x", 0, 1, 1)]


def test_sparse_and_resident_parts_are_nowhere() -> None:
    assert [one.inode for one in touched((219 * CLUSTER, 3 * CLUSTER))] == [44]
    at = 16 * CLUSTER + 42 * RECORD
    assert [one.inode for one in touched((at, RECORD))] == [0]  # $MFT itself


def test_runs_past_the_end_of_a_cut_image_are_listed() -> None:
    cut = volume().build()[:504 * CLUSTER]
    assert touched(data=cut) == [Touched(45, "", 10 * CLUSTER, 4 * CLUSTER, 6 * CLUSTER,
                                         6 * CLUSTER)]


def test_pieces_in_an_extension_record_count() -> None:
    tiny = volume()
    tiny.add(46, "far", [
        attribute_list([(0x10, 0, reference(46, 1), 0), (DATA, 0, reference(46, 1), 1),
                        (DATA, 2, reference(47, 1), 0)]),
        non_resident(DATA, [(230, 2)], 4 * CLUSTER)])
    tiny.records[47] = record(47, [non_resident(DATA, [(240, 2)], 0, first_vcn=2)],
                              base=reference(46, 1))
    assert touched((241 * CLUSTER, CLUSTER), data=tiny.build()) == [
        Touched(46, "", 4 * CLUSTER, 3 * CLUSTER, CLUSTER, CLUSTER)]


def test_rows_and_problems_name_the_files_that_were_not_acquired() -> None:
    known = withhold(Memory(volume().build()), [(200 * CLUSTER, 512), (210 * CLUSTER, CLUSTER)],
                     "not acquired")
    (system,) = build_systems([Medium(Source("a.E01"), known)])
    notes = {row.path: row.note for row in file_entries(system)
             if isinstance(row, FileEntry) and "unreadable" in row.note}
    assert notes == {"p1:\\two pieces": "512 of 3996 bytes unreadable, the first at 2048",
                     "p1:\\with a stream:x": "1024 of 1024 bytes unreadable, the first at 0"}
    problems = [p for p in unreadable_files(system) if isinstance(p, Problem)]
    assert [(p.code, p.source.path, p.start, p.length) for p in problems] == [
        ("FILE-LOST", "/p1/two pieces", 2048, 512), ("FILE-LOST", "/p1/with a stream", 0, 1024)]
    assert "p1:\\with a stream:x" in problems[1].what


def test_read_errors_that_were_met_count_in_the_disk() -> None:
    medium = Medium(Source("a.dd"), Memory(volume().build()))
    (system,) = build_systems([medium])
    assert list(unreadable_files(system)) == []
    medium.met.append((128 * CLUSTER, 512))
    (problem,) = unreadable_files(system)
    assert isinstance(problem, Problem)
    assert (problem.source.path, problem.start, problem.length) == ("/p1/one", 0, 512)


def test_zeros_given_to_the_sleuth_kit_count() -> None:
    ntfs = Ntfs.open(Faulty(volume().build(), ((210 * CLUSTER, 512),)))
    entry = ntfs.find("/with a stream")
    assert entry is not None
    assert ntfs.touched([]) == {}
    ntfs._image.read(210 * CLUSTER, CLUSTER)
    assert [(one.inode, one.start) for one in ntfs.touched([]).values()] == [(43, 0)]


def test_more_files_than_are_listed_are_counted() -> None:
    tiny = TinyVolume(clusters=4096, count=MOST + 60)
    tiny.records = {n: record(n, [non_resident(DATA, [(2000, 1)], CLUSTER)])
                    for n in range(50, MOST + 53)}
    medium = Medium(Source("a.dd"), Memory(tiny.build()), met=[(2000 * CLUSTER, 1)])
    (system,) = build_systems([medium])
    problems = list(unreadable_files(system))
    assert len(problems) == MOST + 1
    last = problems[-1]
    assert isinstance(last, Problem)
    assert last.what == f"{MOST + 3} streams have bytes that cannot be read"


def test_runs_that_contradict_themselves_cost_no_other_file() -> None:
    tiny = volume()
    tiny.add(48, "broken", [non_resident(DATA, [(128, 2)], CLUSTER)] * 2)
    assert [one.inode for one in touched((128 * CLUSTER, 1), data=tiny.build())] == [40]


def test_a_note_stands_beside_what_else_is_odd() -> None:
    tiny = volume()
    tiny.records[49] = record(49, [non_resident(DATA, [(250, 2)], 2 * CLUSTER)])
    medium = Medium(Source("a.dd"), Memory(tiny.build()), met=[(250 * CLUSTER, 512)])
    (system,) = build_systems([medium])
    (row,) = [r for r in file_entries(system) if isinstance(r, FileEntry) and r.entry == 49]
    assert row.note == "orphan; no name; 512 of 2048 bytes unreadable, the first at 0"
