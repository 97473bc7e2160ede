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

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.blocks import Blocks, Extent, Kind
from analyzer.disks import vhd_structures as structures
from analyzer.disks.layer import SECTOR, Creator, ParentLink
from analyzer.errors import Corrupt, Notice, Unreadable

ABSENT: Final = 0xFFFFFFFF
UNTRUSTED: Final = 0xFFFFFFFE
"""In the table kept: an entry that was taken back."""
MOST_ENTRIES: Final = 1 << 24
MOST_NOTICES: Final = 100
MOST_SURPLUS: Final = 1 << 16
_PIECE: Final = 2048
"""Sectors looked at together."""
_RUNS_KEPT: Final = 1 << 20
"""Of sectors alike in a block, over all blocks whose bitmap was read."""


class Vhd:
    """One VHD file; see `layer.Layer`."""

    format = "VHD"
    link_name = "unique id"
    sector_size = SECTOR
    address = ""

    def __init__(self, container: Blocks) -> None:
        """Raises NotThisFormat, Corrupt, Unreadable."""
        self.container = container
        self.notices: list[Notice] = []
        self.footer, self._data_end = structures.find_footer(container, self.notices)
        footer = self.footer
        self.kind = footer.kind
        self.size = footer.current_size
        self.original_size = footer.original_size
        self.disk_id = self.link_id = footer.disk_id
        self.in_saved_state: bool | None = footer.in_saved_state
        self.creator = Creator(footer.application, _version(footer), footer.host_os,
                               footer.created_at)
        self.parent: ParentLink | None = None
        self.block_size: int | None = None
        self._table: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._bitmap_size = 0
        self._runs: dict[int, _Runs] = {}
        self._runs_kept = 0
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

    def _read_table(self, header: structures.DynamicHeader) -> NDArray[np.uint32]:
        """Sector of each block's bitmap; ABSENT, or UNTRUSTED where the entry cannot be.

        Four bytes an entry: a chain of ten layers of 2 TB has ten million of them.
        """
        needed = -(-self.size // header.block_size)
        if needed > MOST_ENTRIES:
            raise Corrupt(f"VHD of {needed} blocks", 32)
        count = min(needed, header.entries)
        raw = self.container.read_at(header.table_offset, 4 * count)
        table = np.frombuffer(raw[:len(raw) // 4 * 4], ">u4").astype(np.uint32)
        if len(table) < needed:
            self._notice("VHD-BAT", f"the block table has {len(table)} of {needed} entries",
                         "the blocks without an entry are unreadable", header.table_offset)
            table = np.append(table, np.full(needed - len(table), UNTRUSTED, np.uint32))
        surplus = self._surplus(header, table, needed)
        self._judge(table, surplus, header.table_offset, header.table_offset + 4 * count)
        return table

    def _surplus(self, header: structures.DynamicHeader, table: NDArray[np.uint32],
                 needed: int) -> NDArray[np.int64]:
        """Byte offsets of blocks that the table has beyond the end of the disk.

        There are none in a sound disk; in one whose block size or size is wrong they show where
        blocks lie. They are looked for up to the first block, no further.
        """
        start = header.table_offset + 4 * needed
        stored = table[table < UNTRUSTED].astype(np.int64) * SECTOR
        limit = int(stored[stored >= start].min(initial=self._data_end))
        count = min(header.entries - needed, MOST_SURPLUS, (limit - start) // 4)
        if count <= 0:
            return np.empty(0, np.int64)
        raw = self.container.read_at(start, 4 * count)
        places = np.frombuffer(raw[:len(raw) // 4 * 4], ">u4").astype(np.int64) * SECTOR
        return places[(places >= start) & (places < self._data_end)]

    def _judge(self, table: NDArray[np.uint32], surplus: NDArray[np.int64], low: int,
               high: int) -> None:
        """Take back entries that lie outside the file, on its structures, or on each other."""
        blocks = np.flatnonzero(table < UNTRUSTED)
        starts = table[blocks].astype(np.int64) * SECTOR
        whole = self._bitmap_size + (self.block_size or 0)
        header = self.footer.data_offset
        bad = (starts + self._bitmap_size >= self._data_end) | (starts < structures.FOOTER_SIZE)
        bad |= (starts < header + structures.HEADER_SIZE) & (starts + whole > header)
        bad |= (starts < high) & (starts + whole > low)
        outside = np.full(len(surplus), len(table), np.int64)
        close = _too_close(np.append(blocks[~bad], outside), np.append(starts[~bad], surplus),
                           whole)
        taken_back = ((blocks[bad], "lies outside the file or on its tables"),
                      (close[close < len(table)], "overlaps that of another block"))
        for wrong, words in taken_back:
            for block in wrong[:MOST_NOTICES].tolist():
                self._notice("VHD-BAT", f"the table entry of block {block} {words}",
                             "the block is unreadable", low + 4 * block, 4)
            if len(wrong) > MOST_NOTICES:
                self._notice("VHD-BAT", f"{len(wrong)} table entries: {words}",
                             "the blocks are unreadable", low, high - low)
            table[wrong] = UNTRUSTED
        self._look_for_cuts(table)

    def _look_for_cuts(self, table: NDArray[np.uint32]) -> None:
        """Say which blocks the file ends in: what they lack of the disk is unreadable."""
        blocks = np.flatnonzero(table < UNTRUSTED)
        size = self.block_size or 0
        wanted = np.minimum(self.size - blocks * size, size)
        ends = table[blocks].astype(np.int64) * SECTOR + self._bitmap_size + wanted
        cut = blocks[ends > self._data_end]
        if len(cut):
            self._notice("VHD-TRUNC", f"the file ends inside {len(cut)} blocks, the first is "
                         f"block {cut[0]}", "what they lack is unreadable", self._data_end)

    def extents_in(self, offset: int, length: int) -> list[Extent]:
        """See `layer.Layer`; raises ValueError outside the disk."""
        end = offset + length
        if offset < 0 or end > self.size:
            raise ValueError(f"[{offset}, {end}) is outside a disk of {self.size} bytes")
        if self.block_size is None:
            return self._stored(offset, length, offset)
        rows: list[Extent] = []
        block = offset // self.block_size
        entries = self._table[block:-(-end // self.block_size)].tolist()
        for entry, alike in groupby(entries):  # no two blocks are stored in one place
            following = block + len(list(alike))
            low = max(offset, block * self.block_size)
            high = min(end, following * self.block_size)
            if entry >= UNTRUSTED:
                _append(rows, Extent(low, high - low, self._hole(entry)))
            else:
                for extent in self._stored_block(block, entry * SECTOR, low, high):
                    _append(rows, extent)
            block = following
        return rows

    def _hole(self, entry: int) -> Kind:
        if entry != ABSENT:
            return Kind.UNREADABLE
        return Kind.PARENT if self.kind == "differencing" else Kind.ZERO

    def _stored_block(self, block: int, entry: int, low: int, high: int) -> Iterator[Extent]:
        """Extents of [low, high), a part of a block whose bitmap lies at `entry`."""
        start, data = block * (self.block_size or 0), entry + self._bitmap_size
        runs = self._runs.get(block)
        if runs is None:
            runs = self._read_bitmap(start, entry)
            if self._runs_kept > _RUNS_KEPT:
                self._runs, self._runs_kept = {}, 0
            self._runs[block] = runs
            self._runs_kept += len(runs.kinds)
        starts, kinds = runs
        row = bisect_right(starts, low - start) - 1
        whole = data + high - start <= self._data_end
        while low < high:
            kind = _KINDS[kinds[row]]
            row += 1
            stop = min(high, start + starts[row])
            if kind != Kind.DATA:
                yield Extent(low, stop - low, kind)
            elif whole:
                yield Extent(low, stop - low, kind, data + low - start)
            else:
                yield from self._stored(low, stop - low, data + low - start)
            low = stop

    def _read_bitmap(self, start: int, entry: int) -> "_Runs":
        """The sectors alike in a block, as far as the disk goes; it starts at `start` there."""
        size = min(self.block_size or 0, -(-(self.size - start) // SECTOR) * SECTOR)
        try:
            raw = self.container.read_at(entry, self._bitmap_size)
        except Unreadable:
            return _Runs(array("q", (0, size)), bytes([Kind.UNREADABLE]))
        needed = -(-size // SECTOR // 8)
        if raw.count(0xFF, 0, needed) == needed:
            return _Runs(array("q", (0, size)), bytes([Kind.DATA]))
        bits = np.unpackbits(np.frombuffer(raw, np.uint8))[:size // SECTOR]
        absent = Kind.PARENT if self.kind == "differencing" else Kind.ZERO
        kinds = (1 - bits) * np.uint8(absent)  # DATA is 0
        if absent == Kind.ZERO and not bits.all():
            self._judge_never_written(kinds, entry + self._bitmap_size)
        if absent == Kind.PARENT and not bits.any():
            self._notice_bitmap(f"block {start // (self.block_size or 1)} is stored, but its "
                                "sector bitmap has no sector of it", "it is read from the parent, "
                                "as the bitmap says", entry, self._bitmap_size)
        rows = _changes(kinds)
        return _Runs(array("q", [row * SECTOR for row in rows] + [size]), kinds[rows].tobytes())

    def _judge_never_written(self, kinds: NDArray[np.uint8], at: int) -> None:
        """Sectors of a dynamic disk with a clear bit: unreadable where the file holds data."""
        suspect = 0
        for low in range(0, len(kinds), _PIECE):
            part = kinds[low:low + _PIECE]
            if not (part == Kind.ZERO).any():
                continue
            start, length = at + low * SECTOR, len(part) * SECTOR
            try:
                raw = self.container.read_at(start, max(0, min(length, self._data_end - start)))
            except Unreadable:
                part[part == Kind.ZERO] = Kind.UNREADABLE
                continue
            sectors = np.frombuffer(raw.ljust(length, b"\0"), np.uint8).reshape(-1, SECTOR)
            used = sectors.any(axis=1) & (part == Kind.ZERO)
            part[used] = Kind.UNREADABLE
            suspect += int(used.sum())
        if suspect:
            self._notice_bitmap(f"{suspect} sectors of the block hold data although its sector "
                                "bitmap says they were never written",
                                "those sectors are unreadable", at, len(kinds) * SECTOR)

    def _stored(self, start: int, length: int, at: int) -> list[Extent]:
        """DATA as far as the data of the file reaches, UNREADABLE behind."""
        known = max(0, min(length, self._data_end - at))
        rows = [Extent(start, known, Kind.DATA, at)] if known else []
        if known < length:
            rows.append(Extent(start + known, length - known, Kind.UNREADABLE))
        return rows

    def _notice_bitmap(self, what: str, effect: str, start: int, length: int) -> None:
        """The first blocks one by one, and once that there are more: a disk has millions."""
        said = sum(notice.code == "VHD-BITMAP" for notice in self.notices)
        if said < MOST_NOTICES:
            self._notice("VHD-BITMAP", what, effect, start, length)
        elif said == MOST_NOTICES:
            self._notice("VHD-BITMAP", f"more than {MOST_NOTICES} blocks whose bitmap and data do "
                         "not agree", "the rest is treated so too, and not said one by one")

    def _notice(self, code: str, what: str, effect: str, start: int | None = None,
                length: int | None = None) -> None:
        self.notices.append(Notice(code, what, effect, start, length))


_KINDS: Final = tuple(Kind)


class _Runs(NamedTuple):
    """Sectors alike in one block: bytes from its start, its size last; a Kind each."""

    starts: "array[int]"
    kinds: bytes


def _changes(kinds: NDArray[np.uint8]) -> list[int]:
    """0 and every sector that is not like the one before it."""
    changes = (kinds[1:] != kinds[:-1]).nonzero()[0]
    return [0, *(changes + 1).tolist()]


def _too_close(blocks: NDArray[np.int64], starts: NDArray[np.int64],
               whole: int) -> NDArray[np.int64]:
    """Those of `blocks`, in order, that start less than `whole` bytes from another."""
    if bool((np.diff(np.sort(starts)) >= whole).all()):
        return blocks[:0]
    order = np.argsort(starts, kind="stable")
    close = np.flatnonzero(np.diff(starts[order]) < whole)
    return blocks[np.unique(order[np.append(close, close + 1)])]


def _append(rows: list[Extent], extent: Extent) -> None:
    """Add an extent, joined to the one before where it continues it."""
    last = rows[-1] if rows else None
    if last is not None and last.kind == extent.kind != Kind.DATA:
        rows[-1] = last._replace(length=last.length + extent.length)
    else:
        rows.append(extent)


def _version(footer: structures.Footer) -> str:
    return f"{footer.version >> 16}.{footer.version & 0xFFFF}"
