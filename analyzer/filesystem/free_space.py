"""Which clusters of a volume belong to no file, by $Bitmap; and which bytes are there at all.

$Bitmap has a bit for each cluster, the lowest bit of a byte first; 1 is allocated. A bitmap that
calls the clusters of $MFT free, or none at all, is not believed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from analyzer.blocks import Blocks, ExtentMap, Kind, Slice
from analyzer.disks.disk import Disk
from analyzer.errors import Corrupt
from analyzer.filesystem.record_batch import Flags

_PIECE: Final = 1 << 20
"""Bytes of a bitmap looked at together."""


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """`bitmap` is the content of $Bitmap; it has `clusters` bits or more."""

    bitmap: Blocks
    cluster_size: int
    clusters: int

    @classmethod
    def checked(cls, bitmap: Blocks, cluster_size: int, size: int, mft: ExtentMap) -> "FreeSpace":
        """Of a volume of `size` bytes; raises Corrupt or Unreadable where it is not believed."""
        clusters = size // cluster_size
        if bitmap.size * 8 < clusters:
            raise Corrupt(f"$Bitmap has {bitmap.size} bytes for {clusters} clusters")
        found = cls(bitmap, cluster_size, clusters)
        for extent in mft:
            low, high = extent.at // cluster_size, -(-(extent.at + extent.length) // cluster_size)
            if extent.kind == Kind.DATA and found.are_free(low, high).any():
                raise Corrupt("$Bitmap calls clusters of $MFT free")
        step = _PIECE * 8
        if not any(found.are_free(at, at + step).any() for at in range(0, clusters, step)):
            raise Corrupt("$Bitmap has no free cluster")
        return found

    def are_free(self, low: int, high: int) -> Flags:
        """For each of the clusters from `low` to before `high`; raises Unreadable."""
        high = min(high, self.clusters)
        first = low // 8
        raw = np.frombuffer(self.bitmap.read_at(first, max(0, -(-high // 8) - first)), np.uint8)
        bits = np.unpackbits(raw, bitorder="little")[low - first * 8:high - first * 8]
        free: Flags = bits == 0
        return free


def _beneath(blocks: Blocks) -> tuple[int, Blocks]:
    """Where a volume begins in the disk that it is a part of, and that disk."""
    shift, beneath = 0, blocks
    while isinstance(beneath, Slice):
        shift, beneath = shift + beneath.offset, beneath.beneath
    return shift, beneath


def end_of_disk(blocks: Blocks) -> int:
    """Bytes of a volume that its disk is large enough for."""
    shift, beneath = _beneath(blocks)
    return max(0, min(blocks.size, beneath.size - shift))


def stored(blocks: Blocks, start: int, length: int) -> Iterator[tuple[int, int]]:
    """The parts of a range, as (offset, length), that are not known to be zeros or missing.

    A virtual disk knows without reading; of anything else all of it is given.
    """
    shift, beneath = _beneath(blocks)
    if not isinstance(beneath, Disk):
        yield start, length
        return
    low = end = 0
    for extent in beneath.resolve(start + shift, min(length, beneath.size - start - shift)):
        if extent.kind != Kind.DATA:
            continue
        if extent.start != end:
            if end:
                yield low - shift, end - low
            low = extent.start
        end = extent.end
    if end:
        yield low - shift, end - low
