"""Reparse points: what an NTFS link, mount point or filtered file says about itself.

    0  u32 tag   4  u16 length of the data that follows   6  u16 reserved   8  data
    symbolic link, mount point: 8 u16 substitute offset, 10 u16 its length, 12 u16 print name
    offset, 14 u16 its length; symbolic link only: 16 u32 flags (1 = relative); then the names

Offsets and lengths are bytes; offsets count from the end of the fields. Nothing is followed
here. Source: [MS-FSCC] 2.1.2.1 to 2.1.2.5.
"""

import re
import struct
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt
from analyzer.filesystem.attributes import text

MOUNT_POINT: Final = 0xA000_0003
SYMBOLIC_LINK: Final = 0xA000_000C
DEDUPLICATED: Final = 0x8000_0013
WOF: Final = 0x8000_0017
LARGEST: Final = 16 * 1024 + 8
_VOLUME = re.compile(r"\\\?\?\\Volume\{[0-9a-f-]{36}\}\\?", re.IGNORECASE)
_OTHERS: Final = {
    0x8000_0007: "SIS", 0x8000_0008: "WIM", 0x8000_0009: "CSV", 0x8000_000A: "DFS",
    0x8000_0012: "DFSR", 0x8000_0014: "NFS", 0x8000_0018: "WCI", 0x9000_001A: "CLOUD",
    0x8000_001B: "APPEXECLINK", 0xC000_0004: "HSM", 0x8000_0006: "HSM2",
    0xA000_0019: "GLOBAL_REPARSE", 0xA000_001D: "LX_SYMLINK", 0x8000_0023: "AF_UNIX",
    0x8000_0024: "LX_FIFO", 0x8000_0025: "LX_CHR", 0x8000_0026: "LX_BLK",
}


@dataclass(frozen=True, slots=True)
class Reparse:
    """kind: symlink, junction (to a path), mount point (to a volume), dedup, wof or other.

    substitute   the target Windows follows, for links only
    printed      the target Windows shows; it may lie. For other kinds: the tag's name
    is_relative  the target counts from the link's directory
    """

    tag: int
    kind: str
    substitute: str = ""
    printed: str = ""
    is_relative: bool = False


def parse_reparse(data: bytes) -> Reparse:
    """Reparse point of the value of $REPARSE_POINT; raises Corrupt."""
    if len(data) < 8:
        raise Corrupt(f"reparse point of {len(data)} bytes", 0)
    tag, length = struct.unpack_from("<IH", data)
    if 8 + length > len(data):
        raise Corrupt(f"reparse data of {length} bytes in {len(data)}", 4)
    body = data[8:8 + length]
    if tag == SYMBOLIC_LINK:
        substitute, printed = _names(body, 12)
        relative = bool(struct.unpack_from("<I", body, 8)[0] & 1)
        return Reparse(tag, "symlink", substitute, printed, relative)
    if tag == MOUNT_POINT:
        substitute, printed = _names(body, 8)
        kind = "mount point" if _VOLUME.fullmatch(substitute) else "junction"
        return Reparse(tag, kind, substitute, printed)
    if tag == DEDUPLICATED:
        return Reparse(tag, "dedup", printed="data deduplication")
    if tag == WOF:
        return Reparse(tag, "wof", printed="Windows Overlay Filter compression")
    # the cloud tags keep a provider number in bits 12 to 15
    name = _OTHERS.get(tag, _OTHERS.get(tag & 0xFFFF_0FFF, ""))
    return Reparse(tag, "other", printed=name)


def _names(body: bytes, fields: int) -> tuple[str, str]:
    if len(body) < fields:
        raise Corrupt(f"link of {len(body)} bytes", 8)
    offsets = struct.unpack_from("<4H", body)
    names = []
    for at, length in (offsets[:2], offsets[2:]):
        if fields + at + length > len(body):
            raise Corrupt(f"link name of {length} bytes at {at} outside the reparse point", 8)
        names.append(text(body[fields + at:fields + at + length]))
    return names[0], names[1]
