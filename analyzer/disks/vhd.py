"""VHD: fixed, dynamic and differencing disks, from their tables to extents.

    fixed         data from 0, footer behind it
    dynamic       footer copy, dynamic header, BAT, blocks, footer
    differencing  the same, with a parent

BAT: one big-endian u32 a block, the sector at which the block starts, all ones for none. A
block is its sector bitmap (a bit a sector, most significant first, padded to whole sectors)
and its data. A bit says "here"; a clear bit is the parent's sector, or, in a dynamic disk, one
that was never written: zeros. Readers disagree where such a sector holds data all the same
(qemu shows it, 7-Zip refuses the disk): it is unreadable here.
The size of the disk is the footer's Current Size, whatever the CHS geometry says.

Source: Microsoft, Virtual Hard Disk Image Format Specification 1.0 (2006).
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analyzer.blocks import Blocks, Extent, Kind
from analyzer.disks import vhd_structures as structures
from analyzer.disks.layer import SECTOR, Creator, ParentLink
from analyzer.errors import Corrupt, Notice, Unreadable

ABSENT = 0xFFFFFFFF
MOST_ENTRIES = 1 << 24
MOST_NOTICES = 100


class Vhd:
    """One VHD file; see `layer.Layer`."""

    format = "VHD"

    def __init__(self, container: Blocks) -> None:
        """Raises NotThisFormat, Corrupt, Unreadable."""
        self.container = container
        self.notices: list[Notice] = []
        self.footer, self._data_end = structures.find_footer(container, self.notices)
        footer = self.footer
        self.kind = footer.kind
        self.size = footer.current_size
        self.original_size = footer.original_size
        self.disk_id = footer.disk_id
        self.in_saved_state = footer.in_saved_state
        self.creator = Creator(footer.application, _version(footer), footer.host_os,
                               footer.created_at)
        self.parent: ParentLink | None = None
        self.block_size: int | None = None
        self._table: NDArray[np.int64] = np.empty(0, np.int64)
        self._bitmap_size = 0
        self._bitmaps: dict[int, list[Extent]] = {}
        self._check_size()
        if footer.kind != "fixed":
            self._open_dynamic(footer)

    def _check_size(self) -> None:
        if not 0 < self.size <= structures.LARGEST:
            raise Corrupt(f"VHD with a current size of {self.size} bytes", 48)
        if self.size % SECTOR:
            self._notice("VHD-SIZE", f"the current size {self.size} is no whole number of sectors",
                         "the disk was read to its last byte")
        missing = self.size - self._data_end
        if self.kind == "fixed" and missing > 0:
            self._notice("VHD-TRUNC", f"the file ends {missing} bytes before the disk does",
                         "those bytes are unreadable", self._data_end, missing)

    def _open_dynamic(self, footer: structures.Footer) -> None:
        at = footer.data_offset
        header = structures.parse_header(
            self.container.read_at(at, structures.HEADER_SIZE) if at < self.container.size
            else b"")
        if not header.checksum_is_right:
            self._notice("VHD-CRC", "the dynamic header's checksum is wrong",
                         "its fields were used as they stand", at, structures.HEADER_SIZE)
        self.block_size = header.block_size
        sectors = header.block_size // SECTOR
        self._bitmap_size = -(-sectors // (8 * SECTOR)) * SECTOR
        self._table = self._read_table(header)
        if footer.kind == "differencing":
            self.parent = structures.read_parent(self.container, header, self.notices)

    def _read_table(self, header: structures.DynamicHeader) -> NDArray[np.int64]:
        """Byte offset of each block's bitmap; -1 absent, -2 where the entry cannot be trusted."""
        needed = -(-self.size // header.block_size)
        if needed > MOST_ENTRIES:
            raise Corrupt(f"VHD of {needed} blocks", 32)
        count = min(needed, header.entries)
        raw = self.container.read_at(header.table_offset, 4 * count)
        sectors = np.frombuffer(raw[:len(raw) // 4 * 4], ">u4").astype(np.int64)
        table = np.where(sectors == ABSENT, -1, sectors * SECTOR)
        if len(table) < needed:
            self._notice("VHD-BAT", f"the block table has {len(table)} of {needed} entries",
                         "the blocks without an entry are unreadable", header.table_offset)
            table = np.append(table, np.full(needed - len(table), -2, np.int64))
        return self._judge(table, header.table_offset, header.table_offset + 4 * count)

    def _judge(self, table: NDArray[np.int64], low: int, high: int) -> NDArray[np.int64]:
        """Take back entries that lie outside the file, on its structures, or on each other."""
        present = table >= 0
        reach = table + self._bitmap_size
        start = self.footer.data_offset
        bad = present & (reach >= self._data_end)
        bad |= present & (table < structures.FOOTER_SIZE)
        bad |= present & (table < start + structures.HEADER_SIZE) & (reach > start)
        bad |= present & (table < high) & (reach > low)
        order = np.argsort(table, kind="stable")
        order = order[(present & ~bad)[order]]
        whole = self._bitmap_size + (self.block_size or 0)
        close = np.nonzero(np.diff(table[order]) < whole)[0]
        overlapping = np.zeros(len(table), np.bool_)
        overlapping[order[close]] = overlapping[order[close + 1]] = True
        for flags, words in ((bad, "lies outside the file or on its tables"),
                             (overlapping, "overlaps that of another block")):
            for block in np.nonzero(flags)[0][:MOST_NOTICES].tolist():
                self._notice("VHD-BAT", f"the table entry of block {block} {words}",
                             "the block is unreadable", low + 4 * block, 4)
            if int(flags.sum()) > MOST_NOTICES:
                self._notice("VHD-BAT", f"{int(flags.sum())} table entries: {words}",
                             "the blocks are unreadable", low, high - low)
        return np.where(bad | overlapping, -2, table)

    def extents_in(self, offset: int, length: int) -> list[Extent]:
        """See `layer.Layer`; raises ValueError outside the disk."""
        end = offset + length
        if offset < 0 or end > self.size:
            raise ValueError(f"[{offset}, {end}) is outside a disk of {self.size} bytes")
        if self.block_size is None:
            return self._stored(offset, length, offset)
        rows: list[Extent] = []
        first = offset // self.block_size
        entries = self._table[first:-(-end // self.block_size)].tolist()
        for block, entry in enumerate(entries, first):
            start = block * self.block_size
            low, high = max(offset, start), min(end, start + self.block_size)
            if entry < 0:
                _append(rows, Extent(low, high - low, self._hole(entry)))
            else:
                for extent in self._block(block, entry):
                    if extent.end > low and extent.start < high:
                        _append(rows, extent.clip(low, high))
        return rows

    def _hole(self, entry: int) -> Kind:
        if entry != -1:
            return Kind.UNREADABLE
        return Kind.PARENT if self.kind == "differencing" else Kind.ZERO

    def _block(self, block: int, entry: int) -> list[Extent]:
        """Extents of one stored block, by its sector bitmap; kept, for blocks are read again."""
        known = self._bitmaps.get(block)
        if known is not None:
            return known
        size = self.block_size or 0
        start = block * size
        try:
            raw = self.container.read_at(entry, self._bitmap_size)
        except Unreadable:
            rows = [Extent(start, size, Kind.UNREADABLE)]
        else:
            rows = self._by_bitmap(raw, start, size, entry + self._bitmap_size)
        if len(self._bitmaps) > 4096:
            self._bitmaps.clear()
        self._bitmaps[block] = rows
        return rows

    def _by_bitmap(self, raw: bytes, start: int, size: int, data: int) -> list[Extent]:
        bits = np.unpackbits(np.frombuffer(raw, np.uint8))[:size // SECTOR]
        edges = np.nonzero(np.diff(bits))[0] + 1
        bounds = [0, *edges.tolist(), len(bits)]
        rows: list[Extent] = []
        for low, high in pairwise(bounds):
            at, length = start + low * SECTOR, (high - low) * SECTOR
            if bits[low]:
                rows += self._stored(at, length, data + low * SECTOR)
            elif self.kind == "differencing":
                rows.append(Extent(at, length, Kind.PARENT))
            else:
                rows += self._never_written(at, length, data + low * SECTOR)
        return rows

    def _never_written(self, start: int, length: int, at: int) -> list[Extent]:
        """Sectors of a dynamic disk with a clear bit: ZERO unless the file holds data there."""
        try:
            raw = self.container.read_at(at, max(0, min(length, self._data_end - at)))
        except Unreadable:
            return [Extent(start, length, Kind.UNREADABLE)]
        sectors = np.frombuffer(raw.ljust(length, b"\0"), np.uint8).reshape(-1, SECTOR)
        highest: list[int] = sectors.max(axis=1).tolist()
        rows: list[Extent] = []
        for index, used in enumerate(highest):
            kind = Kind.UNREADABLE if used else Kind.ZERO
            _append(rows, Extent(start + index * SECTOR, SECTOR, kind))
        if any(row.kind == Kind.UNREADABLE for row in rows):
            self._notice("VHD-BITMAP", f"sectors from {start:#x} hold data although the sector "
                         "bitmap says they were never written", "those sectors are unreadable",
                         at, length)
        return rows

    def _stored(self, start: int, length: int, at: int) -> list[Extent]:
        """DATA as far as the data of the file reaches, UNREADABLE behind."""
        known = max(0, min(length, self._data_end - at))
        rows = [Extent(start, known, Kind.DATA, at)] if known else []
        if known < length:
            rows.append(Extent(start + known, length - known, Kind.UNREADABLE))
        return rows

    def _notice(self, code: str, what: str, effect: str, start: int | None = None,
                length: int | None = None) -> None:
        self.notices.append(Notice(code, what, effect, start, length))


def _append(rows: list[Extent], extent: Extent) -> None:
    """Add an extent, joined to the one before where it continues it."""
    last = rows[-1] if rows else None
    if last is not None and last.kind == extent.kind != Kind.DATA:
        rows[-1] = last._replace(length=last.length + extent.length)
    else:
        rows.append(extent)


def _version(footer: structures.Footer) -> str:
    return f"{footer.version >> 16}.{footer.version & 0xFFFF}"
