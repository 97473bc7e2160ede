"""Master boot record with extended partitions.

    440  4  disk signature
    446 16  four entries; in an extended boot record the first is a logical partition, relative
            to that record, the second the next record, relative to the extended partition
    510  2  55 AA
    entry:  0 status (00 or 80)   4 type   8 4 first sector   12 4 sectors

Source: Microsoft, "Disk Sectors on MBR Disks" (Windows Server 2003 Technical Reference).
"""

import struct
from dataclasses import dataclass
from typing import Final

from analyzer.blocks import Blocks
from analyzer.errors import Notice, Unreadable

EXTENDED: Final = frozenset((0x05, 0x0F, 0x85))
PROTECTIVE: Final = 0xEE
MOST_PARTITIONS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry in use; sectors as they stand in the table."""

    type: int
    first: int
    sectors: int


@dataclass(frozen=True, slots=True)
class Extent:
    """One partition; offset and size in bytes."""

    type: int
    offset: int
    size: int


def parse_entries(sector: bytes) -> list[Entry] | None:
    """The entries in use, in order; None where this is no boot record with a partition table."""
    if len(sector) < 512 or sector[510:512] != b"\x55\xaa":
        return None
    entries: list[Entry] = []
    for at in range(446, 510, 16):
        status, kind, first, sectors = struct.unpack_from("<B3xB3xII", sector, at)
        if status not in (0x00, 0x80):
            return None
        if kind != 0 and sectors != 0:
            entries.append(Entry(kind, first, sectors))
    return entries


def partitions(blocks: Blocks, entries: list[Entry], unit: int,
               notices: list[Notice]) -> list[Extent]:
    """All but the extended ones, with the logical ones inside those; `unit` bytes a sector."""
    found: list[Extent] = []
    for entry in entries:
        if entry.type in EXTENDED:
            found += _logical(blocks, entry, unit, notices)
        elif entry.type != PROTECTIVE:
            found.append(Extent(entry.type, entry.first * unit, entry.sectors * unit))
    return found


def _logical(blocks: Blocks, extended: Entry, unit: int, notices: list[Notice]) -> list[Extent]:
    """The chain of extended boot records; each is read once, and at most 1,024 of them."""
    found: list[Extent] = []
    visited: set[int] = set()
    record: int | None = extended.first
    while record is not None:
        at = record * unit
        fault = ""
        if record in visited:
            fault = "comes back to itself"
        elif len(visited) >= MOST_PARTITIONS:
            fault = f"has more than {MOST_PARTITIONS} records"
        entries = None if fault else _record(blocks, at)
        if entries is None:
            notices.append(Notice(
                "MBR-CHAIN", f"the chain of extended boot records {fault or 'is broken'}",
                "logical partitions from here on are not listed", at, 512))
            break
        visited.add(record)
        following = [e for e in entries if e.type in EXTENDED]
        found += [Extent(e.type, at + e.first * unit, e.sectors * unit)
                  for e in entries if e.type not in EXTENDED]
        record = extended.first + following[0].first if following else None
    return found


def _record(blocks: Blocks, at: int) -> list[Entry] | None:
    try:
        return parse_entries(blocks.read_at(at, 512))
    except Unreadable:
        return None
