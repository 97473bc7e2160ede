"""ExtentMap: where the bytes of one Blocks lie in the Blocks beneath it.

Five numpy columns that tile [0, size) in order, without gap or overlap:

    start   int64  offset of the extent in the Blocks described
    length  int64  bytes, > 0
    kind    uint8  Kind
    at      int64  for DATA: offset in the Blocks beneath; else -1
    layer   int16  which of several files beneath holds the DATA; 0 where there is one
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Kind(IntEnum):
    """What is known of an extent's bytes."""

    DATA = 0
    ZERO = 1
    PARENT = 2
    UNREADABLE = 3


class Extent(NamedTuple):
    """One row of an ExtentMap; offsets and length in bytes."""

    start: int
    length: int
    kind: Kind
    at: int = -1
    layer: int = 0

    @property
    def end(self) -> int:
        """Offset of the first byte after it."""
        return self.start + self.length

    def clip(self, start: int, end: int) -> "Extent":
        """The part of it inside [start, end), which must not be empty."""
        low, high = max(start, self.start), min(end, self.end)
        at = self.at + (low - self.start) if self.kind == Kind.DATA else -1
        return Extent(low, high - low, self.kind, at, self.layer)


@dataclass(frozen=True, slots=True, eq=False)
class ExtentMap:
    """See the module's docstring for the columns."""

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    kind: NDArray[np.uint8]
    at: NDArray[np.int64]
    layer: NDArray[np.int16]

    @classmethod
    def build(cls, extents: Iterable[Extent]) -> "ExtentMap":
        """Map of extents given in order; neighbours that continue each other are joined."""
        rows: list[Extent] = []
        position = 0
        for extent in extents:
            if extent.start != position or extent.length <= 0:
                raise ValueError(f"extent at {extent.start} does not follow {position}")
            position = extent.end
            last = rows[-1] if rows else None
            if last is not None and _continues(last, extent):
                rows[-1] = last._replace(length=last.length + extent.length)
            else:
                rows.append(extent)
        return cls(
            np.array([r.start for r in rows], np.int64),
            np.array([r.length for r in rows], np.int64),
            np.array([r.kind for r in rows], np.uint8),
            np.array([r.at for r in rows], np.int64),
            np.array([r.layer for r in rows], np.int16),
        )

    @property
    def size(self) -> int:
        """Bytes described."""
        return int(self.start[-1] + self.length[-1]) if len(self.start) else 0

    def __len__(self) -> int:
        return len(self.start)

    def __iter__(self) -> Iterator[Extent]:
        columns = (self.start, self.length, self.kind, self.at, self.layer)
        for start, length, kind, at, layer in zip(*(c.tolist() for c in columns), strict=True):
            yield Extent(start, length, Kind(kind), at, layer)

    def find(self, offset: int, length: int) -> Iterator[Extent]:
        """The extents of [offset, offset + length), clipped to it and to the map."""
        end = min(offset + length, self.size)
        row = int(np.searchsorted(self.start, offset, side="right")) - 1
        while offset < end:
            extent = Extent(int(self.start[row]), int(self.length[row]), Kind(self.kind[row]),
                            int(self.at[row]), int(self.layer[row])).clip(offset, end)
            yield extent
            offset = extent.end
            row += 1

    def compose(self, lower: "ExtentMap") -> "ExtentMap":
        """This map with each DATA extent looked up in `lower`, the map of what it points into.

        Bytes that `lower` does not cover become UNREADABLE. Layers are this map's.
        """
        below = lower.reach(_FAR)
        data = self.kind == Kind.DATA
        first = np.where(data, np.searchsorted(below.start, self.at, side="right") - 1, 0)
        last = np.where(
            data, np.searchsorted(below.start, self.at + self.length, side="left") - 1, 0)
        counts = last - first + 1
        upper = np.repeat(np.arange(len(self)), counts)
        # rows of `below` that each piece comes from: first, first + 1 ... for each upper row
        row = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts)
        row += np.repeat(first, counts)
        data, at, length = data[upper], self.at[upper], self.length[upper]
        low = np.where(data, np.maximum(at, below.start[row]), at)
        high = np.where(data, np.minimum(at + length, below.start[row] + below.length[row]),
                        at + length)
        kind = np.where(data, below.kind[row], self.kind[upper])
        placed = kind == Kind.DATA
        return _join(ExtentMap(
            self.start[upper] + low - at, high - low, kind.astype(np.uint8),
            np.where(placed, below.at[row] + low - below.start[row], -1), self.layer[upper]))

    def reach(self, size: int) -> "ExtentMap":
        """This map with an UNREADABLE extent behind it, up to `size` bytes in all."""
        if self.size >= size:
            return self
        return ExtentMap(
            np.append(self.start, np.int64(self.size)),
            np.append(self.length, np.int64(size - self.size)),
            np.append(self.kind, np.uint8(Kind.UNREADABLE)),
            np.append(self.at, np.int64(-1)), np.append(self.layer, np.int16(0)))


_FAR = (1 << 63) - 1
"""Larger than any offset."""


def _join(map_: ExtentMap) -> ExtentMap:
    """Neighbours that continue each other made one."""
    if len(map_) < 2:
        return map_
    kind, layer = map_.kind, map_.layer
    follows = (kind[1:] == kind[:-1]) & (layer[1:] == layer[:-1])
    follows &= (kind[1:] != Kind.DATA) | (map_.at[:-1] + map_.length[:-1] == map_.at[1:])
    heads = np.flatnonzero(np.append(True, ~follows))
    ends = np.append(map_.start[heads[1:]], map_.size)
    start = map_.start[heads]
    return ExtentMap(start, ends - start, kind[heads], map_.at[heads], layer[heads])


def _continues(first: Extent, second: Extent) -> bool:
    if first.kind != second.kind or first.layer != second.layer:
        return False
    return first.kind != Kind.DATA or first.at + first.length == second.at
