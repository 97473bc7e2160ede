"""Every $FILE_NAME of a master file table by its directory: the second look at what exists.

The directory indexes ($I30) say which names a directory has; each file says in which directory
it is. Where an index is damaged the files still say so, and a deleted file says so for as long
as its record stands.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.blocks import Kind
from analyzer.errors import Corrupt, EvidenceError
from analyzer.filesystem.attributes import FileName, Reference
from analyzer.filesystem.mft import MftRecord, name_parents
from analyzer.filesystem.mft_table import MasterFileTable

FIRST_USER: Final = 24
"""Records below are reserved; nameless ones among them are normal."""


class NameRow(NamedTuple):
    """One $FILE_NAME: its row in the index, the file's base record, the name."""

    row: int
    record: MftRecord
    name: FileName


@dataclass(frozen=True, slots=True, eq=False)
class NameIndex:
    """Columns of equal length, sorted by parent, then number.

    number   MFT number of the file         holder  record that holds the name, and at which
    place    place in its `names`           parent  MFT number of the directory
    parent_sequence                         nameless  numbers of files without any name
    """

    table: MasterFileTable
    number: NDArray[np.int64]
    holder: NDArray[np.int64]
    place: NDArray[np.int64]
    parent: NDArray[np.int64]
    parent_sequence: NDArray[np.int64]
    nameless: tuple[int, ...]

    @classmethod
    def build(cls, table: MasterFileTable) -> "NameIndex":
        """One pass over the table; records that cannot be read are reported to it."""
        columns = [array("q") for _ in range(5)]
        nameless: dict[int, None] = {}
        for number, base, names in _scan(table):
            file = Reference.of(base).number if base else number
            if not names and not base and number >= FIRST_USER:
                nameless[number] = None
            for place, parent in names:
                reference = Reference.of(parent)
                row = (file, number, place, reference.number, reference.sequence)
                for column, value in zip(columns, row, strict=True):
                    column.append(value)
        arrays = [np.array(column, np.int64) for column in columns]
        order = np.lexsort((arrays[2], arrays[1], arrays[0], arrays[3]))
        file_, holder, place_, parent_, sequence = (column[order] for column in arrays)
        named = set(file_[file_ != holder].tolist())
        return cls(table, file_, holder, place_, parent_, sequence,
                   tuple(number for number in nameless if number not in named))

    def __len__(self) -> int:
        return len(self.number)

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


def _scan(table: MasterFileTable) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Number, base reference and `name_parents` of each record that holds a file."""
    for number in _numbers(table):
        data = table.raw(number)
        try:
            names = name_parents(data)
        except Corrupt as error:
            table.report_record(number, error)
            continue
        if names is not None:
            yield number, *names
        elif data[:4] != b"FILE" and (any(data[:4]) or table.is_lost(number)):
            table.report_record(number, Corrupt(f"it begins with {data[:4]!r}"))


def _numbers(table: MasterFileTable) -> Iterator[int]:
    """The records of the table that lie in the volume, in order, without its holes."""
    size, after = table.boot.record_size, 0
    for extent in table.map:
        if extent.kind == Kind.DATA:
            first = max(after, extent.start // size)
            after = min(table.count, -(-extent.end // size))
            yield from range(first, after)
