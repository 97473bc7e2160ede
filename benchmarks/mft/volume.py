"""The volumes that are listed: one made by ntfs-3g, and a master file table of any length.

    small.ntfs   202,000 files and folders on 2 GiB, by mkntfs and ntfs-3g (root, /dev/fuse)
    table.ntfs   boot sector and $MFT alone, written by numpy: no index, no content
"""

import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.disk.guest import make_volume, mounted

FOLDERS, FILES = 2_000, 100
RECORD, CLUSTER, ROOT = 1024, 4096, 5
_MFT: Final = 16
"""Cluster of $MFT."""
_FIRST: Final = 64
"""Record of the first folder."""
_TIME: Final = 128_444_736_000_000_000
_NAME: Final = 19
"""Characters of each name."""
Records = NDArray[np.uint8]


def make_small(path: Path) -> Path:
    """A volume of FOLDERS folders with FILES small files each."""
    if not path.exists():
        volume = path.with_suffix(".part")
        make_volume(volume, 2 << 30)
        with mounted(volume, path.parent / "mount") as root:
            for folder in range(FOLDERS):
                below = root / f"folder {folder:04}"
                below.mkdir()
                for file in range(FILES):
                    name = f"document {folder:04}-{file:03}.txt"
                    (below / name).write_bytes(name.encode() * (1 + file % 9))
        volume.rename(path)
    return path


def make_table(path: Path, count: int, *, files: int = FILES) -> Path:
    """A volume whose $MFT has `count` records; `files` of them to a folder, 0 for all in one."""
    if not path.exists():
        part = path.with_suffix(".part")
        clusters = -(-count * RECORD // CLUSTER)
        with part.open("wb") as out:
            out.write(_boot(_MFT + clusters + 16))
            out.seek(_MFT * CLUSTER)
            out.write(_head(count, clusters).tobytes())
            for low in range(_FIRST, count, 65_536):
                numbers = np.arange(low, min(low + 65_536, count))
                out.write(_records(numbers, files).tobytes())
            out.truncate((_MFT + clusters + 16) * CLUSTER)
        part.rename(path)
    return path


def _boot(clusters: int) -> bytes:
    boot = bytearray(512)
    boot[3:11], boot[510:] = b"NTFS    ", b"\x55\xaa"
    struct.pack_into("<HB", boot, 11, 512, CLUSTER // 512)
    struct.pack_into("<QQQbxxxb", boot, 40, clusters * 8 - 1, _MFT, _MFT, -10, 1)
    return bytes(boot)


def _head(count: int, clusters: int) -> Records:
    """$MFT's own record and the root directory; the others of the first are not used."""
    head = np.zeros((_FIRST, RECORD), np.uint8)
    size = count * RECORD
    runs = struct.pack("<B4sB", 0x14, clusters.to_bytes(4, "little"), _MFT) + bytes(2)
    data = struct.pack("<IIBBHHHQQHHIQQQ", 0x80, 64 + len(runs), 1, 0, 64, 0, 0, 0, clusters - 1,
                       64, 0, 0, clusters * CLUSTER, size, size) + runs
    head[0] = np.frombuffer(_record(1, _name("$MFT"), data), np.uint8)
    head[ROOT] = np.frombuffer(_record(3, _name("."), b""), np.uint8)
    head[ROOT, 16] = ROOT  # its sequence number
    return _protected(head)


def _name(name: str) -> bytes:
    raw = name.encode("utf-16-le")
    value = struct.pack("<Q4QQQIIBB", 5 << 48 | ROOT, *[_TIME] * 4, 0, 0, 0, 0, len(name), 3) + raw
    size = -(-(24 + len(value)) // 8) * 8
    return struct.pack("<IIBBHHHIHH", 0x30, size, 0, 0, 24, 0, 0, len(value), 24,
                       1).ljust(24, b"\0").__add__(value).ljust(size, b"\0")


def _record(flags: int, *attributes: bytes) -> bytes:
    standard = struct.pack("<IIBBHHHIHH", 0x10, 96, 0, 0, 24, 0, 0, 72, 24, 0)
    standard += struct.pack("<4QI", *[_TIME] * 4, 0x20).ljust(72, b"\0")
    body = standard + b"".join(attributes) + struct.pack("<II", 0xFFFF_FFFF, 0)
    header = struct.pack("<4sHHQHHHHII", b"FILE", 48, 3, 0, 1, 1, 56, flags, 56 + len(body), RECORD)
    return (header.ljust(56, b"\0") + body).ljust(RECORD, b"\0")


def _records(numbers: NDArray[np.int64], files: int) -> Records:
    """Folders, each before its files; times, sizes and names differ from record to record."""
    template = _record(1, _name("x" * _NAME), struct.pack("<IIBBHHHIHH", 0x80, 40, 0, 0, 24, 0, 2,
                                                          16, 24, 0) + bytes(16))
    data = np.tile(np.frombuffer(template, np.uint8), (len(numbers), 1))
    place = (numbers - _FIRST) % (files + 1) if files else np.ones_like(numbers)
    is_folder = place == 0
    data[:, 22] = np.where(is_folder, 3, 1)
    parent = np.where(is_folder, ROOT, numbers - place) if files else np.full_like(numbers, ROOT)
    _long(data, 176, parent | np.where(parent == ROOT, 5, 1) << 48)
    for at in (*range(80, 112, 8), *range(184, 216, 8)):
        _long(data, at, _TIME + numbers * 10_000 + at)
    _long(data, 44, numbers, 4)
    digits = numbers[:, None] // 10 ** np.arange(7, -1, -1) % 10 + ord("0")
    name = np.zeros((len(numbers), _NAME), "<u2")
    name[:, :11] = np.where(is_folder[:, None], *(np.array([*map(ord, text)])
                                                  for text in ("folder____ ", "document_n ")))
    name[:, 11:] = digits
    data[:, 242:242 + 2 * _NAME] = name.view(np.uint8)
    return _protected(data)


def _long(data: Records, at: int, values: Any, size: int = 8) -> None:
    data[:, at:at + size] = values.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :size]


def _protected(data: Records) -> Records:
    """With an update sequence; those without signature stay as they are."""
    words, used = data.view("<u2"), data[:, 0] != 0
    words[used, 25], words[used, 26] = words[used, 255], words[used, 511]
    words[used, 24] = words[used, 255] = words[used, 511] = 1
    return data
