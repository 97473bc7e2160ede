"""Every file and every $FILE_NAME of a master file table, as columns: the second look.

The directory indexes ($I30) say which names a directory has; each file says in which directory
it is. Where an index is damaged the files still say so, and a deleted file says so for as long
as its record stands. One pass over the table in batches (record_batch.py); records that are not
clean are read one by one (mft.py).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer import attention
from analyzer.columns import Grown, Texts, empty, keep_freed, pick
from analyzer.errors import Corrupt, EvidenceError
from analyzer.filesystem.attributes import FileName, Reference, text
from analyzer.filesystem.mft import MftRecord, name_parents
from analyzer.filesystem.mft_table import MasterFileTable
from analyzer.filesystem.record_batch import (
    Flags,
    Ints,
    Names,
    Records,
    decode_batch,
    make_room,
)

FIRST_USER: Final = 24
"""Records below are reserved; nameless ones among them are normal."""
_BATCH: Final = 4096
_MOST_FIRST: Final = 1 << 21
"""Rows that columns have room for at first, if the table has as many records."""
_UNITS: Final = 32
"""Of each name, in the same."""
_SPARSE: Final = 8
"""Records of the table to one that is a file, above which no list of all of them is made."""
_NUMBER: Final = np.uint64(0xFFFF_FFFF_FFFF)
_DOT, _SPACE, _SLASH, _BACKSLASH = 46, 32, 47, 92


class NameRow(NamedTuple):
    """One $FILE_NAME: its row in the index, the file's base record, the name."""

    row: int
    record: MftRecord
    name: FileName


@dataclass(frozen=True, eq=False)
class Files:
    """The clean records that hold a file, in order of their MFT number; see Records for columns."""

    number: Ints
    sequence: Ints
    in_use: Flags
    is_directory: Flags
    is_plain: Flags
    size: Ints
    file_attributes: Ints
    security: Ints

    def find(self, numbers: Ints) -> Ints:
        """The row of each MFT number, -1 where it is none of them."""
        if not len(self.number):
            return np.full(len(numbers), -1)
        if self._row_of is not None:
            return self._row_of.take(numbers, mode="clip").astype(np.int64)
        rows = np.minimum(np.searchsorted(self.number, numbers), len(self.number) - 1)
        return np.where(self.number[rows] == numbers, rows, -1)

    @cached_property
    def _row_of(self) -> NDArray[np.int32] | None:
        """The row of every MFT number and of one more; None for a table that is mostly holes."""
        end = int(self.number[-1]) + 1
        if end > _SPARSE * len(self.number):
            return None
        rows = np.full(end + 1, -1, np.int32)
        rows[self.number] = np.arange(len(self.number))
        return rows

    def are_named_by(self, rows: Ints, sequences: Ints) -> Flags:
        """`MftRecord.is_named_by` for many; `rows` are not -1."""
        own = self.sequence[rows]
        result: Flags = (sequences == 0) | (sequences == own)
        rest = np.flatnonzero(~result)
        result[rest] = ~self.in_use[rows[rest]] & (own[rest] == sequences[rest] % 0xFFFF + 1)
        return result


@dataclass(frozen=True, eq=False)
class NameIndex:
    """Columns of equal length, one row a name, sorted by parent, then number.

    number   MFT number of the file         holder  record that holds the name, and at which
    place    place in its `names`           parent  MFT number of the directory
    parent_sequence                         nameless  numbers of files without any name
    file     row in `files`, -1 for records that are not clean
    unsigned how many records, from FIRST_USER up to the last with the signature FILE, lack it
    space, length                           as in record_batch.Names, for clean records
    start    of the name in `units`         is_odd  a name that Windows would not make
    times    (n, 8) ticks, 0 for none: those of the holder's $STANDARD_INFORMATION, of the name;
             as they were met, for they are many bytes: those of a row are at `met`
    """

    table: MasterFileTable
    files: Files
    nameless: tuple[int, ...]
    unsigned: int
    units: NDArray[np.uint16]
    times: Ints
    met: Ints
    number: Ints
    holder: Ints
    place: Ints
    parent: Ints
    parent_sequence: Ints
    space: Ints
    length: Ints
    start: Ints
    is_odd: Flags

    @classmethod
    def build(cls, table: MasterFileTable) -> "NameIndex":
        """One pass over the table; records that cannot be read are reported to it."""
        rows = min(table.count, _MOST_FIRST)
        return _Pass(table, Grown("qq???qqq", rows), Grown("qqqqqqqq?", rows),
                     Grown(["8q"], rows), Grown("H", rows * _UNITS)).run()

    def __len__(self) -> int:
        return len(self.number)

    @cached_property
    def file(self) -> Ints:
        """See the class."""
        return self.files.find(self.number)

    @cached_property
    def is_plain(self) -> Flags:
        """Names whose entry follows from these columns and those of `files` alone."""
        plain: Flags = (self.file >= 0) & (self.holder == self.number) & ~self.is_odd
        plain[plain] = self.files.is_plain[self.file[plain]]
        return plain

    @cached_property
    def is_ours(self) -> Flags:
        """Names whose directory is still the one they mean, both of them clean."""
        above = self.files.find(self.parent)
        ours: Flags = (above >= 0) & (self.file >= 0) & (self.number != self.parent)
        ours[ours] = self.files.are_named_by(above[ours], self.parent_sequence[ours])
        return ours

    def texts(self, rows: Ints) -> list[str]:
        """The names of rows; "" where the record is not clean."""
        length = self.length[rows]
        units = pick(self.units, self.start[rows], length)
        last = np.cumsum(length)
        starts, ends = (last - length).tolist(), last.tolist()
        if ((units & 0xF800) == 0xD800).any():
            raw = units.tobytes()
            return [text(raw[2 * low:2 * high]) for low, high in zip(starts, ends, strict=True)]
        whole = units.tobytes().decode("utf-16-le")
        return [whole[low:high] for low, high in zip(starts, ends, strict=True)]

    def plain_texts(self, rows: Ints) -> Texts:
        """The names of plain rows as a column."""
        length = self.length[rows]
        return Texts.of_utf16(pick(self.units, self.start[rows], length), length)

    def raws(self, rows: Ints) -> list[bytes]:
        """The names of rows as on disk."""
        length = self.length[rows]
        whole, last = pick(self.units, self.start[rows], length).tobytes(), 2 * np.cumsum(length)
        return [whole[low:high] for low, high in zip((last - 2 * length).tolist(), last.tolist(),
                                                     strict=True)]

    def raw(self, row: int) -> bytes:
        """The name as on disk."""
        low = int(self.start[row])
        return self.units[low:low + int(self.length[row])].tobytes()

    def rows(self, parent: int) -> range:
        """Rows of the names that say they are in directory `parent`."""
        low, high = np.searchsorted(self.parent, [parent, parent + 1])
        return range(int(low), int(high))

    def rows_of(self, number: int) -> list[int]:
        """Rows of the names of one file."""
        return [int(row) for row in np.flatnonzero(self.number == number)]

    def get(self, row: int) -> NameRow | None:
        """One row with its record; None, and reported, where a record cannot be had."""
        number, holder = int(self.number[row]), int(self.holder[row])
        try:
            record = self.table.record(number)
            names = record.names
            if holder != number:
                names = self.table.extension(record, Reference(holder, 0)).names
            if self.place[row] >= len(names):
                raise Corrupt("a name in it lies behind damage")
            return NameRow(row, record, names[int(self.place[row])])
        except EvidenceError as error:
            self.table.report_record(number, error)
            return None

    def parent_of(self, row: int) -> Reference:
        """What the name says its directory is."""
        return Reference(int(self.parent[row]), int(self.parent_sequence[row]))


@dataclass(slots=True)
class _Pass:
    """The columns of a table, batch by batch."""

    table: MasterFileTable
    files: Grown
    names: Grown
    times: Grown
    units: Grown
    nameless: list[int] = field(default_factory=list)
    signed: int = 0
    end: int = FIRST_USER

    def run(self) -> NameIndex:
        size = self.table.boot.record_size
        keep_freed()
        room = make_room(min(_BATCH, self.table.count), size)
        for numbers in self.table.batches(_BATCH, room):
            attention.progress()
            records, names = decode_batch(room, size, numbers)
            self._count(numbers[records.is_signed])
            self._take_files(numbers, records)
            self._take_names(numbers, records, names)
            self._take_others(numbers, room[:len(numbers) * size].reshape(-1, size), records)
        met = self.names.items
        number, holder, place, parent = met[:4]
        order = np.lexsort((place, holder, number, parent))
        named = set(number[number != holder].tolist())
        nameless = sorted(number for number in self.nameless if number not in named)
        columns = empty([column.dtype for column in met], len(order))
        for column, items in zip(columns, met, strict=True):
            items.take(order, out=column, mode="clip")
        (units,), (times,) = self.units.fitted(), self.times.fitted()
        return NameIndex(self.table, Files(*self.files.fitted()), tuple(nameless),
                         self.end - FIRST_USER - self.signed, units, times, order, *columns)

    def _count(self, signed: Ints) -> None:
        """Windows leaves the last of the reserved records empty, and those it never used."""
        signed = signed[signed >= FIRST_USER]
        self.signed += len(signed)
        self.end = max(self.end, int(signed.max(initial=0)) + 1)

    def _take_files(self, numbers: Ints, records: Records) -> None:
        kept = np.flatnonzero(records.is_file & records.is_clean & (records.base == 0))
        self.files.add(*(column.take(kept) for column in (
            numbers, records.sequence, records.in_use, records.is_directory, records.is_plain,
            records.size, records.file_attributes, records.security)))

    def _take_names(self, numbers: Ints, records: Records, names: Names) -> None:
        base = records.base[names.record].view(np.uint64)
        holder = numbers[names.record]
        number = np.where(base == 0, holder, (base & _NUMBER).astype(np.int64))
        start = np.cumsum(names.length) - names.length
        is_odd = _are_odd(names, start)
        self.names.add(
            number, holder, names.place, (names.parent & _NUMBER).astype(np.int64),
            (names.parent >> np.uint64(48)).astype(np.int64), names.space,
            names.length, start + len(self.units), is_odd)
        self.times.add(np.concatenate(
            [records.standard.take(names.record, axis=0), names.times], axis=1))
        self.units.add(names.units)
        alone = records.is_file & records.is_clean & (records.base == 0)
        alone[names.record] = False
        # Windows 10 fills new records with times and empty data before their first use
        alone &= records.in_use | ~records.is_plain | (records.size != 0)
        self.nameless += numbers[alone & (numbers >= FIRST_USER)].tolist()

    def _take_others(self, numbers: Ints, data: NDArray[np.uint8], records: Records) -> None:
        """Records that are not clean, one by one."""
        odd = np.flatnonzero(~records.is_clean)
        if not self.table.image.ledger.ranges:
            odd = odd[data.view("<u4")[odd, 0] != 0]
        for row in odd:
            self._take_other(int(numbers[row]), self.table.raw(int(numbers[row])))

    def _take_other(self, number: int, data: bytes) -> None:
        try:
            found = name_parents(data)
        except Corrupt as error:
            self.table.report_record(number, error)
            return
        if found is None:
            if data[:4] != b"FILE" and (any(data[:4]) or self.table.is_lost(number)):
                self.table.report_record(number, Corrupt(f"it begins with {data[:4]!r}"))
            return
        base, names = found
        file = Reference.of(base).number if base else number
        if not names and not base and number >= FIRST_USER:
            self.nameless.append(number)
        for place, parent in names:
            directory = Reference.of(parent)
            row = (file, number, place, directory.number, directory.sequence, 0, 0, 0, True)
            self.names.add(*(np.array([value]) for value in row))
            self.times.add(np.zeros((1, 8), np.int64))


def _are_odd(names: Names, start: Ints) -> Flags:
    """Names that `entries.is_odd` may find odd, and those with surrogates."""
    units = names.units
    strange = (units < _SPACE) | (units == _SLASH) | (units == _BACKSLASH)
    strange |= units & 0xF800 == 0xD800
    odd: Flags = names.length == 0
    places = np.flatnonzero(strange)
    if len(places):
        odd[np.searchsorted(start + names.length, places, side="right")] = True
    dots = (names.length <= len("..")) & ~odd
    odd[dots] = units[start[dots]] == _DOT
    return odd
