"""Recycle Bin: what was deleted, from where and when.

`$Recycle.Bin\\SID\\$Ixxxxxx.ext`, little-endian, beside the content `$Rxxxxxx.ext`:

    0 u64 version   8 u64 bytes of the file   16 FILETIME deleted
    version 1 (Vista, 2008 ... 8.1): 24 path, UTF-16LE in 520 bytes
    version 2 (10, 2016 and later):  24 u32 characters with the NUL   28 path

`RECYCLER\\SID\\INFO2` (2000, XP, 2003), one list beside the contents `D<drive><index>.ext`:

    0 u32 version (5)   12 u32 bytes of a record (800)   20 records:
    0 260s path, code page   260 u32 index   264 u32 drive (0 is A)   268 FILETIME deleted
    276 u32 bytes on disk    280 520s path, UTF-16LE; the first byte of a record is 0 once its
    file is taken out of the bin

Source: libyal dtformats, "Windows Recycler file formats"; docs/formats/recycle-bin.md.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer import times
from analyzer.errors import Corrupt, Notice, NotThisFormat, Unsupported

LARGEST: Final = 64 << 20
"""Bytes of a list; an $I has at most 64 KiB."""
_PATH_AT: Final = {1: 24, 2: 28}
_V1_PATH, _MOST_CHARACTERS = 520, 32_768
_RECORD, _HEAD = 800, 20


@dataclass(frozen=True, slots=True)
class Recycled:
    """One deleted file or folder.

    size     bytes; of a folder all that was in it; INFO2 counts whole clusters
    stored   how the content is called, "" for $I (its own name with R for I)
    is_out   True where the list says that it was taken out of the bin or removed for good
    offset   of the record in the list
    """

    path: str
    size: int
    deleted_at: int | None
    format: str
    stored: str = ""
    is_out: bool = False
    offset: int = 0
    notices: tuple[Notice, ...] = ()


def parse_item(data: bytes) -> Recycled:
    """A `$I` file; raises NotThisFormat, Unsupported for other versions, Corrupt if it is cut."""
    if len(data) < 24:
        raise NotThisFormat(f"{len(data)} bytes: no $I file", 0)
    version, size, stamp = struct.unpack_from("<3Q", data)
    if version not in _PATH_AT:
        if 0 < version < 16:
            raise Unsupported(f"$I file of version {version}", 0)
        raise NotThisFormat("no $I file", 0)
    length = _V1_PATH
    if version == 2:
        if len(data) < 28:
            raise Corrupt("$I file cut before the path", len(data))
        characters, = struct.unpack_from("<I", data, 24)
        if characters > _MOST_CHARACTERS:
            raise Corrupt(f"a path of {characters} characters", 24)
        length = 2 * characters
    raw = data[_PATH_AT[version]:_PATH_AT[version] + length]
    path, is_whole = _wide(raw)
    if not is_whole:
        raise Corrupt(f"$I file cut in the path, after {path[-200:]!a}", len(data))
    notices: list[Notice] = []
    return Recycled(path, size, _deleted(stamp, 16, notices), f"$I {version}",
                    notices=tuple(notices))


def parse_list(data: bytes) -> Iterator[Recycled | Corrupt]:
    """The records of INFO2 in order; Corrupt in place of one that is damaged or cut.

    Raises NotThisFormat, and Unsupported for records of another size (Windows 95 and 98).
    """
    if len(data) < _HEAD or data[:4] not in (b"\5\0\0\0", b"\4\0\0\0"):
        raise NotThisFormat("no INFO2 file", 0)
    size, = struct.unpack_from("<I", data, 12)
    if size != _RECORD:
        raise Unsupported(f"INFO2 with records of {size} bytes, not {_RECORD}", 12)
    for at in range(_HEAD, len(data), _RECORD):
        record = data[at:at + _RECORD]
        if len(record) < _RECORD:
            yield Corrupt(f"a record of INFO2 cut after {len(record)} bytes", at)
            return
        yield _record(record, at)


def _record(record: bytes, at: int) -> Recycled | Corrupt:
    index, drive, stamp, size = struct.unpack_from("<IIQI", record, 260)
    path, is_whole = _wide(record[280:])
    if not is_whole or not path or drive > 26:
        return Corrupt(f"a record of INFO2 with drive {drive} and path {path[:80]!a}", at)
    name = path.rpartition("\\")[2]
    suffix = f".{name.rpartition('.')[2]}" if "." in name else ""
    notices: list[Notice] = []
    return Recycled(path, size, _deleted(stamp, at + 268, notices), "INFO2",
                    f"D{chr(ord('a') + drive)}{index}{suffix}", record[0] == 0, at, tuple(notices))


def _deleted(raw: int, at: int, notices: list[Notice]) -> int | None:
    """When it was deleted; the bin always says, so 0 is noted too."""
    return times.stamp(raw, "time of deletion", at, notices, unset=())


def _wide(raw: bytes) -> tuple[str, bool]:
    """Text up to its NUL, and whether there is one."""
    text = raw[:len(raw) // 2 * 2].decode("utf-16-le", "surrogatepass")
    before, end, _ = text.partition("\0")
    return before, bool(end)
