"""Boot sectors: fields, other file systems, and the backup."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.blocks import Memory
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat, Unreadable
from analyzer.filesystem.boot import find_boot, parse_boot
from tests.unit.filesystem.faulty import Faulty
from tests.unit.filesystem.mft_writer import TinyVolume, boot_sector

IMAGE = TinyVolume().build()


def patched(offset: int, value: bytes, data: bytes = IMAGE) -> bytes:
    return data[:offset] + value + data[offset + len(value):]


def test_fields() -> None:
    boot = parse_boot(boot_sector(1024, 16, 8))
    assert (boot.sector_size, boot.cluster_size, boot.record_size, boot.sectors) == (
        512, 1024, 1024, 1024)
    assert (boot.mft, boot.mirror, boot.serial, boot.size) == (
        16384, 8192, "123456789ABCDEF0", 524288)


@pytest.mark.parametrize(("value", "size"), [(1, 512), (128, 65536), (0xF4, 2 << 20)])
def test_cluster_sizes(value: int, size: int) -> None:
    sector = patched(13, bytes([value]), boot_sector(1 << 20, 16, 8))
    assert parse_boot(sector).cluster_size == size


@pytest.mark.parametrize(("offset", "value"), [
    (11, b"\0\0"), (11, b"\x03\x02"), (13, b"\0"), (13, b"\x03"), (13, b"\xe0"), (64, b"\x00"),
    (64, b"\x80"), (64, b"\x7f"), (40, bytes(8)), (40, b"\xff" * 8), (48, b"\xff" * 8)])
def test_impossible_fields(offset: int, value: bytes) -> None:
    with pytest.raises(Corrupt):
        parse_boot(patched(offset, value, IMAGE[:512]))


@pytest.mark.parametrize("broken", [
    patched(0, bytes(512)), patched(3, b"X"), patched(11, b"\x07\x07"), patched(48, b"\x90\x01")])
def test_the_backup_is_used(broken: bytes) -> None:
    boot, problem, raw = find_boot(Memory(broken))
    assert boot == parse_boot(IMAGE[:512])
    assert problem is not None
    assert raw == IMAGE[:512]


def test_the_backup_is_found_in_a_partition_larger_than_the_volume() -> None:
    boot, problem, _ = find_boot(Memory(patched(3, b"X") + bytes(8192)))
    assert boot == parse_boot(IMAGE[:512])
    assert problem is not None


def test_an_unreadable_first_sector() -> None:
    boot, problem, _ = find_boot(Faulty(IMAGE, ((0, 512),)))
    assert boot.cluster_size == 1024
    assert isinstance(problem, Unreadable)
    with pytest.raises(Unreadable):
        find_boot(Faulty(IMAGE, ((0, 512), (len(IMAGE) - 512, 512))))


@pytest.mark.parametrize(("offset", "magic"), [
    (3, b"-FVE-FS-"), (3, b"ReFS\0"), (3, b"EXFAT   "), (54, b"FAT16   "), (82, b"FAT32   ")])
def test_another_file_system_over_an_old_ntfs(offset: int, magic: bytes) -> None:
    with pytest.raises(NotThisFormat):
        find_boot(Memory(patched(offset, magic, patched(0, bytes(512)))))


@pytest.mark.parametrize("data", [b"", bytes(512), bytes(100_000), b"x" * 511])
def test_no_ntfs(data: bytes) -> None:
    with pytest.raises(NotThisFormat):
        find_boot(Memory(data))


def test_no_mft_anywhere() -> None:
    with pytest.raises(Corrupt):
        find_boot(Memory(boot_sector(1024, 16, 8) + bytes(600_000)))


@given(st.integers(0, 100), st.binary(min_size=1, max_size=24))
def test_damage(at: int, patch: bytes) -> None:
    try:
        boot, _, _ = find_boot(Memory(patched(at, patch)))
    except EvidenceError:
        return
    assert boot.cluster_size > 0
    assert struct.pack("<Q", boot.mft)
