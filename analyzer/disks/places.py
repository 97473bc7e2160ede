"""Places: where the sectors of a chain of layers lie in what was acquired.

Worked out a chunk at a time, on first touch: the extents of all layers, each looked up in the
map of its layer's file. A chain of ten layers of 2 TB would otherwise need 450,000 scattered
reads of sector bitmaps before its first byte.
"""

import os
from collections.abc import Iterator, Sequence

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

Row = tuple[int, int, int, Blocks | None]
"""End of the row in the disk; what to add to get the offset in the base; its descriptor or one
of BY_BASE, ZEROS, BY_LAYERS; the base."""
Chunk = tuple[list[int], list[Row]]
"""Starts of the rows, for bisect, and the rows."""


def resolve(layers: Sequence[Layer], offset: int, length: int, depth: int) -> Iterator[Extent]:
    """See `Disk.resolve`."""
    for extent in layers[depth].extents_in(offset, length):
        if extent.kind != Kind.PARENT:
            yield extent if extent.layer == depth else extent._replace(layer=depth)
        elif depth + 1 == len(layers):
            yield Extent(extent.start, extent.length, Kind.UNREADABLE, -1, depth + 1)
        else:
            known = max(0, min(extent.length, layers[depth + 1].size - extent.start))
            if known:
                yield from resolve(layers, extent.start, known, depth + 1)
            if known < extent.length:
                yield Extent(extent.start + known, extent.length - known, Kind.ZERO, -1, depth)


class Places:
    """The rows of a disk, by chunk; `recent` may be looked into, and is never replaced."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.recent: dict[int, Chunk] = {}
        self._layers = layers
        self._size = layers[0].size
        self._older: dict[int, Chunk] = {}
        self._coming: dict[int, Chunk] = {}
        self._count = 0
        self._last = -1
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
        for start, length, shift, base, number in self._rows(index):
            if rows:
                _, last_shift, last_number, last_base = rows[-1]
                if last_number == number and last_shift == shift and last_base is base:
                    rows[-1] = start + length, shift, number, base
                    continue
            starts.append(start)
            rows.append((start + length, shift, number, base))
        return starts, rows

    def _rows(self, index: int) -> Iterator[tuple[int, int, int, Blocks | None, int]]:
        """(start, length, shift, base, number) of the pieces of a chunk."""
        start = index * CHUNK
        length = min(CHUNK, self._size - start)
        if not self._containers:
            self._containers = [flatten(layer.container) for layer in self._layers]
        for extent in resolve(self._layers, start, length, 0):
            if extent.kind == Kind.DATA:
                yield from self._pieces(extent)
            else:
                number = ZEROS if extent.kind == Kind.ZERO else BY_LAYERS
                yield extent.start, extent.length, 0, None, number

    def _pieces(self, extent: Extent) -> Iterator[tuple[int, int, int, Blocks | None, int]]:
        """The rows of one DATA extent: as many as its file has runs there."""
        container = self._containers[extent.layer]
        start = extent.start
        if not isinstance(container, Mapped):
            number = self._number(container)
            yield start, extent.length, extent.at - start, container, number
            return
        base = container.base
        for place, count in container.pieces(extent.at, extent.length):
            if place >= 0:
                yield start, count, place - start, base, self._number(base)
            else:
                yield start, count, 0, None, BY_LAYERS if place == LOST else ZEROS
            start += count
        if start < extent.end:
            yield start, extent.end - start, 0, None, BY_LAYERS

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
