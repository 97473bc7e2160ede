"""EWF-E01 images: chunks of the media, each with a checksum that is looked at.

A chunk is stored as it is and followed by its Adler-32, or as one zlib stream (RFC 1950), which
carries its own. libewf returns zeros for a chunk that fails (measured); here such a chunk is
Unreadable.

Inflating is most of the time that reading takes. ISA-L does it, and Adler-32, two to five times
as fast as zlib with the same checks; zlib where there is no ISA-L.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from analyzer.blocks import ExtentMap
from analyzer.errors import Corrupt, Unreadable
from analyzer.evidence.ewf_media import (
    Hashes,
    Media,
    acquisition_errors,
    read_hashes,
    read_header,
    read_media,
    refuse_old_layout,
)
from analyzer.evidence.ewf_sections import Section, broken, walk
from analyzer.evidence.ewf_tables import Entries, Place, Table, find_tables, load
from analyzer.evidence.ledger import Ledger
from analyzer.evidence.segment import Segment

try:
    from isal import isal_zlib as deflate
except ImportError:  # no ready-made wheel for this machine
    import zlib as deflate  # type: ignore[no-redef] # where isal has no wheel

_DAMAGED: Final[type[Exception]] = deflate.error  # type: ignore[assignment] # isal has no types
_CACHE: Final = 32 << 20
"""Bytes of inflated chunks kept; as much again for tables."""
_OVERHEAD: Final = 1024
"""zlib never makes a chunk longer than an eighth and this."""


@dataclass(frozen=True, slots=True)
class EwfBlocks:
    """The media of an EWF image; `chunk` gives the bytes of one chunk or raises Unreadable.

    `size` is that of `media`, or up to a sector more (see `_tail`).
    """

    size: int
    media: Media
    hashes: Hashes
    header: dict[str, str]
    ledger: Ledger
    chunk: Callable[[int], bytes]
    errors: tuple[tuple[int, int], ...] = ()
    """(offset, length) of what was not acquired; `read_at` gives the filler there."""

    def read_at(self, offset: int, length: int) -> bytes:
        """See `Blocks.read_at`; what cannot be read is a chunk, cut to the request."""
        end = min(offset + length, self.size)
        size = self.media.chunk
        parts: list[bytes] = []
        while offset < end:
            index, skip = divmod(offset, size)
            stop = min(end, (index + 1) * size)
            try:
                data = self.chunk(index)
            except Unreadable as error:
                self.ledger.lose("EWF-CRC", error)
                raise self._cut(error, offset, end) from error
            parts.append(data if stop - offset == len(data) else data[skip:skip + stop - offset])
            offset = stop
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def extents(self) -> ExtentMap | None:
        return None

    def _cut(self, error: Unreadable, offset: int, end: int) -> Unreadable:
        stop = min(end, error.start + error.length)
        return Unreadable(error.what, offset, stop - offset)


def open_ewf(numbered: dict[int, Segment]) -> EwfBlocks:
    """Walk all segments, check all tables, then give the media.

    Raises Corrupt (EWF-CHAIN) naming the segment where the chain is broken, Unsupported for
    the layouts of SMART and EnCase 1.
    """
    ledger = Ledger()
    sections: list[Section] = []
    for section in walk(numbered):
        refuse_old_layout(section)
        sections.append(section)
    media = read_media(sections, ledger)
    tables = find_tables(sections, ledger)
    found = sum(table.count for table in tables)
    if found != media.chunks:
        raise broken(sections[-1].segment,
                     f"the tables list {found} chunks, the media has {media.chunks}")
    errors = tuple(acquisition_errors(sections, media, ledger))
    chunk = _reader(media, tables)
    size = media.size + _tail(media, chunk, ledger)
    return EwfBlocks(size, media, read_hashes(sections, ledger), read_header(sections, ledger),
                     ledger, chunk, errors)


def _tail(media: Media, chunk: Callable[[int], bytes], ledger: Ledger) -> int:
    """Bytes after the last whole sector: libewf's tools keep them, and hash them.

    A last chunk that is padded to full length has none.
    """
    last = media.chunks - 1
    try:
        rest = len(chunk(last)) - (media.size - last * media.chunk)
    except Unreadable as error:
        ledger.lose("EWF-CRC", error)
        return 0
    if not 0 < rest < media.sector:
        return 0
    ledger.say("IMG-TRUNC", f"the image ends inside a sector ({media.size + rest} bytes)",
               f"read to the last byte; the last sector has {rest} of {media.sector}",
               media.size, rest)
    return rest


def _reader(media: Media, tables: list[Table]) -> Callable[[int], bytes]:
    """The function that gives chunks, with the last ones kept in memory.

    All have `media.chunk` bytes, the last one at least what is left of the media.
    """
    tables = [table for table in tables if table.count]
    firsts = [table.first for table in tables]
    widest = max(4 * table.count for table in tables)

    @lru_cache(max(1, _CACHE // widest))
    def entries(number: int) -> Entries:
        return load(tables[number])

    def chunk(index: int) -> bytes:
        start = index * media.chunk
        size = min(media.chunk, media.size - start)
        number = bisect_right(firsts, index) - 1
        table = tables[number]
        try:
            if not table.usable:
                raise Corrupt("its table is damaged")
            place = entries(number).place(index - table.first)
            return _read_chunk(place, media.chunk, size)
        except (Corrupt, Unreadable, _DAMAGED) as error:
            raise Unreadable(f"{table.segment.name}: chunk {index}: {error}",
                             start, size) from error

    return lru_cache(max(1, _CACHE // media.chunk))(chunk)


def _read_chunk(place: Place | None, chunk: int, size: int) -> bytes:
    """`size` to `chunk` bytes; raises Corrupt, Unreadable or deflate.error."""
    if place is None:
        raise Corrupt("its table entry points outside of the chunks")
    most = chunk + chunk // 8 + _OVERHEAD if place.compressed else chunk + 4
    data = place.segment.read_at(place.offset, min(place.length, most))
    return _inflate(data, chunk, size) if place.compressed else _checked(data, chunk, size)


def _inflate(data: bytes, chunk: int, size: int) -> bytes:
    """The zlib stream at the start of `data`; its own Adler-32 is checked by the library."""
    inflater = deflate.decompressobj()
    media: bytes = inflater.decompress(data, chunk + 1)
    if not inflater.eof or not size <= len(media) <= chunk:
        raise Corrupt(f"inflates to {len(media)} bytes instead of {size}, or does not end")
    return media


def _checked(data: bytes, chunk: int, size: int) -> bytes:
    """Bytes stored as they are, followed by their Adler-32; there may be padding after it."""
    view = memoryview(data)
    for length in (size, chunk, len(data) - 4):
        stored = data[length:length + 4]
        if size <= length and len(stored) == 4 and \
                deflate.adler32(view[:length]) == int.from_bytes(stored, "little"):
            return data[:length]
    raise Corrupt(f"wrong checksum, or cut ({len(data)} bytes)")
