"""FILE records outside $MFT: planted in free space, of an earlier format, floods, damage."""

import random
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.blocks import Blocks, Memory, Slice
from analyzer.errors import Corrupt
from analyzer.filesystem import record_scan, salvage
from analyzer.filesystem.free_space import FreeSpace
from analyzer.filesystem.ntfs import Ntfs
from analyzer.filesystem.record_scan import Ground
from analyzer.filesystem.salvage import Salvage
from tests.unit.filesystem.faulty import Faulty
from tests.unit.filesystem.mft_writer import (
    CLUSTER,
    DATA,
    DIRECTORY,
    IN_USE,
    LIST,
    T0,
    TinyVolume,
    file_name,
    non_resident,
    record,
    resident,
    standard,
    utf16,
)

FREE = 300
"""The first free cluster."""
BITMAP = b"\xff" * (FREE // 8) + b"\x0f" + bytes(CLUSTER - FREE // 8 - 1)
VHD = "SQL01.vhd"


def volume(planted: dict[int, bytes], bitmap: bytes = BITMAP) -> TinyVolume:
    made = TinyVolume()
    made.records = {number: record(number, flags=0) for number in range(24, 30)}
    made.add(30, "present", [resident(DATA, b"x")])
    made.data = {12: bitmap, **planted}
    return made


def old(number: int, name: str, *more: bytes, parent: int = 5, parent_sequence: int = 5,
        sequence: int = 1, flags: int = IN_USE) -> bytes:
    attributes = [standard(), file_name(name, parent, parent_sequence), *more]
    return record(number, attributes, sequence=sequence, flags=flags)


def scan(image: bytes, bad: tuple[tuple[int, int], ...] = ()) -> Salvage:
    return Ntfs.open(Faulty(image, bad)).salvage()


def paths(found: Salvage) -> list[str]:
    return [row.entry.path for row in found.rows]


def test_a_disk_file_that_only_an_old_record_knows() -> None:
    content = non_resident(DATA, [(400, 8)], 8000)
    found = scan(volume({FREE + 10: old(77, VHD, content, resident(DATA, b"ads", "s"))}).build())
    (row,) = found.rows
    at = (FREE + 10) * CLUSTER
    assert (row.at, row.number, row.entry.sequence, row.entry.size) == (at, 77, 1, 8000)
    assert row.entry.path == f"/$Salvaged/{at:x}/{VHD}"
    assert (row.entry.seen_by, row.entry.allocated) == ("scan", False)
    assert (row.entry.times.si_created, row.entry.times.fn_created) == (T0, T0 + 10)
    assert [s.name for s in row.entry.streams] == ["s"]
    assert row.entry.note == (f"FILE record outside $MFT, at byte {at:#x} of the volume; in use "
                              "when it was written; data was at clusters 400+8")
    assert (found.state, found.place) == ("read", "FILE records outside $MFT, unallocated clusters")


def test_directories_by_number_where_they_fit() -> None:
    found = scan(volume({
        FREE + 1: old(60, "Virtual Machines", flags=IN_USE | DIRECTORY),
        FREE + 2: old(61, "web.xml", parent=60, parent_sequence=1),
        FREE + 3: old(62, "lost", parent=63, parent_sequence=4),
        FREE + 4: old(64, "gone", flags=DIRECTORY, sequence=3),
        FREE + 5: old(65, "below", parent=64, parent_sequence=2),
        FREE + 6: old(66, "loop", parent=66, parent_sequence=1, flags=IN_USE | DIRECTORY),
        FREE + 7: old(67, "one", flags=IN_USE | DIRECTORY),
        FREE + 8: old(67, "other", flags=IN_USE | DIRECTORY),
        FREE + 9: old(68, "whose", parent=67, parent_sequence=1),
    }).build())
    names = {row.entry.path.split("/", 3)[3]: row.entry.note for row in found.rows}
    assert set(names) == {"Virtual Machines", "Virtual Machines/web.xml", "lost", "gone",
                          "gone/below", "loop/loop", "one", "other", "whose"}
    assert "directory not known (MFT entry 63)" in names["lost"]
    assert "directory not known (MFT entry 67)" in names["whose"]
    assert "not known" not in names["Virtual Machines/web.xml"]
    assert "deleted when" in names["gone"]


def test_copies_of_present_files_are_counted() -> None:
    made = volume({})
    made.add(31, "deleted", flags=0, sequence=2)
    made.data |= {FREE + 1: made.records[30], FREE + 2: old(31, "deleted"),
                  FREE + 3: old(30, "present", sequence=9), FREE + 4: old(30, "renamed"),
                  FREE + 5: old(30, "renamed"), FREE + 6: record(90, [resident(DATA, b"y")])}
    found = scan(made.build())
    assert [path.rpartition("/")[2] for path in paths(found)] == ["present", "renamed"]
    assert (found.records, found.copies, found.repeated, found.nameless) == (6, 2, 1, 1)
    (notice,) = found.notices()
    assert notice.code == "NTFS-SCAN"
    assert notice.what == ("6 FILE records outside $MFT: 2 names of their own, 2 that $MFT has too,"
                           " 1 repeated, 1 records without a name")


def test_what_makes_no_record_gives_no_name() -> None:
    torn = bytearray(old(77, VHD))
    torn[1022:] = b"zz"
    wrong = bytearray(old(78, VHD))
    struct.pack_into("<H", wrong, 20, 0xFFF0)
    allocated = old(79, "in a file")
    found = scan(volume({FREE + 1: bytes(torn), FREE + 2: bytes(wrong), 200: allocated,
                         FREE + 3: b"FILE" * 256}).build())
    assert (found.rows, found.records, list(found.notices())) == ([], 0, [])


def test_a_record_without_a_number_and_one_in_pieces() -> None:
    """NTFS 3.0 has the update sequence where 3.1 has the number."""
    raw = bytearray(old(0, "from 2000"))
    raw[42:48] = raw[48:54]
    struct.pack_into("<H", raw, 4, 42)
    found = scan(volume({FREE + 1: bytes(raw),
                         FREE + 2: old(0, "$MFT"),
                         FREE + 3: old(80, "large", resident(LIST, b""))}).build())
    assert [(row.number, row.entry.name) for row in found.rows] == [
        (None, "from 2000"), (0, "$MFT"), (80, "large")]
    assert "sizes may lie in the others" in found.rows[2].entry.note


@pytest.mark.parametrize("bitmap", [bytes(CLUSTER), b"\xff" * CLUSTER], ids=["zeros", "ones"])
def test_a_bitmap_that_is_not_believed(bitmap: bytes) -> None:
    found = scan(volume({200: old(77, VHD)}, bitmap).build())
    assert paths(found) == [f"/$Salvaged/{200 * CLUSTER:x}/{VHD}"]
    assert found.place.endswith("whole volume")
    assert [n.code for n in found.notices()] == ["NTFS-SCANALL", "NTFS-SCAN"]


def test_a_bitmap_that_cannot_be_read() -> None:
    found = scan(volume({200: old(77, VHD)}).build(), ((12 * CLUSTER, 512),))
    assert [row.entry.name for row in found.rows] == [VHD]
    assert found.state == "partial"
    assert {n.code for n in found.notices()} == {"NTFS-SCANALL", "NTFS-SCAN", "NTFS-SCANLOST"}


def test_a_bitmap_that_is_too_short() -> None:
    with pytest.raises(Corrupt, match="1 bytes for 9 clusters"):
        FreeSpace.checked(Memory(b"\0"), 512, 9 * 512, Ntfs.open(
            Memory(volume({}).build()))._table.map)


def test_free_clusters_at_any_place() -> None:
    chance = random.Random(6)
    raw = chance.randbytes(40)
    free = FreeSpace(Memory(raw), 512, 313)
    for _ in range(200):
        low, high = sorted(chance.randrange(330) for _ in "ab")
        expected = [not raw[c // 8] >> c % 8 & 1 for c in range(low, min(high, 313))]
        assert free.are_free(low, high).tolist() == expected


@pytest.mark.parametrize(("limit", "value"), [
    ("MOST_NAMES", 20), ("MOST_RECORDS", 25), ("MOST_BYTES", 1000)])
def test_a_flood_ends_at_each_limit(limit: str, value: int,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salvage, limit, value)
    planted = {FREE + i: old(100 + i, f"flood {i}") for i in range(4, 200)}
    found = scan(volume(planted).build())
    assert found.state == "skipped by limit"
    assert "NTFS-SCANLIMIT" in {n.code for n in found.notices()}
    assert len(found.rows) <= 200 - 4
    assert limit != "MOST_NAMES" or len(found.rows) == value
    assert limit != "MOST_BYTES" or found.rows == []


def test_a_volume_that_claims_more_than_its_disk_is_looked_through_to_the_end_of_the_disk() -> None:
    image = volume({FREE + 4: old(60, "old")}).build()
    claimed = Slice(Memory(image), 0, 1 << 41)
    ground = Ground(claimed, (), 1024, None, salvage.MOST_BYTES)
    assert sum(len(at) for at, _ in ground.records()) > 1
    assert not ground.is_cut
    (lost,) = ground.lost
    assert (lost.start, lost.length) == (len(image), (1 << 41) - len(image))


class Hollow:
    """A disk of 2 TiB of which nothing is stored."""

    size = 1 << 41

    def read_at(self, offset: int, length: int) -> bytes:
        raise AssertionError("was read")

    def extents(self) -> None:
        return None


def test_a_virtual_disk_is_passed_over_where_nothing_is_stored(
        monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def nothing(blocks: Blocks, start: int, length: int) -> Iterator[tuple[int, int]]:
        asked.append(length)
        return iter(())

    monkeypatch.setattr(record_scan, "stored", nothing)
    assert list(Ground(Hollow(), (), 1024, None, salvage.MOST_BYTES).records()) == []
    assert asked == [1 << 30] * 2048


def test_a_volume_full_of_signatures() -> None:
    """Each sector begins like a record; none is one. Nothing is kept of them."""
    image = bytearray(volume({}).build())
    for at in range(FREE * CLUSTER + 4 * CLUSTER, len(image) - 512, 512):
        image[at:at + 32] = b"FILE" + bytes(24) + struct.pack("<I", 1024)
    found = scan(bytes(image))
    assert (found.rows, found.records, found.state) == ([], 0, "read")


@pytest.mark.parametrize("seed", range(40))
def test_damage_gives_a_result(seed: int) -> None:
    chance = random.Random(seed)
    planted = {FREE + 4 + i: old(40 + i, f"name {i}", non_resident(DATA, [(400, 8)], 8000))
               for i in range(20)}
    image = bytearray(volume(planted).build())
    for _ in range(chance.randrange(1, 60)):
        at = chance.choice([12, 16 + 6, *planted]) * CLUSTER + chance.randrange(CLUSTER)
        image[at:at + 2] = chance.choice([b"\0\0", b"\xff\xff", chance.randbytes(2)])
    found = scan(bytes(image[:chance.randrange(FREE * CLUSTER, len(image))])
                 if seed % 4 == 0 else bytes(image))
    assert found.records + len(found.ground.lost) <= 1000
    assert all(row.entry.path.startswith("/$Salvaged/") for row in found.rows)


def test_names_of_a_table_that_was_zeroed_come_from_copies() -> None:
    """G4: stretches of $MFT zeroed, copies of their records in free space: every name, marked."""
    lost = named = 0
    for seed in range(20):
        chance = random.Random(seed)
        made = TinyVolume()
        for number in range(24, 64):
            made.records[number] = old(number, f"file {number}")
        low = chance.randrange(24, 50)
        zeroed = range(low, low + chance.randrange(5, 14))
        made.data = {12: BITMAP} | {FREE + 8 + n: made.records[n] for n in zeroed}
        for number in zeroed:
            made.records[number] = bytes(CLUSTER)
        ntfs = Ntfs.open(Memory(made.build()))
        names = {entry.name: entry.seen_by for entry in ntfs.walk()}
        names |= {row.entry.name: row.entry.seen_by for row in ntfs.salvage().rows}
        named += 40
        lost += sum(f"file {n}" not in names for n in range(24, 64))
        assert all(names[f"file {n}"] == "scan" for n in zeroed)
    assert lost <= 0.01 * named


@pytest.mark.needs_ntfs3g
def test_what_a_second_format_left(tmp_path: Path) -> None:
    """The second $MFT lies where the first did not; the names of the first are found."""
    image, mount = tmp_path / "volume.img", tmp_path / "mount"
    mount.mkdir()
    with image.open("wb") as out:
        out.truncate(32 << 20)

    def fill(cluster: int, names: list[str]) -> None:
        subprocess.run(["mkntfs", "-Q", "-F", "-q", "-c", str(cluster), str(image)], check=True,
                       capture_output=True)
        subprocess.run(["ntfs-3g", str(image), str(mount)], check=True, capture_output=True)
        try:
            (mount / "Virtual Machines").mkdir()
            for name in names:
                (mount / "Virtual Machines" / name).write_bytes(b"<configuration/>" * 200)
        finally:
            subprocess.run(["umount", str(mount)], check=True)

    before = [f"{number:08X}-old.xml" for number in range(400)]
    fill(4096, before)
    fill(65536, ["new.xml"])
    ntfs = Ntfs.open(Memory(image.read_bytes()))
    head = ntfs.blocks.read_at(0, 1 << 20)
    present = {entry.name for entry in ntfs.walk()}
    assert "new.xml" in present
    assert not present & set(before)
    bitmap = ntfs.open_file(ntfs.entry(6)).blocks.read_at(0, 128)
    left = {name for name in before for at in find_all(head, utf16(name))
            if head[at // 1024 * 1024:][:4] == b"FILE"
            and not bitmap[(at >> 16) // 8] >> (at >> 16) % 8 & 1}
    assert len(left) > 100
    found = {row.entry.name: row.entry for row in ntfs.salvage().rows}
    assert len(left & set(found)) >= 0.99 * len(left)
    assert all(found[name].path.endswith(f"/Virtual Machines/{name}") for name in left)
    assert all(found[name].size == 3200 for name in left)


def find_all(data: bytes, wanted: bytes) -> Iterator[int]:
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1)
