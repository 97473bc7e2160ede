"""Extensible Storage Engine databases (ESE, .mdb): rows of named tables, read as they stand.

    offset 4    u32 signature 89ABCDEFh
    offset 8    u32 version, 232 u32 revision
    offset 52   u32 state: 1 just made, 2 dirty, 3 clean, 4 being converted, 5 forced
    offset 236  u32 bytes of a page; page n begins at (n + 1) pages

    page: 0 u32 XOR of all u32 from 8 on and of the page's number, 4 u32 error correction
          (before revision 11: 0 u32 XOR of all from 4 on and of 89ABCDEFh, 4 u32 number)

libesedb reads pages and rows; nothing else imports it. It does not verify checksums: that is done
here, and a page whose checksum is wrong is given to it as zeros, so that none of its rows is
taken for whole. A database that was not shut down is read without its logs and that is said.

Bounds: LARGEST bytes, MOST_ROWS rows of one table. Source: libyal libesedb, "Extensible Storage
Engine (ESE) Database File (EDB) format".
"""

import io
import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyesedb

from analyzer.errors import Corrupt, Notice, NotThisFormat, Unsupported

LARGEST: Final = 512 << 20
MOST_ROWS: Final = 200_000
MOST_PAGES: Final = 100
"""Bad pages that are listed one by one."""
_SIGNATURE: Final = 0x89ABCDEF
_CLEAN: Final = 3
_CHECKED: Final = (4096, 8192)
"""Sizes of pages with one checksum; larger ones have four, which are not verified."""
_STATES: Final = {1: "just made", 2: "dirty: not shut down", 4: "being converted", 5: "forced"}
Row = dict[str, bytes | None]
"""Column -> raw value; None where it has none."""


class Database:
    """One database in memory. `notices` grows while rows are read."""

    def __init__(self, data: bytes) -> None:
        """Raises NotThisFormat, Unsupported above LARGEST, and Corrupt."""
        if len(data) < 256 or struct.unpack_from("<I", data, 4)[0] != _SIGNATURE:
            raise NotThisFormat("no ESE database", 4)
        if len(data) > LARGEST:
            raise Unsupported(f"database of {len(data)} bytes: more than {LARGEST}")
        self.notices: list[Notice] = []
        state, = struct.unpack_from("<I", data, 52)
        if state != _CLEAN:
            self.notices.append(Notice(
                "ESE-DIRTY", f"state {state} ({_STATES.get(state, 'unknown')})",
                "read as it stands, without its logs: its last changes may be missing", 52, 4))
        data = self._verified(data)
        self._file = pyesedb.file()
        try:
            self._file.open_file_object(io.BytesIO(data))
            self._tables = {table.name: table for table in self._file.tables}
        except (OSError, MemoryError, UnicodeError) as error:
            raise Corrupt(f"the catalogue cannot be read: {_first_line(error)}") from error

    def columns(self, table: str) -> dict[str, int]:
        """Column -> type of a table (8 date, 12 long text, 16 GUID ...); empty if it is absent."""
        found = self._tables.get(table)
        try:
            return {column.name: column.type for column in found.columns} if found else {}
        except (OSError, UnicodeError) as error:
            raise Corrupt(f"columns of {table} cannot be read: {_first_line(error)}") from error

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table, none where it is absent; those that cannot be read are noted."""
        found = self._tables.get(table)
        if found is None:
            return
        names = list(self.columns(table))
        try:
            count = found.get_number_of_records()
        except (OSError, MemoryError) as error:
            raise Corrupt(f"rows of {table} cannot be found: {_first_line(error)}") from error
        for number in range(min(count, MOST_ROWS)):
            try:
                record = found.get_record(number)
                size = min(len(names), record.get_number_of_values())
                yield {names[at]: record.get_value_data(at) for at in range(size)}
            except (OSError, MemoryError) as error:
                self._lost(table, f"row {number}: {_first_line(error)}")
        if count > MOST_ROWS:
            self._lost(table, f"{count} rows, of which {MOST_ROWS} are read")

    def _verified(self, data: bytes) -> bytes:
        """The same with zeros for each page that has another checksum than it says."""
        size, = struct.unpack_from("<I", data, 236)
        if size not in _CHECKED:
            self.notices.append(Notice("ESE-CHECKSUM", f"pages of {size} bytes",
                                       "their checksums are not verified", 236, 4))
            return data
        whole = len(data) // size * size
        words = np.frombuffer(data[:whole], "<u4").reshape(-1, size // 4)
        sums = np.bitwise_xor.reduce(words[:, 2:], axis=1)
        numbers = np.maximum(np.arange(len(words), dtype=np.int64) - 1, 0).astype("<u4")
        old = sums ^ words[:, 1] ^ np.uint32(_SIGNATURE)
        is_bad = (words[:, 0] != sums ^ numbers) & (words[:, 0] != old) & words.any(axis=1)
        bad = [int(number) for number in np.flatnonzero(is_bad)]
        copy = bytearray(data)
        for number in bad[:MOST_PAGES]:
            self.notices.append(Notice("ESE-PAGE", f"the checksum of page {number - 1} is wrong",
                                       "its rows are not read", number * size, size))
        for number in bad:
            if number:
                copy[number * size:(number + 1) * size] = bytes(size)
        if len(bad) > MOST_PAGES:
            self.notices.append(Notice("ESE-PAGE", f"{len(bad)} pages with a wrong checksum, of "
                                       f"which {MOST_PAGES} are listed", "none is read"))
        return bytes(copy) if bad else data

    def _lost(self, table: str, what: str) -> None:
        """Noted once for each table, with the first row that is lost."""
        if not any(notice.what.startswith(f"{table}: ") for notice in self.notices):
            self.notices.append(Notice("ESE-ROW", f"{table}: {what}", "such rows are missing"))


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]
