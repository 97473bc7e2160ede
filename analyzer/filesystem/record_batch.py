"""Many MFT records at once: numpy over a batch, the same reading as mft.py's one by one.

What is common is decoded here: fix-ups, header, $STANDARD_INFORMATION, each $FILE_NAME, the size
of the unnamed stream. A record that is damaged or unusual in any way is only named as such
(`is_clean`, `is_plain`), and mft.py reads it: nothing is decided here that is decided there.

All attributes of all records are gone through together, the first of each record, then the
second of each, and so on. Attributes are aligned to 8 bytes; a record where one is not, is not
clean.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzer.columns import spread
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
_NAME_AT: Final = 66
_ALIGNED: Final = 8


@dataclass(frozen=True, slots=True)
class Attributes:
    """Columns, one row an attribute, the first of each record before the second of each.

    record  row of the record      at  offset in the batch, in words of 8 bytes
    kind    attribute type         shape, body  the second and third word of its header
    """

    record: Ints
    at: Ints
    kind: Longs
    shape: Longs
    body: Longs

    def only(self, chosen: Flags) -> "Attributes":
        """Some of the rows."""
        return Attributes(self.record[chosen], self.at[chosen], self.kind[chosen],
                          self.shape[chosen], self.body[chosen])

    @property
    def is_outside(self) -> Flags:
        """Non-resident."""
        found: Flags = self.shape & 0xFF != 0
        return found

    @property
    def size(self) -> Ints:
        """Bytes of a resident value."""
        return (self.body & 0xFFFF_FFFF).astype(np.int64)

    @property
    def value(self) -> Ints:
        """Offset of a resident value in the batch, bytes."""
        return (self.body >> 32 & 0xFFFF).astype(np.int64) + self.at * 8


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
    """The bytes of a batch with its sectors repaired, as words; `base` of each record in bytes."""

    def __init__(self, data: Bytes) -> None:
        count, size = data.shape
        self.base = np.arange(count, dtype=np.int64) * size
        self.data = np.empty(data.size + _ROOM, np.uint8)
        self.data[data.size:] = 0
        fixed = self.data[:data.size].reshape(data.shape)
        np.copyto(fixed, data)
        self.is_whole = fix_sectors(fixed, 40)
        self._u16, self._u32 = self.data.view("<u2"), self.data.view("<u4")
        self.u16, self.u64 = self._u16, self.data.view("<u8")

    def word(self, at: Ints) -> Ints:
        """u16 at even offsets."""
        return self._u16.take(at >> 1).astype(np.int64)

    def double(self, at: Ints) -> Ints:
        """u32 at offsets that are multiples of 4."""
        return self._u32.take(at >> 2).astype(np.int64)

    def long(self, at: Ints) -> Longs:
        """u64 at offsets that are multiples of 8."""
        return self.u64.take(at >> 3)


def fix_sectors(data: Bytes, smallest: int) -> Flags:
    """Put back the last words of the sectors of (n, size) structures, in place; which are whole.

    The update sequence may begin at `smallest` bytes.
    """
    count, size = data.shape
    words = data.view("<u2")
    at, length = words[:, 2].astype(np.int64), words[:, 3]
    good: Flags = (at >= smallest) & (at % 2 == 0) & (length == size // SECTOR + 1)
    good &= at <= SECTOR - 2 - 2 * (size // SECTOR + 1)
    start = np.where(good, at, 0) // 2 + np.arange(count) * (size // 2)
    flat = words.reshape(-1)
    number = flat.take(start)
    for sector in range(1, size // SECTOR + 1):
        last = words[:, sector * SECTOR // 2 - 1]
        good = good & (last == number)
        np.copyto(last, flat.take(start + sector), where=good)
    return good


def decode_batch(data: Bytes, number: Ints) -> tuple[Records, Names]:
    """The records in `data` of shape (n, record size), as on disk; `number` of each."""
    size = data.shape[1]
    words = _Words(data)
    signed = data.view("<u4")[:, 0] == FILE
    first, used = words.word(words.base + 20), words.double(words.base + 24)
    clean = signed & words.is_whole & (first >= 48 - 6) & (first % _ALIGNED == 0)
    clean &= (first + 6 <= size) & (used <= size) & (first <= used)
    stored = np.where(words.word(words.base + 4) < NUMBER_AT + 4, 0,
                      words.double(words.base + NUMBER_AT))
    clean &= (stored == 0) | (stored == number & 0xFFFF_FFFF)
    found = _attributes(words, first, used, clean)
    names = found.only((found.kind == AttributeType.FILE_NAME) & ~found.is_outside)
    length = _name_lengths(words, names, clean)
    records = _records(words, found, signed, clean)
    kept = clean[names.record]
    return records, _names(words, names.only(kept), length[kept])


def _attributes(words: _Words, first: Ints, used: Ints, clean: Flags) -> Attributes:
    """Step by step; takes records that break a rule out of `clean`."""
    rows = np.flatnonzero(clean)
    at, end = (words.base + first)[rows] >> 3, (words.base + used)[rows]
    columns: list[tuple[Ints, Ints, Longs, Longs, Longs]] = []
    none = np.zeros(0, np.int64), np.zeros(0, np.uint64)
    last = np.full(len(rows), AttributeType.STANDARD_INFORMATION, np.uint64)
    columns.append((none[0], none[0], none[1], none[1], none[1]))
    while len(rows):
        head, shape, body = (words.u64.take(at + number) for number in range(3))
        kind, length = head & 0xFFFF_FFFF, (head >> 32).astype(np.int64)
        room = end - at * 8
        ended = kind == _END
        good = _is_right(words, at, length, shape, body) & (length <= room) & (room >= 24)
        good &= (kind & 0xF == 0) & (kind >= last)
        clean[rows[np.where(ended, (room > 8) | (room < 4), ~good)]] = False
        good &= ~ended
        if not good.all():
            rows, at, end, length = rows[good], at[good], end[good], length[good]
            kind, shape, body = kind[good], shape[good], body[good]
        last = kind
        columns.append((rows, at, kind, shape, body))
        at = at + (length >> 3)
    return Attributes(*map(np.concatenate, zip(*columns, strict=True)))


def _is_right(words: _Words, at: Ints, length: Ints, shape: Longs, body: Longs) -> Flags:
    """Whether an attribute header says nothing that cannot be."""
    good: Flags = (length >= 24) & (length & 7 == 0)
    name = shape & 0xFF00
    if name.any():
        name_at = (shape >> 16 & 0xFFFF).astype(np.int64)
        good &= (name == 0) | ((name_at >= 16) & (name_at + (name >> 7).astype(np.int64) <= length))
    value, value_at = body & 0xFFFF_FFFF, body >> 32 & 0xFFFF
    right: Flags = (value + value_at).astype(np.int64) <= length
    right &= (value == 0) | (value_at >= 24)
    outside = np.flatnonzero(shape & 0xFF)
    if len(outside):
        right[outside] = _is_right_outside(words, at[outside] * 8, length[outside])
    return good & right


def _is_right_outside(words: _Words, at: Ints, length: Ints) -> Flags:
    vcn, allocated = words.long(at + 16), words.long(at + 40)
    real, initialized = words.long(at + 48), words.long(at + 56)
    runs = words.word(at + 32)
    right: Flags = (length >= 64) & (runs >= 64) & (runs <= length)
    right &= words.data.take(at + 34) <= 16
    right &= (vcn <= MAX_CLUSTERS) & ((allocated | real | initialized) >> 63 == 0)
    return right


def ticks(values: Longs) -> Ints:
    """FILETIMEs as `times.from_filetime` takes them, 0 for None; changes `values`."""
    values[values > LATEST] = 0
    return values.view(np.int64)


def _name_lengths(words: _Words, names: Attributes, clean: Flags) -> Ints:
    """Characters of each $FILE_NAME; takes records with a broken one out of `clean`."""
    size, value = names.size, names.value
    wrong = (size < _NAME_AT) | (value % _ALIGNED != 0)
    length = words.data.take(np.where(wrong, 0, value + 64)).astype(np.int64)
    clean[names.record[wrong | (_NAME_AT + 2 * length > size)]] = False
    return length


def _records(words: _Words, found: Attributes, signed: Flags, clean: Flags) -> Records:
    count = len(words.base)
    data = found.kind == AttributeType.DATA
    # a named stream, or a later piece of the unnamed one, is left to mft.py
    named = data & (found.shape & 0xFF00 != 0)
    special = named | np.isin(found.kind, (AttributeType.ATTRIBUTE_LIST,
                                           AttributeType.REPARSE_POINT))
    kinds = data | np.isin(found.kind, (AttributeType.STANDARD_INFORMATION,
                                        AttributeType.FILE_NAME))
    held, unusual = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    held[found.record[kinds]] = True
    unusual[found.record[special]] = True
    size = _stream_sizes(words, found.only(data & ~named), unusual)
    standard = found.only((found.kind == AttributeType.STANDARD_INFORMATION) & ~found.is_outside)
    times, attributes, security = _standard(words, standard, unusual, clean)
    names = found.only((found.kind == AttributeType.FILE_NAME) & ~found.is_outside)
    names = names.only(clean[names.record])
    _check_times(_four(words, names.value + 8), names.record, unusual, clean)
    flags, base = words.word(words.base + 22), words.long(words.base + 32)
    return Records(signed, signed & (held | ~clean), clean, clean & ~unusual & (base == 0),
                   words.word(words.base + 16), flags & 1 != 0, flags & 2 != 0,
                   base.view(np.int64), size, times, attributes, security)


def _stream_sizes(words: _Words, data: Attributes, unusual: Flags) -> Ints:
    """Bytes of the unnamed stream of each record; one in pieces makes its record unusual."""
    size, count = data.size, len(unusual)
    outside = np.flatnonzero(data.is_outside)
    size[outside] = words.u64.take(data.at[outside] + 6).view(np.int64)
    unusual[data.record[outside[words.u64.take(data.at[outside] + 2) != 0]]] = True
    unusual |= np.bincount(data.record, minlength=count) > 1
    found = np.zeros(count, np.int64)
    found[data.record] = size
    return found


def _standard(words: _Words, found: Attributes, unusual: Flags,
              clean: Flags) -> tuple[Ints, Ints, Ints]:
    """Times (n, 4), flags and security ids of $STANDARD_INFORMATION."""
    count = len(unusual)
    times, flags = np.zeros((count, 4), np.int64), np.zeros(count, np.int64)
    security = np.full(count, -1, np.int64)
    size, at = found.size, found.value
    wrong = (size < 36) | (at % _ALIGNED != 0)
    clean[found.record[wrong]] = False
    unusual |= np.bincount(found.record, minlength=count) > 1
    rows, at, size = found.record[~wrong], at[~wrong], size[~wrong]
    raw = _four(words, at)
    _check_times(raw, rows, unusual, clean)
    times[rows] = ticks(raw)
    flags[rows] = words.double(at + 32)
    long = size >= 56
    security[rows[long]] = words.double(at[long] + 52)
    return times, flags, security


def _four(words: _Words, at: Ints) -> Longs:
    """(n, 4) words of 8 bytes: the times of an attribute."""
    return words.u64.take((at >> 3)[:, None] + np.arange(4))


def _check_times(raw: Longs, record: Ints, unusual: Flags, clean: Flags) -> None:
    """`check_times` and `_lacks_time` for many."""
    clean[record[(raw > LATEST).any(axis=1)]] = False
    unusual[record[(raw == 0).any(axis=1)]] = True


def _names(words: _Words, found: Attributes, length: Ints) -> Names:
    order = np.argsort(found.record, kind="stable")
    record, at, length = found.record[order], found.value[order], length[order]
    place = np.arange(len(record)) - np.searchsorted(record, record)
    parent, space = words.long(at), words.data.take(at + 65).astype(np.int64)
    short = _beside_long(record, parent, space)
    if short.any():
        record, at, length, place = record[~short], at[~short], length[~short], place[~short]
        parent, space = parent[~short], space[~short]
    return Names(record, place, parent, space, ticks(_four(words, at + 8)), length,
                 words.u16.take(spread((at + _NAME_AT) >> 1, length)))


def _beside_long(record: Ints, parent: Longs, space: Ints) -> Flags:
    """Which are DOS names of a record that has another name in the same directory."""
    short: Flags = space == DOS
    if not short.any():
        return short
    directory = np.unique(parent, return_inverse=True)[1]
    key = record * len(record) + directory
    result: Flags = short & np.isin(key, key[~short])
    return result
