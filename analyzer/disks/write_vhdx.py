"""Dynamic VHDX files, written in one pass, with an empty log.

    0       file identifier: "vhdxfile", creator UTF-16LE
    64 KiB  header 1, 128 KiB header 2 (4 KiB each, CRC-32C, the higher sequence number counts)
    192 KiB region table 1, 256 KiB region table 2 (64 KiB each, CRC-32C)
    1 MiB   log: 1 MiB of zeros; the log GUID in the headers is zero, so it is not looked at
    2 MiB   metadata region: table of 64 KiB, then the items
    3 MiB   BAT, little-endian u64 an entry: state in bits 0-2, file offset in MiB in bits 20-63;
            after each `ratio` payload entries stands one for a sector bitmap, not present here
    then    payload blocks

Blocks of zeros are left out: their state is ZERO, which means zeros, while NOT_PRESENT would
promise nothing. Source: [MS-VHDX] 2.2-2.6.
"""

import struct
import uuid

import google_crc32c
import numpy as np

from analyzer import VERSION
from analyzer.disks.write_output import Output, is_zero
from analyzer.errors import UsageError

_MIB = 1 << 20
_KIB64 = 1 << 16
_LOG_AT, _METADATA_AT, _TABLE_AT = _MIB, 2 * _MIB, 3 * _MIB
_LARGEST = 64 << 40
_ZERO, _PRESENT = 2, 6
_HEADER = struct.Struct("<4sIQ16s16s16sHHIQ")
_REGION = struct.Struct("<16sQII")
_METADATA_ENTRY = struct.Struct("<16sIIII")
_BAT_REGION = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
_METADATA_REGION = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
_REQUIRED, _OF_DISK = 4, 2


class VhdxWriter:
    """See the module's text and `write_output.Writer`."""

    def __init__(self, output: Output, size: int, sector_size: int, disk_id: uuid.UUID) -> None:
        """Raises UsageError for a disk that is too large."""
        if size > _LARGEST:
            raise UsageError(f"a VHDX holds at most {_LARGEST} bytes, the disk has {size}; "
                             "export it as raw")
        self.output, self.size, self._disk_id = output, size, disk_id
        self._sector_size = sector_size
        self.unit = (2 if size <= 2 << 40 else 32) * _MIB
        blocks = -(-size // self.unit)
        self._ratio = (sector_size << 23) // self.unit
        self._rows = np.arange(blocks) + np.arange(blocks) // self._ratio
        self._table = np.zeros(int(self._rows[-1]) + 1, "<u8")
        self._table[self._rows] = _ZERO
        self._first = _TABLE_AT + -(-self._table.nbytes // _MIB) * _MIB
        self._end = self._first

    def start(self) -> None:
        creator = f"vmtrail {VERSION}".encode("utf-16-le")
        self.output.write_at(0, b"vhdxfile" + creator)
        for number, at in ((1, _KIB64), (2, 2 * _KIB64)):
            self.output.write_at(at, self._header(number))
        regions = self._regions()
        self.output.write_at(3 * _KIB64, regions)
        self.output.write_at(4 * _KIB64, regions)
        self.output.write_at(_METADATA_AT, self._metadata())
        self.output.cut(self._first)
        self.save()

    def write(self, offset: int, data: bytes) -> None:
        if is_zero(data):
            return
        self.output.write_at(self._end, data.ljust(self.unit, b"\0"))
        self._table[self._rows[offset // self.unit]] = self._end | _PRESENT
        self._end += self.unit

    def save(self) -> None:
        self.output.write_at(_TABLE_AT, self._table.tobytes())

    def resume(self, done: int) -> None:
        raw = self.output.read_at(_TABLE_AT, self._table.nbytes)
        known = np.frombuffer(raw.ljust(self._table.nbytes, b"\0"), "<u8")
        rows = self._rows[:done // self.unit]
        self._table[rows] = known[rows]
        self._end = self._first + int(np.count_nonzero(known[rows] != _ZERO)) * self.unit
        self.output.cut(self._end)

    def read_back(self, offset: int, length: int) -> bytes:
        entry = int(self._table[self._rows[offset // self.unit]])
        if entry == _ZERO:
            return bytes(length)
        return self.output.read_at(entry & ~(_MIB - 1), length)

    def finish(self) -> None:
        self.save()

    def _header(self, sequence: int) -> bytes:
        file_write, data_write = (uuid.uuid5(self._disk_id, name).bytes_le
                                  for name in ("file write", "data write"))
        data = _HEADER.pack(b"head", 0, sequence, file_write, data_write, bytes(16), 0, 1,
                            _MIB, _LOG_AT)
        return _sealed(data.ljust(4096, b"\0"))

    def _regions(self) -> bytes:
        rows = _REGION.pack(_BAT_REGION.bytes_le, _TABLE_AT, self._first - _TABLE_AT, 1)
        rows += _REGION.pack(_METADATA_REGION.bytes_le, _METADATA_AT, _MIB, 1)
        return _sealed((struct.pack("<4sIII", b"regi", 0, 2, 0) + rows).ljust(_KIB64, b"\0"))

    def _metadata(self) -> bytes:
        items = (
            ("CAA16737-FA36-4D43-B3B6-33F0AA44E76B", struct.pack("<II", self.unit, 0), _REQUIRED),
            ("2FA54224-CD1B-4876-B211-5DBED83BF4B8", struct.pack("<Q", self.size),
             _REQUIRED | _OF_DISK),
            ("BECA12AB-B2E6-4523-93EF-C309E000C746", self._disk_id.bytes_le,
             _REQUIRED | _OF_DISK),
            ("8141BF1D-A96F-4709-BA47-F233A8FAAB5F", struct.pack("<I", self._sector_size),
             _REQUIRED | _OF_DISK),
            ("CDA348C7-445D-4471-9CC9-E9885251C556", struct.pack("<I", self._sector_size),
             _REQUIRED | _OF_DISK),
        )
        table = struct.pack("<8sHH20x", b"metadata", 0, len(items))
        values = b""
        for item_id, value, flags in items:
            table += _METADATA_ENTRY.pack(uuid.UUID(item_id).bytes_le, _KIB64 + len(values),
                                          len(value), flags, 0)
            values += value
        return table.ljust(_KIB64, b"\0") + values


def _sealed(data: bytes) -> bytes:
    """`data` with its CRC-32C in bytes 4 to 7, which are zeros before."""
    return data[:4] + struct.pack("<I", google_crc32c.value(data)) + data[8:]
