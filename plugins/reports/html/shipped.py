"""A table beside the pages: its rows in chunks, and the index that says what is in which.

The index is JSON in the envelope of a chunk (chunks.py), numbered -1:

    name, rows, columns [[name, kind]], time (the column that rows are sorted by, "" for none),
    chunks [[rows, first time, last time]] (times are decimal text, null where none),
    facets {column: {values [[text, rows]], chunks [[index of a value, ...], ...]}}

A page that filters by a facet or by time loads only the chunks that can have such rows.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from analyzer.plugin import Tables
from plugins.reports.html.chunks import Chunk, script
from plugins.reports.text_columns import pc

ROWS: Final = 16_384
"""Rows of a chunk: what a browser unpacks without a pause that one notices."""
BYTES: Final = 8 << 20
"""A chunk of longer rows has fewer: a path may have 32,767 characters."""
FACETS: Final = ("vm_id", "system_id", "snapshot_id", "what", "table", "topic", "code", "severity",
                 "certainty", "state", "verdict", "channel", "provider", "meaning", "trace",
                 "subject", "ace", "sid", "owner_sid", "account_name", "kind", "group", "plugin",
                 "feature", "device", "medium", "is_current", "understood")
"""Columns that a page offers as filters, where they have few values."""
_VALUES: Final = 400
_IDS: Final = {"vm_id": 5_000, "system_id": 5_000, "snapshot_id": 5_000}
"""Most values of a filter."""


@dataclass(slots=True)
class _Facet:
    """The values of one column over all chunks."""

    most: int
    places: dict[str, int] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    chunks: list[list[int]] = field(default_factory=list)

    def add(self, texts: list[str], counts: list[int]) -> bool:
        """Take what one chunk has; False where it becomes too many."""
        present = []
        for text, count in zip(texts, counts, strict=True):
            place = self.places.setdefault(text, len(self.places))
            if place == len(self.counts):
                self.counts.append(0)
            self.counts[place] += count
            present.append(place)
        self.chunks.append(sorted(present))
        return len(self.places) <= self.most

    def to_json(self) -> dict[str, Any]:
        """As the index has it."""
        return {"values": list(zip(self.places, self.counts, strict=True)), "chunks": self.chunks}


class Shipment:
    """One table on its way into `folder`."""

    def __init__(self, folder: Path, table: str, time: str) -> None:
        self._folder, self._table, self._time = folder, table, time
        self._chunks: list[tuple[int, str | None, str | None]] = []
        self._facets: dict[str, _Facet] = {}
        self._columns: list[tuple[str, str]] = []
        self.rows = 0

    def add(self, rows: pa.Table) -> None:
        """Write a chunk."""
        if not self._columns:
            self._columns = [(f.name, _kind(f)) for f in rows.schema]
            self._facets = {name: _Facet(_IDS.get(name, _VALUES)) for name, kind in self._columns
                            if name in FACETS and kind == "text"
                            and not (self._time and name == "subject")}
        times = frozenset(name for name, kind in self._columns if kind == "time")
        chunk = Chunk(rows, times)
        data = chunk.encode(frozenset(self._facets))
        for name, (texts, counts) in chunk.texts.items():
            if not self._facets[name].add(texts, counts):
                del self._facets[name]
        self._write(len(self._chunks), data)
        self._chunks.append((rows.num_rows, *self._span(rows)))
        self.rows += rows.num_rows

    def _span(self, rows: pa.Table) -> tuple[str | None, str | None]:
        if not self._time:
            return None, None
        ends = pc.min_max(rows.column(self._time)).as_py()
        first, last = (None if end is None else str(end) for end in (ends["min"], ends["max"]))
        return first, last

    def close(self) -> None:
        """Write the index."""
        index = {"name": self._table, "rows": self.rows, "columns": self._columns,
                 "time": self._time, "chunks": self._chunks,
                 "facets": {name: facet.to_json() for name, facet in self._facets.items()
                            if len(facet.places) > 1}}
        self._write(-1, json.dumps(index, separators=(",", ":")).encode())

    def _write(self, number: int, data: bytes) -> None:
        name = f"{self._table}-{number}" if number >= 0 else self._table
        (self._folder / f"{name}.js").write_bytes(script(self._table, number, data))


def _kind(column: "pa.Field[Any]") -> str:
    if pa.types.is_int64(column.type):
        return "time" if column.name == "at" or column.name.endswith("_at") else "int"
    return "bool" if pa.types.is_boolean(column.type) else \
        "list" if pa.types.is_list(column.type) else "text"


def ship(tables: Tables, table: str, folder: Path, time: str = "") -> int:
    """Write all rows of a table; how many there are. Nothing is written of an empty one."""
    shipment = Shipment(folder, table, time)
    batches = tables.timeline() if table == "event" else tables.batches(table, time)
    for rows in _gathered(batches):
        shipment.add(rows)
    if shipment.rows:
        shipment.close()
    return shipment.rows


def _gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches put together until there are ROWS rows or BYTES bytes."""
    held: list[pa.RecordBatch] = []
    count = size = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, ROWS - count)
            held.append(part)
            start += part.num_rows
            count, size = count + part.num_rows, size + part.nbytes
            if count == ROWS or size >= BYTES:
                yield pa.Table.from_batches(held)
                held, count, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held)
