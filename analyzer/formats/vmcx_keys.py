"""Key tables of a HyperVStorage file: where its settings stand.

    0   signature 2 u16, index u16 (from 1), sequence u16, crc u32 (of these 10 bytes)
    10  entries without gaps, each:
        0  type u8        4  size u32 at 2    12  crc u32 (header, name and data; not the slack)
        1  flags u8       6  parent's table   16  insertion sequence u32
                          8  parent's offset  20  length of the name with its NUL u8, then the name
    data  int, uint, double 8 bytes; bool 4; string, array: u32 length and bytes;
          node: change sequence u64, next insertion sequence u32;
          flag 1: u32 size, u64 offset of a file object instead

An entry counts only if its checksum holds. Where one does not, the next that does is looked for,
so that a bad entry costs itself. Source: as vmcx_file.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from analyzer.formats.vmcx_file import checksum

HEADER: Final = 10
INT, UINT, DOUBLE, STRING, ARRAY, BOOL, NODE = 3, 4, 5, 6, 7, 8, 9
IN_FILE_OBJECT: Final = 1
LARGEST: Final = 1 << 20
"""Bytes of a table; real ones have 4096."""
_FREE: Final = 1
_FILLER: Final = 0xFD
_SIGNATURE: Final = b"\x02\x00"
_TABLE = struct.Struct("<2sHHI")
_ENTRY = struct.Struct("<BBIHIIIB")
_CRC_AT: Final = 12
_LENGTHS: Final = {INT: 8, UINT: 8, DOUBLE: 8, BOOL: 4, NODE: 12}
_TYPES: Final = frozenset((*_LENGTHS, STRING, ARRAY))
_POINTER: Final = 12
_MOST_FLAGS: Final = 7
_START = re.compile(rb"[\x01\x03-\x09][\x00-\x07]..\x00\x00", re.DOTALL)
"""Type, flags, and a size below 64 KB: where an entry may start."""

Place = tuple[int, int]
"""(index of a table, offset in it)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key. `offset` is in its table; `data` without a length in front."""

    offset: int
    type: int
    flags: int
    size: int
    parent: Place
    sequence: int
    name: str
    data: bytes
    slack: bytes
    """What lies between its data and the next entry."""

    @property
    def is_node(self) -> bool:
        """Whether it holds other keys."""
        return self.type == NODE

    @property
    def in_file_object(self) -> bool:
        """Whether `data` is (size u32, offset u64) of where the value lies."""
        return bool(self.flags & IN_FILE_OBJECT)


@dataclass(frozen=True, slots=True)
class Table:
    """The keys of one table, or of an image of one."""

    at: int
    """Offset in the file."""
    index: int | None
    """None where its header is damaged."""
    sequence: int | None
    entries: dict[int, Entry]
    bad: tuple[tuple[int, int], ...]
    """(offset, length) in the table of what is no whole key."""
    data: bytes = field(repr=False)


@dataclass(slots=True)
class Work:
    """Bytes that may still be summed in search of entries; a hostile file has many near misses."""

    left: int = 256 << 20
    exhausted: bool = False


def table_header(data: bytes, at: int = 0) -> tuple[int, int] | None:
    """(index, sequence) of the key table at `at`; None where there is none."""
    head = data[at:at + HEADER]
    if len(head) < HEADER or not head.startswith(_SIGNATURE):
        return None
    _, index, sequence, crc = _TABLE.unpack(head)
    return (index, sequence) if crc == checksum(head, 6) else None


def claimed_index(data: bytes) -> int | None:
    """The index in a header whose checksum need not hold."""
    return _TABLE.unpack_from(data)[1] if len(data) >= HEADER else None


def read_table(data: bytes, at: int, *, wide: bool, work: Work) -> Table:
    """The table in `data`, which lies at `at`; `wide` names are UTF-16."""
    index, sequence = table_header(data) or (None, None)
    entries, bad = read_entries(data, HEADER, wide=wide, work=work)
    return Table(at, index, sequence, entries, tuple(bad), data)


def read_entries(data: bytes, at: int, *, wide: bool,
                 work: Work) -> tuple[dict[int, Entry], list[tuple[int, int]]]:
    """Entries from `at` to the end of `data`, by offset; and what is none."""
    entries: dict[int, Entry] = {}
    bad: list[tuple[int, int]] = []
    while at + _ENTRY.size < len(data):
        entry = read_entry(data, at, wide=wide)
        if entry is not None:
            entries[at] = entry
            at += entry.size
        elif (free := _free_size(data, at)) is not None:
            at += free
        else:
            following = _next(data, at, wide=wide, work=work)
            bad.append((at, following - at))
            at = following
    return entries, bad


def read_entry(data: bytes, at: int, *, wide: bool) -> Entry | None:
    """The entry at `at` if its checksum holds; its slack may be cut by the end of `data`."""
    end = _end(data, at, wide=wide)
    if end is None:
        return None
    kind, flags, size, table, offset, crc, sequence, symbols = _ENTRY.unpack_from(data, at)
    summed = zlib.crc32(data[at:at + _CRC_AT])
    summed = zlib.crc32(data[at + _CRC_AT + 4:end], zlib.crc32(bytes(4), summed))
    if summed != crc:
        return None
    start = at + _ENTRY.size + symbols * (2 if wide else 1)
    name = _name(data[at + _ENTRY.size:start], wide=wide)
    has_length = kind in (STRING, ARRAY) and not flags & IN_FILE_OBJECT
    return Entry(at, kind, flags, size, (table, offset), sequence, name,
                 data[start + 4 * has_length:end], data[end:at + size])


def _end(data: bytes, at: int, *, wide: bool) -> int | None:
    """Where the data of an entry would end, by its header; None where it can be no entry."""
    if at + _ENTRY.size > len(data):
        return None
    kind, flags, size, _, _, _, _, symbols = _ENTRY.unpack_from(data, at)
    if kind not in _TYPES or flags > _MOST_FLAGS or not symbols:
        return None
    start = at + _ENTRY.size + symbols * (2 if wide else 1)
    length = _POINTER if flags & IN_FILE_OBJECT else _LENGTHS.get(kind)
    if length is None:
        length = 4 + int.from_bytes(data[start:start + 4], "little")
    end = start + length
    return end if end <= min(at + size, len(data)) else None


def _name(data: bytes, *, wide: bool) -> str:
    """A name without its NUL; bytes that are no text become lone surrogates."""
    if wide:
        return data.decode("utf-16-le", "surrogatepass").removesuffix("\0")
    return data.decode("utf-8", "surrogateescape").removesuffix("\0")


def _free_size(data: bytes, at: int) -> int | None:
    """Bytes of the free entry at `at`; it has no checksum, so its other fields must be zero."""
    if at + _ENTRY.size > len(data) or data[at] != _FREE:
        return None
    _, _, size, table, offset, crc, _, symbols = _ENTRY.unpack_from(data, at)
    plain = not (table or offset or crc or symbols)
    return size if plain and _ENTRY.size <= size <= len(data) - at else None


def _next(data: bytes, at: int, *, wide: bool, work: Work) -> int:
    """Where the entry after the bad one at `at` starts: where its size says, if one is there."""
    told = at + int.from_bytes(data[at + 2:at + 6], "little")
    if at + _ENTRY.size < told <= len(data) and (
            told + _ENTRY.size >= len(data) or _starts(data, told, wide=wide, work=work)):
        return told
    return next((there for there in _candidates(data, at + 1)
                 if _starts(data, there, wide=wide, work=work)), len(data))


def _candidates(data: bytes, at: int) -> Iterator[int]:
    while (match := _START.search(data, at)) is not None:
        yield match.start()
        at = match.start() + 1


def _starts(data: bytes, at: int, *, wide: bool, work: Work) -> bool:
    free = _free_size(data, at)
    if free is not None:
        body = data[at + _ENTRY.size:at + free]
        return body.count(_FILLER) == len(body) > 0
    end = _end(data, at, wide=wide)
    if end is None or work.exhausted:
        return False
    work.left -= end - at
    work.exhausted = work.left < 0
    return read_entry(data, at, wide=wide) is not None


def find_entries(data: bytes, *, wide: bool, work: Work) -> dict[int, Entry]:
    """Every entry anywhere in `data`, by offset; what lies inside another is not looked at."""
    found: dict[int, Entry] = {}
    end = 0
    for at in _candidates(data, 0):
        if at >= end and data[at] != _FREE and _starts(data, at, wide=wide, work=work):
            entry = read_entry(data, at, wide=wide)
            assert entry is not None
            found[at] = entry
            end = at + entry.size - len(entry.slack)
    return found
