"""Flatten: from maps over maps to one map over what was acquired.

A file in a volume on a partition of an image is three Blocks deep. Composed, its bytes are
found with one bisect and one read of the image.
"""

from bisect import bisect_right
from collections.abc import Iterable

from analyzer.blocks.blocks import Blocks, Slice
from analyzer.blocks.extents import Extent, ExtentMap, Kind
from analyzer.errors import Unreadable


class Mapped:
    """Blocks described by an ExtentMap over `base`; `why` is said of its UNREADABLE extents."""

    def __init__(self, base: Blocks, map_: ExtentMap,
                 why: str = "bytes that lie outside the volume or image") -> None:
        self.base = base
        self._why = why
        self.size = map_.size
        self._map = map_
        self._starts: list[int] = map_.start.tolist()
        self._rows = list(map_)

    def extents(self) -> ExtentMap | None:
        return self._map

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        row = bisect_right(self._starts, offset) - 1
        while offset < end:
            extent = self._rows[row]
            count = min(end, extent.end) - offset
            if extent.kind == Kind.DATA:
                parts.append(self._read(extent.at + offset - extent.start, count, offset))
            elif extent.kind == Kind.ZERO:
                parts.append(bytes(count))
            else:
                raise Unreadable(self._why, offset, count)
            offset += count
            row += 1
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
