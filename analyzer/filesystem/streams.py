"""Which reader a stream needs: its data runs, memory, a decoder, or none that we have."""

from collections.abc import Callable, Sequence
from typing import Final

from analyzer.blocks import Blocks, ExtentMap, Kind, Memory
from analyzer.errors import Unreadable, Unsupported
from analyzer.filesystem.attributes import Attribute
from analyzer.filesystem.entries import Entry
from analyzer.filesystem.image import Ledger
from analyzer.filesystem.reparse import DEDUPLICATED, WOF
from analyzer.filesystem.stream import DecodedBlocks, RefusedBlocks, RunBlocks, stream_map

FILTERED: Final = {WOF: "compressed by the Windows Overlay Filter (WOF)",
                   DEDUPLICATED: "data deduplication: the content is in the chunk store"}
Decompress = Callable[[Attribute, ExtentMap, int, int], bytes]
"""Bytes of (first piece, map, offset, length)."""


def open_stream(volume: Blocks, cluster_size: int, entry: Entry, pieces: Sequence[Attribute],
                decompress: Decompress) -> Blocks:
    """The stream made of `pieces`; raises Corrupt.

    One that cannot be decoded has its size, and raises Unsupported when it is read.
    """
    first = min(pieces, key=lambda piece: piece.first_vcn)
    tag = None if entry.reparse is None or first.name else entry.reparse.tag
    if tag in FILTERED:
        return RefusedBlocks(first.size, Unsupported(f"{entry.path}: {FILTERED[tag]}"))
    if first.is_encrypted:
        return RefusedBlocks(first.size, Unsupported(f"{entry.path}: encrypted (EFS)"))
    if first.value is not None:
        return Memory(first.value)
    table = stream_map(pieces, cluster_size, volume.size)
    if not first.is_compressed:
        return RunBlocks(volume, table)

    def read(offset: int, length: int) -> bytes:
        return decompress(first, table, offset, length)

    return DecodedBlocks(first.size, read)


def check_lost(ledger: Ledger, table: ExtentMap, unit: int, offset: int, length: int) -> None:
    """Raise Unreadable when a compression unit of the range was read from lost bytes.

    table  where the compressed clusters lie; unit in bytes
    """
    start, end = offset // unit * unit, -(-(offset + length) // unit) * unit
    for extent in table.find(start, end - start):
        lost = extent.kind == Kind.UNREADABLE
        bad = extent.start
        if extent.kind == Kind.DATA:
            overlap = ledger.overlap(extent.at, extent.length)
            if overlap is not None:
                lost, bad = True, extent.start + overlap[0] - extent.at
        if lost:
            low = max(offset, bad // unit * unit)
            high = min(offset + length, bad // unit * unit + unit)
            raise Unreadable("compression unit with unreadable bytes", low, high - low)
