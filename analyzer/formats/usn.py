"""Change journal of an NTFS volume, `$Extend\\$UsnJrnl:$J`: what was done to files, by name.

    version 2   version 3
    0           0          u32 length, a multiple of 8; u16 major, u16 minor version
    8           8          reference of the file: u48 MFT entry, u16 sequence (3: 16 bytes)
    16          24         the same of its folder
    24          40         i64 number of the record (USN): its offset in the stream; FILETIME
    40          56         u32 reason, u32 source, u32 security id, u32 attributes
    56          72         u16 length of the name in bytes, u16 its offset
    60          76         name, UTF-16

No record crosses a page of 4096 bytes; zeros fill its rest. Version 4 has neither name nor time.
Source: Microsoft, USN_RECORD_V2 and USN_RECORD_V3 (winioctl.h); docs/formats/change-journal.md.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from analyzer import times
from analyzer.errors import Notice

PAGE: Final = 4096
REASONS: Final = {
    0x1: "data overwrite", 0x2: "data extend", 0x4: "data truncation",
    0x10: "named data overwrite", 0x20: "named data extend", 0x40: "named data truncation",
    0x100: "file create", 0x200: "file delete", 0x400: "EA change", 0x800: "security change",
    0x1000: "rename: old name", 0x2000: "rename: new name", 0x4000: "indexable change",
    0x8000: "basic info change", 0x10000: "hard link change", 0x20000: "compression change",
    0x40000: "encryption change", 0x80000: "object ID change", 0x100000: "reparse point change",
    0x200000: "stream change", 0x400000: "transacted change", 0x800000: "integrity change",
    0x80000000: "close"}
DIRECTORY: Final = 0x10
_HEAD: Final = struct.Struct("<IHH")
_PLAIN: Final = struct.Struct("<QQqqIIIIHH")
_WIDE: Final = struct.Struct("<Q8xQ8xqqIIIIHH")
_NAMED: Final = struct.Struct("<HH")
_LONGEST_NAME: Final = 510
_MOST_BAD: Final = 5
"""Places of one piece that are told where no record is."""


@dataclass(frozen=True, slots=True)
class Change:
    """One record. `offset` and `usn` in bytes; a sound one has both the same.

    entry, parent      MFT entry and sequence number
    reasons            everything done to the file since it was opened, `close` at the end
    """

    offset: int
    usn: int
    entry: tuple[int, int]
    parent: tuple[int, int]
    name: str
    reasons: tuple[str, ...]
    is_directory: bool
    changed_at: int | None


def changes(data: bytes, base: int, notices: list[Notice],
            wanted: Callable[[str], bool] = bool) -> Iterator[Change]:
    """The records of a piece of the stream that begins at `base`, which begins a page.

    Only those whose name is `wanted`: a journal has a hundred thousands. What is no record is
    skipped in steps of 8 bytes, and said.
    """
    at, bad = 0, 0
    while at + _HEAD.size + _PLAIN.size <= len(data):
        length, major, _ = _HEAD.unpack_from(data, at)
        if length == 0:
            at += PAGE - at % PAGE
            continue
        if not _fits(data, at, length, major):
            if bad < _MOST_BAD:
                notices.append(Notice("USN-RECORD", "no record of the change journal where one "
                                      "should be", "what it said is not known", base + at))
            bad += 1
            at = _next(data, at)
            continue
        if major < 4:
            name = _name(data, at, wide=major == 3)
            if wanted(name):
                yield _change(data, at, base, name, notices, wide=major == 3)
        at += length


def _next(data: bytes, at: int) -> int:
    """Where the next record may begin: behind a damaged one, at the latest in the next page."""
    end = min(len(data), at + PAGE - at % PAGE)
    for place in range(at + 8, end, 8):
        length, major, _ = _HEAD.unpack_from(data, place) if place + 8 <= len(data) else (0, 0, 0)
        if length and _fits(data, place, length, major):
            return place
    return end


def _fits(data: bytes, at: int, length: int, major: int) -> bool:
    if major == 4:
        return length % 8 == 0 and 56 <= length <= len(data) - at
    head = _WIDE if major == 3 else _PLAIN
    start = _HEAD.size + head.size
    if major not in (2, 3) or length % 8 or not start <= length <= len(data) - at:
        return False
    size, offset = _NAMED.unpack_from(data, at + start - 4)
    return bool(offset == start and 0 < size <= _LONGEST_NAME and size % 2 == 0
                and start + size <= length)


def _name(data: bytes, at: int, *, wide: bool) -> str:
    size, start = _NAMED.unpack_from(data, at + (72 if wide else 56))
    return data[at + start:at + start + size].decode("utf-16-le", "surrogatepass")


def _change(data: bytes, at: int, base: int, name: str, notices: list[Notice], *,
            wide: bool) -> Change:
    entry, parent, usn, stamp, reason, _, _, attributes, _, _ = \
        (_WIDE if wide else _PLAIN).unpack_from(data, at + _HEAD.size)
    return Change(
        base + at, usn, _reference(entry), _reference(parent), name,
        tuple(word for bit, word in REASONS.items() if reason & bit),
        bool(attributes & DIRECTORY),
        times.stamp(stamp, f"time of the change of {name!r}", base + at, notices))


def _reference(value: int) -> tuple[int, int]:
    return value & 0xFFFF_FFFF_FFFF, value >> 48
