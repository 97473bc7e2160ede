"""UserAssist: programs that a user started by Explorer, how often and when last.

`NTUSER.DAT`, `Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\UserAssist\\{GUID}\\Count`.
Names are ROT13. Data, little-endian:

    16 bytes (up to 2003, Vista): 0 u32 session   4 u32 count, beginning at 5   8 FILETIME last
    72 bytes (7, 2008 R2 and later): 4 u32 count   8 u32 focus count   12 u32 focus, ms
                                     60 FILETIME last

Source: libyal winreg-kb, "User assist"; docs/formats/user-traces.md.
"""

import codecs
import re
import struct
from dataclasses import dataclass
from typing import Final

from analyzer import times
from analyzer.errors import Corrupt, Notice, Unsupported

KEY: Final = "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\UserAssist"
_FIRST_COUNT: Final = 5
_FOLDER: Final = re.compile(r"\{([0-9A-Fa-f-]{36})\}")
_FOLDERS: Final = {
    "1AC14E77-02E7-4E5D-B744-2EB1AE5198B7": "System32",
    "D65231B0-B2F1-4857-A4CE-A8E7C6EA7D27": "SysWOW64",
    "F38BF404-1D43-42F2-9305-67DE0B28FC23": "Windows",
    "6D809377-6AF0-444B-8957-A3773F02200E": "Program Files",
    "905E63B6-C1BF-494E-B29C-65B732D3D21A": "Program Files",
    "7C5A40EF-A0FB-4BFC-874A-C0F2E0B9FA8E": "Program Files (x86)",
    "0139D44E-6AFE-49F2-8690-3DAFCAE6FFB8": "Start Menu of all users",
    "A77F5D77-2E2B-44C3-A6A2-ABA601054A51": "Start Menu",
    "9E3995AB-1F9C-4F13-B827-48B24B6C7174": "User Pinned",
}
"""Known folders at the beginning of a name ([KNOWNFOLDERID])."""


@dataclass(frozen=True, slots=True)
class Started:
    """One program or shortcut. `focus_ms` is None where this version does not count it."""

    target: str
    count: int
    focus_ms: int | None
    last_run_at: int | None
    notices: tuple[Notice, ...] = ()


def target_of(name: str) -> str:
    """A name in clear, known folders by their usual names in angle brackets."""
    return _FOLDER.sub(lambda m: f"<{_FOLDERS[m[1].upper()]}>" if m[1].upper() in _FOLDERS
                       else m[0], codecs.decode(name, "rot13"))


def parse(name: str, data: bytes) -> Started:
    """One value; raises Unsupported for other sizes, Corrupt for a count before the first."""
    notices: list[Notice] = []
    if len(data) == 16:
        count, stamp = struct.unpack_from("<IQ", data, 4)
        if 0 < count < _FIRST_COUNT:
            raise Corrupt(f"a count of {count}, which begins at {_FIRST_COUNT}", 4)
        return Started(target_of(name), max(0, count - _FIRST_COUNT), None,
                       times.stamp(stamp, "last run", 8, notices), tuple(notices))
    if len(data) == 72:
        count, _, focus = struct.unpack_from("<3I", data, 4)
        stamp, = struct.unpack_from("<Q", data, 60)
        return Started(target_of(name), count, focus,
                       times.stamp(stamp, "last run", 60, notices), tuple(notices))
    raise Unsupported(f"UserAssist value of {len(data)} bytes")
