"""Batch: many records of one kind as columns, for what a volume has by the hundred thousand.

Who knows records alone, as the supervisor does, has no need of NumPy: it is not loaded here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from analyzer.records.record import Record
from analyzer.source import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.columns import Texts

Column: TypeAlias = "Texts | NDArray[Any] | str | int | bool | None"
"""Values of a column, or one that all rows have. A masked array has None where it is masked."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """The same as `count` records of `kind` one by one, in a plugin's yield too.

    columns   by the names that columns have in tables (`source_path`); what is not there has the
              default of the record
    subjects  `describe()` of each record
    """

    kind: type[Record]
    count: int
    columns: Mapping[str, Column]
    subjects: "Texts"
    system_id: str = ""
    vm_id: str = ""
    snapshot_id: str = ""

    def records(self) -> Iterator[Record]:
        """One by one, for who does not want columns."""
        ids = {"system_id": self.system_id, "vm_id": self.vm_id, "snapshot_id": self.snapshot_id}
        for values in zip(*(self._values(name) for name in self.columns), strict=True):
            row = dict(zip(self.columns, values, strict=True))
            source = Source(**{name.removeprefix("source_"): row.pop(name)
                               for name in self.columns if name.startswith("source_")})
            yield self.kind(source=source, **ids, **row)

    def _values(self, name: str) -> list[Any]:
        value = self.columns[name]
        if value is None or isinstance(value, str | int):
            return [value] * self.count
        return value.tolist()


def masked(values: "NDArray[np.int64]", is_none: "NDArray[np.bool_]") -> "NDArray[np.int64]":
    """A column that is None where `is_none` says so."""
    import numpy as np

    column: NDArray[np.int64] = np.ma.MaskedArray(values, is_none)
    return column
