"""A case as a dict of table name -> records: the test double of a stored case."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

import pandas as pd

from analyzer.records import TABLES, Record, events, table_name
from analyzer.source import Source


def row(record: Record) -> dict[str, Any]:
    """A record as a row of its table."""
    values: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Source):
            values |= {f"source_{f.name}": getattr(value, f.name) for f in fields(Source)}
        else:
            values[field.name] = list(value) if isinstance(value, tuple) else value
    return values


class FakeTables:
    """Implements plugin.Tables over records in memory; events are projected as the engine does."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records: dict[str, list[Record]] = {name: [] for name in TABLES}
        for record in records:
            self.records[table_name(type(record))].append(record)
            self.records["event"].extend(events(record))

    def frame(self, table: str) -> pd.DataFrame:
        return pd.DataFrame(list(self.rows(table)))

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        return map(row, self.records[table])

    def counts(self, table: str, column: str) -> dict[Any, int]:
        return dict(Counter(values[column] for values in self.rows(table)))

    def files(self) -> Iterator[dict[str, Any]]:
        return self.rows("file_entry")

    def timeline(self) -> Iterator[dict[str, Any]]:
        return iter(sorted(self.rows("event"), key=lambda event: event["at"]))


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
