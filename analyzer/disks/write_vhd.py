"""Fixed and dynamic VHD files, written in one pass; the layouts are those of vhd_structures.

A dynamic file is written as Windows does: footer copy, dynamic header, BAT, blocks of 2 MiB with
all bits of their sector bitmaps set, footer. Blocks of zeros are left out.

The creator application is `qem2`: of the names that QEMU knows to mean "the size is Current
Size, not the CHS geometry" it is the one that no reader takes for the hand of Hyper-V.

Source: Microsoft, Virtual Hard Disk Image Format Specification 1.0 (2006); QEMU block/vpc.c.
"""

import struct
import uuid

import numpy as np

from analyzer import times
from analyzer.disks.layer import SECTOR
from analyzer.disks.vhd_structures import (
    FOOTER,
    FOOTER_SIZE,
    HEADER,
    HEADER_SIZE,
    LARGEST,
    checksum,
)
from analyzer.disks.write_output import Output, is_zero
from analyzer.disks.write_raw import RawWriter
from analyzer.errors import UsageError

_FIXED, _DYNAMIC = 2, 3
_NOWHERE = 0xFFFFFFFFFFFFFFFF
_ABSENT = 0xFFFFFFFF
_VERSION = 0x00010000
_HEADER_AT = FOOTER_SIZE
_TABLE_AT = FOOTER_SIZE + HEADER_SIZE


def geometry(sectors: int) -> tuple[int, int, int]:
    """Cylinders, heads, sectors per track (the specification's appendix)."""
    total = min(sectors, 65535 * 16 * 255)
    if total >= 65535 * 16 * 63:
        return total // 255 // 16, 16, 255
    per_track, tracks = 17, total // 17
    heads = max(-(-tracks // 1024), 4)
    if tracks >= heads * 1024 or heads > 16:
        per_track, heads, tracks = 31, 16, total // 31
    if tracks >= heads * 1024:
        per_track, heads, tracks = 63, 16, total // 63
    return tracks // heads, heads, per_track


def footer(size: int, kind: int, disk_id: uuid.UUID, created_at: int) -> bytes:
    """The 512 bytes at the end of a file; `created_at` in ticks."""
    cylinders, heads, per_track = geometry(size // SECTOR)
    seconds = (created_at - times.VHD_EPOCH) // times.TICKS_PER_SECOND
    data = FOOTER.pack(
        b"conectix", 2, _VERSION, _NOWHERE if kind == _FIXED else _HEADER_AT,
        max(0, seconds), b"qem2", _VERSION, b"\0\0\0\0", size, size,
        struct.pack(">HBB", cylinders, heads, per_track), kind, 0, disk_id.bytes, 0)
    return _sealed(data.ljust(FOOTER_SIZE, b"\0"), 64)


def check_size(size: int) -> None:
    """Raises UsageError for a disk that a VHD cannot hold."""
    if size > LARGEST:
        raise UsageError(f"a VHD holds at most {LARGEST} bytes, the disk has {size}; "
                         "export it as vhdx or raw")


class FixedVhdWriter(RawWriter):
    """The disk, and a footer behind it; see `write_output.Writer`."""

    def __init__(self, output: Output, size: int, disk_id: uuid.UUID, created_at: int) -> None:
        check_size(size)
        super().__init__(output, size)
        self._footer = footer(size, _FIXED, disk_id, created_at)

    def finish(self) -> None:
        self.output.write_at(self.size, self._footer)


class DynamicVhdWriter:
    """See the module's text and `write_output.Writer`."""

    unit = 2 << 20

    def __init__(self, output: Output, size: int, disk_id: uuid.UUID, created_at: int) -> None:
        check_size(size)
        self.output, self.size = output, size
        self._footer = footer(size, _DYNAMIC, disk_id, created_at)
        self._table = np.full(-(-size // self.unit), _ABSENT, ">u4")
        self._bitmap = b"\xff" * (self.unit // SECTOR // 8)
        self._first = _TABLE_AT + -(-self._table.nbytes // SECTOR) * SECTOR
        self._end = self._first

    def start(self) -> None:
        header = HEADER.pack(b"cxsparse", _NOWHERE, _TABLE_AT, _VERSION, len(self._table),
                             self.unit, 0, bytes(16), 0, bytes(512)).ljust(HEADER_SIZE, b"\0")
        self.output.write_at(0, self._footer + _sealed(header, 36))
        self.save()

    def write(self, offset: int, data: bytes) -> None:
        if is_zero(data):
            return
        self.output.write_at(self._end, self._bitmap + data.ljust(self.unit, b"\0"))
        self._table[offset // self.unit] = self._end // SECTOR
        self._end += len(self._bitmap) + self.unit

    def save(self) -> None:
        table = self._table.tobytes()
        self.output.write_at(_TABLE_AT, table.ljust(self._first - _TABLE_AT, b"\xff"))

    def resume(self, done: int) -> None:
        raw = self.output.read_at(_TABLE_AT, self._table.nbytes)
        known = np.frombuffer(raw[:len(raw) // 4 * 4], ">u4")[:done // self.unit]
        self._table[:len(known)] = known
        stored = int(np.count_nonzero(known != _ABSENT))
        self._end = self._first + stored * (len(self._bitmap) + self.unit)
        self.output.cut(self._end)

    def read_back(self, offset: int, length: int) -> bytes:
        sector = int(self._table[offset // self.unit])
        if sector == _ABSENT:
            return bytes(length)
        return self.output.read_at(sector * SECTOR + len(self._bitmap), length)

    def finish(self) -> None:
        self.save()
        self.output.write_at(self._end, self._footer)


def _sealed(data: bytes, field: int) -> bytes:
    """`data` with its checksum in the four bytes at `field`, which are zeros before."""
    return data[:field] + checksum(data, field).to_bytes(4, "big") + data[field + 4:]
