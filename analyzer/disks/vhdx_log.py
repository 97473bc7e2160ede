"""VHDX log: metadata writes that were promised and perhaps not done, replayed in memory.

A ring of entries, each in whole sectors of 4096 bytes, little-endian:

    entry       0 "loge", 4 CRC-32C of the entry, 8 its length u32, 12 tail u32: offset in the log
                of the oldest entry still needed, 16 sequence number u64, 24 descriptors u32,
                32 log GUID, 48 flushed file size u64, 56 last file size u64, 64 descriptors
    descriptor  0 "desc", 4 last four bytes, 8 first eight bytes, 16 file offset u64, 24 sequence
                number u64; or "zero", 8 length u64, 16 file offset u64, 24 sequence number u64
    data        one sector for each "desc": 0 "data", 4 sequence number, high half, 8 bytes 8 to
                4091 of what to write, 4092 sequence number, low half

The active sequence is the newest run of valid entries that begins at the tail its last entry
names. A sector that it writes lies, in three pieces, in the log itself: so the replayed file is
a map over the file as it is, and every byte keeps its place in the evidence.

What does not verify is not replayed, and what is not replayed leaves tables of which nobody
can say whether they are current: such a disk is refused. The one exception is the end of the
log, where an entry was being written when the power went: it never took effect. Damage to the
newest entry looks the same, so it is said.

A file shorter than the log says (flushed file size) was cut; the specification refuses it. Its
tables are whole all the same, and the blocks that are cut are unreadable one by one.

Source: [MS-VHDX] 2.3.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

import google_crc32c
import numpy as np

from analyzer.blocks import Blocks, Extent, ExtentMap, Kind
from analyzer.disks.vhdx_structures import FURTHEST, TABLES_AT, Header, guid_text
from analyzer.errors import Corrupt, Notice, Unsupported

SECTOR = 4096
LARGEST_LOG = 64 << 20
"""Bytes of log that are held in memory; Windows makes logs of 1 MiB."""
MOST_WRITES = 1 << 16
_ENTRY = struct.Struct("<4sIIIQII16sQQ")
_DESCRIPTOR = struct.Struct("<4sI8sQQ")
_FIRST, _LAST = 8, 4
"""Bytes of a written sector that stand in its descriptor."""


@dataclass(frozen=True, slots=True)
class _Write:
    """`length` bytes at `target` of the file; `place` of the descriptor, `data` of the sector.

    Both are offsets in the log, -1 where zeros are written.
    """

    target: int
    length: int
    place: int = -1
    data: int = -1


@dataclass(frozen=True, slots=True)
class _Entry:
    """One valid entry; offset and tail in the log."""

    offset: int
    length: int
    tail: int
    sequence: int
    flushed: int
    last: int
    writes: tuple[_Write, ...]


class Log:
    """The log of a file whose header says that it is not empty."""

    def __init__(self, container: Blocks, header: Header) -> None:
        """Raises Unreadable, Corrupt where there is no log, Unsupported where it is too large.

        A log of sectors cannot hold MOST_WRITES; one of zeros can, and takes its time.
        """
        self._base, self._size = header.log_offset, header.log_length
        self._log_id = header.log_id
        if self._size > LARGEST_LOG:
            raise Unsupported(f"VHDX log of {self._size} bytes", self._base)
        self._data = container.read_at(self._base, self._size)
        if not self._size or self._size % SECTOR or len(self._data) < self._size:
            raise Corrupt("the header names a log that is not there", self._base)
        self._writes_seen = 0
        self._entries = {entry.offset: entry for entry in self._scan()}

    def _scan(self) -> Iterator[_Entry]:
        """Every valid entry. One ends before the next signature, so each byte is summed once."""
        words = np.frombuffer(self._data, "<u4")[::SECTOR // 4]
        starts: list[int] = (np.nonzero(words == int.from_bytes(b"loge", "little"))[0]
                             * SECTOR).tolist()
        for index, start in enumerate(starts):
            following = starts[(index + 1) % len(starts)]
            room = (following - start - 1) % self._size + 1
            entry = self._entry(start, room)
            if entry is not None:
                yield entry

    def _ring(self, offset: int, length: int) -> bytes:
        offset %= self._size
        piece = self._data[offset:offset + length]
        return piece + self._data[:length - len(piece)]

    def _entry(self, start: int, room: int) -> _Entry | None:
        """The entry at `start` if every one of its fields and its checksum are right."""
        (_, checksum, length, tail, sequence, count, _, log_id, flushed, last) = \
            _ENTRY.unpack_from(self._data, start)
        if (guid_text(log_id) != self._log_id or length % SECTOR or not SECTOR <= length <= room
                or tail % SECTOR or tail >= self._size or not sequence
                or count > (length - _ENTRY.size) // _DESCRIPTOR.size):
            return None
        raw = self._ring(start, length)
        if google_crc32c.value(raw[:4] + bytes(4) + raw[8:]) != checksum:
            return None
        self._writes_seen += count
        if self._writes_seen > MOST_WRITES:
            raise Unsupported(f"VHDX log of more than {MOST_WRITES} writes", self._base)
        writes = self._writes(raw, start, count, sequence)
        return None if writes is None else \
            _Entry(start, length, tail, sequence, flushed, last, writes)

    def _writes(self, raw: bytes, start: int, count: int,
                sequence: int) -> tuple[_Write, ...] | None:
        """The writes of an entry; None where a descriptor or data sector is not one."""
        writes: list[_Write] = []
        data = -(-(_ENTRY.size + count * _DESCRIPTOR.size) // SECTOR) * SECTOR
        for index in range(count):
            at = _ENTRY.size + index * _DESCRIPTOR.size
            kind, _, middle, target, number = _DESCRIPTOR.unpack_from(raw, at)
            length = SECTOR if kind == b"desc" else int.from_bytes(middle, "little")
            if kind not in (b"desc", b"zero") or number != sequence or \
                    not self._may_write(target, length):
                return None
            if kind == b"zero":
                writes += [_Write(target, length)] if length else []
                continue
            sector = raw[data:data + SECTOR]
            if len(sector) < SECTOR or sector[:4] != b"data" or \
                    sector[4:8] + sector[-4:] != struct.pack("<II", sequence >> 32,
                                                             sequence & 0xFFFFFFFF):
                return None
            writes.append(_Write(target, SECTOR, (start + at) % self._size,
                                 (start + data) % self._size))
            data += SECTOR
        return tuple(writes) if data == len(raw) else None

    def _may_write(self, target: int, length: int) -> bool:
        """Whether a write stays behind the headers and off the log itself."""
        end = target + length
        return target % SECTOR == 0 and length % SECTOR == 0 and TABLES_AT[0] <= target and \
            end <= FURTHEST and (end <= self._base or target >= self._base + self._size)

    def active(self, notices: list[Notice]) -> tuple[_Entry, ...]:
        """The active sequence, oldest first; raises Corrupt where there is none to rely on."""
        newest: tuple[_Entry, ...] = ()
        for run in self._runs():
            index = {entry.offset: i for i, entry in enumerate(run)}.get(run[-1].tail)
            if index is not None and (not newest or run[-1].sequence > newest[-1].sequence):
                newest = run[index:]
        if not newest:
            raise Corrupt("the log does not verify: no sequence of entries is whole; which of its "
                          "writes were done cannot be told", self._base)
        latest = max(entry.sequence for entry in self._entries.values())
        if latest > newest[-1].sequence:
            raise Corrupt(f"the log does not verify: entries up to number {latest} are there, and "
                          f"the last whole sequence ends at number {newest[-1].sequence}",
                          self._base)
        self._look_behind(newest[-1], notices)
        return newest

    def _runs(self) -> Iterator[tuple[_Entry, ...]]:
        """Entries that follow each other in place and number, as long as possible."""
        followers = {entry.offset: self._after(entry) for entry in self._entries.values()}
        inner = {entry.offset for entry in followers.values() if entry is not None}
        for entry in self._entries.values():
            if entry.offset in inner:
                continue
            run, following = [entry], followers[entry.offset]
            while following is not None:
                run.append(following)
                following = followers[following.offset]
            yield tuple(run)

    def _after(self, entry: _Entry) -> _Entry | None:
        following = self._entries.get((entry.offset + entry.length) % self._size)
        return following if following and following.sequence == entry.sequence + 1 else None

    def _look_behind(self, head: _Entry, notices: list[Notice]) -> None:
        """Say so where there are traces of an entry after the last, which does not verify."""
        at = (head.offset + head.length) % self._size
        if at in self._entries:
            return
        signature, _, _, _, sequence, _, _, log_id, _, _ = _ENTRY.unpack_from(self._data, at)
        signs = (signature == b"loge", sequence == head.sequence + 1,
                 guid_text(log_id) == self._log_id)
        if sum(signs) >= 2 or self._has_data(head.sequence + 1):
            notices.append(Notice(
                "VHDX-LOGEND", f"the log has traces of an entry after number {head.sequence} that "
                "does not verify", "it was taken as never finished, and not replayed",
                self._base + at, SECTOR))

    def _has_data(self, sequence: int) -> bool:
        """Whether a data sector of that number is left anywhere in the log."""
        words = np.frombuffer(self._data, "<u4").reshape(-1, SECTOR // 4)
        found = (words[:, 0] == int.from_bytes(b"data", "little")) & \
            (words[:, 1] == sequence >> 32) & (words[:, -1] == sequence & 0xFFFFFFFF)
        return bool(found.any())

    def replay(self, container: Blocks, notices: list[Notice]) -> ExtentMap:
        """The file after replay as a map over the file as it is.

        Raises Corrupt, see `active`.
        """
        entries = self.active(notices)
        head = entries[-1]
        if container.size < head.flushed:
            notices.append(Notice("VHDX-TRUNC", f"the file had {head.flushed} bytes when the log "
                                  f"was written and has {container.size}",
                                  "what lay behind its end is unreadable", container.size,
                                  head.flushed - container.size))
        writes = [write for entry in entries for write in entry.writes]
        notices.append(Notice(
            "VHDX-LOG", f"the disk was not closed: the log has {len(entries)} entries with "
            f"{len(writes)} writes (numbers {entries[0].sequence} to {head.sequence})",
            "they were replayed in memory; the file was not changed", self._base, self._size))
        return ExtentMap.build(_overlay(self._pieces(writes), container.size))

    def _pieces(self, writes: list[_Write]) -> Iterator[Extent]:
        """What the writes leave, in the order of the file: where several meet, the last rules."""
        edges = sorted({edge for write in writes
                        for edge in (write.target, write.target + write.length)})
        waiting = sorted(range(len(writes)), key=lambda number: -writes[number].target)
        alive: list[int] = []
        for start, end in pairwise(edges):
            while waiting and writes[waiting[-1]].target <= start:
                heappush(alive, -waiting.pop())
            while alive and writes[-alive[0]].target + writes[-alive[0]].length <= start:
                heappop(alive)
            if alive:
                yield from self._extents(writes[-alive[0]], start, end)

    def _extents(self, write: _Write, start: int, end: int) -> Iterator[Extent]:
        if write.data < 0:
            yield Extent(start, end - start, Kind.ZERO)
            return
        middle = write.length - _FIRST - _LAST
        yield Extent(start, _FIRST, Kind.DATA, self._base + write.place + 8)
        yield Extent(start + _FIRST, middle, Kind.DATA, self._base + write.data + _FIRST)
        yield Extent(end - _LAST, _LAST, Kind.DATA, self._base + write.place + 4)


def _overlay(pieces: Iterator[Extent], size: int) -> Iterator[Extent]:
    """The pieces, and between them the file as it is; nothing is known behind its end."""
    position = 0
    for piece in pieces:
        yield from _as_it_is(position, piece.start, size)
        yield piece
        position = piece.end
    yield from _as_it_is(position, max(position, size), size)


def _as_it_is(start: int, end: int, size: int) -> Iterator[Extent]:
    known = min(end, size)
    if start < known:
        yield Extent(start, known - start, Kind.DATA, start)
    if max(start, size) < end:
        yield Extent(max(start, size), end - max(start, size), Kind.UNREADABLE)
