"""Which streams lie in ranges of a volume that cannot be read, worked out from their runs.

Nothing of their content is read: the clusters of each file are held against the ranges. Only for
volumes that have such ranges; every record is decoded for it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from analyzer.blocks import Kind
from analyzer.errors import Corrupt, EvidenceError
from analyzer.filesystem.attributes import Attribute, AttributeType
from analyzer.filesystem.image import Ledger
from analyzer.filesystem.mft_table import MasterFileTable
from analyzer.filesystem.stream import stream_map


@dataclass(frozen=True, slots=True)
class Touched:
    """What of one stream cannot be read, in bytes of the stream.

    start, length  the first range;  lost  all of them together;  size  of the stream
    """

    inode: int
    stream: str
    size: int
    start: int
    length: int
    lost: int

    @property
    def note(self) -> str:
        """What is said beside the file."""
        return f"{self.lost} of {self.size} bytes unreadable, the first at {self.start}"


def touched(table: MasterFileTable, ranges: Ledger) -> Iterator[Touched]:
    """Streams with content in `ranges` (volume offsets) or outside the volume, by MFT number."""
    for extent in table.map:
        if extent.kind != Kind.DATA:
            continue
        size = table.boot.record_size
        for number in range(extent.start // size, min(table.count, -(-extent.end // size))):
            yield from _of_record(table, ranges, number)


def _of_record(table: MasterFileTable, ranges: Ledger, number: int) -> Iterator[Touched]:
    try:
        record = table.record(number)
    except EvidenceError:
        return  # said by the walk
    if record.base is not None:
        return
    streams: dict[str, list[Attribute]] = {}
    for attribute in table.whole(record)[0]:
        if attribute.type == AttributeType.DATA and attribute.value is None:
            streams.setdefault(attribute.name, []).append(attribute)
    for name, pieces in sorted(streams.items()):
        try:
            found = list(_lost(table, ranges, pieces))
        except Corrupt:
            continue  # raised again, and said, by whoever opens the stream
        if found:
            yield Touched(number, name, pieces[0].size, *found[0], sum(n for _, n in found))


def _lost(table: MasterFileTable, ranges: Ledger,
          pieces: Iterable[Attribute]) -> Iterator[tuple[int, int]]:
    """(offset, length) in the stream."""
    extents = stream_map(list(pieces), table.boot.cluster_size, table.image.blocks.size)
    for extent in extents:
        if extent.kind == Kind.UNREADABLE:
            yield extent.start, extent.length
        elif extent.kind == Kind.DATA:
            for start, length in ranges.overlaps(extent.at, extent.length):
                yield start - extent.at + extent.start, length
