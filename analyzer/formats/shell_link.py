"""Shell links (.lnk): the target of a shortcut, and the volume and computer it was on.

    offset 0    u32 76, CLSID 00021401-0000-0000-C000-000000000046
    offset 20   u32 flags: 1 IDList, 2 LinkInfo, 4 name, 8 relative path, 10h working folder,
                20h arguments, 40h icon, 80h Unicode
    offset 28   FILETIME created, accessed, written of the target; 52 u32 its size
    offset 76   u16 length and IDList; LinkInfo (u32 size ...); strings: u16 count, characters

LinkInfo: u32 size, u32 header size (>= 24h: Unicode offsets at 28, 32), u32 flags (1 local path,
2 network), then offsets of volume id (12), local base path (16), network link (20), suffix (24).

Volume id: u32 size, u32 drive type, u32 serial number, u32 offset of the label. Behind the strings
blocks u32 size, u32 signature: A0000003h has the name of a computer at 16, 16 bytes.

Source: [MS-SHLLINK] 2.1 ... 2.5. The IDList is decoded by shell_items.
"""

import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from analyzer import times
from analyzer.errors import Corrupt, Notice, NotThisFormat
from analyzer.formats.shell_items import path_of

_CLSID: Final = UUID("00021401-0000-0000-c000-000000000046").bytes_le
_ID_LIST, _LINK_INFO, _UNICODE = 1, 2, 0x80
_STRINGS: Final = (4, 8, 0x10, 0x20, 0x40)
"""Flags of the strings in their order: name, relative path, working folder, arguments, icon."""
_TRACKER: Final = 0xA0000003
_DRIVES: Final = ("unknown drive", "no root", "removable drive", "fixed drive", "network drive",
                  "CD", "RAM disk")
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
    item_path: str = ""
    """Where the list of shell items leads; not every target has a path."""
    arguments: str = ""
    volume: str = ""
    """Kind, serial number and label of the drive: `fixed drive 1A2B-3C4D "data"`."""
    computer: str = ""
    """NetBIOS name of the computer that the target was on when the link was made."""
    notices: tuple[Notice, ...] = ()


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
    target = item_path = volume = ""
    if flags & _ID_LIST:
        length, = struct.unpack_from("<H", data, at)
        item_path = path_of(data[at + 2 : at + 2 + length])
        at += 2 + length
    if flags & _LINK_INFO:
        length, = struct.unpack_from("<I", data, at)
        if at + length > len(data) or length < 28:
            raise Corrupt(f"LinkInfo of {length} bytes", at)
        target = _target(data[at : at + length], at)
        volume = _volume(data[at : at + length])
        at += length
    strings: dict[int, str] = {}
    for flag in _STRINGS:
        if flags & flag:
            strings[flag], at = _string(data, at, is_unicode=bool(flags & _UNICODE))
    notices: list[Notice] = []
    created, accessed, written = (
        times.stamp(stamp, f"target {what}", place, notices, span=times.ANY)
        for stamp, what, place in zip(stamps, ("created", "accessed", "written"), (28, 36, 44),
                                      strict=True))
    return ShellLink(target, strings.get(8, ""), strings.get(0x10, ""), size, created, accessed,
                     written, item_path, strings.get(0x20, ""), volume, _computer(data, at),
                     tuple(notices))


def _volume(info: bytes) -> str:
    """"" where it does not say, or what it says reaches past its end."""
    flags, at = struct.unpack_from("<2I", info, 8)
    if not flags & 1 or at + 16 > len(info):
        return ""
    _, kind, serial, label_at = struct.unpack_from("<4I", info, at)
    name = _DRIVES[kind] if kind < len(_DRIVES) else f"drive of type {kind}"
    label = info[at + label_at :].partition(b"\0")[0].decode(_CODE_PAGE, "replace") \
        if label_at == 16 else ""
    return f"{name} {serial >> 16:04X}-{serial & 0xFFFF:04X}" + (f' "{label}"' if label else "")


def _computer(data: bytes, at: int) -> str:
    """Name in the block of the link tracker; "" where there is none."""
    while at + 32 <= len(data):
        size, signature = struct.unpack_from("<2I", data, at)
        if size < 8:
            break
        if signature == _TRACKER:
            return data[at + 16 : at + 32].partition(b"\0")[0].decode(_CODE_PAGE, "replace")
        at += size
    return ""


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
