"""Disks with a master boot record: partitions put in place."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

SECTOR = 512
NTFS = 0x07
_MESSAGE = b"Invalid partition table\0Error loading operating system\0Missing operating system\0"


@dataclass(frozen=True, slots=True)
class Partition:
    """A primary partition: first sector, content (whole sectors), whether it is active."""

    start: int
    content: bytes
    active: bool = False


def assemble(sectors: int, signature: int, partitions: Sequence[Partition]) -> bytes:
    """A disk of `sectors` with the partitions on it and `signature` at byte 440."""
    out = bytearray(sectors * SECTOR)
    out[:SECTOR] = _mbr(signature, partitions)
    for part in partitions:
        at = part.start * SECTOR
        if at + len(part.content) > len(out):
            raise ValueError("a partition ends beyond the disk")
        out[at : at + len(part.content)] = part.content
    return bytes(out)


def _mbr(signature: int, partitions: Sequence[Partition]) -> bytes:
    sector = bytearray(SECTOR)
    sector[:4] = b"\xeb\xfe\x90\x90"
    sector[0x163 : 0x163 + len(_MESSAGE)] = _MESSAGE
    struct.pack_into("<I", sector, 440, signature)
    for number, part in enumerate(partitions):
        count = len(part.content) // SECTOR
        first, last = _chs(part.start), _chs(part.start + count - 1)
        row = bytes([0x80 if part.active else 0]) + first + bytes([NTFS]) + last
        sector[446 + 16 * number : 462 + 16 * number] = row + struct.pack("<II", part.start, count)
    sector[510:512] = b"\x55\xaa"
    return bytes(sector)


def _chs(sector: int) -> bytes:
    cylinder, rest = divmod(sector, 255 * 63)
    head, inside = divmod(rest, 63)
    if cylinder > 1023:
        return b"\xfe\xff\xff"
    return bytes([head, (cylinder >> 2 & 0xC0) | (inside + 1), cylinder & 0xFF])
