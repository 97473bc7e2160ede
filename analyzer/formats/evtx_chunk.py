"""Event logs (EVTX), our own look: chunks, records and their ids, without their content.

Layout, little-endian::

    file   0 "ElfFile\\0" 8 first, 16 last chunk 24 next record id 36 minor, 38 major version
           42 number of chunks 120 flags (1 dirty, 2 full, 4 no checksums) 124 CRC-32 of the
           first 120 bytes
           4096 chunks of 65536 bytes
    chunk  0 "ElfChnk\\0" 24 first, 32 last record id 48 end of the records 52 CRC-32 of the records
           124 CRC-32 of bytes 0-120 and 128-512; 512 records
    record 0 "**\\0\\0" 4 size 8 record id 16 FILETIME 24 binary XML; the last 4 bytes: size again

A log copied from a running host is dirty and its file header counts too few chunks, so every
place of a chunk is looked at, whatever the header says.

Source: J. Metz, "Windows XML Event Log (EVTX) format"; [MS-EVEN6] 2.2.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from analyzer import times
from analyzer.errors import EvidenceError, Notice, NotThisFormat
from analyzer.formats.readable import Readable

HEADER: Final = 4096
CHUNK: Final = 65_536
FIRST_RECORD: Final = 512
MARK: Final = b"**\0\0"
_HEAD: Final = 24
_LARGEST_ID: Final = 1 << 48


@dataclass(frozen=True, slots=True)
class Found:
    """One record: `offset` of its head in the chunk; `written_at` None where it is no time."""

    offset: int
    size: int
    record_id: int
    written_at: int | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk.

    offset   in the file
    records  in order of their place, up to the end that the chunk states
    slack    whole records past that end, left over from earlier use
    broken   (offset, length) in the chunk where records should be and none is whole
    notices  what does not fit
    """

    offset: int
    data: bytes
    records: tuple[Found, ...]
    slack: tuple[Found, ...]
    broken: tuple[tuple[int, int], ...]
    notices: tuple[Notice, ...]


def has_checksums(head: bytes) -> bool:
    """Whether the file header says that chunks have checksums; tools may leave them out."""
    return not int.from_bytes(head[120:124], "little") & 4


def check_header(head: bytes, size: int) -> list[Notice]:
    """What the file header says that does not fit; raises NotThisFormat for other files."""
    if not head.startswith(b"ElfFile\0"):
        raise NotThisFormat("no event log", 0)
    notices = []
    count, flags = int.from_bytes(head[42:44], "little"), int.from_bytes(head[120:124], "little")
    if has_checksums(head) and zlib.crc32(head[:120]) != int.from_bytes(head[124:128], "little"):
        notices.append(Notice("EVTX-HEADER", "the file header's checksum is wrong",
                              "chunks are looked for everywhere", 0, 128))
    slots = max(0, size - HEADER) // CHUNK
    if flags & 1 or count > slots:
        notices.append(Notice(
            "EVTX-DIRTY", f"the log was not closed: its header counts {count} chunks, the file "
            f"has room for {slots}", "every chunk is read, also those the header does not count",
            0, 128))
    return notices


def chunks(blocks: Readable) -> Iterator[Chunk | Notice]:
    """Each chunk of a log, and a notice for each place that holds something else."""
    is_checked = has_checksums(blocks.read_at(0, 128))
    for at in range(HEADER, blocks.size, CHUNK):
        try:
            data = blocks.read_at(at, CHUNK)
        except EvidenceError as error:
            yield Notice("EVTX-CHUNK", f"a chunk cannot be read: {error}",
                         "its records are missing", at, CHUNK)
            continue
        if data.startswith(b"ElfChnk\0") or data.find(MARK, FIRST_RECORD) >= 0:
            yield _chunk(at, data, is_checked=is_checked)
        elif any(data):
            yield Notice("EVTX-CHUNK", "no chunk where one should be", "its records are missing",
                         at, len(data))


def _chunk(at: int, data: bytes, *, is_checked: bool) -> Chunk:
    """A chunk; where its header is not to be trusted, records are looked for to its end."""
    whole = data.ljust(CHUNK, b"\0")
    notices = _check(at, whole, len(data), is_checked=is_checked)
    is_sound = not any(notice.length == FIRST_RECORD for notice in notices)
    end = int.from_bytes(whole[48:52], "little") if is_sound else len(data)
    records, broken = _scan(whole, FIRST_RECORD, end)
    slack = _scan(whole, end, len(data))[0]
    if not is_sound:
        rising = next((number for number, pair in enumerate(pairwise(records))
                       if pair[1].record_id <= pair[0].record_id), len(records) - 1) + 1
        records, slack = records[:rising], records[rising:]
        last = records[-1].offset + records[-1].size if records else FIRST_RECORD
        broken = [(place, length) for place, length in broken
                  if place < last or (not slack and any(whole[place:place + length]))]
    for record in (*records, *slack):
        if record.written_at is None:
            place = record.offset + 16
            times.stamp(int.from_bytes(whole[place:place + 8], "little"),
                        f"time of record {record.record_id}", at + place, notices)
    known = {record.record_id for record in records}
    return Chunk(at, whole, tuple(records), tuple(r for r in slack if r.record_id not in known),
                 tuple(broken), tuple(notices))


def _check(at: int, whole: bytes, size: int, *, is_checked: bool) -> list[Notice]:
    """What of a chunk does not fit; notices of FIRST_RECORD bytes are about its header."""
    notices = []
    end = int.from_bytes(whole[48:52], "little")
    if not whole.startswith(b"ElfChnk\0"):
        notices.append(Notice("EVTX-CHUNK", "the chunk's signature is gone",
                              "its records are looked for", at, FIRST_RECORD))
    elif not FIRST_RECORD <= end <= CHUNK or (is_checked and zlib.crc32(
            whole[128:FIRST_RECORD], zlib.crc32(whole[:120])) != _u32(whole, 124)):
        notices.append(Notice("EVTX-CHUNK", "the chunk's header does not fit its checksum",
                              "its records are looked for", at, FIRST_RECORD))
    elif is_checked and zlib.crc32(whole[FIRST_RECORD:end]) != _u32(whole, 52):
        notices.append(Notice("EVTX-CHUNK", "the records do not fit the chunk's checksum",
                              "each is read where it can be", at + FIRST_RECORD,
                              CHUNK - FIRST_RECORD))
    if size < CHUNK:
        notices.append(Notice("EVTX-CHUNK", f"the file ends {CHUNK - size} bytes too early",
                              "records there are missing", at + size, CHUNK - size))
    return notices


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at:at + 4], "little")


def _scan(data: bytes, start: int, end: int) -> tuple[list[Found], list[tuple[int, int]]]:
    """Whole records between two places, and the stretches between them."""
    found: list[Found] = []
    broken: list[tuple[int, int]] = []
    at = start
    while at < end:
        record = _record(data, at, end)
        if record is not None:
            found.append(record)
            at += record.size
            continue
        following = data.find(MARK, at + 1, end)
        while following >= 0 and _record(data, following, end) is None:
            following = data.find(MARK, following + 1, end)
        stop = following if following >= 0 else end
        broken.append((at, stop - at))
        at = stop
    return found, broken


def _record(data: bytes, at: int, end: int) -> Found | None:
    """The record at `at`, where both its sizes agree and its id can be."""
    if at + _HEAD + 4 > end or data[at:at + 4] != MARK:
        return None
    size, record_id, written = struct.unpack_from("<IQQ", data, at + 4)
    if size < _HEAD + 4 or at + size > end or not 0 < record_id < _LARGEST_ID:
        return None
    if int.from_bytes(data[at + size - 4:at + size], "little") != size:
        return None
    return Found(at, size, record_id, written if written in times.CLOCK else None)
