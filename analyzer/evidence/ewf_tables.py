"""EWF-E01 tables: where each chunk of the media lies.

    table section body
     0  4  number of entries
     8  8  base offset, added to each entry
    20  4  Adler-32 of bytes 0 to 19
    24  4 each: bit 31 compressed, bits 0 to 30 offset of the chunk in the file less the base
     …  4  Adler-32 of the entries

`table2` repeats `table`. A chunk ends where the next begins, the last one of a table where its
`sectors` section ends. EnCase 6.7 writes segments over 2 GiB: once an entry's low 31 bits are
smaller than those before, it and all after it are whole 32-bit offsets of chunks stored as
they are.
Source: J. Metz, "Expert Witness Compression Format specification", "Table section".
"""

import struct
from array import array
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.errors import Corrupt, Unsupported
from analyzer.evidence.ewf_sections import Section, adler_ok, broken, read_file
from analyzer.evidence.ledger import Ledger
from analyzer.evidence.segment import Segment

_HEADER: Final = 24
_MOST_ENTRIES: Final = 1 << 24
"""64 MiB of table; known writers stay at 65,534 entries."""
_COMPRESSED: Final = 0x8000_0000


class Place(NamedTuple):
    """Where a chunk lies in its file; `length` is the most it can have."""

    segment: Segment
    offset: int
    length: int
    compressed: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table: the entries of chunks `first` to `first + count - 1`.

    entries  offset of the first entry in the file
    base     added to each entry
    low, high  body of the `sectors` section that holds the chunks
    usable   False where neither table nor table2 passes its checksum
    """

    segment: Segment
    first: int
    count: int
    entries: int
    base: int
    low: int
    high: int
    usable: bool


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a table; from row `wide` on they are whole 32-bit offsets."""

    table: Table
    values: "array[int]"
    wide: int

    def place(self, row: int) -> Place | None:
        """Where the chunk of `row` lies; None where the entry points out of its section."""
        table = self.table
        start = self._offset(row)
        end = self._offset(row + 1) if row + 1 < table.count else table.high
        if not table.low <= start < table.high:
            return None
        if not start < end <= table.high:
            end = table.high
        compressed = row < self.wide and self.values[row] & _COMPRESSED != 0
        return Place(table.segment, start, end - start, compressed)

    def _offset(self, row: int) -> int:
        value = self.values[row]
        return self.table.base + (value if row >= self.wide else value & ~_COMPRESSED)


def load(table: Table) -> Entries:
    """Read the entries; raises Corrupt where the file cannot be read."""
    data = read_file(table.segment, table.entries, 4 * table.count)
    return entries_of(table, np.frombuffer(data, "<u4"))


def entries_of(table: Table, values: NDArray[np.uint32]) -> Entries:
    """Entries with the row found from which on they are wide."""
    low = values & np.uint32(0x7FFF_FFFF)
    drops = np.flatnonzero((low[1:] < low[:-1]) & (values[1:] >= low[:-1]))
    wide = int(drops[0]) + 1 if len(drops) else table.count
    return Entries(table, array("I", values.astype(np.uint32).tobytes()), wide)


def find_tables(sections: list[Section], ledger: Ledger) -> list[Table]:
    """The tables of all segments in order, checked; raises Corrupt for one that is lost."""
    tables: list[Table] = []
    first = 0
    for row, section in enumerate(sections):
        if section.type != "table":
            continue
        data = next((s for s in reversed(sections[:row]) if s.type == "sectors"), None)
        if data is None or data.segment is not section.segment:
            raise Unsupported(f"{section.segment.name}: chunks inside of the table section, as "
                              "EnCase 1 wrote them", section.offset)
        copies = [section, *(s for s in sections[row + 1:row + 2] if s.type == "table2")]
        table = _choose(copies, data, first, ledger)
        tables.append(table)
        first += table.count
    return tables


def _choose(copies: list[Section], data: Section, first: int, ledger: Ledger) -> Table:
    """The first copy that passes its checksums; else one marked as not usable."""
    known: Table | None = None
    failed: list[str] = []
    for copy in copies:
        try:
            table = _read(copy, data, first)
        except Corrupt as error:
            failed.append(error.what)
            continue
        if table.usable:
            for what in failed:
                ledger.say("EWF-CHAIN", what, "its copy table2 is used")
            return table
        failed.append(broken(copy.segment, f"{copy.type} fails its checksum").what)
        known = known or table
    if known is None:
        raise broken(copies[0].segment, "no copy of a table is whole", copies[0].offset)
    for what in failed:
        ledger.say("EWF-CHAIN", what,
                   f"chunks {first} to {first + known.count - 1} of the image are unreadable")
    return known


def _read(section: Section, data: Section, first: int) -> Table:
    """The table with its checksums looked at; raises Corrupt where its header is bad."""
    header = section.read(_HEADER)
    if len(header) < _HEADER or not adler_ok(header):
        raise broken(section.segment, f"{section.type} with a damaged header", section.offset)
    count, base = struct.unpack_from("<I4xQ", header)
    if count > _MOST_ENTRIES:
        raise Unsupported(f"{section.segment.name}: table of {count} entries", section.offset)
    if _HEADER + 4 * count + 4 > section.size:
        raise broken(section.segment, f"{section.type} too small for {count} entries",
                     section.offset)
    entries = read_file(section.segment, section.start + _HEADER, 4 * count + 4)
    return Table(section.segment, first, count, section.start + _HEADER, base,
                 data.start, data.end, count == 0 or adler_ok(entries))
