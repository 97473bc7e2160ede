"""Transaction logs of registry hives, applied in memory to a hive that was not written to the end.

Layout, little-endian::

    0x000 copy of the base block: as in hive.py; +28 type 1 or 2 (old), 6 (new)
    0x200 old: "DIRT", one bit for each 512 bytes of the bins; from the next sector on the pages
               whose bit is set, one after the other
          new: entries, each a multiple of 512 bytes: "HvLE" +4 size +8 flags +12 sequence number
               +16 size of all bins +20 number of pages +24 hash of the bytes from +40 on
               +32 hash of the first 32 bytes +40 pages as (offset in the bins, size), their data

A new log (Windows 8.1, Server 2012 R2) is applied from the first entry whose number is not below
the hive's second sequence number, as long as the numbers go on by one and both hashes hold,
across both log files; but not where that first number is higher, as it is on sound hives too, and
a log that cannot be read may have those between. An old log is applied whole, if it was written
when the hive was.

Source: M. Suhanov, "Windows registry file format specification", transaction log files.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Notice

BINS: Final = 0x1000
LARGEST: Final = 512 << 20
"""Bytes of a log, and of the hive that results."""
_BLOCK: Final = 512
_OLD, _NEW = (1, 2), 6
_HEAD: Final = 40
_SEED: Final = (0x7A4E55C5, 0x82EF4D88)
_MASK: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Log:
    """One log file: its name, for what is said, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Recovered:
    """A hive after its logs.

    data     the hive's bytes; those that were given where nothing was applied
    pages    places in it that were written again, as (offset in the hive, length)
    notices  what was applied, and why the rest was not
    """

    data: bytes
    pages: tuple[tuple[int, int], ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One sound entry of a new log; `at` is its offset there."""

    log: Log
    at: int
    flags: int
    sequence: int
    bins: int
    pages: tuple[tuple[int, int], ...]
    """(offset in the bins, size)."""

    def data(self) -> Iterator[tuple[int, bytes]]:
        """Offset in the hive and bytes of each page."""
        at = self.at + _HEAD + 8 * len(self.pages)
        for offset, size in self.pages:
            yield BINS + offset, self.log.data[at:at + size]
            at += size


def is_dirty(hive: bytes) -> bool:
    """Whether the base block says that writing the hive had not ended, or is not whole itself."""
    return len(hive) >= _BLOCK and (not _has_checksum(hive) or hive[4:8] != hive[8:12])


def replay(hive: bytes, logs: Sequence[Log], *, lacks_one: bool = False) -> Recovered:
    """`hive` with what its logs hold for it. Never raises; a hive that is clean is left alone.

    lacks_one  there is another log, which cannot be read
    """
    if not is_dirty(hive):
        return Recovered(hive, (), ())
    logs = [log for log in logs if len(log.data) > _BLOCK]
    sound = [log for log in logs if log.data[:4] == b"regf" and _has_checksum(log.data)
             and len(log.data) <= LARGEST]
    spoilt = [Notice("HIVE-LOG", f"{log.name} is not a sound log of a hive", "it is not applied")
              for log in logs if log not in sound]
    new = [log for log in sound if _u32(log.data, 28) == _NEW]
    old = [log for log in sound if _u32(log.data, 28) in _OLD]
    found = _replay_new(hive, new, lacks_one=lacks_one or bool(spoilt)) if new \
        else _replay_old(hive, old)
    return Recovered(found.data, found.pages, (*spoilt, *found.notices))


# new logs


def _replay_new(hive: bytes, logs: Sequence[Log], *, lacks_one: bool) -> Recovered:
    entries = {log.name: tuple(_entries(log)) for log in logs}
    if not _has_checksum(hive):  # its base block comes out of the log that is to be applied first
        first = min(logs, key=lambda log: _u32(log.data, 8))
        hive = first.data[:28] + bytes(4) + first.data[32:_BLOCK] + hive[_BLOCK:]
    least = _u32(hive, 8)
    chosen = list(_chosen(least, list(entries.values())))
    if chosen and lacks_one and chosen[0].sequence != least:
        return Recovered(hive, (), (Notice(
            "HIVE-LOG", f"the hive ends with sequence number {least}, and its logs begin with "
            f"{chosen[0].sequence}: the log that cannot be read may have those between",
            "nothing is applied; what was written last may be half written"),))
    if not chosen:
        return Recovered(hive, (), (Notice(
            "HIVE-LOG", f"no log goes on from sequence number {least}",
            "nothing is applied; what was written last may be half written"),))
    out = bytearray(hive)
    pages: list[tuple[int, int]] = []
    for entry in chosen:
        out.extend(bytes(max(0, BINS + entry.bins - len(out))))
        for at, page in entry.data():
            out[at:at + len(page)] = page
            pages.append((at, len(page)))
        struct.pack_into("<II", out, 4, entry.sequence, entry.sequence)
        struct.pack_into("<I", out, 40, entry.bins)
        struct.pack_into("<I", out, 144, entry.flags)
    _seal(out)
    names = ", ".join(dict.fromkeys(entry.log.name for entry in chosen))
    said = Notice("HIVE-LOG", f"the hive was not written to the end; {len(chosen)} entries of "
                  f"{names} with {len(pages)} pages are applied in memory",
                  "another log of it cannot be read: pages that are there alone are missing, and "
                  "those shown may not fit each other" if lacks_one else
                  "the hive is shown as Windows would have recovered it")
    return Recovered(bytes(out), tuple(pages), (said,))


def _chosen(least: int, logs: list[tuple[_Entry, ...]]) -> Iterator[_Entry]:
    """The entries to apply, in order: none older than `least`, then each the next in number."""
    rows = [[entry for entry in entries if entry.sequence >= least] for entries in logs]
    rows = sorted((row for row in rows if row), key=lambda row: row[0].sequence)
    expected = rows[0][0].sequence if rows else 0
    for row in rows:
        for entry in row:
            if entry.sequence != expected:
                break
            yield entry
            expected += 1


def _entries(log: Log) -> Iterator[_Entry]:
    """The sound entries from the log's beginning; the first that is not ends it."""
    at = _BLOCK
    while at + _HEAD <= len(log.data):
        entry = _entry(log, at)
        if entry is None:
            return
        yield entry
        at += _u32(log.data, at + 4)


def _entry(log: Log, at: int) -> _Entry | None:
    mark, size, flags, sequence, bins, count, hash1, hash2 = struct.unpack_from(
        "<4s5IQQ", log.data, at)
    if mark != b"HvLE" or size % _BLOCK or size < _BLOCK or at + size > len(log.data):
        return None
    if bins % 4096 or BINS + bins > LARGEST or _HEAD + 8 * count > size:
        return None
    if hash2 != marvin32(log.data[at:at + 32]) or hash1 != marvin32(
            log.data[at + _HEAD:at + size]):
        return None
    pages = tuple(struct.iter_unpack("<II", log.data[at + _HEAD:at + _HEAD + 8 * count]))
    if _HEAD + 8 * count + sum(page for _, page in pages) > size:
        return None
    if any(offset + page > bins for offset, page in pages):
        return None
    return _Entry(log, at, flags, sequence, bins, pages)


def marvin32(data: bytes) -> int:
    """The hash of new logs: 64 bits."""
    low, high = _SEED
    tail = len(data) & 3
    words = struct.unpack_from(f"<{len(data) // 4}I", data)
    last = int.from_bytes(data[len(data) - tail:] + b"\x80", "little")
    for word in (*words, last, 0):
        low = (low + word) & _MASK
        high ^= low
        low = ((low << 20 | low >> 12) + high) & _MASK
        high = (high << 9 | high >> 23) & _MASK ^ low
        low = (((low << 27) & _MASK | low >> 5) + high) & _MASK
        high = (high << 19 | high >> 13) & _MASK
    return high << 32 | low


# old logs


def _replay_old(hive: bytes, logs: Sequence[Log]) -> Recovered:
    """The log whose base block was written when the hive's was, applied whole."""
    is_whole = _has_checksum(hive)
    reasons = []
    for log in logs:
        if log.data[4:8] != log.data[8:12]:
            reasons.append(f"{log.name} was not written to the end itself")
        elif is_whole and log.data[12:20] != hive[12:20]:
            reasons.append(f"{log.name} was written at another time")
        else:
            found = _apply_old(hive, log, is_whole=is_whole)
            if isinstance(found, Recovered):
                return found
            reasons.append(f"{log.name}: {found}")
    why = "; ".join(reasons) or "there is no log of it"
    return Recovered(hive, (), (Notice("HIVE-LOG", f"no log is applied: {why}",
                                       "what was written last may be half written"),))


def _apply_old(hive: bytes, log: Log, *, is_whole: bool) -> Recovered | str:
    """The hive with all dirty pages of a log, or why not."""
    if log.data[_BLOCK:_BLOCK + 4] != b"DIRT":
        return "it has no list of pages"
    bins = _u32(log.data, 40)
    if bins % 4096 or not bins or BINS + bins > LARGEST:
        return f"it says the bins have {bins} bytes"
    bitmap = log.data[_BLOCK + 4:_BLOCK + 4 + bins // 4096]
    dirty = [8 * byte + bit for byte, bits in enumerate(bitmap) for bit in range(8)
             if bits >> bit & 1]
    at = -(-(_BLOCK + 4 + bins // 4096) // _BLOCK) * _BLOCK
    if len(bitmap) < bins // 4096 or at + _BLOCK * len(dirty) > len(log.data):
        return "it is cut"
    out = bytearray(hive)
    if not is_whole:
        out[:_BLOCK] = log.data[:28] + bytes(4) + log.data[32:_BLOCK]
    out.extend(bytes(max(0, BINS + bins - len(out))))
    for number, page in enumerate(dirty):
        place, source = BINS + _BLOCK * page, at + _BLOCK * number
        out[place:place + _BLOCK] = log.data[source:source + _BLOCK]
    out[8:12] = out[4:8]
    struct.pack_into("<I", out, 40, bins)
    _seal(out)
    said = Notice("HIVE-LOG", f"the hive was not written to the end; {len(dirty)} pages of 512 "
                  f"bytes out of {log.name} are applied in memory",
                  "the hive is shown as Windows would have recovered it")
    return Recovered(bytes(out), tuple((BINS + _BLOCK * page, _BLOCK) for page in dirty), (said,))


# base blocks


def _u32(data: bytes | bytearray, at: int) -> int:
    return int.from_bytes(data[at:at + 4], "little")


def _checksum(block: bytes | bytearray) -> int:
    """XOR of the first 508 bytes; the two values that would be mistaken are replaced."""
    found = 0
    for (word,) in struct.iter_unpack("<I", block[:508]):
        found ^= word
    return {_MASK: _MASK - 1, 0: 1}.get(found, found)


def _has_checksum(block: bytes | bytearray) -> bool:
    return _checksum(block) == _u32(block, 508)


def _seal(block: bytearray) -> None:
    struct.pack_into("<I", block, 508, _checksum(block))
