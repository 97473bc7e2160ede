"""Rewrites the times inside an NTFS image: MFT entries and directory indexes, fix-ups included.

ntfs-3g stamps what it makes with the time of the build. This pass gives every file the times the
recipe wants, names Windows would call Win32 their name space, and leaves no trace of the build's
own clock, not even in slack. Source: Linux-NTFS documentation (flatcap.github.io/linux-ntfs).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, MutableSequence
from dataclasses import dataclass

from corpus.make.times import Stamp

SCAFFOLD = "~scaffold"
"""Begins the names of what the build put on the volume for a while; every trace of it goes."""
_MARK = SCAFFOLD.encode("utf-16-le")
Run = tuple[int, int]
"""First cluster on disk and number of clusters."""
_SI, _ATTRIBUTE_FN, _DATA, _INDEX_ROOT, _INDEX_ALLOCATION = 0x10, 0x30, 0x80, 0x90, 0xA0
_I30 = "$I30".encode("utf-16-le")
_SHORT = re.compile(r"[!#-)\-0-9@A-Z^_`{}~]{1,8}(\.[!#-)\-0-9@A-Z^_`{}~]{1,3})?")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write: times by MFT entry, times for the rest, and the span of the build (ticks)."""

    stamps: Mapping[int, Stamp]
    default: Stamp
    build_started: int
    build_ended: int
    win32_names: bool
    """Whether to call POSIX names Win32; ntfs-3g then no longer deletes such a file."""

    def stamp(self, entry: int) -> Stamp:
        """Times of an MFT entry."""
        return self.stamps.get(entry, self.default)


class _Geometry:
    def __init__(self, image: bytearray) -> None:
        sector, per_cluster = struct.unpack_from("<HB", image, 11)
        self.cluster = sector * per_cluster
        mft, mirror, self_record, _, _, _, index = struct.unpack_from("<QQbBBBb", image, 48)
        self.mft, self.mirror = mft * self.cluster, mirror * self.cluster
        self.record = 1 << -self_record if self_record < 0 else self_record * self.cluster
        self.index = 1 << -index if index < 0 else index * self.cluster


def patch(image: bytearray, plan: Plan) -> None:
    """Applies the plan to the NTFS volume image in place."""
    geometry = _Geometry(image)
    first = _unprotect(image[geometry.mft : geometry.mft + geometry.record])
    runs = [
        run
        for kind, at, _ in _attributes(first)
        if kind == _DATA and not first[at + 9]
        for run in _runs(first, at)
    ]
    places = [
        (cluster + offset // geometry.cluster) * geometry.cluster + offset % geometry.cluster
        for cluster, count in runs
        for offset in range(0, count * geometry.cluster, geometry.record)
    ]
    for entry, at in enumerate(places):
        if image[at : at + 4] == b"FILE":
            _patch_entry(image, at, entry, plan, geometry)
    if plan.win32_names:
        _clean_free_blocks(image, plan, geometry)
    copied = 4 * geometry.record
    image[geometry.mirror : geometry.mirror + copied] = image[geometry.mft : geometry.mft + copied]


def set_serial(image: bytearray, serial: int) -> None:
    """Writes the 64-bit volume serial number to both boot sectors."""
    for at in (0, len(image) - 512):
        if image[at + 3 : at + 7] == b"NTFS":
            struct.pack_into("<Q", image, at + 0x48, serial)


def _patch_entry(image: bytearray, at: int, entry: int, plan: Plan, geometry: _Geometry) -> None:
    record = _unprotect(image[at : at + geometry.record])
    if plan.win32_names and _MARK in record and not record[22] & 1:
        _blank(record)
    base = int.from_bytes(record[32:38], "little")
    stamp = plan.stamp(base or entry)
    for kind, where, name in _attributes(record):
        content = where + struct.unpack_from("<H", record, where + 20)[0]
        if kind == _SI:
            struct.pack_into("<4Q", record, content, *stamp.si)
        elif kind == _ATTRIBUTE_FN:
            struct.pack_into("<4Q", record, content + 8, *stamp.fn)
            _name_space(record, content, plan)
        elif kind == _INDEX_ROOT and name == _I30:
            _patch_index(record, content + 16, plan)
        elif kind == _INDEX_ALLOCATION and name == _I30:
            _patch_index_blocks(image, _runs(record, where), plan, geometry)
    _scrub(record, plan, stamp)
    image[at : at + geometry.record] = _protect(record)


def _patch_index_blocks(image: bytearray, runs: list[Run], plan: Plan, geometry: _Geometry) -> None:
    for cluster, count in runs:
        start, end = cluster * geometry.cluster, (cluster + count) * geometry.cluster
        for at in range(start, end, geometry.index):
            if image[at : at + 4] == b"INDX":
                block = _unprotect(image[at : at + geometry.index])
                _patch_index(block, 24, plan)
                used = 24 + int.from_bytes(block[28:32], "little")
                if _MARK in block[used:] and plan.win32_names:
                    block[used:] = bytes(len(block) - used)
                _scrub(block, plan, plan.default)
                image[at : at + geometry.index] = _protect(block)


def _blank(record: bytearray) -> None:
    """Makes a free MFT entry as if it had never been used."""
    at = struct.unpack_from("<H", record, 20)[0]
    record[at:] = struct.pack("<II", 0xFFFFFFFF, 0).ljust(len(record) - at, b"\0")
    struct.pack_into("<I", record, 24, at + 8)


def _clean_free_blocks(image: bytearray, plan: Plan, geometry: _Geometry) -> None:
    """Index blocks of deleted directories, wherever they lie."""
    for at in range(0, len(image) - geometry.index, geometry.cluster):
        if image[at : at + 4] != b"INDX":
            continue
        old = bytes(image[at : at + geometry.index])
        block = _unprotect(bytearray(old))
        if _MARK in block:
            image[at : at + geometry.index] = bytes(geometry.index)
            continue
        _scrub(block, plan, plan.default)
        if _protect(block) != old:
            image[at : at + geometry.index] = block


def _patch_index(buffer: bytearray, head: int, plan: Plan) -> None:
    """Entries after the index header at `head`; they repeat the $STANDARD_INFORMATION times."""
    at = head + int.from_bytes(buffer[head : head + 4], "little")
    end = head + int.from_bytes(buffer[head + 4 : head + 8], "little")
    while at + 16 <= end:
        length, _, flags = struct.unpack_from("<HHH", buffer, at + 8)
        if flags & 2 or not length:
            return
        entry = int.from_bytes(buffer[at : at + 6], "little")
        struct.pack_into("<4Q", buffer, at + 24, *plan.stamp(entry).si)
        _name_space(buffer, at + 16, plan)
        at += length


def _name_space(buffer: bytearray, name_at: int, plan: Plan) -> None:
    """POSIX names become Win32, or Win32 and DOS where they are valid short names."""
    length, space = buffer[name_at + 64], buffer[name_at + 65]
    name = buffer[name_at + 66 : name_at + 66 + 2 * length].decode("utf-16-le")
    if space == 0 and plan.win32_names:
        buffer[name_at + 65] = 3 if _SHORT.fullmatch(name) else 1


def _attributes(record: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """Type, offset and name of each attribute of an MFT entry."""
    at = struct.unpack_from("<H", record, 20)[0]
    while at + 16 <= len(record):
        kind, length = struct.unpack_from("<II", record, at)
        if kind == 0xFFFFFFFF or not length:
            return
        name_at = at + struct.unpack_from("<H", record, at + 10)[0]
        yield kind, at, bytes(record[name_at : name_at + 2 * record[at + 9]])
        at += length


def _runs(record: bytearray, attribute: int) -> list[Run]:
    """Data runs of a non-resident attribute; holes are left out."""
    at = attribute + struct.unpack_from("<H", record, attribute + 32)[0]
    runs: list[Run] = []
    cluster = 0
    while record[at]:
        size, width = record[at] & 15, record[at] >> 4
        count = int.from_bytes(record[at + 1 : at + 1 + size], "little")
        step = record[at + 1 + size : at + 1 + size + width]
        if width:
            cluster += int.from_bytes(step, "little", signed=True)
            runs.append((cluster, count))
        at += 1 + size + width
    return runs


def _scrub(buffer: bytearray, plan: Plan, stamp: Stamp) -> None:
    """Replaces every time of the build's own clock, wherever it stands."""
    for at in range(0, len(buffer), 8):
        value = struct.unpack_from("<Q", buffer, at)[0]
        if plan.build_started <= value <= plan.build_ended:
            struct.pack_into("<Q", buffer, at, stamp.created)


def _sector_ends(buffer: MutableSequence[int]) -> range:
    return range(510, len(buffer), 512)


def _unprotect(raw: bytearray) -> bytearray:
    """Puts back the last two bytes of each sector from the update sequence array."""
    at = struct.unpack_from("<H", raw, 4)[0]
    for index, end in enumerate(_sector_ends(raw), start=1):
        raw[end : end + 2] = raw[at + 2 * index : at + 2 * index + 2]
    return raw


def _protect(buffer: bytearray) -> bytearray:
    """The reverse of `_unprotect`, with the same update sequence number."""
    at = struct.unpack_from("<H", buffer, 4)[0]
    for index, end in enumerate(_sector_ends(buffer), start=1):
        buffer[at + 2 * index : at + 2 * index + 2] = buffer[end : end + 2]
        buffer[end : end + 2] = buffer[at : at + 2]
    return buffer
