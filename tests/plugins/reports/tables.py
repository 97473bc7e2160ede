"""A case as a dict of table name -> records: the test double of a stored case."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from analyzer.case.schema import arrow_schema
from analyzer.records import TABLES, Record, events, table_name
from analyzer.source import Source
from analyzer.text import to_storable

BATCH = 7
"""Rows of a batch; the engine has some thousand."""


def _stored(value: Any) -> Any:
    if isinstance(value, str):
        return to_storable(value)
    return [to_storable(text) for text in value] if isinstance(value, tuple) else value


def row(record: Record) -> dict[str, Any]:
    """A record as a row of its table, its text as a table can hold it."""
    values: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Source):
            values |= {f"source_{f.name}": _stored(getattr(value, f.name))
                       for f in fields(Source)}
        else:
            values[field.name] = _stored(value)
    return values


class FakeTables:
    """Implements plugin.Tables over records in memory; events are projected as the engine does."""

    zone = "UTC"

    def __init__(self, records: Iterable[Record]) -> None:
        self.records: dict[str, list[Record]] = {name: [] for name in TABLES}
        for record in records:
            self.records[table_name(type(record))].append(record)
            self.records["event"].extend(events(record))

    def frame(self, table: str) -> pd.DataFrame:
        return pd.DataFrame(list(self.rows(table)))

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        return map(row, self.records[table])

    def matching(self, table: str, column: str, values: Collection[str]) \
            -> Iterator[dict[str, Any]]:
        wanted = {value.lower() for value in values}
        return (found for found in self.rows(table)
                if found[column].rpartition("\\")[2].lower() in wanted)

    def batches(self, table: str, first: str = "") -> Iterator[pa.RecordBatch]:
        rows = list(self.rows(table))
        if first:
            rows.sort(key=lambda values: (values[first] is None, values[first] or 0))
        return _batches(table, rows)

    def counts(self, table: str, column: str) -> dict[Any, int]:
        return dict(Counter(values[column] for values in self.rows(table)))

    def events(self) -> list[dict[str, Any]]:
        """Rows of the timeline one by one."""
        return sorted(self.rows("event"), key=lambda event: event["at"])

    def files(self) -> Iterator[pa.RecordBatch]:
        return _batches("file_entry", list(self.rows("file_entry")))

    def timeline(self) -> Iterator[pa.RecordBatch]:
        return _batches("event", self.events())


def _batches(table: str, rows: list[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(TABLES[table])
    for start in range(0, len(rows), BATCH):
        yield pa.RecordBatch.from_pylist(rows[start:start + BATCH], schema)


def with_text(record: Record, change: Callable[[str], str]) -> Record:
    """The record with every text that is not empty changed, those of its source included."""
    new: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Source):
            texts = {f.name: getattr(value, f.name) for f in fields(Source)}
            changed: dict[str, Any] = {name: change(text) for name, text in texts.items()
                                       if isinstance(text, str) and text}
            new[field.name] = replace(value, **changed)
        elif isinstance(value, str) and value:
            new[field.name] = change(value)
        elif isinstance(value, tuple):
            new[field.name] = tuple(map(change, value))
    return replace(record, **new)
