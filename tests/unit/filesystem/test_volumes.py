"""Partition tables built byte by byte, and one opinion of The Sleuth Kit's mmls."""

import random
import re
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.blocks import ExtentMap, Memory
from analyzer.errors import Unreadable
from analyzer.evidence import open_evidence
from analyzer.filesystem.volumes import read_partitions
from tests.unit.filesystem.disk_tables import (
    BASIC_DATA,
    EFI_SYSTEM,
    MIB,
    RESERVED,
    Broken,
    codes,
    disk,
    entry,
    gpt,
    ntfs,
    record,
    rows,
)

# --- MBR ------------------------------------------------------------------------------------

def extended_disk() -> bytes:
    """Two primaries out of order, two logical partitions."""
    first = 2048
    return disk(16 * MIB, {
        0: record(entry(0x07, 8192, 4096), entry(0x07, first, 4096), entry(0x0F, 16_384, 16_384),
                  signature=0xCAFE1234),
        first * 512: ntfs(4096 * 512), 8192 * 512: ntfs(4096 * 512),
        16_384 * 512: record(entry(0x07, 63, 4000), entry(0x05, 6000, 5000)),
        (16_384 + 63) * 512: ntfs(4000 * 512),
        (16_384 + 6000) * 512: record(entry(0x07, 63, 4500)),
        (16_384 + 6063) * 512: b"-FVE-FS-".rjust(11, b"\0"),
    })


def test_mbr_with_logical_partitions() -> None:
    table = read_partitions(Memory(extended_disk()))
    assert (table.scheme, table.disk_signature, table.disk_guid) == ("MBR", 0xCAFE1234, "")
    assert rows(table) == [
        ("p1", 2048 * 512, 4096 * 512, "NTFS"), ("p2", 8192 * 512, 4096 * 512, "NTFS"),
        ("p3", 16_447 * 512, 4000 * 512, "NTFS"), ("p4", 22_447 * 512, 4500 * 512, "BitLocker")]
    assert [p.type for p in table.partitions] == ["0x07"] * 4
    assert [bool(p.unsupported) for p in table.partitions] == [False, False, False, True]
    assert table.partitions[0].blocks.read_at(3, 8) == b"NTFS    "
    assert table.notices == []


@pytest.mark.needs_sleuthkit
def test_mmls_agrees(tmp_path: Path) -> None:
    parts = [(EFI_SYSTEM, 2048, 4095, "EFI"), (BASIC_DATA, 6144, 20_000, "Basic data partition")]
    for name, data in (("mbr", extended_disk()), ("gpt", disk(16 * MIB, gpt(16 * MIB, parts)))):
        path = tmp_path / name
        path.write_bytes(data)
        text = subprocess.run(["mmls", "-a", path], capture_output=True, text=True,
                              check=True).stdout
        theirs = [(int(first) * 512, int(count) * 512) for first, _, count in re.findall(
            r"^\d+:  [\d:]+ +(\d+) +(\d+) +(\d+)", text, re.MULTILINE)]
        [image] = open_evidence([path])
        ours = [(p.offset, p.size) for p in read_partitions(image.blocks).partitions]
        assert sorted(theirs) == ours


def test_extended_chain_that_loops() -> None:
    data = disk(8 * MIB, {
        0: record(entry(0x05, 4096, 8192)),
        4096 * 512: record(entry(0x07, 63, 500), entry(0x05, 2048, 2000)),
        (4096 + 2048) * 512: record(entry(0x07, 63, 500), entry(0x05, 0, 2000)),
    })
    table = read_partitions(Memory(data))
    assert len(table.partitions) == 2
    assert codes(table) == ["MBR-CHAIN"]
    assert "comes back to itself" in table.notices[0].what


def test_extended_chain_without_end() -> None:
    """3,000 records: 1,024 are read."""
    data = bytearray(disk(2 * MIB, {0: record(entry(0x05, 64, 4000))}))
    for n in range(3000):
        at = (64 + n) * 512
        data[at:at + 512] = record(entry(0x07, 0, 1), entry(0x05, n + 1, 1))
    table = read_partitions(Memory(bytes(data)))
    assert len(table.partitions) == 1024
    assert "has more than 1024 records" in table.notices[0].what


def test_broken_extended_record_costs_only_what_follows() -> None:
    data = bytearray(extended_disk())
    data[(16_384 + 6000) * 512 + 510] = 0
    table = read_partitions(Memory(bytes(data)))
    assert [p.volume_id for p in table.partitions] == ["p1", "p2", "p3"]
    assert codes(table) == ["MBR-CHAIN"]
    unreadable = read_partitions(Broken(extended_disk(), {16_384 + 6000}))
    assert rows(unreadable) == rows(table)


def test_partition_past_the_end_of_the_image() -> None:
    data = extended_disk()[:17_000 * 512]
    table = read_partitions(Memory(data))
    assert [p.size for p in table.partitions[:3]] == [4096 * 512, 4096 * 512, 4000 * 512]
    assert codes(table) == ["MBR-CHAIN", "IMG-TRUNC"]
    notice = table.notices[1]
    assert (notice.start, notice.length) == (17_000 * 512, (16_447 + 4000 - 17_000) * 512)
    with pytest.raises(Unreadable):
        table.partitions[2].blocks.read_at(3999 * 512, 512)


def test_overlap_is_said() -> None:
    data = disk(8 * MIB, {0: record(entry(7, 2048, 8000), entry(7, 4096, 2000))})
    assert "VOL-OVERLAP" in codes(read_partitions(Memory(data)))


def test_broken_first_boot_sector() -> None:
    size = 4096 * 512
    data = disk(8 * MIB, {0: record(entry(7, 2048, 4096)), 2048 * 512 + size - 512: ntfs(size)})
    assert rows(read_partitions(Memory(data))) == [("p1", MIB, size, "NTFS")]
    data = disk(8 * MIB, {0: record(entry(7, 2048, 4096)), MIB: ntfs(size),
                          2048 * 512 + size - 512: ntfs(size)})
    assert rows(read_partitions(Broken(data, {2048}))) == [("p1", MIB, size, "NTFS")]


def test_4096_byte_sectors() -> None:
    data = disk(16 * MIB, {0: record(entry(7, 512, 1024)), 2 * MIB: ntfs(4 * MIB, 4096)})
    table = read_partitions(Memory(data))
    assert rows(table) == [("p1", 2 * MIB, 4 * MIB, "NTFS")]
    assert codes(table) == ["VOL-SECTOR"]


@pytest.mark.parametrize(("kind", "head", "name"), [
    (0x42, b"", "LDM"), (0x42, ntfs(MIB), "NTFS"), (0x07, b"\0\0\0ReFS\0\0\0\0", "ReFS"),
    (0x07, b"\xeb\x76\x90EXFAT   ", "exFAT"), (0x8E, b"\0" * 512 + b"LABELONE", "LVM"),
    (0x83, b"\0" * 1080 + b"\x53\xef", "ext"), (0x07, b"", "unknown")])
def test_unsupported_is_named(kind: int, head: bytes, name: str) -> None:
    data = disk(4 * MIB, {0: record(entry(kind, 2048, 2048)), MIB: head})
    [partition] = read_partitions(Memory(data)).partitions
    assert partition.format == name
    assert partition.unsupported
    assert (partition.offset, partition.size) == (MIB, MIB)


def test_header_of_a_former_dynamic_disk() -> None:
    data = disk(4 * MIB, {0: record(entry(7, 2048, 2048)), 6 * 512: b"PRIVHEAD",
                          MIB: ntfs(MIB)})
    table = read_partitions(Memory(data))
    assert table.partitions[0].unsupported == ""
    assert codes(table) == ["VOL-LDM"]


# --- without a table ------------------------------------------------------------------------

def test_bare_volume() -> None:
    size = 4 * MIB
    table = read_partitions(Memory(disk(size, {0: ntfs(size)})))
    assert (table.scheme, table.disk_signature) == ("bare", None)
    assert rows(table) == [("p1", 0, size, "NTFS")]
    assert table.notices == []


def test_bare_volume_with_damaged_or_unreadable_boot_sector() -> None:
    size = 4 * MIB
    data = disk(size, {size - 512: ntfs(size)})
    assert rows(read_partitions(Memory(data))) == [("p1", 0, size, "NTFS")]
    assert rows(read_partitions(Broken(data, {0}))) == [("p1", 0, size, "NTFS")]


def test_backup_of_a_volume_that_only_ends_with_the_disk() -> None:
    """The table is lost; the last sector is that of a volume from 1 MiB on, not of the disk."""
    data = disk(8 * MIB, {MIB: ntfs(7 * MIB), 8 * MIB - 512: ntfs(7 * MIB)})
    table = read_partitions(Memory(data))
    assert (table.scheme, rows(table)) == ("salvaged", [("p1", MIB, 7 * MIB, "NTFS")])


def test_truncated_bare_volume() -> None:
    table = read_partitions(Memory(disk(4 * MIB, {0: ntfs(6 * MIB)})))
    assert rows(table) == [("p1", 0, 4 * MIB, "NTFS")]
    assert codes(table) == ["IMG-TRUNC"]


def test_fat_boot_sector_is_no_partition_table() -> None:
    data = bytearray(512)
    data[:11] = b"\xeb\x3c\x90MSDOS5.0"
    struct.pack_into("<HBHB", data, 11, 512, 4, 1, 2)
    data[54:62] = b"FAT16   "
    data[446:462] = entry(0x07, 2048, 2048)
    data[510:] = b"\x55\xaa"
    table = read_partitions(Memory(disk(4 * MIB, {0: bytes(data)})))
    assert (table.scheme, rows(table)) == ("bare", [("p1", 0, 4 * MIB, "FAT")])


def test_lost_table_is_salvaged() -> None:
    volumes = {63 * 512: ntfs(2 * MIB), 5 * MIB: ntfs(3 * MIB), 8 * MIB: ntfs(4 * MIB)}
    for blocks in (Memory(disk(16 * MIB, volumes)), Broken(disk(16 * MIB, volumes), {0, 1})):
        table = read_partitions(blocks)
        assert table.scheme == "salvaged"
        assert rows(table) == [("p1", 63 * 512, 2 * MIB, "NTFS"), ("p2", 5 * MIB, 3 * MIB, "NTFS"),
                               ("p3", 8 * MIB, 4 * MIB, "NTFS")]
        assert {p.scheme for p in table.partitions} == {"salvaged"}
        assert "VOL-SALVAGE" in codes(table)


def test_blank_and_tiny_disks() -> None:
    for size in (0, 1, 511, 512, 513, 1024, 4096, 2 * MIB):
        for fill in (b"\0", b"\xff"):
            table = read_partitions(Memory(fill * size))
            assert (table.scheme, table.partitions) == ("none", ())
            assert codes(table) == ["VOL-NONE"]


class Nothing:
    """2 TiB of zeros, counting what is read of it."""

    size = 2 << 40

    def __init__(self) -> None:
        self.reads = 0

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads += 1
        return bytes(max(0, min(length, self.size - offset)))

    def extents(self) -> ExtentMap | None:
        return None


def test_salvage_is_bounded() -> None:
    blocks = Nothing()
    assert read_partitions(blocks).partitions == ()
    assert blocks.reads < 17_000


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), where=st.sampled_from(["mbr", "gpt"]), bad=st.sets(
    st.integers(0, 40), max_size=3))
def test_damage_never_raises(seed: int, where: str, bad: set[int]) -> None:
    """Random bytes over the tables: a table and, if it is another one, notices."""
    chance = random.Random(seed)
    data = bytearray(SMALL[where])
    for _ in range(chance.randint(1, 12)):
        at = chance.choice([chance.randrange(446, 512), chance.randrange(512, 1400),
                            len(data) - 1 - chance.randrange(512)])
        data[at] = chance.randrange(256)
    table = read_partitions(Broken(bytes(data), bad))
    for partition in table.partitions:
        assert partition.size >= 0
        extents = partition.blocks.extents()
        assert extents is not None
        assert extents.size == partition.size
    if not table.partitions:
        assert table.notices


SMALL = {
    "mbr": disk(2 * MIB, {0: record(entry(7, 128, 1024), entry(5, 2048, 1024)),
                          128 * 512: ntfs(MIB // 2), 2048 * 512: record(entry(7, 63, 64))}),
    "gpt": disk(2 * MIB, gpt(2 * MIB, [(BASIC_DATA, 128, 1151, "a"), (RESERVED, 1152, 1300, "")])
                | {128 * 512: ntfs(MIB // 2)}),
}


# --- real disks -----------------------------------------------------------------------------

@pytest.mark.realdata
@pytest.mark.parametrize(("name", "name_of_format"), [
    ("velociraptor/artifacts/testdata/files/test.ntfs.dd.E01", "NTFS"),
    ("dfvfs/bdetogo.first64k.bin", "BitLocker"), ("dfvfs/ntfs.raw", "NTFS"),
    ("dfvfs/ext2.E01", "ext")])
def test_real_bare_volumes(realdata: Path, name: str, name_of_format: str) -> None:
    [image] = open_evidence([realdata / name])
    table = read_partitions(image.blocks)
    assert [(p.scheme, p.format) for p in table.partitions] == [("bare", name_of_format)]
    assert table.notices == []


@pytest.mark.realdata
def test_real_mbr(realdata: Path) -> None:
    """The disk inside of a fixed VHD, by diskpart: NTFS at 65536."""
    data = (realdata / "dfvfs/ntfs-parent.vhd").read_bytes()[:-512]
    table = read_partitions(Memory(data))
    assert table.scheme == "MBR"
    assert [(p.offset, p.format, p.unsupported) for p in table.partitions] == [
        (65_536, "NTFS", "")]
    assert table.notices == []


@pytest.mark.parametrize("wiped", [0, 1])
def test_a_volume_whose_entry_was_wiped_is_found_in_the_gap(wiped: int) -> None:
    entries = [entry(0x07, 2048, 4096), entry(0x07, 6144, 4096)]
    entries[wiped] = bytes(16)
    table = read_partitions(Memory(disk(16 * MIB, {
        0: record(*entries), 2048 * 512: ntfs(4096 * 512), 6144 * 512: ntfs(4096 * 512)})))
    assert [(p.offset, p.format, p.scheme) for p in table.partitions] == [
        (first * 512, "NTFS", "salvaged" if number == wiped else "MBR")
        for number, first in enumerate((2048, 6144))]
    assert codes(table) == ["VOL-UNLISTED"]


@pytest.mark.parametrize("listed", [2049, 2046, 2047 + 64, 2048 + 128, 2048 + 2048])
def test_a_volume_that_begins_beside_its_entry_is_read_from_where_it_begins(listed: int) -> None:
    boot = bytearray(ntfs(4096 * 512))
    struct.pack_into("<QQb", boot, 48, 1, 1, -10)  # $MFT in the second cluster
    pieces = {0: record(entry(0x07, listed, 4096)), 2048 * 512: bytes(boot),
              2056 * 512: b"FILE", (2048 + 4095) * 512: bytes(boot)}
    table = read_partitions(Memory(disk(16 * MIB, pieces)))
    expected = [(2048 * 512, "NTFS"), (listed * 512, "unknown")]
    assert [(p.offset, p.format) for p in table.partitions] == expected[:1 + (listed >= 4096)]
    assert codes(table)[0] == ("VOL-MOVED" if listed < 4096 else "VOL-UNLISTED")


@pytest.mark.parametrize(("wrong", "sizes"), [(2048, [4096, 2048]), (2048, [2048, 4096])])
def test_two_entries_for_one_volume_are_read_once(wrong: int, sizes: list[int]) -> None:
    """And what the wrong one should have led to is found where it lies."""
    table = read_partitions(Memory(disk(16 * MIB, {
        0: record(*(entry(0x07, wrong, size) for size in sizes)),
        2048 * 512: ntfs(4096 * 512), 6144 * 512: ntfs(2048 * 512)})))
    assert [(p.offset, p.size, p.scheme) for p in table.partitions] == [
        (2048 * 512, 4096 * 512, "MBR"), (6144 * 512, 2048 * 512, "salvaged")]
    assert codes(table) == ["VOL-DOUBLE", "VOL-UNLISTED"]


def test_an_entry_that_leads_to_nothing_does_not_hide_the_volumes_that_it_covers() -> None:
    table = read_partitions(Memory(disk(16 * MIB, {
        0: record(entry(0x07, 2048, 4096), entry(0x07, 1, 30_000)),
        2048 * 512: ntfs(4096 * 512), 6144 * 512: ntfs(2048 * 512)})))
    assert [(p.offset, p.format, p.scheme) for p in table.partitions] == [
        (512, "unknown", "MBR"), (2048 * 512, "NTFS", "MBR"), (6144 * 512, "NTFS", "salvaged")]
    assert set(codes(table)) == {"VOL-OVERLAP", "VOL-UNLISTED"}


def test_the_backup_of_the_volume_before_is_not_taken_for_one_whose_boot_sector_is_lost() -> None:
    boot = bytearray(ntfs(4096 * 512))
    struct.pack_into("<QQb", boot, 48, 1, 1, -10)
    pieces = {0: record(entry(0x07, 2048, 4096), entry(0x07, 6144, 4096)),
              2048 * 512: bytes(boot), 2056 * 512: b"FILE", 6143 * 512: bytes(boot)}
    table = read_partitions(Memory(disk(16 * MIB, pieces)))
    assert [(p.offset, p.format) for p in table.partitions] == [
        (2048 * 512, "NTFS"), (6144 * 512, "unknown")]
