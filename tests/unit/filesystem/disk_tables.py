"""Builds partition tables and boot sectors byte by byte, for tests."""

import struct
import zlib
from uuid import UUID

from analyzer.blocks import ExtentMap
from analyzer.errors import Unreadable
from analyzer.filesystem.volumes import PartitionTable

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
