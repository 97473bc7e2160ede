"""Prefetch files (.pf): that a program ran, how often and when, and what it loaded.

    0  u32 version: 17 (XP, 2003), 23 (Vista, 7), 26 (8), 30, 31 (10, 11)   4 "SCCA"
    or, Windows 10: 0 "MAM" and flags   4 u32 bytes uncompressed   8 Xpress Huffman

libscca reads them; nothing else imports it. Bounds: LARGEST bytes, LARGEST_UNPACKED uncompressed,
MOST_NAMES names. Source: libyal libscca, "Windows Prefetch File (PF) format".
"""

import io
import struct
from dataclasses import dataclass
from typing import Final

import pyscca

from analyzer import times
from analyzer.errors import Corrupt, Notice, NotThisFormat, Unsupported

LARGEST: Final = 32 << 20
LARGEST_UNPACKED: Final = 64 << 20
MOST_NAMES: Final = 20_000
_VERSIONS: Final = (17, 23, 26, 30, 31)
_MOST_RUNS: Final = 8


@dataclass(frozen=True, slots=True)
class Prefetch:
    """One program.

    ran_at  its last runs (one up to 7, else up to eight), newest first; None for one whose time
            cannot be, which is noted (places count in the unpacked file)
    """

    version: int
    program: str
    run_count: int
    ran_at: tuple[int | None, ...]
    loaded: tuple[str, ...]
    """Files it used in its first seconds, as device or volume paths."""
    notices: tuple[Notice, ...] = ()


def parse(data: bytes) -> Prefetch:
    """Raises NotThisFormat, Unsupported for other versions and sizes, Corrupt."""
    if data[:3] == b"MAM" and len(data) >= 8:
        size, = struct.unpack_from("<I", data, 4)
        if size > LARGEST_UNPACKED:
            raise Unsupported(f"prefetch file of {size} bytes uncompressed", 4)
    elif data[4:8] != b"SCCA":
        raise NotThisFormat("no prefetch file", 0)
    elif int.from_bytes(data[:4], "little") not in _VERSIONS:
        raise Unsupported(f"prefetch file of version {int.from_bytes(data[:4], 'little')}", 0)
    try:
        return _read(data)
    except (OSError, MemoryError, UnicodeError, OverflowError) as error:
        what = str(error).partition("\n")[0][:200]
        raise Corrupt(f"a damaged prefetch file: {what}") from error


def _read(data: bytes) -> Prefetch:
    file = pyscca.file()
    file.open_file_object(io.BytesIO(data))
    version: int = file.format_version
    runs = _MOST_RUNS if version >= 26 else 1
    raw = [file.get_last_run_time_as_integer(number) for number in range(runs)]
    notices: list[Notice] = []
    first = 120 if version == 17 else 128
    ran = [times.stamp(stamp, "last run", first + 8 * number, notices)
           for number, stamp in enumerate(raw) if stamp not in times.NEVER]
    count = min(file.get_number_of_filenames(), MOST_NAMES)
    return Prefetch(version, file.executable_filename or "", file.run_count,
                    tuple(ran), tuple(filter(None, map(file.get_filename, range(count)))),
                    tuple(notices))
