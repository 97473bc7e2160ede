"""Raw and split raw images: the bytes of the disk and nothing else."""

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise

from analyzer.blocks import ExtentMap, OpenFile
from analyzer.errors import EvidenceError, Unreadable
from analyzer.evidence.ledger import Ledger
from analyzer.evidence.segment import SECTOR, Segment


@dataclass(frozen=True, slots=True)
class RawBlocks:
    """Segments one after the other.

    starts    offset of each segment in the image
    segments  the files; one may be shorter than its place (see `open_raw`), then the rest of
              its place is Unreadable
    size      bytes
    """

    starts: tuple[int, ...]
    segments: tuple[Segment, ...]
    size: int
    ledger: Ledger = field(default_factory=Ledger)

    def read_at(self, offset: int, length: int) -> bytes:
        """See `Blocks.read_at`; Unreadable names whole 512-byte sectors."""
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            part = self._read_one(offset, end)
            parts.append(part)
            offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def extents(self) -> ExtentMap | None:
        return None

    def open_file(self) -> OpenFile | None:
        """See `FileBacked`: the file of an image that is not split."""
        return self.segments[0].open_file() if len(self.segments) == 1 else None

    def _read_one(self, offset: int, end: int) -> bytes:
        """As much of [offset, end) as lies in one segment."""
        row = bisect_right(self.starts, offset) - 1
        start, segment = self.starts[row], self.segments[row]
        place_end = self.starts[row + 1] if row + 1 < len(self.starts) else self.size
        stop = min(end, place_end)
        try:
            data = segment.read_at(offset - start, stop - offset)
        except Unreadable as error:
            lost = Unreadable(error.what, error.start + start, error.length)
            raise self.ledger.lose("IMG-EIO", lost) from error
        if not data:
            raise Unreadable(f"{segment.name} is cut short", offset, stop - offset)
        return data


def open_raw(numbered: dict[int, Segment]) -> RawBlocks:
    """Blocks over the segments of a raw image by number.

    All segments but the last have the same size, and the last is not larger. One that is
    shorter was cut: its end is Unreadable and what follows keeps its place. Raises
    EvidenceError for gaps in the numbering, empty files and sizes that fit no rule.
    """
    numbers = sorted(numbered)
    segments = tuple(numbered[n] for n in numbers)
    for number, (before, after) in enumerate(pairwise(numbers)):
        if after != before + 1:
            raise EvidenceError(f"segment {before + 1} of the split image is missing: "
                                f"{segments[number].name} is followed by "
                                f"{segments[number + 1].name}")
    for segment in segments:
        if segment.size == 0:
            raise EvidenceError(f"{segment.name} is empty")
    pitch = max((s.size for s in segments[:-1]), default=segments[-1].size)
    if segments[-1].size > pitch:
        raise EvidenceError(f"{segments[-1].name} is larger ({segments[-1].size} bytes) than the "
                            f"segments before it ({pitch}): where it belongs cannot be known")
    starts = tuple(pitch * row for row in range(len(segments)))
    blocks = RawBlocks(starts, segments, starts[-1] + segments[-1].size)
    _say_odd_sizes(blocks, pitch)
    return blocks


def _say_odd_sizes(blocks: RawBlocks, pitch: int) -> None:
    for start, segment in zip(blocks.starts[:-1], blocks.segments, strict=False):
        if segment.size < pitch:
            blocks.ledger.say(
                "IMG-TRUNC", f"{segment.name} has {segment.size} bytes, other segments {pitch}",
                "its end is unreadable; the segments after it keep their place",
                start + segment.size, pitch - segment.size)
    rest = blocks.size % SECTOR
    if rest:
        blocks.ledger.say(
            "IMG-TRUNC", f"the image ends inside a sector ({blocks.size} bytes)",
            f"read to the last byte; the last sector has {rest} of {SECTOR}",
            blocks.size - rest, rest)
