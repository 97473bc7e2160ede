"""Shell item lists (PIDLs): the path that a list of items leads to.

    u16 size of the item (0 ends the list), u8 class, data

    0x1F       root folder: u8 sort order, CLSID at 4
    0x2F       volume (class & 0x70 = 0x20): drive "C:\\" at 3, code page
    0x31 ...   file or folder (class & 0x70 = 0x30): u32 size at 4, u32 FAT time at 8,
               u16 attributes at 12, name at 14: UTF-16LE where class & 4, else code page
    0x41 ...   network (class & 0x70 = 0x40): name at 5, code page

An item of a file has an extension block 0xBEEF0004 with its long name: u16 size, u16 version,
u32 signature, and the name at 20 (version 3), 38 (7), 42 (8), 46 (9) of the block.

Other items (known folders, property stores) are told by their class alone. Source: libyal
libfwsi, "Windows Shell Item format"; docs/formats/user-traces.md.
"""

import re
import struct
from typing import Final
from uuid import UUID

MOST_ITEMS: Final = 256
_CODE_PAGE: Final = "windows-1252"
"""Of texts that are not Unicode: that of the host is not known here."""
_LONG_NAME: Final = struct.pack("<I", 0xBEEF0004)
_TEXT_RUN: Final = re.compile(rb"(?:[\x20-\x7e]\0){4,}")
_NAME_AT: Final = {3: 20, 7: 38, 8: 42, 9: 46}
FOLDERS: Final = {
    "20D04FE0-3AEA-1069-A2D8-08002B30309D": "",  # the computer: a volume follows
    "F02C1A0D-BE21-4350-88B0-7367FC96EF3C": "",  # the network
    "59031A47-3F72-44A7-89C5-5595FE6B30EE": "<user's files>",
    "031E4825-7B94-4DC3-B131-E946B44C8DD5": "<libraries>",
    "450D8FBA-AD25-11D0-98A8-0800361B1103": "<My Documents>",
}


def path_of(data: bytes) -> str:
    """Where the items lead, parts joined by backslashes; "" where nothing in it has a name.

    A part that is not decoded is `<item 0xNN>`, with the longest text found in it where there is
    one: `<item 0x0: web.vhd>`. A list that breaks off ends in `<cut>`.
    """
    parts: list[str] = []
    at = 0
    for _ in range(MOST_ITEMS):
        if at + 2 > len(data):
            parts.append("<cut>")
            break
        size, = struct.unpack_from("<H", data, at)
        if size == 0:
            break
        item = data[at:at + size]
        if size < 3 or len(item) < size:
            parts.append("<cut>")
            break
        parts.append(_part(item))
        at += size
    named = [part for part in parts if part]
    if not any(":" in part or not part.startswith("<") for part in named):
        return ""
    return "\\".join(part.rstrip("\\") for part in named)


def _part(item: bytes) -> str:
    kind = item[2]
    if kind == 0x1F and len(item) >= 20:
        clsid = str(UUID(bytes_le=item[4:20])).upper()
        return FOLDERS.get(clsid, f"<{clsid}>")
    if kind & 0x70 == 0x20:
        return _text(item[3:]) if item[3:4].isalpha() else _unknown(item)
    if kind & 0x70 == 0x30:
        return _long_name(item) or _short_name(item, is_wide=bool(kind & 4)) or _unknown(item)
    if kind & 0x70 == 0x40:
        return _text(item[5:]) or _unknown(item)
    return _unknown(item)


def _unknown(item: bytes) -> str:
    texts = [run.decode("utf-16-le") for run in _TEXT_RUN.findall(item)]
    longest = max(texts, key=len, default="")
    return f"<item {item[2]:#x}: {longest}>" if longest else f"<item {item[2]:#x}>"


def _short_name(item: bytes, *, is_wide: bool) -> str:
    return _wide(item[14:]) if is_wide else _text(item[14:])


def _long_name(item: bytes) -> str:
    found = item.find(_LONG_NAME, 16)
    start = found - 4
    if found < 0:
        return ""
    version, = struct.unpack_from("<H", item, start + 2)
    at = _NAME_AT.get(version, _NAME_AT[9] if version > 9 else 0)
    return _wide(item[start + at:]) if at else ""


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode(_CODE_PAGE, "replace")


def _wide(raw: bytes) -> str:
    return raw[:len(raw) // 2 * 2].decode("utf-16-le", "backslashreplace").partition("\0")[0]
