"""Partitions: `tables/<table>/<task>.parquet`, one file per table and finished task.

A partition is written under a temporary name, flushed to the disk and renamed, so that a file
under its final name is whole. Rows stand in the total order of their columns inside each block
of `BLOCK` rows (which bounds memory; readers sort across blocks and partitions). Events stand in
order of time, in sixteen row groups a block, so that who wants a day of them reads one of the
sixteen. The bytes depend on the rows alone: no time, no host, no random name is stored in them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from glob import escape
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analyzer.case.batches import batch_events, batch_table, looks_stored, storable
from analyzer.case.schema import Column, arrow_schema, columns
from analyzer.case.whole_files import sync, sync_directory, temporary_for
from analyzer.records import Batch, Event, Record, events, table_name

BLOCK: Final = 131_072
"""Rows sorted together; also the rows of a Parquet row group, but for events."""
EVENTS: Final = BLOCK // 16
"""Events in a row group."""
_UNFIT = (TypeError, ValueError, OverflowError)  # Arrow's own conversion errors derive from these


def _array(values: Sequence[Any], column: Column) -> Any:
    """One column; text that UTF-8 cannot hold is escaped (text.to_storable)."""
    is_list = pa.types.is_list(column.type)
    if not is_list and not pa.types.is_string(column.type):
        return pa.array(values, type=column.type)
    try:
        array: Any = pa.array(values, type=column.type)
    except UnicodeEncodeError:
        return pa.array([storable(v) for v in values], type=column.type)
    if looks_stored(array.flatten() if is_list else array):
        return pa.array([storable(v) for v in values], type=column.type)
    return array


def _in_order(table: pa.Table) -> pa.Table:
    """Rows in the total order of all columns, None last; those of events by time first."""
    keys: Any = table
    for i, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            texts: Any = table.column(i).cast(pa.list_(pa.string()))
            keys = keys.set_column(i, field.name, pc.binary_join(texts, "\x1f"))
    names = sorted(keys.column_names, key=lambda name: name != "at")
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in names])
    return table.take(order)


class _Partition:
    """The rows of one table of one task on their way to the disk."""

    def __init__(self, record: type[Record], path: Path) -> None:
        self.columns = columns(record)
        self.schema = arrow_schema(record)
        self.values = attrgetter(*(c.attribute for c in self.columns))
        self.path = path
        self.temporary = temporary_for(path)
        self.rows: list[tuple[Any, ...]] = []
        self.held: list[pa.Table] = []
        """What came before `rows`, as tables already."""
        self.written = 0
        self.unfit: list[str] = []
        self._writer: pq.ParquetWriter | None = None

    def _table(self, rows: list[tuple[Any, ...]]) -> pa.Table:
        arrays = [_array(values, column)
                  for values, column in zip(zip(*rows, strict=True), self.columns, strict=True)]
        for array, column in zip(arrays, self.columns, strict=True):
            if array.null_count and not column.nullable:
                raise ValueError(f"column {column.name} cannot be None")
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _fitting(self) -> list[tuple[Any, ...]]:
        """Rows that fit the schema; what does not is named in `unfit`."""
        fitting = []
        for row in self.rows:
            try:
                self._table([row])
            except _UNFIT as error:
                self.unfit.append(f"{self.path.parent.name}: {error}"[:300])
            else:
                fitting.append(row)
        return fitting

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        return len(self.rows) + sum(table.num_rows for table in self.held)

    def add(self, row: tuple[Any, ...]) -> None:
        self.rows.append(row)
        if self.waiting >= BLOCK:
            self.flush()

    def add_table(self, table: pa.Table) -> None:
        """Many rows; a block ends where it would had they come one by one."""
        self._hold()
        while table.num_rows:
            part = table.slice(0, BLOCK - self.waiting)
            table = table.slice(part.num_rows)
            self.held.append(part)
            if self.waiting >= BLOCK:
                self.flush()

    def _hold(self) -> None:
        """Make a table of `rows`; what does not fit is named in `unfit`."""
        if not self.rows:
            return
        try:
            self.held.append(self._table(self.rows))
        except _UNFIT:
            fitting = self._fitting()
            if fitting:
                self.held.append(self._table(fitting))
        self.rows = []

    def flush(self) -> None:
        """Sort and write the rows held."""
        self._hold()
        if not self.held:
            return
        table = pa.concat_tables(self.held).combine_chunks()
        self.held = []
        if self._writer is None:
            self.path.parent.mkdir(exist_ok=True)
            self._writer = pq.ParquetWriter(self.temporary, self.schema, compression="zstd")
        group = EVENTS if "at" in table.column_names else BLOCK
        self._writer.write_table(_in_order(table), row_group_size=group)
        self.written += table.num_rows

    def close(self) -> bool:
        """Finish the temporary file; False where there is none."""
        if self._writer is None:
            return False
        self._writer.close()
        sync(self.temporary)
        return True

    def discard(self) -> None:
        self.rows, self.held = [], []
        self.temporary.unlink(missing_ok=True)


class PartitionWriter:
    """Takes the records of one task and writes its partitions, the timeline's included.

    Use as a context manager: leaving it normally puts the partitions in place, leaving it by
    an exception removes what was written. `rows` counts by table; `unfit` names records that
    do not fit the schema of their table (our bug) and were left out.
    """

    def __init__(self, tables: Path, task: str) -> None:
        self._tables, self._task = tables, task
        self._partitions: dict[type[Record], _Partition] = {}

    def __enter__(self) -> "PartitionWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is None:
            self._commit()
        else:
            for partition in self._partitions.values():
                partition.discard()

    def add(self, record: Record) -> None:
        """Take a record, and the events that it declares."""
        self._take(record)
        for event in events(record):
            self._take(event)

    def add_batch(self, batch: Batch) -> None:
        """Take many records, and the events that they declare."""
        table = batch_table(batch)
        self._partition(batch.kind).add_table(table)
        self._partition(Event).add_table(batch_events(batch, table))

    def extend(self, records: Iterable[Record]) -> None:
        for record in records:
            self.add(record)

    def _take(self, record: Record) -> None:
        kind = type(record)
        partition = self._partition(kind)
        partition.add(partition.values(record))

    def _partition(self, kind: type[Record]) -> _Partition:
        partition = self._partitions.get(kind)
        if partition is None:
            path = self._tables / table_name(kind) / f"{self._task}.parquet"
            partition = self._partitions[kind] = _Partition(kind, path)
        return partition

    def flush(self) -> list[str]:
        """Bring all rows into the temporary files; the descriptions of records left out."""
        unfit = []
        for partition in self._partitions.values():
            partition.flush()
            unfit += partition.unfit
            partition.unfit = []
        return unfit

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table, those not flushed yet included."""
        return {table_name(kind): p.written + p.waiting
                for kind, p in sorted(self._partitions.items(), key=lambda i: table_name(i[0]))}

    def _commit(self) -> None:
        try:
            self.flush()
            finished = [p for p in self._partitions.values() if p.close()]
        except BaseException:  # Ctrl-C too: nothing half-written is left; it goes on up
            for partition in self._partitions.values():
                partition.discard()
            raise
        for partition in finished:
            partition.temporary.replace(partition.path)
            sync_directory(partition.path.parent)
        if finished:
            sync_directory(self._tables)


def coverage_of(tables: Path, task_id: str) -> Counter[str]:
    """How many places the steps of a task have covered, by state; each row once."""
    paths = sorted(tables.glob(f"coverage/{escape(task_id)}+*.parquet"))
    rows = {tuple(row.items()) for path in paths for row in pq.read_table(path).to_pylist()}
    return Counter(dict(row)["state"] for row in rows)
