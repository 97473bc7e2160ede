"""Many MFT records at once: numpy over a batch, the same reading as mft.py's one by one.

What is common is decoded here: fix-ups, header, $STANDARD_INFORMATION, each $FILE_NAME, the size
of the unnamed stream. A record that is damaged or unusual in any way is only named as such
(`is_clean`, `is_plain`), and mft.py reads it: nothing is decided here that is decided there.

All attributes of all records are gone through together, the first of each record, then the
second of each, and so on. Attributes are aligned to 8 bytes; a record where one is not, is not
clean. Each value is picked up with one look-up, whatever its size: going to memory is what costs.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzer.columns import memory, spread
from analyzer.filesystem.attributes import DOS, MAX_CLUSTERS, AttributeType
from analyzer.filesystem.mft import NUMBER_AT, SECTOR
from analyzer.times import LATEST

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Longs = NDArray[np.uint64]
Flags = NDArray[np.bool_]
FILE: Final = int.from_bytes(b"FILE", "little")
_END: Final = 0xFFFF_FFFF
_ROOM: Final = 128
"""Bytes behind the last record, so that a look past its end needs no check."""
_HEADER: Final = 48
_NAME_AT: Final = 66
_STANDARD: Final = 56
"""Bytes of $STANDARD_INFORMATION that are looked at."""
_WORD: Final = 8
_UPDATE_AT: Final = 40
"""Least offset of the update sequence."""
_NAME: Final = 72
"""Bytes of a $FILE_NAME that are looked at."""
_SHORT_STANDARD: Final = 36
_SMALLEST: Final = np.uint64(24 << 32)
"""The first word of an attribute: its type, its length above that."""
_UNALIGNED: Final = np.uint64(7 << 32 | 0xF)


@dataclass(frozen=True, slots=True)
class Values:
    """Columns, one row a resident value: its record's row, its offset in the batch and its size,
    in bytes."""

    record: Ints
    at: Ints
    size: Ints


@dataclass(frozen=True, slots=True)
class Attributes:
    """Columns, one row an attribute, the first of each record before the second of each.

    record  row of the record      at  offset in the batch, in words of 8 bytes
    kind    attribute type         shape, body  the second and third word of its header
    is_outside  non-resident
    """

    record: Ints
    at: Ints
    kind: NDArray[np.uint32]
    shape: Longs
    body: Longs
    is_outside: Flags

    def only(self, chosen: Flags) -> "Attributes":
        """Some of the rows."""
        rows = np.flatnonzero(chosen)
        return Attributes(self.record.take(rows), self.at.take(rows), self.kind.take(rows),
                          self.shape.take(rows), self.body.take(rows), self.is_outside.take(rows))

    def values(self, kind: AttributeType) -> Values:
        """Of the resident attributes of one type."""
        rows = np.flatnonzero((self.kind == kind) & ~self.is_outside)
        at, body = self.at.take(rows) * _WORD, self.body.take(rows)
        return Values(self.record.take(rows), at + (body >> 32 & 0xFFFF).view(np.int64),
                      (body & 0xFFFF_FFFF).view(np.int64))


@dataclass(frozen=True, slots=True)
class Records:
    """Columns, one row a record; times are ticks, 0 where there is none.

    is_file   a FILE record that holds something of a file, or that is not clean
    is_clean  all of it was decoded here
    is_plain  clean, and nothing but these columns is needed to say what the file is
    security  id, -1 in the short form of NTFS 1.2
    """

    is_signed: Flags
    is_file: Flags
    is_clean: Flags
    is_plain: Flags
    sequence: Ints
    in_use: Flags
    is_directory: Flags
    base: Ints
    size: Ints
    standard: Ints
    file_attributes: Ints
    security: Ints


@dataclass(frozen=True, slots=True)
class Names:
    """Columns, one row a $FILE_NAME of a clean record; DOS names beside a long one left out.

    place  which of its record's names     parent  64-bit file reference
    times  (n, 4) ticks, 0 for none         units   UTF-16 of all, `length` of each
    """

    record: Ints
    place: Ints
    parent: Longs
    space: Ints
    times: Ints
    length: Ints
    units: NDArray[np.uint16]


class _Words:
    """Records with their sectors repaired, in place, as words of 8 bytes; `base` of each record
    in words."""

    def __init__(self, room: Bytes, count: int, size: int) -> None:
        self.base = np.arange(count) * (size // _WORD)
        self.data = room[:count * size + _ROOM]
        self.data[count * size:] = 0
        self.is_whole = fix_sectors(self.data[:count * size].reshape(count, size), _UPDATE_AT)
        self.u64 = self.data.view("<u8")

    def take(self, at: Ints, size: int) -> Bytes:
        """`size` bytes, a multiple of 8, at each place, given in words: (n, size)."""
        windows = np.ndarray(((len(self.data) - size) // _WORD + 1,), f"V{size}", self.data.data,
                             strides=(_WORD,))
        return windows[at].view(np.uint8).reshape(-1, size)


def make_room(count: int, size: int) -> Bytes:
    """Room for `count` records of `size` bytes, which `decode_batch` works in."""
    return memory(count * size + _ROOM)


def fix_sectors(data: Bytes, smallest: int) -> Flags:
    """Put back the last words of the sectors of (n, size) structures, in place; which are whole.

    The update sequence may begin at `smallest` bytes.
    """
    count, size = data.shape
    words, sectors = data.view("<u2"), size // SECTOR
    at, flat = words[:, 2].astype(np.int64), words.reshape(-1)
    good: Flags = (at >= smallest) & (at <= SECTOR - 2 - 2 * (sectors + 1))
    good &= (at & 1 == 0) & (words[:, 3] == sectors + 1)
    start = np.where(good, at >> 1, 0) + np.arange(count) * (size // 2)
    number = flat.take(start)
    for sector in range(1, sectors + 1):
        last = words[:, sector * SECTOR // 2 - 1]
        good &= last == number
        np.copyto(last, flat.take(start + sector), where=good)
    return good


def decode_batch(room: Bytes, size: int, number: Ints) -> tuple[Records, Names]:
    """The records of `size` bytes, as on disk, at the beginning of `room`; `number` of each.

    Their sectors are repaired in place.
    """
    words = _Words(room, len(number), size)
    head = words.take(words.base, _HEADER)
    shorts, halves = head.view("<u2"), head.view("<u4")
    signed = halves[:, 0] == FILE
    first, used = shorts[:, 10].astype(np.int64), halves[:, 6].astype(np.int64)
    clean = signed & words.is_whole & (first >= _HEADER - 6) & (first & 7 == 0)
    clean &= (first + 6 <= size) & (used <= size) & (first <= used)
    stored = np.where(shorts[:, 2] < NUMBER_AT + 4, 0, halves[:, 11])
    clean &= (stored == 0) | (stored == number & 0xFFFF_FFFF)
    found = _attributes(words, first, used, clean)
    names = _sound(found.values(AttributeType.FILE_NAME), _NAME_AT, clean)
    values = words.take(names.at >> 3, _NAME)
    clean[names.record[_NAME_AT + 2 * values[:, 64].astype(np.int64) > names.size]] = False
    unusual = np.zeros(len(clean), np.bool_)
    _check_times(values.view("<u8")[:, 1:5], names.record, unusual, clean)
    records = _records(words, head, found, signed, unusual, clean)
    return records, _names(words, names, values, clean)


def _attributes(words: _Words, first: Ints, used: Ints, clean: Flags) -> Attributes:
    """Step by step; takes records that break a rule out of `clean`."""
    rows = np.flatnonzero(clean)
    at, end = words.base[rows] + (first[rows] >> 3), words.base[rows] + (used[rows] >> 3)
    last = np.full(len(rows), AttributeType.STANDARD_INFORMATION, np.uint32)
    columns: list[tuple[Ints, Ints, Longs]] = [(rows[:0], at[:0], np.zeros(0, np.uint64))]
    while len(rows):
        head = words.u64.take(at)
        kind, after = head.astype(np.uint32), at + (head >> 35).view(np.int64)
        good = (after <= end) & (kind >= last) & (head >= _SMALLEST) & (kind != _END)
        if not good.all():
            stopped = np.flatnonzero(~good)
            row = rows[stopped]
            rest = used[row] - (at[stopped] - words.base[row]) * _WORD
            clean[row[(kind[stopped] != _END) | (rest > _WORD) | (rest < _WORD // 2)]] = False
            keep = np.flatnonzero(good)
            rows, at, end, head = rows[keep], at[keep], end[keep], head[keep]
            kind, after = kind[keep], after[keep]
        columns.append((rows, at, head))
        last, at = kind, after
    record, at, head = map(np.concatenate, zip(*columns, strict=True))
    shape = words.u64[1:].take(at)
    found = Attributes(record, at, head.astype(np.uint32), shape, words.u64[2:].take(at),
                       shape & 0xFF != 0)
    right = _is_right(words, found, head)
    if right.all():
        return found
    clean[record[~right]] = False
    return found.only(right)


def _is_right(words: _Words, found: Attributes, head: Longs) -> Flags:
    """Whether an attribute header says nothing that cannot be."""
    good: Flags = head & _UNALIGNED == 0
    length = head >> np.uint64(32)
    shape = found.shape
    named = np.flatnonzero(shape & 0xFF00)
    if len(named):
        name, name_at = shape[named] >> 8 & 0xFF, shape[named] >> 16 & 0xFFFF
        good[named] &= (name_at >= 16) & (name_at + 2 * name <= length[named])
    value, value_at = found.body & 0xFFFF_FFFF, found.body >> 32 & 0xFFFF
    right: Flags = (value + value_at <= length) & ((value == 0) | (value_at >= 24))
    outside = np.flatnonzero(found.is_outside)
    if len(outside):
        right[outside] = _is_right_outside(words, found.at[outside], length[outside])
    return good & right


def _is_right_outside(words: _Words, at: Ints, length: Longs) -> Flags:
    header = words.take(at, 64)
    longs = header.view("<u8")
    runs, sizes = header.view("<u2")[:, 16], longs[:, 5] | longs[:, 6] | longs[:, 7]
    right: Flags = (length >= 64) & (runs >= 64) & (runs <= length) & (header[:, 34] <= 16)
    right &= (longs[:, 2] <= MAX_CLUSTERS) & (sizes >> 63 == 0)
    return right


def _check_times(raw: Longs, record: Ints, unusual: Flags, clean: Flags) -> None:
    """`check_times` and `_lacks_time` for many."""
    if not (raw - np.uint64(1) >= LATEST).any():  # 0 becomes the largest of all
        return
    clean[record[(raw > LATEST).any(axis=1)]] = False
    unusual[record[(raw == 0).any(axis=1)]] = True


def _sound(found: Values, smallest: int, clean: Flags) -> Values:
    """The values of at least `smallest` bytes; takes records with another out of `clean`."""
    good = (found.size >= smallest) & (found.at % _WORD == 0)
    if good.all():
        return found
    clean[found.record[~good]] = False
    return Values(found.record[good], found.at[good], found.size[good])


def _records(words: _Words, head: Bytes, found: Attributes, signed: Flags, unusual: Flags,
             clean: Flags) -> Records:
    count, kind = len(signed), found.kind
    data = kind == AttributeType.DATA
    # a named stream, or a later piece of the unnamed one, is left to mft.py
    named = data & (found.shape & 0xFF00 != 0)
    special = named | (kind == AttributeType.ATTRIBUTE_LIST) | (kind == AttributeType.REPARSE_POINT)
    is_standard = kind == AttributeType.STANDARD_INFORMATION
    held = np.zeros(count, np.bool_)
    held[found.record[data | is_standard | (kind == AttributeType.FILE_NAME)]] = True
    unusual[found.record[special]] = True
    size = _stream_sizes(words, found.only(data & ~named), unusual)
    standard = found.values(AttributeType.STANDARD_INFORMATION)
    times, attributes, security = _standard(words, standard, unusual, clean)
    shorts, base = head.view("<u2"), head.view("<i8")[:, 4].copy()
    sequence, flags = shorts[:, 8].astype(np.int64), shorts[:, 11]
    return Records(signed, signed & (held | ~clean), clean, clean & ~unusual & (base == 0),
                   sequence, flags & 1 != 0, flags & 2 != 0, base, size, times, attributes,
                   security)


def _stream_sizes(words: _Words, data: Attributes, unusual: Flags) -> Ints:
    """Bytes of the unnamed stream of each record; one in pieces makes its record unusual."""
    size, count = (data.body & 0xFFFF_FFFF).view(np.int64), len(unusual)
    outside = np.flatnonzero(data.is_outside)
    if len(outside):
        header = words.take(data.at[outside], 64).view("<i8")
        size[outside] = header[:, 6]
        unusual[data.record[outside[header[:, 2] != 0]]] = True
    unusual |= np.bincount(data.record, minlength=count) > 1
    found = np.zeros(count, np.int64)
    found[data.record] = size
    return found


def _standard(words: _Words, found: Values, unusual: Flags,
              clean: Flags) -> tuple[Ints, Ints, Ints]:
    """Times (n, 4), flags and security ids of $STANDARD_INFORMATION."""
    count = len(unusual)
    times, flags = np.zeros((count, 4), np.int64), np.zeros(count, np.int64)
    security = np.full(count, -1, np.int64)
    unusual |= np.bincount(found.record, minlength=count) > 1
    found = _sound(found, _SHORT_STANDARD, clean)
    rows, values = found.record, words.take(found.at >> 3, _STANDARD)
    raw = values.view("<u8")[:, :4]
    _check_times(raw, rows, unusual, clean)
    times[rows] = raw.view(np.int64)
    halves = values.view("<u4")
    flags[rows] = halves[:, 8]
    security[rows] = np.where(found.size >= _STANDARD, halves[:, 13].astype(np.int64), -1)
    return times, flags, security


def _names(words: _Words, found: Values, values: Bytes, clean: Flags) -> Names:
    record, at, kept = found.record, found.at, clean[found.record]
    if not kept.all() or (record[1:] < record[:-1]).any():
        rows = np.flatnonzero(kept)
        rows = rows[np.argsort(record[rows], kind="stable")]
        record, at, values = record[rows], at[rows], values.take(rows, axis=0)
    longs = values.view("<u8")
    place, short = _beside_others(record, longs[:, 0], values[:, 65])
    if short.any():
        rows = np.flatnonzero(~short)
        record, at, place = record[rows], at[rows], place[rows]
        values = values.take(rows, axis=0)
        longs = values.view("<u8")
    length = values[:, 64].astype(np.int64)
    units = words.data.view("<u2").take(spread((at + _NAME_AT) >> 1, length))
    return Names(record, place, longs[:, 0].copy(), values[:, 65].astype(np.int64),
                 longs[:, 1:5].view(np.int64), length, units)


def _beside_others(record: Ints, parent: Longs, space: Bytes) -> tuple[Ints, Flags]:
    """Of each name its place among those of its record, and whether it is a DOS name beside
    another one in the same directory.

    The names of one record stand together: each is held against the next, the one after it...
    """
    place, beside = np.zeros(len(record), np.int64), np.zeros(len(record), np.bool_)
    short: Flags = space == DOS
    for step in range(1, len(record)):
        rows = np.flatnonzero(record[step:] == record[:-step])
        if not len(rows):
            break
        place[rows + step] = step
        rows = rows[parent[rows] == parent[rows + step]]
        beside[rows[short[rows] & ~short[rows + step]]] = True
        beside[rows[~short[rows] & short[rows + step]] + step] = True
    return place, beside
