"""A case's tables for several readers in a row: what one of them sorted, the next ones find."""

from collections.abc import Callable, Iterator
from itertools import islice
from tempfile import TemporaryFile
from typing import Final
from weakref import finalize

import pyarrow as pa

from analyzer.case.folder import Case
from analyzer.case.query import CaseTables

_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4")
_SMALL: Final = 1 << 20
"""Bytes of a table that is kept in memory; there are some fifty tables, most of a few rows."""


class KeptTables(CaseTables):
    """Gives the same as CaseTables.

    A small table is kept in memory. The timeline is kept in a file without a name in the folder
    of the case, which is gone with this object: 35 bytes an event, and a twentieth of the time
    that sorting takes. Raises OSError where the disk is full.
    """

    def __init__(self, case: Case, heard: Callable[[], None]) -> None:
        super().__init__(case, heard=heard)
        self._small: dict[tuple[str, str], list[pa.RecordBatch]] = {}
        self._kept: pa.ipc.RecordBatchFileReader | None = None

    def forget(self, table: str) -> None:
        """Read a table anew when it is next asked for: a task has written to it."""
        super().forget(table)
        self._small = {key: kept for key, kept in self._small.items() if key[0] != table}
        if table == "event":
            self._kept = None

    def batches(self, table: str, first: str = "") -> Iterator[pa.RecordBatch]:
        """A whole table in order, in batches; kept where it is one small batch."""
        if (table, first) in self._small:
            self._heard()
            yield from self._small[table, first]
            return
        batches = super().batches(table, first)
        begin = list(islice(batches, 2))
        if len(begin) < 2 and sum(batch.nbytes for batch in begin) <= _SMALL:
            self._small[table, first] = begin
        yield from begin
        yield from batches

    def timeline(self) -> Iterator[pa.RecordBatch]:
        """Rows of `event` in order of time."""
        if self._kept is None:
            yield from self._keeping()
            return
        for place in range(self._kept.num_record_batches):
            self._heard()
            yield self._kept.get_batch(place)

    def _keeping(self) -> Iterator[pa.RecordBatch]:
        """Sort; kept once all has been read."""
        batches = super().timeline()
        first = next(batches, None)
        if first is None:
            return
        file = TemporaryFile(dir=self._case.root)  # noqa: SIM115 - as long as this object
        finalize(self, file.close)
        with pa.ipc.new_file(file, first.schema, options=_OPTIONS) as kept:
            kept.write(first)
            yield first
            for batch in batches:
                kept.write(batch)
                yield batch
        self._kept = pa.ipc.open_file(file)
