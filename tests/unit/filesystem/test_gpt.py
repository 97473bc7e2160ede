"""GUID partition tables: whole, damaged in either copy, and made to mislead."""


import pytest

from analyzer.blocks import Memory
from analyzer.filesystem.volumes import read_partitions
from tests.unit.filesystem.disk_tables import (
    BASIC_DATA,
    DISK_GUID,
    LDM_DATA,
    MIB,
    POOL,
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
    assert [(n.code, n.effect) for n in table.notices] == [("GPT-BACKUP", "the backup is used")]


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
