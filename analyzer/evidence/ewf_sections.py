"""EWF-E01: segment files and their chains of sections, walked before anything is analysed.

    file header (13 bytes)
     0  8  signature `EVF` 09 0D 0A FF 00
     8  1  1
     9  2  segment number, from 1
    11  2  0
    section descriptor (76 bytes), the first at 13
     0 16  type, padded with NUL
    16  8  offset of the next descriptor in the file; its own offset for `next` and `done`
    24  8  bytes of the section with its descriptor (0 in `next` and `done` of some writers)
    32 40  unused
    72  4  Adler-32 of bytes 0 to 71

Every segment but the last ends with `next`, the last with `done`. All integers little endian.
Source: J. Metz, "Expert Witness Compression Format specification" (libewf), sections 2 and 3.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt, Unreadable
from analyzer.evidence.containers import EWF
from analyzer.evidence.segment import Segment

DESCRIPTOR: Final = 76
HEADER: Final = 13
_LAST_TYPES: Final = ("next", "done")


@dataclass(frozen=True, slots=True)
class Section:
    """One section: `offset` of its descriptor, `end` of its body, in the file `segment`."""

    segment: Segment
    type: str
    offset: int
    end: int

    @property
    def start(self) -> int:
        """Offset of the body."""
        return self.offset + DESCRIPTOR

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return self.end - self.start

    def read(self, limit: int) -> bytes:
        """The body, at most `limit` bytes of it; raises Corrupt where it cannot be read."""
        return read_file(self.segment, self.start, min(self.size, limit))


def broken(segment: Segment, what: str, at: int | None = None) -> Corrupt:
    """The error for a chain that cannot be trusted; names the segment."""
    return Corrupt(f"EWF-CHAIN: {segment.name}: {what}", at)


def read_file(segment: Segment, offset: int, length: int) -> bytes:
    """Exactly `length` bytes of the file; raises Corrupt, naming it, where it has fewer."""
    try:
        data = segment.read_at(offset, length)
    except Unreadable as error:
        raise broken(segment, "cannot be read", error.start) from error
    if len(data) < length:
        raise broken(segment, f"cut short: {segment.size} bytes", offset)
    return data


def adler_ok(data: bytes) -> bool:
    """True where the last four bytes are the Adler-32 of those before them."""
    return len(data) > 4 and zlib.adler32(data[:-4]) == int.from_bytes(data[-4:], "little")


def walk(segments: dict[int, Segment]) -> Iterator[Section]:
    """All sections of all segments in order.

    `segments` by the number that the file name or the header gives. Raises Corrupt, naming the
    segment, for a missing, truncated, misnumbered or foreign file and a broken descriptor.
    """
    last = max(segments)
    for number in range(1, last + 1):
        segment = segments.get(number)
        if segment is None:
            near = segments[min(n for n in segments if n > number)]
            raise broken(near, f"segment {number} before it is missing")
        _check_header(segment, number)
        ends_with = ""
        for section in _walk_one(segment):
            ends_with = section.type
            yield section
        if ends_with == "next" and number == last:
            raise broken(segment, f"segment {number + 1} after it is missing")
        if ends_with == "done" and number != last:
            raise broken(segments[last], f"follows segment {number}, which says it is the last")


def _check_header(segment: Segment, number: int) -> None:
    header = read_file(segment, 0, HEADER)
    if not header.startswith(EWF):
        raise broken(segment, "does not begin like an EWF segment", 0)
    if header[8] != 1 or header[11:] != b"\0\0":
        raise broken(segment, f"damaged file header {header[8:].hex()}", 8)
    own = int.from_bytes(header[9:11], "little")
    if own != number:
        raise broken(segment, f"is segment {own} by its header, {number} by its place", 9)


def _walk_one(segment: Segment) -> Iterator[Section]:
    """Sections of one file; offsets only grow, so the walk ends."""
    offset = HEADER
    while True:
        section = _descriptor(segment, offset)
        yield section
        if section.type in _LAST_TYPES:
            return
        offset = section.end


def _descriptor(segment: Segment, offset: int) -> Section:
    data = read_file(segment, offset, DESCRIPTOR)
    if not adler_ok(data):
        raise broken(segment, "section descriptor with a wrong checksum", offset)
    name, following, size = struct.unpack_from("<16sQQ", data)
    try:
        kind = name.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise broken(segment, f"section of type {name!r}", offset) from error
    if kind in _LAST_TYPES:
        return Section(segment, kind, offset, offset + DESCRIPTOR)
    if following < offset + DESCRIPTOR or (size and offset + size > following):
        raise broken(segment, f"section {kind!r} of {size} bytes leads to {following:#x}", offset)
    if following > segment.size:
        raise broken(segment, f"cut short: section {kind!r} ends at byte {following}, the file "
                              f"has {segment.size}", offset)
    return Section(segment, kind, offset, following)
