"""Flatten: from maps over maps to one map over what was acquired.

A file in a volume on a partition of an image is three Blocks deep. Composed, its bytes are
found with one bisect and one read of the image.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import numpy as np

from analyzer.blocks.blocks import Blocks, Slice
from analyzer.blocks.extents import Extent, ExtentMap, Kind
from analyzer.errors import Unreadable

ZEROS, LOST = -1, -2
"""What `Mapped.pieces` gives in place of an offset."""


class Mapped:
    """Blocks described by an ExtentMap over `base`; `why` is said of its UNREADABLE extents.

    A file may have hundreds of thousands of runs: they are looked up in two arrays.
    """

    def __init__(self, base: Blocks, map_: ExtentMap,
                 why: str = "bytes that lie outside the volume or image") -> None:
        self.base = base
        self._why = why
        self.size = map_.size
        self._map = map_
        holes = np.where(map_.kind == Kind.ZERO, ZEROS, LOST)
        self._starts = array("q", map_.start.tobytes())
        self._places = array("q", np.where(map_.kind == Kind.DATA, map_.at, holes).tobytes())

    def extents(self) -> ExtentMap | None:
        return self._map

    def pieces(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """(place, length) of what a range is made of: an offset in `base`, ZEROS or LOST."""
        end = min(offset + length, self.size)
        starts, places = self._starts, self._places
        row = bisect_right(starts, offset) - 1
        while offset < end:
            row += 1
            stop = min(end, starts[row]) if row < len(starts) else end
            place = places[row - 1]
            yield place if place < 0 else place + offset - starts[row - 1], stop - offset
            offset = stop

    def read_at(self, offset: int, length: int) -> bytes:
        parts: list[bytes] = []
        for place, count in self.pieces(offset, length):
            if place >= 0:
                parts.append(self._read(place, count, offset))
            elif place == ZEROS:
                parts.append(bytes(count))
            else:
                raise Unreadable(self._why, offset, count)
            offset += count
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read(self, at: int, count: int, offset: int) -> bytes:
        try:
            data = self.base.read_at(at, count)
        except Unreadable as error:
            raise type(error)(error.what, error.start - at + offset, error.length) from error
        if len(data) < count:
            start = offset + len(data)
            raise Unreadable("past the end of the image", start, count - len(data))
        return data


def withhold(blocks: Blocks, ranges: Iterable[tuple[int, int]], why: str) -> Blocks:
    """`blocks` with (offset, length) ranges that must not be read; `why` is said of them."""
    rows: list[Extent] = []
    position = 0
    for start, length in sorted(ranges):
        end = min(start + length, blocks.size)
        start = max(start, position)
        if end <= start:
            continue
        if start > position:
            rows.append(Extent(position, start - position, Kind.DATA, position))
        rows.append(Extent(start, end - start, Kind.UNREADABLE))
        position = end
    if not rows:
        return blocks
    if position < blocks.size:
        rows.append(Extent(position, blocks.size - position, Kind.DATA, position))
    return Mapped(blocks, ExtentMap.build(rows), why)


def flatten(*stack: Blocks) -> Blocks:
    """The first of `stack` read through as few maps as possible.

    `stack` goes from the top down; each one's `extents()` describes it in terms of the next.
    A Slice brings what is beneath it along. Where a map is missing (a resident or compressed
    file) the composition ends there.
    """
    top = stack[0]
    described = top.extents()
    if described is None:
        return top
    lower = list(stack[1:])
    if isinstance(top, Slice):
        lower.insert(0, top.beneath)
    if not lower:
        return top
    base = lower.pop(0)
    while True:
        below = base.extents()
        beneath = base.beneath if isinstance(base, Slice) else (lower.pop(0) if lower else None)
        if below is None or beneath is None:
            return Mapped(base, described)
        described = described.compose(below)
        base = beneath
