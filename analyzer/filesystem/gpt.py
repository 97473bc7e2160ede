"""GUID partition table: primary at sector 1, backup in the last sector.

    header   0 8 `EFI PART`   12 4 header size   16 4 CRC-32 of the header, taken as 0
            24 8 own sector   32 8 sector of the other copy   56 16 disk GUID
            72 8 first sector of the entries   80 4 count   84 4 bytes in one
            88 4 CRC-32 of all entries
    entry    0 16 type GUID   16 16 partition GUID   32 8 first sector   40 8 last sector
            56 72 name, UTF-16

Source: UEFI specification 2.10, chapter 5.3.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from analyzer.blocks import Blocks, read_known
from analyzer.errors import Notice

_MAGIC: Final = b"EFI PART"
_MOST_ENTRY_BYTES: Final = 4 << 20
_SECTORS: Final = (512, 4096)
_LAST_SECTOR: Final = 1 << 50
"""No disk is that large; keeps offsets in 63 bits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry in use; offset and size in bytes, GUIDs as upper-case text."""

    type: str
    guid: str
    offset: int
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class Copy:
    """One of the two tables; `faults` says what is wrong with it."""

    sector: int
    place: int
    other: int
    disk_guid: str
    entries: tuple[Entry, ...]
    faults: tuple[str, ...]


def read_gpt(blocks: Blocks, notices: list[Notice]) -> Copy | None:
    """The first table that passes its checksums; None where there is none at all.

    Where none passes, the first one is given, and a notice says that it is not to be trusted.
    """
    copies = _copies(blocks)
    if not copies:
        return None
    good = [copy for copy in copies if not copy.faults]
    chosen = good[0] if good else copies[0]
    faults = "; ".join(f"at sector {c.place}: {', '.join(c.faults)}" for c in copies if c.faults)
    at, size = chosen.place * chosen.sector, chosen.sector
    if not good:
        notices.append(Notice("GPT-BACKUP", f"no copy of the GPT is whole: {faults}",
                              "its entries are shown but may be wrong", at, size))
    elif chosen.place != 1:
        notices.append(Notice("GPT-BACKUP", f"the primary GPT is lost ({faults or 'not there'})",
                              "the backup is used", at, size))
    else:
        _compare(chosen, copies, blocks, notices)
    return chosen


def _copies(blocks: Blocks) -> list[Copy]:
    """Primaries first, then backups at the end, then where a primary says its backup is."""
    places = [(sector, 1) for sector in _SECTORS]
    places += [(sector, blocks.size // sector - 1) for sector in _SECTORS]
    found: dict[tuple[int, int], Copy] = {}
    for place in places:
        copy = _read(blocks, *place) if place not in found else None
        if copy is not None:
            found[place] = copy
            other = (copy.sector, copy.other)
            if copy.place == 1 and other not in places:
                places.append(other)
    return list(found.values())


def _compare(primary: Copy, copies: list[Copy], blocks: Blocks, notices: list[Notice]) -> None:
    """Notices where the backup of a good primary is missing, damaged or different."""
    at = primary.other * primary.sector
    backup = next((c for c in copies if (c.sector, c.place) == (primary.sector, primary.other)),
                  None)
    if at + primary.sector > blocks.size:
        notices.append(Notice("IMG-TRUNC", f"the backup GPT lies past the end of the disk "
                              f"({blocks.size} bytes)", "the primary is used", at, primary.sector))
    elif backup is None or backup.faults:
        why = ", ".join(backup.faults) if backup else "not there"
        notices.append(Notice("GPT-BACKUP", f"the backup GPT is lost ({why})",
                              "the primary is used", at, primary.sector))
    elif backup.entries != primary.entries:
        notices.append(Notice("GPT-BACKUP", "the backup GPT lists other partitions",
                              "the primary is used", at, primary.sector))


def _read(blocks: Blocks, sector: int, place: int) -> Copy | None:
    """The table whose header is at sector number `place`; None where there is no header."""
    if place < 1 or (place + 1) * sector > blocks.size:
        return None
    header = read_known(blocks, place * sector, sector, lambda _: None)
    if not header.startswith(_MAGIC):
        return None
    faults: list[str] = []
    size, crc, own, other = struct.unpack_from("<II4xQQ", header, 12)
    first, count, width, entries_crc = struct.unpack_from("<QIII", header, 72)
    if not 92 <= size <= sector or \
            zlib.crc32(header[:16] + bytes(4) + header[20:size]) != crc:
        faults.append("header fails its checksum")
    if own != place:
        faults.append(f"header says it is at sector {own}")
    if width < 128 or count * width > _MOST_ENTRY_BYTES:
        faults.append(f"{count} entries of {width} bytes")
        return Copy(sector, place, other, _guid(header[56:72]), (), tuple(faults))
    lost: list[object] = []
    data = read_known(blocks, first * sector, count * width, lost.append)
    if lost or len(data) < count * width:
        faults.append("entries cannot be read whole")
    elif zlib.crc32(data) != entries_crc:
        faults.append("entries fail their checksum")
    rows = [_entry(data[at:at + width], sector) for at in range(0, len(data) - 127, width)]
    if any(row is not None and row.offset + row.size > _LAST_SECTOR * sector for row in rows):
        faults.append("entries lie past the end of any disk")
    entries = tuple(row for row in rows if row is not None
                    and row.offset + row.size <= _LAST_SECTOR * sector)
    return Copy(sector, place, other, _guid(header[56:72]), entries, tuple(faults))


def _entry(data: bytes, sector: int) -> Entry | None:
    """One entry; None for one not in use. One that ends before it begins has no size."""
    if len(data) < 128 or not any(data[:16]):
        return None
    first, last = struct.unpack_from("<QQ", data, 32)
    name = data[56:128].decode("utf-16-le", "backslashreplace").partition("\0")[0]
    size = max(0, last + 1 - first) * sector
    return Entry(_guid(data[:16]), _guid(data[16:32]), first * sector, size, name)


def _guid(data: bytes) -> str:
    return str(UUID(bytes_le=data)).upper()
