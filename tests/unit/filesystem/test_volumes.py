"""Partition tables built here byte by byte, and one opinion of The Sleuth Kit's mmls."""

import random
import re
import struct
import subprocess
import zlib
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.blocks import ExtentMap, Memory
from analyzer.errors import Unreadable
from analyzer.evidence import open_evidence
from analyzer.filesystem.volumes import PartitionTable, read_partitions

MIB = 1 << 20
BASIC_DATA = UUID("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7")
EFI_SYSTEM = UUID("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
RESERVED = UUID("E3C9E316-0B5C-4DB8-817D-F92DF00215AE")
LDM_DATA = UUID("AF9B60A0-1431-4F62-BC68-3311714A69AD")
POOL = UUID("E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D")
DISK_GUID = UUID(int=0xD15C)


class Broken:
    """Blocks with unreadable sectors."""

    def __init__(self, data: bytes, bad: set[int]) -> None:
        self.data, self.bad = data, bad
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        for sector in range(offset // 512, -(-(offset + length) // 512)):
            if sector in self.bad:
                start = max(offset, sector * 512)
                stop = min(offset + length, (sector + 1) * 512)
                raise Unreadable("bad sector", start, stop - start)
        return self.data[offset:offset + length]

    def extents(self) -> ExtentMap | None:
        return None


def ntfs(size: int, sector: int = 512) -> bytes:
    """First boot sector of an NTFS volume in a place of `size` bytes."""
    data = bytearray(512)
    data[:11] = b"\xeb\x52\x90NTFS    "
    struct.pack_into("<HB", data, 11, sector, 8)
    struct.pack_into("<Q", data, 40, size // sector - 1)
    data[510:] = b"\x55\xaa"
    return bytes(data)


def entry(kind: int, first: int, sectors: int) -> bytes:
    return struct.pack("<B3xB3xII", 0, kind, first, sectors)


def record(*entries: bytes, signature: int = 0) -> bytes:
    data = bytearray(440) + struct.pack("<IH", signature, 0)
    return bytes(data) + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"


def disk(size: int, pieces: dict[int, bytes]) -> bytes:
    data = bytearray(size)
    for at, piece in pieces.items():
        data[at:at + len(piece)] = piece
    return bytes(data)


def gpt(size: int, parts: list[tuple[UUID, int, int, str]], sector: int = 512) -> dict[int, bytes]:
    """Protective MBR and both tables; parts as type, first, last sector, name."""
    rows = b"".join(
        kind.bytes_le + UUID(int=n + 1).bytes_le + struct.pack("<QQQ", first, last, 0)
        + name.encode("utf-16-le").ljust(72, b"\0")
        for n, (kind, first, last, name) in enumerate(parts))
    table = rows.ljust(128 * 128, b"\0")
    last = size // sector - 1

    def header(own: int, other: int, first: int) -> bytes:
        data = bytearray(struct.pack(
            "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, own, other, 34, last - 33,
            DISK_GUID.bytes_le, first, 128, 128, zlib.crc32(table)))
        struct.pack_into("<I", data, 16, zlib.crc32(data))
        return bytes(data)

    sectors = len(table) // sector
    return {0: record(entry(0xEE, 1, min(last, 0xFFFF_FFFF))),
            sector: header(1, last, 2), 2 * sector: table,
            (last - sectors) * sector: table,
            last * sector: header(last, 1, last - sectors)}


def rows(table: PartitionTable) -> list[tuple[str, int, int, str]]:
    return [(p.volume_id, p.offset, p.size, p.format) for p in table.partitions]


def codes(table: PartitionTable) -> list[str]:
    return [notice.code for notice in table.notices]


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
    assert "MBR-CHAIN" in codes(table)


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


# --- GPT ------------------------------------------------------------------------------------

PARTS = [(RESERVED, 2048, 4095, "Microsoft reserved partition"),
         (BASIC_DATA, 4096, 12_287, "Basic data partition"), (POOL, 12_288, 16_383, "pool"),
         (LDM_DATA, 16_384, 20_479, "ldm")]


def gpt_disk() -> dict[int, bytes]:
    return gpt(16 * MIB, PARTS) | {4096 * 512: ntfs(8192 * 512)}


EXPECTED = [("p1", MIB, MIB, "Microsoft reserved"), ("p2", 2 * MIB, 4 * MIB, "NTFS"),
            ("p3", 6 * MIB, 2 * MIB, "Storage Spaces"), ("p4", 8 * MIB, 2 * MIB, "LDM")]


def test_gpt() -> None:
    table = read_partitions(Memory(disk(16 * MIB, gpt_disk())))
    assert (table.scheme, table.disk_guid) == ("GPT", str(DISK_GUID).upper())
    assert rows(table) == EXPECTED
    assert table.notices == []
    data = table.partitions[1]
    assert (data.type, data.name) == (str(BASIC_DATA).upper(), "Basic data partition")
    assert data.guid == "00000000-0000-0000-0000-000000000002"
    assert [bool(p.unsupported) for p in table.partitions] == [False, False, True, True]


@pytest.mark.parametrize("at", [512, 512 + 20, 512 + 57, 1024 + 40, 1024 + 60])
def test_damaged_primary(at: int) -> None:
    data = bytearray(disk(16 * MIB, gpt_disk()))
    data[at] ^= 1
    table = read_partitions(Memory(bytes(data)))
    assert rows(table) == EXPECTED
    assert table.disk_guid == str(DISK_GUID).upper()
    assert codes(table) == ["GPT-BACKUP"]


@pytest.mark.parametrize("bad", [{0}, {1}, {2}, {0, 1, 2}])
def test_unreadable_primary(bad: set[int]) -> None:
    table = read_partitions(Broken(disk(16 * MIB, gpt_disk()), bad))
    assert rows(table) == EXPECTED
    assert table.notices


def test_damaged_backup_is_said() -> None:
    for at in (16 * MIB - 500, 16 * MIB - 33 * 512 + 8):
        data = bytearray(disk(16 * MIB, gpt_disk()))
        data[at] ^= 1
        table = read_partitions(Memory(bytes(data)))
        assert rows(table) == EXPECTED
        assert codes(table) == ["GPT-BACKUP"]


def test_truncated_gpt_disk() -> None:
    table = read_partitions(Memory(disk(16 * MIB, gpt_disk())[:9 * MIB]))
    assert rows(table) == EXPECTED
    assert codes(table) == ["IMG-TRUNC", "IMG-TRUNC"]


def test_backup_where_the_damaged_primary_says_it_is() -> None:
    """The disk was enlarged: its last sector is not that of the table."""
    data = bytearray(disk(20 * MIB, gpt_disk()))
    data[512 + 57] ^= 1
    table = read_partitions(Memory(bytes(data)))
    assert rows(table) == EXPECTED
    assert codes(table) == ["GPT-BACKUP"]


def test_both_copies_damaged() -> None:
    data = bytearray(disk(16 * MIB, gpt_disk()))
    data[512 + 57] ^= 1
    data[16 * MIB - 512 + 57] ^= 1
    table = read_partitions(Memory(bytes(data)))
    assert rows(table) == EXPECTED
    assert "may be wrong" in table.notices[0].effect


def test_gpt_in_4096_byte_sectors() -> None:
    pieces = gpt(16 * MIB, [(BASIC_DATA, 256, 1279, "data")], 4096) | {MIB: ntfs(4 * MIB, 4096)}
    table = read_partitions(Memory(disk(16 * MIB, pieces)))
    assert rows(table) == [("p1", MIB, 4 * MIB, "NTFS")]
    data = bytearray(disk(16 * MIB, pieces))
    data[4096:4104] = bytes(8)
    assert rows(read_partitions(Memory(bytes(data)))) == rows(table)


def test_hybrid_mbr() -> None:
    pieces = gpt_disk()
    pieces[0] = record(entry(0xEE, 1, 2047), entry(7, 4096, 8192), entry(7, 24_576, 2048))
    table = read_partitions(Memory(disk(16 * MIB, pieces)))
    assert [(p.volume_id, p.scheme) for p in table.partitions] == [
        ("p1", "GPT"), ("p2", "GPT"), ("p3", "GPT"), ("p4", "GPT"), ("p5", "MBR")]
    assert "VOL-HYBRID" in codes(table)


def test_entries_past_any_disk() -> None:
    parts = [(BASIC_DATA, 2048, (1 << 64) - 1, "huge"), (BASIC_DATA, 4096, 4000, "backwards")]
    table = read_partitions(Memory(disk(8 * MIB, gpt(8 * MIB, parts))))
    assert [(p.name, p.size) for p in table.partitions] == [("backwards", 0)]
    assert {"GPT-BACKUP", "VOL-EXTENT"} <= set(codes(table))
    for partition in table.partitions:
        partition.blocks.extents()


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
