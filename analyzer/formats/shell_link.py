"""Shell links (.lnk): the target of a shortcut, as far as registrations need it.

    offset 0    u32 76, CLSID 00021401-0000-0000-C000-000000000046
    offset 20   u32 flags: 1 IDList, 2 LinkInfo, 4 name, 8 relative path, 10h working folder,
                20h arguments, 40h icon, 80h Unicode
    offset 28   FILETIME created, accessed, written of the target; 52 u32 its size
    offset 76   u16 length and IDList; LinkInfo (u32 size ...); strings: u16 count, characters

LinkInfo: u32 size, u32 header size (>= 24h: Unicode offsets at 28, 32), u32 flags (1 local path,
2 network), then offsets of volume id (12), local base path (16), network link (20), suffix (24).

Source: [MS-SHLLINK] 2.1 ... 2.4. The IDList is not decoded.
"""

import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from analyzer import times
from analyzer.errors import Corrupt, NotThisFormat

_CLSID: Final = UUID("00021401-0000-0000-c000-000000000046").bytes_le
_ID_LIST, _LINK_INFO, _UNICODE = 1, 2, 0x80
_STRINGS: Final = (4, 8, 0x10, 0x20, 0x40)
"""Flags of the strings in their order: name, relative path, working folder, arguments, icon."""
_CODE_PAGE: Final = "windows-1252"
"""Of texts that are not Unicode: that of the host is not known here."""


@dataclass(frozen=True, slots=True)
class ShellLink:
    """One shortcut. Texts are "" where it does not say; times those of the target, in ticks."""

    target: str
    """Windows path, of LinkInfo."""
    relative_path: str
    working_folder: str
    target_size: int
    created_at: int | None
    accessed_at: int | None
    written_at: int | None


def parse(data: bytes) -> ShellLink:
    """The shortcut in `data`; raises NotThisFormat, or Corrupt where it ends early."""
    if data[:4] != b"L\0\0\0" or data[4:20] != _CLSID:
        raise NotThisFormat("no shell link", 0)
    try:
        return _parse(data)
    except struct.error as error:
        raise Corrupt(f"a shell link of {len(data)} bytes ends early") from error


def _parse(data: bytes) -> ShellLink:
    flags, = struct.unpack_from("<I", data, 20)
    stamps = struct.unpack_from("<3Q", data, 28)
    size, = struct.unpack_from("<I", data, 52)
    at = 76
    if flags & _ID_LIST:
        at += 2 + struct.unpack_from("<H", data, at)[0]
    target = ""
    if flags & _LINK_INFO:
        length, = struct.unpack_from("<I", data, at)
        if at + length > len(data) or length < 28:
            raise Corrupt(f"LinkInfo of {length} bytes", at)
        target = _target(data[at : at + length], at)
        at += length
    strings: dict[int, str] = {}
    for flag in _STRINGS:
        if flags & flag:
            strings[flag], at = _string(data, at, is_unicode=bool(flags & _UNICODE))
    created, accessed, written = (times.from_filetime(stamp) for stamp in stamps)
    return ShellLink(target, strings.get(8, ""), strings.get(0x10, ""), size, created, accessed,
                     written)


def _target(info: bytes, at: int) -> str:
    """Local path with its suffix, or share with its suffix."""
    header, flags, _, local, network, suffix = struct.unpack_from("<6I", info, 4)
    base = ""
    if flags & 1:
        base = _text(info, local, at)
        if header >= 0x24:
            wide, wide_suffix = struct.unpack_from("<2I", info, 28)
            return _wide(info, wide, at) + _wide(info, wide_suffix, at)
    elif flags & 2:
        name, = struct.unpack_from("<I", info, network + 8)
        base = _text(info, network + name, at) + "\\"
    return base + _text(info, suffix, at)


def _text(info: bytes, start: int, at: int) -> str:
    end = info.find(b"\0", start)
    if start >= len(info) or end < 0:
        raise Corrupt("a path of LinkInfo without end", at)
    return info[start:end].decode(_CODE_PAGE, "replace")


def _wide(info: bytes, start: int, at: int) -> str:
    for end in range(start, len(info) - 1, 2):
        if info[end : end + 2] == b"\0\0":
            return info[start:end].decode("utf-16-le", "backslashreplace")
    raise Corrupt("a path of LinkInfo without end", at)


def _string(data: bytes, at: int, *, is_unicode: bool) -> tuple[str, int]:
    count, = struct.unpack_from("<H", data, at)
    end = at + 2 + count * (2 if is_unicode else 1)
    if end > len(data):
        raise Corrupt(f"a string of {count} characters at the end", at)
    raw = data[at + 2 : end]
    return raw.decode("utf-16-le", "backslashreplace") if is_unicode \
        else raw.decode(_CODE_PAGE, "replace"), end
