"""Schema of a table: the fields of a record as Arrow columns.

`source` becomes seven columns `source_evidence` ... `source_layer`; int is int64, a tuple of
text is a list of strings, `X | None` is nullable, and nothing else is.
"""

import types
from dataclasses import dataclass, fields
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import pyarrow as pa

from analyzer.records import TABLES, Record, column_types
from analyzer.source import Source

_ARROW: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    bool: pa.bool_(),
    float: pa.float64(),
    tuple[str, ...]: pa.list_(pa.field("item", pa.string(), nullable=False)),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, where a record holds it (`source.path`), its type."""

    name: str
    attribute: str
    type: pa.DataType
    nullable: bool

    @property
    def is_time(self) -> bool:
        """True for ticks (times.py)."""
        return (self.name == "at" or self.name.endswith("_at")) and pa.types.is_int64(self.type)


def _column(name: str, attribute: str, hint: Any) -> Column:
    nullable = get_origin(hint) in (Union, types.UnionType)
    if nullable:
        (hint,) = (a for a in get_args(hint) if a is not type(None))
    if hint not in _ARROW:
        raise TypeError(f"field {attribute}: a table cannot hold {hint}")
    return Column(name, attribute, _ARROW[hint], nullable)


_KNOWN: Final[dict[type[Record], tuple[Column, ...]]] = {}


def columns(record: type[Record]) -> tuple[Column, ...]:
    """Columns of a record's table, those of its source first."""
    if record not in _KNOWN:
        _KNOWN[record] = _columns(record)
    return _KNOWN[record]


def _columns(record: type[Record]) -> tuple[Column, ...]:
    hints = get_type_hints(Source)
    found = [_column(f"source_{f.name}", f"source.{f.name}", hints[f.name])
             for f in fields(Source)]
    found += [_column(name, name, hint) for name, hint in column_types(record).items()
              if name != "source"]
    return tuple(found)


def arrow_schema(record: type[Record]) -> pa.Schema:
    """The same as an Arrow schema."""
    return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in columns(record)])


def table_columns(table: str) -> tuple[Column, ...]:
    """Columns of a table by its name; KeyError where there is no such table."""
    return columns(TABLES[table])
