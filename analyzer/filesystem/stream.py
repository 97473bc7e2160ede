"""The bytes of one NTFS stream, as Blocks, from its data runs.

A stream is one attribute or several pieces in several records, each with the clusters from its
first VCN on. Bytes past the initialized size are zeros whatever the clusters hold (they may
hold older files); a sparse run is zeros; what lies in a gap between pieces or outside the
volume is Unreadable.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from analyzer.blocks import Blocks, Extent, ExtentMap, Kind
from analyzer.errors import Corrupt, EvidenceError, Unreadable
from analyzer.filesystem.attributes import Attribute

NOT_THERE = "data run outside the volume, or missing"


def stream_map(pieces: Sequence[Attribute], cluster_size: int, volume_size: int) -> ExtentMap:
    """Where a non-resident stream lies in its volume (bytes); raises Corrupt.

    `pieces` are the attributes of one stream, in any order.
    """
    pieces = sorted(pieces, key=lambda piece: piece.first_vcn)
    if not pieces or pieces[0].first_vcn:
        raise Corrupt("the piece with the first cluster of the stream is missing")
    size, initialized = pieces[0].real, min(pieces[0].initialized, pieces[0].real)
    rows = list(_tiles(_clusters(pieces, cluster_size), initialized, volume_size))
    if initialized < size:
        rows.append(Extent(initialized, size - initialized, Kind.ZERO))
    return ExtentMap.build(rows)


def _clusters(pieces: Sequence[Attribute], cluster_size: int) -> Iterator[Extent]:
    """Every run of every piece in order; a gap between pieces is UNREADABLE."""
    vcn = 0
    for piece in pieces:
        if piece.value is not None or piece.first_vcn < vcn:
            raise Corrupt(f"two pieces of the stream both hold its cluster {piece.first_vcn}")
        if piece.first_vcn > vcn:
            yield Extent(vcn * cluster_size, (piece.first_vcn - vcn) * cluster_size,
                         Kind.UNREADABLE)
        vcn = piece.first_vcn
        for lcn, length in piece.runs():
            kind, at = (Kind.ZERO, -1) if lcn is None else (Kind.DATA, lcn * cluster_size)
            yield Extent(vcn * cluster_size, length * cluster_size, kind, at)
            vcn += length


def _tiles(extents: Iterator[Extent], size: int, volume_size: int) -> Iterator[Extent]:
    """The extents cut to `size` and, where they are data, to the volume."""
    position = 0
    for extent in extents:
        if extent.start >= size:
            break
        extent = extent.clip(0, size)
        position = extent.end
        inside = volume_size - extent.at
        if extent.kind != Kind.DATA or inside >= extent.length:
            yield extent
            continue
        if inside > 0:
            yield extent.clip(extent.start, extent.start + inside)
        start = extent.start + max(0, inside)
        yield Extent(start, extent.end - start, Kind.UNREADABLE)
    if position < size:
        yield Extent(position, size - position, Kind.UNREADABLE)


@dataclass(frozen=True, slots=True)
class RunBlocks:
    """A stream read through its map; what the volume cannot read is Unreadable at our offset."""

    volume: Blocks
    map: ExtentMap

    @property
    def size(self) -> int:
        return self.map.size

    def read_at(self, offset: int, length: int) -> bytes:
        parts: list[bytes] = []
        for extent in self.map.find(offset, length):
            if extent.kind == Kind.UNREADABLE:
                raise Unreadable(NOT_THERE, extent.start, extent.length)
            parts.append(bytes(extent.length) if extent.kind == Kind.ZERO else self._data(extent))
        return b"".join(parts)

    def _data(self, extent: Extent) -> bytes:
        shift = extent.start - extent.at
        try:
            data = self.volume.read_at(extent.at, extent.length)
        except Unreadable as error:
            raise type(error)(error.what, error.start + shift, error.length) from error
        if len(data) < extent.length:
            start = extent.start + len(data)
            raise Unreadable("past the end of the volume", start, extent.end - start)
        return data

    def extents(self) -> ExtentMap | None:
        return self.map


@dataclass(frozen=True, slots=True)
class DecodedBlocks:
    """A stream that another decoder reads; extents are None, the bytes lie nowhere as they are.

    read  exactly the bytes of (offset, length) inside `size`, or an EvidenceError
    """

    size: int
    read: Callable[[int, int], bytes]

    def read_at(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        return self.read(offset, length) if length else b""

    def extents(self) -> ExtentMap | None:
        return None


@dataclass(frozen=True, slots=True)
class RefusedBlocks:
    """A stream whose size is known and whose bytes cannot be had: every read raises `error`."""

    size: int
    error: EvidenceError

    def read_at(self, offset: int, length: int) -> bytes:
        if length <= 0 or offset >= self.size:
            return b""
        raise type(self.error)(self.error.what)

    def extents(self) -> ExtentMap | None:
        return None
