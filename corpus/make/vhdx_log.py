"""VHDX files that were never closed: a log of writes that are not where they belong yet.

A ring of entries from the log's place in the file; see `analyzer.disks.vhdx_log` for the layout.
Source: Microsoft [MS-VHDX] 2.3.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from corpus.make.vhdx import HEADERS, LOG_AT, Style, header, summed

LOG_SECTOR = 4096


@dataclass(frozen=True)
class Write:
    """A write that a log promises: a sector of 4096 bytes at `offset`, or `zeros` bytes."""

    offset: int
    data: bytes = b""
    zeros: int = 0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One log entry; `tail` is the index, in the list of entries, of the oldest still needed.

    flushed, last  file sizes; None: the size of the file
    """

    writes: Sequence[Write]
    sequence: int
    tail: int = 0
    log_id: uuid.UUID | None = None
    flushed: int | None = None
    last: int | None = None


def log_entry(entry: Entry, log_id: uuid.UUID, tail: int, size: int) -> bytes:
    """The bytes of an entry; `tail` is an offset in the log, `size` that of the file."""
    descriptors, sectors = bytearray(), bytearray()
    for write in entry.writes:
        if write.data:
            if len(write.data) != LOG_SECTOR:
                raise ValueError(f"a log writes sectors of {LOG_SECTOR} bytes")
            descriptors += struct.pack("<4s4s8sQQ", b"desc", write.data[-4:], write.data[:8],
                                       write.offset, entry.sequence)
            sectors += struct.pack("<4sI4084sI", b"data", entry.sequence >> 32,
                                   write.data[8:-4], entry.sequence & 0xFFFFFFFF)
        else:
            descriptors += struct.pack("<4sIQQQ", b"zero", 0, write.zeros, write.offset,
                                       entry.sequence)
    front = -(-(64 + len(descriptors)) // LOG_SECTOR) * LOG_SECTOR
    own = entry.log_id or log_id
    head = struct.pack("<4sIIIQII16sQQ", b"loge", 0, front + len(sectors), tail, entry.sequence,
                       len(entry.writes), 0, own.bytes_le,
                       size if entry.flushed is None else entry.flushed,
                       size if entry.last is None else entry.last)
    return summed((head + descriptors).ljust(front, b"\0") + sectors)


def with_log(content: bytes, entries: Sequence[Entry], log_id: uuid.UUID, style: Style, *,
             start: int = 0) -> bytes:
    """`content` as a file whose log holds `entries`, one behind the other from `start` on.

    The log is a ring: an entry that reaches its end goes on at its beginning.
    """
    out = bytearray(content)
    lengths = [len(log_entry(entry, log_id, 0, 0)) for entry in entries]
    places = [(start + sum(lengths[:index])) % style.log_size for index in range(len(entries))]
    if sum(lengths) > style.log_size:
        raise ValueError("the log is too small for its entries")
    for entry, place in zip(entries, places, strict=True):
        raw = log_entry(entry, log_id, places[entry.tail], len(content))
        room = style.log_size - place
        out[LOG_AT + place:LOG_AT + place + len(raw[:room])] = raw[:room]
        out[LOG_AT:LOG_AT + len(raw[room:])] = raw[room:]
    for at, sequence in zip(HEADERS, style.sequences, strict=True):
        out[at:at + 4096] = header(sequence, style, log_id)
    return bytes(out)
