"""Compare: where two states of one disk differ, from their maps alone.

Two chains that share their lower files (two snapshots of a machine) can differ only where a file
that they do not share holds data. The shared files are not even looked into. A range that is
given may still hold equal bytes on both sides; one that is not given cannot differ.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import numpy as np

from analyzer.blocks import Extent, Kind, read_known
from analyzer.disks.chain import Chain
from analyzer.disks.disk import Disk
from analyzer.disks.layer import SECTOR
from analyzer.errors import Unreadable

Change = Literal["data", "zeros", "unreadable", "grown", "shrunk"]
_STEP: Final = 64 << 20
"""Bytes whose extents are looked at together."""
_READ: Final = 4 << 20


class ChangedRange(NamedTuple):
    """Bytes of the disk that differ, or may.

    kind   "data": they lie in another place; "zeros": zeros, where data was; "unreadable" on one
           side at least; "grown", "shrunk": the disk ends before them before, after
    layer  index of the file of the later chain that they come from (the first that both chains
           have, where they come from it or its parents); -1 past its end
    """

    offset: int
    length: int
    kind: Change
    layer: int

    @property
    def end(self) -> int:
        """Offset of the first byte after it."""
        return self.offset + self.length


class _Piece(NamedTuple):
    """Bytes of one side. what: "data", "zeros", "shared" (in the files that both chains have),
    "missing" (in a parent that is not there), "unreadable" or "beyond" (past the end)."""

    end: int
    what: str
    layer: int


class _Side:
    """One chain without the last `shared` of its files."""

    def __init__(self, chain: Chain, shared: int) -> None:
        self.size = chain.files[0].layer.size
        self.own = len(chain.files) - shared
        self._disk = Disk([file.layer for file in chain.files[:self.own]]) if self.own else None
        self._shared_size = chain.files[self.own].layer.size if shared else None
        link = chain.files[-1].layer.parent
        self.missing_ids = link.wanted if link is not None else ()

    def pieces(self, start: int, end: int) -> Iterator[_Piece]:
        """What is in [start, end), in order."""
        inside = min(end, self.size)
        if start < inside:
            for extent in self._extents(start, inside - start):
                yield from self._piece(extent)
        if max(start, inside) < end:
            yield _Piece(end, "beyond", -1)

    def _extents(self, start: int, length: int) -> Iterator[Extent]:
        if self._disk is None:
            yield Extent(start, length, Kind.UNREADABLE, -1, 0)
        else:
            yield from self._disk.resolve(start, length)

    def _piece(self, extent: Extent) -> Iterator[_Piece]:
        if extent.kind == Kind.DATA:
            yield _Piece(extent.end, "data", extent.layer)
        elif extent.kind == Kind.ZERO:
            yield _Piece(extent.end, "zeros", extent.layer)
        elif extent.layer < self.own:
            yield _Piece(extent.end, "unreadable", extent.layer)
        elif self._shared_size is None:
            yield _Piece(extent.end, "missing", self.own - 1)
        else:
            if extent.start < self._shared_size:
                yield _Piece(min(extent.end, self._shared_size), "shared", self.own)
            if extent.end > self._shared_size:
                yield _Piece(extent.end, "zeros", self.own)


def shared_files(before: Chain, after: Chain) -> int:
    """How many files, counted from the base, both chains have: the same files, not copies."""
    count = 0
    for one, other in zip(reversed(before.files), reversed(after.files), strict=False):
        if (one.source.address, one.layer.link_id) != (other.source.address, other.layer.link_id):
            break
        count += 1
    return count


def compare(before: Chain, after: Chain) -> Iterator[ChangedRange]:
    """The ranges in which the disk of `after` may differ from that of `before`, in order."""
    shared = shared_files(before, after)
    sides = _Side(before, shared), _Side(after, shared)
    same = {"zeros", "shared", "beyond"}
    if not shared and sides[0].missing_ids and sides[0].missing_ids == sides[1].missing_ids:
        same.add("missing")  # both read the same bytes there, whatever they were
    waiting: ChangedRange | None = None
    size = max(side.size for side in sides)
    for start in range(0, size, _STEP):
        end = min(start + _STEP, size)
        for low, high, old, new in _together(start, sides[0].pieces(start, end),
                                             sides[1].pieces(start, end)):
            if old.what == new.what and new.what in same:
                continue
            found = ChangedRange(low, high - low, _kind(old.what, new.what), new.layer)
            if waiting is not None and waiting.end == low and waiting[2:] == found[2:]:
                waiting = waiting._replace(length=high - waiting.offset)
                continue
            if waiting is not None:
                yield waiting
            waiting = found
    if waiting is not None:
        yield waiting


def _kind(old: str, new: str) -> Change:
    if old == "beyond":
        return "grown"
    if new == "beyond":
        return "shrunk"
    if {old, new} & {"unreadable", "missing"}:
        return "unreadable"
    return "zeros" if new == "zeros" else "data"


def _together(start: int, before: Iterator[_Piece],
              after: Iterator[_Piece]) -> Iterator[tuple[int, int, _Piece, _Piece]]:
    """(start, end, piece before, piece after), cut where either is."""
    old, new = next(before), next(after)
    while True:
        end = min(old.end, new.end)
        if end > start:
            yield start, end, old, new
        start = end
        following = next(before, None) if old.end == end else old
        coming = next(after, None) if new.end == end else new
        if following is None or coming is None:
            return
        old, new = following, coming


def really_changed(ranges: Iterator[ChangedRange], before: Disk,
                   after: Disk) -> Iterator[ChangedRange]:
    """The sectors of `ranges` whose bytes differ: reads both sides.

    What cannot be read on one side is given as "unreadable".
    """
    for found in ranges:
        if found.kind in ("data", "zeros"):
            for start in range(found.offset, found.end, _READ):
                length = min(_READ, found.end - start)
                yield from _differing(found, start, length, before, after)
        else:
            yield found


def _differing(found: ChangedRange, start: int, length: int, before: Disk,
               after: Disk) -> Iterator[ChangedRange]:
    lost: list[Unreadable] = []
    old = np.frombuffer(read_known(before, start, length, lost.append), np.uint8)
    new = np.frombuffer(read_known(after, start, length, lost.append), np.uint8)
    edges = np.arange(0, length, SECTOR)
    states = np.maximum.reduceat((old != new).astype(np.uint8), edges)
    for error in lost:
        first = (error.start - start) // SECTOR
        states[first:-(-(error.start + error.length - start) // SECTOR)] = 2
    cuts = np.flatnonzero(np.diff(states)) + 1
    for low, high in pairwise([0, *cuts.tolist(), len(states)]):
        if states[low]:
            offset = start + low * SECTOR
            kind: Change = "unreadable" if states[low] == 2 else found.kind
            end = min(start + high * SECTOR, start + length)
            yield ChangedRange(offset, end - offset, kind, found.layer)
