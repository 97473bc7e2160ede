"""Disk: a chain of layers read as one. The only code that reads a virtual disk.

A request inside one run of the acquired file costs one bisect and one read (`places.Places`).
What has no such place (a missing parent, a damaged file) is read layer by layer, which also
finds the words for what is wrong.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from os import pread

from analyzer.blocks import ZEROS, Blocks, Extent, ExtentMap, Kind
from analyzer.disks.layer import Layer
from analyzer.disks.places import CHUNK, Places, resolve
from analyzer.errors import EvidenceError, MissingParent, Unreadable

_STEP = 64 << 20
"""Bytes resolved at a time: a whole disk may have millions of extents."""


class Disk:
    """A virtual disk as the guest saw it: `layers[0]` on top, its parents behind.

    Is Blocks. Where the last layer is differencing its parent is missing: see `resolve`.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self.size = self.layers[0].size
        self._places = Places(self.layers)
        self._recent = self._places.recent

    def extents(self) -> ExtentMap | None:
        """None: the bytes may lie in several files; see `resolve`."""
        return None

    def resolve(self, offset: int, length: int, depth: int = 0) -> Iterator[Extent]:
        """Extents of a range, in order: DATA with its layer's index and container offset.

        No PARENT is left: where a parent is missing its sectors are UNREADABLE with the index
        that the parent would have; past the end of a smaller parent they are ZERO.
        """
        end = offset + length
        while offset < end:
            step = min(end, (offset // _STEP + 1) * _STEP)
            for start, stop, kind, at, layer in resolve(self.layers, offset, step, depth):
                yield Extent(start, stop - start, kind, at, layer)
            offset = step

    def read_at(self, offset: int, length: int) -> bytes:
        chunk = self._recent.get(offset // CHUNK)
        if chunk is not None:
            starts, rows = chunk
            end, shift, number, _ = rows[bisect_right(starts, offset) - 1]
            if offset + length <= end:
                if number >= 0:
                    try:
                        data = pread(number, length, offset + shift)
                    except OSError:
                        data = b""
                    if len(data) == length:
                        return data
                elif number == ZEROS:
                    return bytes(max(0, length))
        parts = [self._read(*run) for run in self._runs(offset, min(offset + length, self.size))]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _runs(self, offset: int, end: int) -> Iterator[tuple[int, int, int, int, Blocks | None]]:
        """What [offset, end) is read from: (offset, length, shift, descriptor, base) each.

        A run that goes on over the edge of a chunk is given once.
        """
        start, run_shift, run_number = offset, 0, 0
        run_base: Blocks | None = None
        while offset < end:
            starts, rows = self._places.chunk(offset // CHUNK)
            for stop, shift, number, base in rows[bisect_right(starts, offset) - 1:]:
                if shift != run_shift or number != run_number or base is not run_base:
                    if start < offset:
                        yield start, offset - start, run_shift, run_number, run_base
                    start, run_shift, run_number, run_base = offset, shift, number, base
                offset = min(end, stop)
                if offset == end:
                    break
        if start < offset:
            yield start, offset - start, run_shift, run_number, run_base

    def _read(self, offset: int, length: int, shift: int, number: int,
              base: Blocks | None) -> bytes:
        """One run; where it cannot be had as a whole, what its layers give or say."""
        if number == ZEROS:
            return bytes(length)
        data = b""
        try:
            if number >= 0:
                data = pread(number, length, offset + shift)
            elif base is not None:
                data = base.read_at(offset + shift, length)
        except OSError:
            self._places.avoid(number)
        except EvidenceError:
            pass  # found again, in the disk's own offsets, by _read_layers
        return data if len(data) == length else self._read_layers(offset, length)

    def _read_layers(self, offset: int, length: int) -> bytes:
        """Layer by layer; raises Unreadable or MissingParent in offsets of this disk."""
        return b"".join(self._read_extent(extent) for extent in self.resolve(offset, length))

    def _read_extent(self, extent: Extent) -> bytes:
        if extent.kind == Kind.ZERO:
            return bytes(extent.length)
        if extent.kind == Kind.UNREADABLE:
            if extent.layer == len(self.layers):
                raise MissingParent("sectors of a parent disk that is not there", extent.start,
                                    extent.length)
            raise Unreadable("sectors that the disk file does not hold", extent.start,
                             extent.length)
        try:
            data = self.layers[extent.layer].container.read_at(extent.at, extent.length)
        except Unreadable as error:
            raise Unreadable(error.what, error.start - extent.at + extent.start,
                             error.length) from error
        if len(data) < extent.length:
            raise Unreadable("past the end of the disk file", extent.start + len(data),
                             extent.length - len(data))
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
