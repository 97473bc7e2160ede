"""Deleted keys that still stand, whole, in the free cells of a hive.

Freeing a cell makes its size positive and joins it with free neighbours; what it held stays
until it is used again. A key is taken only where all of it makes sense: its mark, flags, name,
time and the bounds of its old cell, and a parent that is a key of the hive or another deleted
one. Values are given where their list and each of them are whole; `lost_values` counts the rest.

Bounds: MOST keys of one hive, MOST_VALUES of one key.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer import times
from analyzer.formats.hive import LARGEST_VALUE, Hive
from analyzer.formats.hive_cells import BINS
from analyzer.formats.hive_value import Value

MOST: Final = 100_000
MOST_VALUES: Final = 1_000
_DEEPEST: Final = 512
_KEY, _VALUE = 76, 20
_ASCII_NAME, _KNOWN_FLAGS = 0x20, 0x70FF
_EARLIEST = times.parse_iso("1993-01-01T00:00:00Z")
_LATEST = times.parse_iso("2100-01-01T00:00:00Z")


@dataclass(frozen=True, slots=True)
class DeletedKey:
    r"""One deleted key.

    path         from the root, `ControlSet001\Services\x`; its parents may be deleted too
    offset       of its nk in the hive
    values       those that are whole
    lost_values  how many it had besides
    """

    path: str
    last_written_at: int
    offset: int
    values: tuple[Value, ...]
    lost_values: int


def deleted_keys(hive: Hive) -> Iterator[DeletedKey]:
    """Every deleted key that is whole, in order of its place. Raises nothing."""
    data = hive.data
    found = {at: name for start, end in _free(data) for at, name in _keys(data, start, end)}
    for at, name in list(found.items())[:MOST]:
        folders = _parents(hive, found, at)
        if folders is None:
            continue
        written = times.from_filetime(struct.unpack_from("<Q", data, at + 4)[0])
        count = struct.unpack_from("<I", data, at + 36)[0]
        values = _values(data, at, min(count, MOST_VALUES))
        assert written is not None  # _keys looks only at plausible times
        yield DeletedKey("\\".join([*folders, name]), written, at, values,
                         count - len(values) if count <= MOST_VALUES else 0)


def _free(data: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of each free cell's content, bin by bin; a bad bin is left out."""
    at = BINS
    while at + 32 <= len(data) and data[at:at + 4] == b"hbin":
        size = int.from_bytes(data[at + 8:at + 12], "little")
        if size < 4096 or size % 4096:
            return
        end, cell = min(at + size, len(data)), at + 32
        while cell + 8 <= end:
            (length,) = struct.unpack_from("<i", data, cell)
            if not length or abs(length) % 8 or cell + abs(length) > end:
                break
            if length > 0:
                yield cell + 4, cell + length
            cell += abs(length)
        at += size


def _keys(data: bytes, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Places and names of the old keys in one free cell; cells began at multiples of 8."""
    at = data.find(b"nk", start, end)
    while at >= 0:
        name = _name(data, at, end) if (at - 4) % 8 == 0 else None
        if name is not None:
            yield at, name
        at = data.find(b"nk", at + 2, end)


def _name(data: bytes, at: int, end: int) -> str | None:
    """The name of the key at `at`; None where something of it makes no sense."""
    if at + _KEY > end:
        return None
    flags, written = struct.unpack_from("<HQ", data, at + 2)
    length = int.from_bytes(data[at + 72:at + 74], "little")
    if flags & ~_KNOWN_FLAGS or not 0 < length <= 512 or at + _KEY + length > end:
        return None
    if not _EARLIEST <= written < _LATEST or \
            abs(struct.unpack_from("<i", data, at - 4)[0]) < 4 + _KEY + length:
        return None
    raw = data[at + _KEY:at + _KEY + length]
    try:
        name = raw.decode("latin-1" if flags & _ASCII_NAME else "utf-16-le")
    except UnicodeDecodeError:
        return None
    return name if name.isprintable() and "\\" not in name else None


def _parents(hive: Hive, deleted: dict[int, str], at: int) -> list[str] | None:
    """Names from the root down to the parent; None where they lead to no root."""
    data, names, seen = hive.data, list[str](), set[int]()
    here = at
    while here != hive.root.offset:
        here = BINS + 4 + struct.unpack_from("<I", data, here + 16)[0]
        if here in seen or len(seen) >= _DEEPEST or here + _KEY > len(data):
            return None
        seen.add(here)
        if here == hive.root.offset:
            break
        name = deleted.get(here) or (_live_name(data, here))
        if name is None:
            return None
        names.append(name)
    return names[::-1]


def _live_name(data: bytes, at: int) -> str | None:
    """The name of a key in use at `at`."""
    (size,) = struct.unpack_from("<i", data, at - 4)
    if size >= 0 or data[at:at + 2] != b"nk" or at - 4 - size > len(data):
        return None
    return _name(data, at, at - 4 - size)


def _values(data: bytes, key: int, count: int) -> tuple[Value, ...]:
    """The values whose list, head and data are whole."""
    where = struct.unpack_from("<I", data, key + 40)[0]
    room = _room(data, where)
    values = []
    for number in range(min(count, room // 4)):
        (offset,) = struct.unpack_from("<I", data, BINS + where + 4 + 4 * number)
        value = _value(data, offset)
        if value is not None:
            values.append(value)
    return tuple(values)


def _room(data: bytes, offset: int) -> int:
    """Bytes of content of the cell, in use or free, at `offset`; 0 where there is none."""
    at = BINS + offset
    if offset % 8 or offset < 32 or at + 8 > len(data):
        return 0
    size = abs(struct.unpack_from("<i", data, at)[0])
    return size - 4 if size % 8 == 0 and at + size <= len(data) else 0


def _value(data: bytes, offset: int) -> Value | None:
    room, at = _room(data, offset), BINS + offset + 4
    if room < _VALUE or data[at:at + 2] != b"vk":
        return None
    length, size, where, kind, flags = struct.unpack_from("<HIIIH", data, at + 2)
    if _VALUE + length > room:
        return None
    name = data[at + _VALUE:at + _VALUE + length].decode(
        "latin-1" if flags & 1 else "utf-16-le", "replace")
    if size & 0x80000000:
        size &= 0x7FFFFFFF
        return Value(name, kind, where.to_bytes(4, "little")[:size], at) if size <= 4 else None
    if size > min(LARGEST_VALUE, _room(data, where)):
        return None
    return Value(name, kind, data[BINS + where + 4:BINS + where + 4 + size], at)
