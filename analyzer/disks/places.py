"""Places: where the sectors of a chain of layers lie in what was acquired.

Worked out a chunk at a time, on first touch: the extents of all layers, each looked up in the
map of its layer's file. A chain of ten layers of 2 TB would otherwise need 450,000 scattered
reads of sector bitmaps before its first byte.
"""

import os
from collections.abc import Iterator, Sequence

from analyzer import attention
from analyzer.blocks import LOST, ZEROS, Blocks, Extent, FileBacked, Kind, Mapped, OpenFile, flatten
from analyzer.disks.layer import Layer
from analyzer.errors import EvidenceError

CHUNK = 2 << 20
"""Bytes whose rows are worked out, and kept, together."""
ROWS_KEPT = 1 << 16
"""In each of two generations; a row is around 100 bytes."""
AHEAD = 4
"""Chunks that the operating system is told of before a reader in sequence reaches them."""
BY_BASE, BY_LAYERS = -3, -4
"""In place of a descriptor: ask the base; or nothing is known, go through the layers."""

_GAP = 256 << 10
Settled = tuple[int, int, Kind, int, int]
"""Start and end in the disk, kind (no PARENT), offset in the file of the layer, layer."""
Row = tuple[int, int, int, Blocks | None]
"""End of the row in the disk; what to add to get the offset in the base; its descriptor or one
of BY_BASE, ZEROS, BY_LAYERS; the base."""
Chunk = tuple[list[int], list[Row]]
"""Starts of the rows, for bisect, and the rows."""


def resolve(layers: Sequence[Layer], offset: int, end: int, depth: int) -> list[Settled]:
    """Who holds what of [offset, end), seen from the layer at `depth`; see `Disk.resolve`."""
    with attention.on("virtual disk", layers[depth].address):
        rows = layers[depth].extents_in(offset, end - offset)
    settled: list[Settled] = []
    below: list[Settled] = []
    reached = row = 0
    for number, (start, length, kind, at, _) in enumerate(rows):
        stop = start + length
        if kind != Kind.PARENT:
            settled.append((start, stop, kind, at, depth))
            continue
        if stop > reached:
            reached = _group_end(rows, number)
            below, row = _parents(layers, start, reached, depth + 1), 0
        while below[row][1] <= start:
            row += 1
        while start < stop:
            low, high, kind, at, owner = below[row]
            if low < start and kind == Kind.DATA:
                at += start - low
            settled.append((start, min(high, stop), kind, at, owner))
            start = high
            row += high <= stop
    return settled


def _parents(layers: Sequence[Layer], offset: int, end: int, depth: int) -> list[Settled]:
    """What the layers from `depth` down hold; zeros past the end of a smaller parent."""
    if depth == len(layers):
        return [(offset, end, Kind.UNREADABLE, -1, depth)]
    known = max(offset, min(end, layers[depth].size))
    settled = resolve(layers, offset, known, depth) if known > offset else []
    if known < end:
        settled.append((known, end, Kind.ZERO, -1, depth - 1))
    return settled


def _group_end(rows: Sequence[Extent], number: int) -> int:
    """Where the run of the parent's extents ends that begins with row `number`.

    They are asked for together, unless that would have the parent look at blocks for nothing.
    """
    reached = rows[number].end
    for start, length, kind, _, _ in rows[number + 1:]:
        if kind == Kind.PARENT:
            reached = start + length
        elif length > _GAP:
            break
    return reached


class Places:
    """The rows of a disk, by chunk; `recent` may be looked into, and is never replaced."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.recent: dict[int, Chunk] = {}
        self._layers = layers
        self._size = layers[0].size
        self._older: dict[int, Chunk] = {}
        self._coming: dict[int, Chunk] = {}
        self._count = 0
        self._last = -2
        self._containers: list[Blocks] = []
        self._files: dict[int, OpenFile | None] = {}
        self._avoided: set[int] = set()

    def chunk(self, index: int) -> Chunk:
        """The rows of one chunk, which tile it."""
        known = self.recent.get(index)
        if known is not None:
            self._last = index
            return known
        known = self._coming.pop(index, None) or self._older.get(index) or self._build(index)
        if index == self._last + 1:
            self._announce(index)
        self._last = index
        if self._count > ROWS_KEPT:
            self._older = dict(self.recent)
            self.recent.clear()
            self._count = 0
        self.recent[index] = known
        self._count += len(known[0]) + 8
        return known

    def avoid(self, number: int) -> None:
        """Read a file by its Blocks from now on: they know how to go round bad sectors.

        It stays open: rows that are being read may still have its descriptor.
        """
        self._avoided.add(number)
        self.recent.clear()
        self._older = {}
        self._coming = {}

    def _announce(self, index: int) -> None:
        """Tell the operating system what a reader in sequence will want next."""
        after = range(index + 1, min(index + AHEAD, (self._size - 1) // CHUNK) + 1)
        self._coming = {key: rows for key, rows in self._coming.items() if key in after}
        for coming in after:
            if coming in self._coming or coming in self.recent or coming in self._older:
                continue
            try:
                self._coming[coming] = starts, rows = self._build(coming)
            except EvidenceError:
                return  # the reader will meet it, and say so
            for start, (end, shift, number, _) in zip(starts, rows, strict=True):
                if number >= 0:
                    _will_need(number, start + shift, end - start)

    def _build(self, index: int) -> Chunk:
        starts: list[int] = []
        rows: list[Row] = []
        end = min((index + 1) * CHUNK, self._size)
        for start, stop, shift, number, base in self._pieces(index * CHUNK, end):
            if rows:
                _, last_shift, last_number, last_base = rows[-1]
                if last_shift == shift and last_number == number and last_base is base:
                    rows[-1] = stop, shift, number, base
                    continue
            starts.append(start)
            rows.append((stop, shift, number, base))
        return starts, rows

    def _pieces(self, low: int, high: int) -> Iterator[tuple[int, int, int, int, Blocks | None]]:
        """The parts of a range with their start: as many as the files have runs there."""
        if not self._containers:
            self._containers = [flatten(layer.container) for layer in self._layers]
        for start, stop, kind, at, layer in resolve(self._layers, low, high, 0):
            if kind != Kind.DATA:
                yield start, stop, 0, ZEROS if kind == Kind.ZERO else BY_LAYERS, None
                continue
            container = self._containers[layer]
            if not isinstance(container, Mapped):
                yield start, stop, at - start, self._number(container), container
                continue
            base = container.base
            number = self._number(base)
            for place, count in container.pieces(at, stop - start):
                if place >= 0:
                    yield start, start + count, place - start, number, base
                else:
                    yield start, start + count, 0, BY_LAYERS if place == LOST else ZEROS, None
                start += count
            if start < stop:  # past the end of the file
                yield start, stop, 0, BY_LAYERS, None

    def _number(self, base: Blocks) -> int:
        """The descriptor to read `base` by, or BY_BASE."""
        key = id(base)
        if key not in self._files:
            try:
                self._files[key] = base.open_file() if isinstance(base, FileBacked) else None
            except EvidenceError:
                self._files[key] = None
        file = self._files[key]
        return BY_BASE if file is None or file.number in self._avoided else file.number


def _will_need(number: int, offset: int, length: int) -> None:
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(number, offset, length, os.POSIX_FADV_WILLNEED)
