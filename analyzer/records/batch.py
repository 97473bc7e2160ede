"""Batch: many records of one class as columns, where one object for each would cost too much.

Says the same as its records one by one; only tables with hundreds of thousands of rows need it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analyzer.records.record import Record
from analyzer.source import Source

_SOURCE = "source."


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """`count` records of class `record`.

    columns   field (`size`, `source.path`) -> its value in all records, or a list or numpy array
              with one value a record; masked where it is None. A field that is missing has its
              default
    subjects  what `describe` says of each record
    """

    record: type[Record]
    count: int
    columns: Mapping[str, Any]
    subjects: Sequence[str]

    def records(self) -> Iterator[Record]:
        """The same, one by one."""
        columns = {name: column_values(column, self.count)
                   for name, column in self.columns.items()}
        for values in zip(*columns.values(), strict=True):
            row = dict(zip(columns, values, strict=True))
            source = Source(**{name.removeprefix(_SOURCE): row.pop(name)
                               for name in list(row) if name.startswith(_SOURCE)})
            yield self.record(source=source, **row)


def column_values(column: Any, count: int) -> list[Any]:
    """The value in each record."""
    if isinstance(column, list):
        return column
    return column.tolist() if isinstance(column, np.ndarray) else [column] * count
