"""VHDX: fixed, dynamic and differencing disks, from their tables to extents.

    0        file identifier, two headers, two region tables: `vhdx_structures`
    1 MiB    log, metadata region, block table, blocks, in any order, all in whole MiB:
             `vhdx_log`, `vhdx_metadata`, `vhdx_table`

A log that is not empty is replayed in memory before anything behind the headers is looked at.
The map of the replay leads back into the file, and so do the extents: their offsets are those
of the file as it was acquired.

The virtual disk id is the same in parent and child; what a child names is its parent's data
write GUID, which changes whenever the guest's data do.

Source: [MS-VHDX] revision 8.0 (2024); see docs/formats/vhdx.md.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from analyzer.blocks import Blocks, Extent, ExtentMap, Kind, Mapped
from analyzer.disks import vhdx_structures as structures
from analyzer.disks.layer import Creator, ParentLink
from analyzer.disks.vhdx_entries import Shape, State
from analyzer.disks.vhdx_log import Log
from analyzer.disks.vhdx_metadata import read_metadata
from analyzer.disks.vhdx_table import Run, Table
from analyzer.errors import EvidenceError, Notice, NotThisFormat, Unreadable


class Vhdx:
    """One VHDX file; see `layer.Layer`."""

    format = "VHDX"
    link_name = "DataWriteGuid"
    in_saved_state: bool | None = None
    address = ""

    def __init__(self, container: Blocks) -> None:
        """Raises NotThisFormat, Corrupt, Unsupported, Unreadable."""
        if not structures.is_vhdx(container):
            raise NotThisFormat("no VHDX file identifier and no VHDX header")
        self.container = container
        self.notices: list[Notice] = []
        self.creator = self._read_creator()
        self.header = structures.find_header(container, self.notices)
        self._replayed: ExtentMap | None = None
        view = container
        if self.header.has_log:
            self._replayed = Log(container, self.header).replay(container, self.notices)
            view = Mapped(container, self._replayed, "bytes behind the end of the file")
        regions = structures.find_regions(view, self.notices)
        taken = structures.check_places(self.header, regions)
        facts = read_metadata(view, regions[structures.METADATA_REGION], self.notices)
        self.kind = "differencing" if facts.parent is not None else \
            "fixed" if facts.is_fixed else "dynamic"
        self.size = self.original_size = facts.disk_size
        self.block_size: int | None = facts.block_size
        self.sector_size, self.physical_sector_size = facts.sector_size, facts.physical_sector_size
        self.disk_id = facts.disk_id
        self.link_id = "" if self.header.data_write_id == structures.NO_GUID else \
            self.header.data_write_id
        self.parent: ParentLink | None = facts.parent
        self._view = view
        self._shape = Shape(self.size, facts.block_size, facts.sector_size,
                            facts.parent is not None)
        self._table = Table(view, regions[structures.BAT_REGION], self._shape, taken,
                            self.notices)

    def _read_creator(self) -> Creator:
        try:
            program, version = structures.creator(self.container)
        except EvidenceError as error:
            self.notices.append(Notice("VHDX-ID", f"the file identifier is lost: {error.what}",
                                       "the headers say that it is a VHDX file; the program that "
                                       "made it is not known", 0, 8 + 512))
            return Creator("", "", "", None)
        return Creator(program, version, "", None)

    def extents_in(self, offset: int, length: int) -> list[Extent]:
        """See `layer.Layer`; raises ValueError outside the disk."""
        end = offset + length
        if offset < 0 or end > self.size:
            raise ValueError(f"[{offset}, {end}) is outside a disk of {self.size} bytes")
        size = self._shape.block_size
        rows: list[Extent] = []
        for run in self._table.runs(offset // size, -(-end // size)):
            low = max(offset, run.first * size)
            high = min(end, (run.first + run.length) * size)
            for extent in self._run(run, low, high):
                _append(rows, extent)
        return rows

    def _run(self, run: Run, low: int, high: int) -> Iterator[Extent]:
        """Extents of [low, high), which lies inside one run."""
        if run.state == State.PRESENT:
            yield from self._stored(low, high, run.at + low - run.first * self._shape.block_size)
        elif run.state == State.PARTLY:
            yield from self._partly(run, low, high)
        elif run.state == State.BAD:
            yield Extent(low, high - low, Kind.UNREADABLE)
        elif run.state == State.NOT_PRESENT and self.parent is not None:
            yield Extent(low, high - low, Kind.PARENT)
        else:
            yield Extent(low, high - low, Kind.ZERO)

    def _partly(self, run: Run, low: int, high: int) -> Iterator[Extent]:
        """Extents of a range of one block by its sector bitmap; only that part of it is read."""
        sector, start = self._shape.sector_size, run.first * self._shape.block_size
        first, last = (low - start) // (8 * sector), -(-(high - start) // (8 * sector))
        try:
            raw = self._view.read_at(self._table.bitmap_at(run.first) + first, last - first)
        except Unreadable:
            raw = b""
        if len(raw) < last - first:
            yield Extent(low, high - low, Kind.UNREADABLE)
            return
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
        edges: list[int] = (np.nonzero(np.diff(bits))[0] + 1).tolist()
        base = start + first * 8 * sector
        for left, right in pairwise([0, *edges, len(bits)]):
            begin, stop = max(low, base + left * sector), min(high, base + right * sector)
            if begin >= stop:
                continue
            if bits[left]:
                yield from self._stored(begin, stop, run.at + begin - start)
            else:
                yield Extent(begin, stop - begin, Kind.PARENT)

    def _stored(self, low: int, high: int, at: int) -> Iterator[Extent]:
        """DATA as far as the file reaches, UNREADABLE behind; through the replayed log."""
        if self._replayed is None:
            known = max(0, min(high - low, self.container.size - at))
            if known:
                yield Extent(low, known, Kind.DATA, at)
            low += known
        else:
            shift = low - at
            for piece in self._replayed.find(at, high - low):
                yield piece._replace(start=piece.start + shift)
                low = piece.end + shift
        if low < high:
            yield Extent(low, high - low, Kind.UNREADABLE)


def _append(rows: list[Extent], extent: Extent) -> None:
    """Add an extent, joined to the one before where it continues it."""
    last = rows[-1] if rows else None
    if last is not None and last.kind == extent.kind and (
            extent.kind != Kind.DATA or last.at + last.length == extent.at):
        rows[-1] = last._replace(length=last.length + extent.length)
    else:
        rows.append(extent)
