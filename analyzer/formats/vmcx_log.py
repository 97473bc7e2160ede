"""The replay log of a HyperVStorage file: changes that were decided on, and old ones.

    0    signature 0x01110003, crc, current entries u32, u8, most entries u32,
         change tracking u8, its buffer: offset u64, size u32, used u32       (34 bytes)
    34   entries of 28 bytes: destination u64, size u32, offset of the data in the log u64,
         crc of these 28 bytes, crc of the data

Current entries are to be copied to their destinations before the file is read. They are not
wiped when that is done: entries beyond the current ones tell what was written before.

The order of an entry's fields differs from openvmm's structure: over every stale entry of five
real files this order matches all checksums, that one none (FIELD-GUIDE 0.4).
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Notice
from analyzer.formats.vmcx_file import Header, Pages, checksum

LARGEST: Final = 64 << 20
"""Bytes of a log that are looked at; real ones have 20 to 36 KB."""
_HEADER = struct.Struct("<IIIBIBQII")
_SIGNATURE: Final = 0x01110003
_ENTRY = struct.Struct("<QIQII")
_ENTRY_CRC: Final = 20
_MOST_ENTRIES: Final = 4096
_MOST_SUMMED: Final = 2 * LARGEST
"""Bytes of all entries together; entries of a hostile log may all name the same ones."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One change: `size` bytes at `at` in the log were to go to `destination` in the file."""

    number: int
    destination: int
    size: int
    at: int
    intact: bool
    """Whether its data still match their checksum."""


@dataclass(frozen=True, slots=True)
class ReplayLog:
    """`at` in the file. The first `current` entries are pending, the others are old."""

    at: int
    data: bytes
    current: int
    entries: tuple[LogEntry, ...]

    def content(self, entry: LogEntry) -> bytes:
        """What the entry was to write."""
        return self.data[entry.at:entry.at + entry.size]


def replay_log(pages: Pages, header: Header, notices: list[Notice]) -> ReplayLog | None:
    """The log as far as it can be read; None where there is none."""
    if header.at is None or not header.log_size:
        return None
    data = pages.read(header.log_at, min(header.log_size, LARGEST))
    fields = _HEADER.unpack(data[:_HEADER.size]) if len(data) >= _HEADER.size else None
    current, most = 0, _MOST_ENTRIES
    if fields is not None and fields[0] == _SIGNATURE \
            and fields[1] == checksum(data[:_HEADER.size], 4):
        current, most = fields[2], min(fields[4], _MOST_ENTRIES)
    else:
        notices.append(Notice("VMCX-LOG", "the head of the replay log is damaged", "whether "
                              "changes were pending is not known; none was applied",
                              header.log_at, _HEADER.size))
    entries: list[LogEntry] = []
    left = _MOST_SUMMED
    for number in range(most):
        at = _HEADER.size + number * _ENTRY.size
        raw = data[at:at + _ENTRY.size]
        if len(raw) < _ENTRY.size or (number >= current and not any(raw)):
            break
        entry = _entry(number, raw, data, left)
        if entry is not None:
            entries.append(entry)
            left -= entry.size
    return ReplayLog(header.log_at, data, current, tuple(entries))


def _entry(number: int, raw: bytes, data: bytes, left: int) -> LogEntry | None:
    destination, size, at, crc, data_crc = _ENTRY.unpack(raw)
    if crc != checksum(raw, _ENTRY_CRC) or size > left:
        return None
    intact = at + size <= len(data) and zlib.crc32(data[at:at + size]) == data_crc
    return LogEntry(number, destination, size, at, intact)


def apply(log: ReplayLog, pages: Pages, notices: list[Notice]) -> bool:
    """Lays the pending changes over the file, in order; whether all of them could be."""
    pending = [entry for entry in log.entries if entry.number < log.current and entry.intact]
    for entry in pending:
        if entry.destination + entry.size <= pages.size + LARGEST:
            pages.patch(entry.destination, log.content(entry))
    lost = log.current - len(pending)
    if log.current:
        lost_too = f"; {lost} of them are damaged and were not" if lost else ""
        notices.append(Notice("VMCX-LOG", f"{log.current} changes of the replay log were pending",
                              f"applied in memory{lost_too}", log.at, len(log.data)))
    return not lost
