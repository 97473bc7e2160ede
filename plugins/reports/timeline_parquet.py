"""The timeline as Parquet."""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from analyzer.plugin import Tables, report
from plugins.reports import text_columns as columns
from plugins.reports.clocks import clocks
from plugins.reports.machine_names import machine_names

_TYPES: Final[dict[str, pa.DataType]] = {
    "datetime": pa.timestamp("us", "UTC"), "ticks": pa.int64(), "timestamp_desc": pa.string(),
    "message": pa.string(), "topic": pa.string(), "table": pa.string(), "vm_id": pa.string(),
    "vm_name": pa.string(), "snapshot_id": pa.string(), "system": pa.string(),
    "source": pa.string(), "detail": pa.string(), "entry": pa.int64(), "offset": pa.int64(),
    "image_offset": pa.int64(), "layer": pa.string(), "evidence": pa.string(),
    "clock": pa.string(), "clock_offset": pa.string()}
SCHEMA: Final = pa.schema(_TYPES)
_GROUP: Final = 1 << 16
"""Rows of a row group; in order of time, so a reader that wants a day reads one or two."""
_GROUP_BYTES: Final = 128 << 20


@report("timeline", "parquet", "timeline.parquet")
def timeline_parquet(tables: Tables, out: BinaryIO) -> None:
    """The columns of `timeline.csv` with their types, for pandas, DuckDB and the like.

    `datetime` has microseconds, `ticks` is the FILETIME without loss. Text is as in the
    evidence: nothing is escaped.
    """
    target = cast("BinaryIO", _Counted(out))
    with pq.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        for group in _groups(_batches(tables)):
            writer.write_table(group, row_group_size=_GROUP)


def _batches(tables: Tables) -> Iterator[pa.RecordBatch]:
    names, known = machine_names(tables), clocks(tables)
    for rows in tables.timeline():
        yield pa.RecordBatch.from_arrays([
            columns.microseconds(rows["at"]).cast(_TYPES["datetime"]), rows["at"], rows["what"],
            rows["subject"], rows["topic"], rows["table"], rows["vm_id"],
            columns.machine(rows, names), rows["snapshot_id"], rows["system_id"],
            columns.address(rows), rows["source_detail"], rows["source_entry"],
            rows["source_offset"], rows["source_image_offset"], rows["source_layer"],
            rows["source_evidence"], known.clock(rows), known.offset(rows)], schema=SCHEMA)


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Row groups of `_GROUP` rows, however the batches are cut; fewer where rows are long."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        while rows + batch.num_rows >= _GROUP:
            taken = _GROUP - rows
            yield pa.Table.from_batches([*held, batch.slice(0, taken)], SCHEMA)
            held, rows, size, batch = [], 0, 0, batch.slice(taken)
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if size >= _GROUP_BYTES:
            yield pa.Table.from_batches(held, SCHEMA)
            held, rows, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held, SCHEMA)


class _Counted(io.RawIOBase):
    """Knows its position by itself: a pipe does not."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._at = out, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: object) -> int:
        self._at += self._out.write(cast("bytes", data))
        return len(cast("bytes", data))
