"""Disk: a chain of layers read as one. The only code that reads a virtual disk."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from analyzer.blocks import Extent, ExtentMap, Kind
from analyzer.disks.layer import Layer
from analyzer.errors import MissingParent, Unreadable

CHUNK = 2 << 20
"""Bytes whose extents are worked out, and kept, together."""
CHUNKS_KEPT = 2048


class Disk:
    """A virtual disk as the guest saw it: `layers[0]` on top, its parents behind.

    Is Blocks. Where the last layer is differencing its parent is missing: see `resolve`.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self.size = self.layers[0].size
        self._chunks: dict[int, tuple[list[int], list[Extent]]] = {}

    def extents(self) -> ExtentMap | None:
        """None: the bytes lie in several files; see `resolve` and `place`."""
        return None

    def resolve(self, offset: int, length: int, depth: int = 0) -> Iterator[Extent]:
        """Extents of a range, in order: DATA with its layer's index and container offset.

        No PARENT is left: where a parent is missing its sectors are UNREADABLE with the index
        that the parent would have; past the end of a smaller parent they are ZERO.
        """
        for extent in self.layers[depth].extents_in(offset, length):
            if extent.kind != Kind.PARENT:
                yield extent._replace(layer=depth)
            elif depth + 1 == len(self.layers):
                yield Extent(extent.start, extent.length, Kind.UNREADABLE, -1, depth + 1)
            else:
                known = max(0, min(extent.length, self.layers[depth + 1].size - extent.start))
                if known:
                    yield from self.resolve(extent.start, known, depth + 1)
                if known < extent.length:
                    yield Extent(extent.start + known, extent.length - known, Kind.ZERO, -1, depth)

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            starts, rows = self._chunk(offset // CHUNK)
            row = bisect_right(starts, offset) - 1
            while row < len(rows) and offset < end:
                extent = rows[row]
                count = min(end, extent.end) - offset
                parts.append(self._read(extent, offset, count))
                offset += count
                row += 1
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _chunk(self, index: int) -> tuple[list[int], list[Extent]]:
        known = self._chunks.get(index)
        if known is None:
            start = index * CHUNK
            rows = list(self.resolve(start, min(CHUNK, self.size - start)))
            known = [row.start for row in rows], rows
            if len(self._chunks) >= CHUNKS_KEPT:
                self._chunks.clear()
            self._chunks[index] = known
        return known

    def _read(self, extent: Extent, offset: int, count: int) -> bytes:
        if extent.kind == Kind.ZERO:
            return bytes(count)
        if extent.kind == Kind.UNREADABLE:
            if extent.layer == len(self.layers):
                raise MissingParent("sectors of a parent disk that is not there", offset, count)
            raise Unreadable("sectors that the disk file does not hold", offset, count)
        at = extent.at + offset - extent.start
        try:
            data = self.layers[extent.layer].container.read_at(at, count)
        except Unreadable as error:
            raise Unreadable(error.what, error.start - at + offset, error.length) from error
        if len(data) < count:
            raise Unreadable("past the end of the disk file", offset + len(data),
                             count - len(data))
        return data

    def owner_of(self, offset: int, length: int) -> tuple[int, ...]:
        """Indexes of the layers that hold data of a range, in order, without repeats."""
        found = self.resolve(offset, min(length, self.size - offset))
        return tuple(dict.fromkeys(e.layer for e in found if e.kind == Kind.DATA))

    def unreadable(self) -> list[tuple[int, int]]:
        """(offset, length) of every range that the files do not hold, joined."""
        ranges: list[tuple[int, int]] = []
        for extent in self.resolve(0, self.size):
            if extent.kind != Kind.UNREADABLE:
                continue
            if ranges and sum(ranges[-1]) == extent.start:
                ranges[-1] = ranges[-1][0], ranges[-1][1] + extent.length
            else:
                ranges.append((extent.start, extent.length))
        return ranges
