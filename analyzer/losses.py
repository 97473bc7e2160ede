"""What of a disk is known to be unreadable without reading it: ranges of bytes.

Sectors that the acquiring tool could not read, what lies past the end of a cut image, read errors
that were met so far, and, of a virtual disk, what its chain lacks or what lies in such sectors of
the volumes that hold it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from analyzer.blocks import Blocks, Kind
from analyzer.disks.disk import Disk
from analyzer.filesystem.image import Ledger
from analyzer.filesystem.volumes import Partition

Ranges = Iterator[tuple[int, int]]
"""(offset, length) in bytes."""
_NONE: Final = Ledger()


def of_disk(blocks: Blocks, met: Sequence[tuple[int, int]],
            below: Sequence[Ledger] = ()) -> Ledger:
    """Ranges in bytes of the disk `blocks`.

    met    its read errors
    below  of a virtual disk, for each layer: the ranges of the disk that its file lies on
    """
    found = Ledger()
    for offset, length in (*_of_disk(blocks, below), *met):
        found.add(offset, length)
    return found


def of_partition(lost: Ledger, size: int, partition: Partition) -> Ledger:
    """Ranges in bytes of the partition; `lost` are those of its disk, of `size` bytes."""
    found = Ledger()
    start, end = partition.offset, partition.offset + partition.size
    beyond = max(start, size)
    for offset, length in (*lost.ranges, (beyond, end - beyond)):
        low, high = max(offset, start), min(offset + length, end)
        found.add(low - start, high - low)
    return found


def _of_disk(blocks: Blocks, below: Sequence[Ledger]) -> Ranges:
    if not isinstance(blocks, Disk):
        yield from _holes(blocks, _NONE).ranges
        return
    beneath = [_holes(layer.container, lost) for layer, lost in
               zip(blocks.layers, below or [_NONE] * len(blocks.layers), strict=True)]
    is_whole = blocks.layers[-1].parent is None and not any(
        layer.notices for layer in blocks.layers)
    if is_whole and not any(holes.ranges for holes in beneath):
        return  # going through all block tables takes long on a large chain
    for extent in blocks.resolve(0, blocks.size):
        if extent.kind == Kind.UNREADABLE:
            yield extent.start, extent.length
        elif extent.kind == Kind.DATA:
            for at, length in beneath[extent.layer].overlaps(extent.at, extent.length):
                yield extent.start + at - extent.at, length


def _holes(blocks: Blocks, below: Ledger) -> Ledger:
    """The unreadable parts of its map, and those that lie in ranges of the disk below."""
    found = Ledger()
    for extent in blocks.extents() or ():
        if extent.kind == Kind.UNREADABLE:
            found.add(extent.start, extent.length)
        elif extent.kind == Kind.DATA:
            for at, length in below.overlaps(extent.at, extent.length):
                found.add(extent.start + at - extent.at, length)
    return found
