"""Whole volumes made by hand: names, links, deleted files, loops, streams, repairs."""

import struct
from collections.abc import Callable

import pytest

from analyzer.blocks import Extent, Kind, Memory
from analyzer.errors import (
    Corrupt,
    EvidenceError,
    NotThisFormat,
    Unreadable,
    Unsupported,
)
from analyzer.filesystem import ntfs as ntfs_module
from analyzer.filesystem.entries import BOTH, INDEX
from analyzer.filesystem.mft import apply_fixups
from analyzer.filesystem.ntfs import Entry, Ntfs, Stream, Times
from tests.unit.filesystem.faulty import Faulty
from tests.unit.filesystem.mft_writer import (
    CLUSTER,
    DATA,
    DIRECTORY,
    IN_USE,
    NAME,
    RECORD,
    REPARSE,
    T0,
    TinyVolume,
    attribute_list,
    file_name,
    file_name_value,
    index_root,
    non_resident,
    protect,
    record,
    reference,
    resident,
    standard,
    utf16,
)

MFT = 16 * CLUSTER


def open_volume(volume: TinyVolume) -> Ntfs:
    return Ntfs.open(Memory(volume.build()))


def walk(ntfs: Ntfs) -> dict[str, Entry]:
    """Entries by path."""
    return {e.path: e for e in ntfs.walk()}


def content(ntfs: Ntfs, path: str, stream: str = "") -> bytes:
    entry = ntfs.find(path)
    assert entry is not None
    blocks = ntfs.open_file(entry, stream).blocks
    return blocks.read_at(0, blocks.size)


def codes(ntfs: Ntfs) -> set[str]:
    return {notice.code for notice in ntfs.notices}


def test_a_plain_volume() -> None:
    volume = TinyVolume()
    volume.add(30, "Hello.txt", [resident(DATA, b"hi"), resident(DATA, b"zone", "Zone.Id")])
    ntfs = open_volume(volume)
    assert (ntfs.label, ntfs.serial, ntfs.version, ntfs.is_dirty) == (
        "tiny", "123456789ABCDEF0", "3.1", False)
    assert (ntfs.cluster_size, ntfs.record_size, ntfs.notices, ntfs.lost) == (1024, 1024, [], [])
    assert ntfs.root().path == "/"
    assert [e.name for e in ntfs.walk()] == ["Hello.txt"]
    entry = ntfs.find("/hello.TXT")
    assert entry == Entry(
        "/Hello.txt", "Hello.txt", utf16("Hello.txt"), 30, 1, allocated=True, is_directory=False,
        size=2, times=Times(T0, T0 + 1, T0 + 2, T0 + 3, T0 + 10, T0 + 11, T0 + 12, T0 + 13),
        streams=(Stream("Zone.Id", 4),), file_attributes=0x20, security_id=256,
        seen_by=BOTH)
    assert content(ntfs, "/Hello.txt") == b"hi"
    assert content(ntfs, "/Hello.txt", "Zone.Id") == b"zone"
    assert ntfs.entry(30) == entry._replace(seen_by="mft")  # no index was asked
    assert ntfs.find("/absent") is None
    with pytest.raises(EvidenceError):
        ntfs.open_file(entry, "absent")


def test_data_runs_sparse_and_initialized_size() -> None:
    volume = TinyVolume(data={200: b"A" * 1024, 201: b"junk" * 256, 300: b"C" * 1024})
    volume.add(30, "f", [non_resident(DATA, [(200, 2), (None, 1), (300, 1)], 3500,
                                      initialized=1500)])
    ntfs = open_volume(volume)
    entry = ntfs.find("/f")
    assert entry is not None
    assert entry.size == 3500
    blocks = ntfs.open_file(entry).blocks
    assert blocks.read_at(0, 5000) == b"A" * 1024 + b"junk" * 119 + bytes(2000)
    table = blocks.extents()
    assert table is not None
    assert list(table) == [Extent(0, 1500, Kind.DATA, 200 * 1024), Extent(1500, 2000, Kind.ZERO)]


def test_runs_outside_the_volume_are_unreadable() -> None:
    volume = TinyVolume(data={510: b"A" * 2048})
    volume.add(30, "f", [non_resident(DATA, [(510, 8)], 4096)])
    ntfs = open_volume(volume)
    entry = ntfs.entry(30)
    blocks = ntfs.open_file(entry).blocks
    assert blocks.read_at(0, 2048) == b"A" * 2048
    with pytest.raises(Unreadable):
        blocks.read_at(0, 4096)
    table = blocks.extents()
    assert table is not None
    end = volume.clusters * CLUSTER + 512
    assert list(table) == [Extent(0, end - 510 * CLUSTER, Kind.DATA, 510 * CLUSTER),
                           Extent(2560, 1536, Kind.UNREADABLE)]


def test_a_stream_over_several_records() -> None:
    volume = TinyVolume(data={200: b"A" * 1024, 210: b"B" * 1024})
    lines = [(0x10, 0, 30, 1), (DATA, 0, 31, 1), (DATA, 1, 32, 1)]
    volume.add(30, "f", [attribute_list(lines)])
    volume.records[31] = record(31, [non_resident(DATA, [(200, 1)], 2000)],
                                base=reference(30, 1))
    volume.records[32] = record(32, [non_resident(DATA, [(210, 1)], 0, first_vcn=1)],
                                base=reference(30, 1))
    ntfs = open_volume(volume)
    assert ntfs.entry(30).size == 2000
    assert content(ntfs, "/f") == b"A" * 1024 + b"B" * 976
    with pytest.raises(Corrupt):
        ntfs.entry(31)
    for sequence in (2, 9):
        volume.records[32] = record(32, [non_resident(DATA, [(210, 1)], 0, first_vcn=1)],
                                    base=reference(30, sequence))
        ntfs = open_volume(volume)
        entry = ntfs.entry(30)
        assert entry.note == "damaged record"
        blocks = ntfs.open_file(entry).blocks
        assert blocks.read_at(0, 1024) == b"A" * 1024
        with pytest.raises(Unreadable):
            blocks.read_at(0, 1025)


@pytest.mark.parametrize("number", [30, 31, 5, 99999])
def test_attribute_lists_that_lead_in_a_circle_or_nowhere(number: int) -> None:
    volume = TinyVolume()
    volume.add(30, "f", [attribute_list([(DATA, 0, number, 1)] * 20)])
    volume.add(31, "g", [attribute_list([(DATA, 0, 30, 1)])])
    ntfs = open_volume(volume)
    assert set(walk(ntfs)) == {"/f", "/g"}


@pytest.mark.parametrize(("attributes", "word"), [
    ([non_resident(DATA, [(200, 1)], 900, flags=0x4000)], "EFS"),
    ([non_resident(DATA, [(None, 1)], 900, flags=0x8000),
      resident(REPARSE, struct.pack("<IHH", 0x80000017, 4, 0) + bytes(4))], "WOF"),
    ([non_resident(DATA, [(None, 1)], 900, flags=0x8000),
      resident(REPARSE, struct.pack("<IHH", 0x80000013, 4, 0) + bytes(4))], "deduplication"),
])
def test_what_cannot_be_read_is_named(attributes: list[bytes], word: str) -> None:
    volume = TinyVolume()
    volume.add(30, "f", [*attributes, resident(DATA, b"plain", "other")])
    ntfs = open_volume(volume)
    file = ntfs.open_file(ntfs.entry(30))
    assert file.size == 900
    with pytest.raises(Unsupported, match=word):
        file.blocks.read_at(0, 1)
    assert content(ntfs, "/f", "other") == b"plain"


def test_t09_files_called_dot_and_dot_dot_are_listed() -> None:
    volume = TinyVolume()
    volume.add(30, "..", [resident(DATA, b"a")])
    volume.add(31, ".", [resident(DATA, b"b")])
    volume.add_directory(32, "d", [(33, 1, file_name_value("..", 32, 1)),
                                   (5, 5, file_name_value("..", 32, 1))])
    volume.add(33, "..", parent=32, parent_sequence=1)
    found = walk(open_volume(volume))
    assert {(e.inode, e.note) for e in found.values()} == {
        (30, "odd name"), (31, "odd name"), (32, ""), (33, "odd name")}


NAMES = ["a/b", "a\0b", "a\0c", "x\\y", "esc\x1b[2J", "\ud800", "\ud801", "ü🙂", "CON", "n" * 255,
         "%2F", "trail. "]


def test_t10_hostile_names_are_kept_apart() -> None:
    volume = TinyVolume()
    entries = [(40 + i, 1, file_name_value(name, 30, 1)) for i, name in enumerate(NAMES[:6])]
    volume.add_directory(30, "d", entries)
    for i, name in enumerate(NAMES):
        volume.add(40 + i, name, parent=30, parent_sequence=1)
    ntfs = open_volume(volume)
    found = {e.inode: e for e in ntfs.walk() if e.inode >= 40}
    assert {n: e.raw_name for n, e in found.items()} == {
        40 + i: utf16(name) for i, name in enumerate(NAMES)}
    assert len({e.path for e in found.values()}) == len(NAMES)
    assert found[40].path == "/d/a%2Fb"
    assert found[40].name == "a/b"
    assert found[45].name == "\\ud800"
    for entry in found.values():
        entry.path.encode()
        assert ntfs.find(entry.path) is not None
    assert {n for n, e in found.items() if "odd name" in e.note} == {40, 41, 42, 43, 44, 45, 46}


def test_hard_links_are_one_entry_each() -> None:
    volume = TinyVolume()
    volume.add_directory(31, "d", [(30, 1, file_name_value("b", 31, 1))])
    volume.add(30, "a", [file_name("A~1", space=2), file_name("b", 31, 1), resident(DATA, b"x")])
    found = walk(open_volume(volume))
    assert [(p, found[p].inode, found[p].note) for p in sorted(found)] == [
        ("/a", 30, ""), ("/d", 31, ""), ("/d/b", 30, "")]


def test_short_names_are_found_but_not_listed() -> None:
    volume = TinyVolume()
    volume.add_directory(31, "Program Files")
    volume.records[31] = record(31, [standard(), file_name("PROGRA~1", space=2),
                                     file_name("Program Files"), index_root([])],
                                flags=IN_USE | DIRECTORY)
    ntfs = open_volume(volume)
    assert set(walk(ntfs)) == {"/Program Files"}
    entry = ntfs.find("/progra~1")
    assert entry is not None
    assert entry.path == "/Program Files"
    assert ntfs.find("/progra~2") is None


def test_a_name_held_in_an_extension_record() -> None:
    volume = TinyVolume()
    volume.records[30] = record(30, [standard(), attribute_list([(0x30, 0, 31, 1)]),
                                     resident(DATA, b"x")])
    volume.records[31] = record(31, [file_name("far")], base=reference(30, 1))
    volume.names.append((30, 1, file_name_value("far")))
    ntfs = open_volume(volume)
    assert walk(ntfs)["/far"].times.fn_created == T0 + 10
    assert ntfs.entry(30).path == "/far"


def test_deleted_files_and_directories() -> None:
    volume = TinyVolume()
    volume.add(30, "gone", [resident(DATA, b"old")], sequence=4, flags=0)
    volume.add(31, "dir", [index_root([])], sequence=3, flags=DIRECTORY)
    volume.add(32, "in", [resident(DATA, b"x")], parent=31, parent_sequence=2, sequence=2, flags=0)
    volume.add(33, "lost", [resident(DATA, b"y")], parent=34, parent_sequence=7, flags=0)
    volume.add(34, "other")
    volume.records[35] = record(35, [standard(), resident(DATA, b"z")], flags=0)
    ntfs = open_volume(volume)
    found = walk(ntfs)
    assert {p: (e.allocated, e.note) for p, e in found.items()} == {
        "/dir": (False, ""), "/dir/in": (False, ""), "/gone": (False, ""), "/other": (True, ""),
        "/$OrphanFiles/lost": (False, "orphan"),
        "/$OrphanFiles/OrphanFile-35": (False, "orphan; no name")}
    assert [e.path for e in ntfs.walk(deleted=False) if e.inode > 15] == ["/other"]
    assert content(ntfs, "/gone") == b"old"
    assert content(ntfs, "/$OrphanFiles/LOST") == b"y"
    for path, entry in found.items():
        assert ntfs.entry(entry.inode).path == path


def test_an_allocated_file_is_preferred_to_a_deleted_one_of_the_same_name() -> None:
    volume = TinyVolume()
    volume.add(30, "f", [resident(DATA, b"old")], flags=0)
    volume.add(31, "F", [resident(DATA, b"new")])
    ntfs = open_volume(volume)
    assert content(ntfs, "/f") == b"new"


def test_a_name_whose_record_was_reused_gets_nothing_from_it() -> None:
    volume = TinyVolume()
    volume.add(30, "now", [resident(DATA, b"new file")], sequence=9)
    volume.names.append((30, 5, file_name_value("then")))
    ntfs = open_volume(volume)
    entry = walk(ntfs)["/then"]
    assert (entry.note, entry.sequence, entry.size, entry.times) == ("entry reused", 5, 0, Times())
    with pytest.raises(Corrupt):
        ntfs.open_file(entry)


def test_a_look_up_through_a_former_directory_does_not_hide_the_one_in_its_record() -> None:
    volume = TinyVolume()
    volume.add(30, "now", [index_root([(31, 1, file_name_value("x", 30, 9))])], sequence=9,
               flags=IN_USE | DIRECTORY)
    volume.names.append((30, 5, file_name_value("then", flags=0x1000_0000)))
    volume.add(31, "x", parent=30, parent_sequence=9)
    ntfs = open_volume(volume)
    assert ntfs.find("/then/x") is None
    found = ntfs.find("/now/x")
    assert found is not None
    assert found.path == "/now/x"


def test_names_missing_in_the_index_come_from_the_files() -> None:
    volume = TinyVolume()
    volume.add_directory(30, "d", [])
    volume.add(31, "hidden", parent=30, parent_sequence=1)
    ntfs = open_volume(volume)
    assert walk(ntfs)["/d/hidden"].note == "not in the directory index"
    assert walk(ntfs)["/d/hidden"].allocated
    assert codes(ntfs) == {"NTFS-INDEX"}


def test_t08_directories_that_lead_to_their_ancestors() -> None:
    volume = TinyVolume()
    volume.add_directory(30, "a", [(31, 1, file_name_value("b", 30, 1)),
                                   (5, 5, file_name_value("up", 30, 1))])
    volume.add_directory(31, "b", [(30, 1, file_name_value("loop", 31, 1)),
                                   (31, 1, file_name_value("self", 31, 1))],
                         parent=30, parent_sequence=1)
    found = walk(open_volume(volume))
    assert {p: e.note for p, e in found.items()} == {
        "/a": "", "/a/b": "", "/a/up": "bad parent reference",
        "/a/b/loop": "bad parent reference", "/a/b/self": "bad parent reference"}


def test_t08_a_false_name_does_not_take_a_directory_away_from_its_place() -> None:
    volume = TinyVolume()
    volume.add_directory(30, "a", [(31, 1, file_name_value("x", 30, 1))])
    volume.add_directory(31, "z", [(32, 1, file_name_value("f", 31, 1))])
    volume.add(32, "f", parent=31, parent_sequence=1)
    assert set(walk(open_volume(volume))) == {"/a", "/a/x", "/z", "/z/f"}


@pytest.mark.parametrize("parent", [50, 32])  # no record, and a file
def test_a_directory_that_says_it_is_nowhere_is_where_the_index_has_it(parent: int) -> None:
    volume = TinyVolume()
    volume.add_directory(30, "a", [(31, 1, file_name_value("d", 30, 1))])
    volume.add_directory(31, "d", [(33, 1, file_name_value("f", 31, 1))],
                         parent=parent, parent_sequence=1)
    volume.add(32, "x")
    volume.add(33, "f", parent=31, parent_sequence=1)
    ntfs = open_volume(volume)
    found = walk(ntfs)
    assert {p: e.note for p, e in found.items()} == {
        "/a": "", "/a/d": "bad parent reference", "/a/d/f": "", "/x": ""}
    assert found["/a/d"].times.fn_created is not None
    assert codes(ntfs) == {"NTFS-PARENT"}


def test_a_file_whose_name_is_damaged_is_opened_by_its_number() -> None:
    volume = TinyVolume()
    volume.records[30] = record(30, [standard(), resident(NAME, b"\0"), resident(DATA, b"here")])
    ntfs = open_volume(volume)
    entry = ntfs.entry(30)
    assert entry.path == "/$OrphanFiles/OrphanFile-30"
    assert ntfs.open_file(entry).blocks.read_at(0, 9) == b"here"


def test_t08_directories_that_are_each_others_parents() -> None:
    volume = TinyVolume()
    volume.add_directory(30, "a", [], parent=31, parent_sequence=1)
    volume.add_directory(31, "b", [], parent=30, parent_sequence=1)
    volume.add_directory(32, "own", [], parent=32, parent_sequence=1)
    ntfs = open_volume(volume)
    assert {e.inode for e in walk(ntfs).values()} == {30, 31, 32}
    for number in (30, 31, 32):
        assert ntfs.entry(number).path.startswith("/$OrphanFiles/")


def test_a_directory_with_two_names_is_entered_once() -> None:
    volume = TinyVolume()
    volume.records[30] = record(30, [standard(), file_name("a"), file_name("b"), index_root([])],
                                flags=IN_USE | DIRECTORY)
    volume.names += [(30, 1, file_name_value(name)) for name in "ab"]
    volume.add(31, "x", parent=30, parent_sequence=1)
    ntfs = open_volume(volume)
    assert sorted(walk(ntfs)) == ["/a", "/a/x", "/b"]
    assert "NTFS-LOOP" in codes(ntfs)


def test_an_index_is_read_where_the_sleuth_kit_refuses_the_volume() -> None:
    volume = TinyVolume()
    volume.add(30, "whole")
    volume.add(31, "wiped")
    data = bytearray(volume.build())
    for number in (3, 31):  # without $Volume it refuses
        data[(16 + number) * RECORD:(17 + number) * RECORD] = bytes(RECORD)
    ntfs = Ntfs.open(Memory(bytes(data)))
    found = {entry.path: (entry.note, entry.seen_by) for entry in ntfs.walk()}
    assert found["/whole"] == ("", BOTH)
    assert found["/wiped"] == ("record unreadable", INDEX)
    assert codes(ntfs) >= {"NTFS-TSK", "MFT-REC"}


def test_names_of_an_index_are_limited_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    volume = TinyVolume()
    for number in range(30, 34):
        volume.add(number, f"f{number}")
    volume.names.append((40, 5, file_name_value("only in the index")))
    monkeypatch.setattr(ntfs_module, "_MOST_NAMES", 3)
    ntfs = open_volume(volume)
    assert {f"/f{number}" for number in range(30, 34)} <= set(walk(ntfs))
    assert "NTFS-ENTRIES" in codes(ntfs)


def test_depth_is_limited_and_nothing_is_left_out() -> None:
    volume = TinyVolume(clusters=4096, count=700)
    for i in range(600):
        volume.add_directory(40 + i, "d", parent=39 + i if i else 5,
                             parent_sequence=1 if i else 5)
    ntfs = open_volume(volume)
    assert {e.inode for e in ntfs.walk() if e.inode >= 40} == set(range(40, 640))
    assert "NTFS-DEPTH" in codes(ntfs)
    assert ntfs.entry(100).path.count("/") == 61
    assert ntfs.entry(639).path.startswith("/$OrphanFiles/")


def test_ntfs_dirty_is_said_once() -> None:
    ntfs = open_volume(TinyVolume(is_dirty=True))
    list(ntfs.walk())
    assert ntfs.is_dirty is True
    assert [n.code for n in ntfs.notices] == ["NTFS-DIRTY"]


def sample() -> TinyVolume:
    volume = TinyVolume(data={200: b"A" * 1024})
    volume.add_directory(30, "d", [(31, 1, file_name_value("f", 30, 1))])
    volume.add(31, "f", [non_resident(DATA, [(200, 1)], 1000)], parent=30, parent_sequence=1)
    volume.add(32, "g", [resident(DATA, b"g")])
    return volume


@pytest.mark.parametrize("break_it", [
    lambda d: bytes(512) + d[512:],
    lambda d: d[:3] + b"nothing!" + d[11:],
    lambda d: d[:MFT] + bytes(1024) + d[MFT + 1024:],
    lambda d: d[:MFT] + b"BAAD" + d[MFT + 4:],
    lambda d: bytes(512) + d[512:MFT] + bytes(1024) + d[MFT + 1024:],
])
def test_broken_boot_sector_or_first_record_costs_nothing(
        break_it: Callable[[bytes], bytes]) -> None:
    whole = Ntfs.open(Memory(sample().build()))
    broken = Ntfs.open(Memory(break_it(sample().build())))
    assert list(broken.walk()) == list(whole.walk())
    assert content(broken, "/d/f") == b"A" * 1000
    assert codes(broken)
    assert codes(broken) <= {"NTFS-BOOT", "MFT-BOOT"}


def test_both_copies_of_the_first_record_gone() -> None:
    data = bytearray(sample().build())
    data[MFT:MFT + 1024] = data[8 * CLUSTER:9 * CLUSTER] = b"BAAD" + bytes(1020)
    with pytest.raises(Corrupt):
        Ntfs.open(Memory(bytes(data)))
    with pytest.raises(Unreadable):
        Ntfs.open(Faulty(sample().build(), ((8 * CLUSTER + 4, 1000), (MFT + 4, 1000))))


@pytest.mark.parametrize("claim", [1 << 62, (1 << 63) - 1024, 200 << 10])
def test_t06_mft_size_is_clamped_to_the_volume(claim: int) -> None:
    data = bytearray(sample().build())
    first = bytearray(apply_fixups(bytes(data[MFT:MFT + 1024]))[0])
    at = first.index(struct.pack("<QQQ", 65536, 65536, 65536))
    first[at:at + 24] = struct.pack("<QQQ", claim, claim, claim)
    data[MFT:MFT + 1024] = protect(bytes(first))
    ntfs = Ntfs.open(Memory(bytes(data)))
    assert {"/d/f", "/g"} <= set(walk(ntfs))
    assert codes(ntfs) == {"MFT-SIZE"}
    with pytest.raises(Corrupt):
        ntfs.entry(1 << 40)


def test_truncated_volume() -> None:
    data = sample().build()
    ntfs = Ntfs.open(Memory(data[:190 * CLUSTER]))
    assert "IMG-TRUNC" in codes(ntfs)
    entry = ntfs.find("/d/f")
    assert entry is not None
    with pytest.raises(Unreadable):
        ntfs.open_file(entry).blocks.read_at(0, 1)


@pytest.mark.parametrize("data", [b"", bytes(4096), b"FILE" * 1000])
def test_not_ntfs(data: bytes) -> None:
    with pytest.raises(NotThisFormat):
        Ntfs.open(Memory(data))


@pytest.mark.parametrize("number", [-1, 64, 1 << 48, 20])
def test_numbers_that_make_no_sense(number: int) -> None:
    with pytest.raises(Corrupt):
        open_volume(sample()).entry(number)


@pytest.mark.parametrize("readable", [True, False])
def test_a_broken_root_record_costs_no_path(readable: bool) -> None:
    data = sample().build()
    at = MFT + 5 * 1024
    broken = data[:at] + bytes(1024) + data[at + 1024:]
    ntfs = Ntfs.open(Faulty(broken, () if readable else ((at, 1024),)))
    assert set(walk(ntfs)) == {"/d", "/d/f", "/g"}
    assert content(ntfs, "/d/f") == b"A" * 1000
    assert ntfs.root().note == "record unreadable"
    assert "MFT-REC" in codes(ntfs)
    assert ntfs.lost == ([] if readable else [(at, 1024)])


def test_a_broken_directory_record_costs_its_own_times_only() -> None:
    data = sample().build()
    at = MFT + 30 * 1024
    ntfs = Ntfs.open(Faulty(data, ((at, 512),)))
    found = walk(ntfs)
    assert {p: e.note for p, e in found.items()} == {
        "/d": "record unreadable", "/d/f": "", "/g": ""}
    assert found["/d"].times == Times()
    with pytest.raises(Unreadable):
        ntfs.entry(30)


def test_an_mft_in_pieces() -> None:
    """Record 0 holds the first piece, record 24 (in that piece) the second."""
    volume = sample()
    whole = volume.build()
    lines = [(0x10, 0, 0, 1), (DATA, 0, 0, 1), (DATA, 28, 24, 1)]
    first = record(0, [standard(), attribute_list(lines),
                       non_resident(DATA, [(16, 28)], 65536, allocated=65536)])
    second = record(24, [non_resident(DATA, [(300, 36)], 0, first_vcn=28)],
                    base=reference(0, 1))
    image = bytearray(whole)
    image[300 * CLUSTER:336 * CLUSTER] = whole[44 * CLUSTER:80 * CLUSTER]
    image[44 * CLUSTER:80 * CLUSTER] = b"\xee" * (36 * CLUSTER)
    image[MFT:MFT + 1024] = image[8 * CLUSTER:9 * CLUSTER] = first
    image[MFT + 24 * 1024:MFT + 25 * 1024] = second
    ntfs = Ntfs.open(Memory(bytes(image)))
    assert set(walk(ntfs)) == {"/d", "/d/f", "/g"}
    assert ntfs.notices == []
    image[MFT + 24 * 1024:MFT + 25 * 1024] = bytes(1024)
    ntfs = Ntfs.open(Memory(bytes(image)))
    walk(ntfs)
    assert "MFT-SIZE" in codes(ntfs)
