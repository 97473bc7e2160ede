"""Jump lists: what a user opened with a program, by the list that its button shows.

`Recent\\AutomaticDestinations\\<application>.automaticDestinations-ms`, an OLE compound file:
streams named by a number in hexadecimal hold shell links, and `DestList` their order::

    header 32 bytes: 0 u32 version, 4 u32 entries
    entry: 72 16s computer, 88 u32 number of the stream, 100 FILETIME last used, 108 i32 pin
           version 1 (7, 2008 R2):    112 u16 characters, 114 path
           version 2 to 4 (8.1, 10):  116 u32 uses, 128 u16 characters, 130 path, then 4 bytes

`Recent\\CustomDestinations\\*.customDestinations-ms`: shell links one after the other, each behind
its CLSID; they are found by their header.

olefile reads compound files; nothing else imports it. Source: libyal dtformats, "Jump lists
format"; docs/formats/jump-lists.md.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import olefile

from analyzer import times
from analyzer.errors import Corrupt, EvidenceError, Notice, NotThisFormat, Unsupported
from analyzer.formats import shell_link
from analyzer.formats.shell_link import ShellLink

LARGEST: Final = 64 << 20
MOST: Final = 10_000
_LARGEST_LINK: Final = 1 << 20
_HEAD: Final = 32
_LINK: Final = b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"
_DAMAGE: Final = (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError,
                  OverflowError, RecursionError, MemoryError, struct.error)
"""What olefile raises on damaged files."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One entry. `link` is None where its stream is missing or damaged."""

    path: str
    """As DestList has it; "" in a custom list."""
    link: ShellLink | None
    computer: str = ""
    used_at: int | None = None
    use_count: int | None = None
    is_pinned: bool = False
    offset: int | None = None
    """Of its link, in a custom list."""
    notices: tuple[Notice, ...] = ()
    """Places count in the stream that each names, in a custom list in the file."""


def automatic(data: bytes) -> Iterator[Destination | EvidenceError]:
    """Entries of an automatic list, newest first; an error in place of the rest.

    Raises NotThisFormat, Unsupported, Corrupt where there is no DestList to go by.
    """
    if data[:8] != olefile.MAGIC:
        raise NotThisFormat("no compound file", 0)
    try:
        file = olefile.OleFileIO(io.BytesIO(data))
        listed = file.openstream("DestList").read() if file.exists("DestList") else b""
    except _DAMAGE as error:
        raise Corrupt(f"a damaged compound file: {str(error)[:200]}") from error
    if not listed:
        return
    if len(listed) < _HEAD:
        raise Corrupt(f"DestList of {len(listed)} bytes")
    version, count = struct.unpack_from("<2I", listed)
    if not 1 <= version <= 4:
        raise Unsupported(f"DestList of version {version}")
    yield from _entries(file, listed, version, count)


def _entries(file: olefile.OleFileIO, listed: bytes, version: int,
             count: int) -> Iterator[Destination | EvidenceError]:
    at, fixed = _HEAD, 114 if version == 1 else 130
    for number in range(min(count, MOST)):
        if at + fixed > len(listed):
            yield Corrupt(f"DestList says {count} entries and holds {number}", at)
            return
        length, = struct.unpack_from("<H", listed, at + fixed - 2)
        end = at + fixed + 2 * length
        if end > len(listed):
            yield Corrupt(f"a path of {length} characters past the end of DestList", at)
            return
        stream, = struct.unpack_from("<I", listed, at + 88)
        used, pin = struct.unpack_from("<Qi", listed, at + 100)
        uses = struct.unpack_from("<I", listed, at + 116)[0] if version > 1 else None
        computer = listed[at + 72 : at + 88].partition(b"\0")[0].decode("cp1252", "replace")
        path = listed[at + fixed : end].decode("utf-16-le", "backslashreplace").rstrip("\0")
        link, notices = _link(file, f"{stream:x}"), list[Notice]()
        used_at = times.stamp(used, f"DestList: last use of {path[-200:]!a}", at + 100, notices)
        notices += [replace(notice, what=f"stream {stream:x}: {notice.what}")
                    for notice in (link.notices if link is not None else ())]
        yield Destination(path, link, computer, used_at, uses, pin != -1, notices=tuple(notices))
        at = end + (4 if version > 1 else 0)


def _link(file: olefile.OleFileIO, stream: str) -> ShellLink | None:
    try:
        if not file.exists(stream) or file.get_size(stream) > _LARGEST_LINK:
            return None
        return shell_link.parse(file.openstream(stream).read())
    except (*_DAMAGE, EvidenceError):
        return None


def custom(data: bytes) -> Iterator[Destination | EvidenceError]:
    """Links of a custom list in order; an error in place of one that is damaged."""
    at = data.find(_LINK)
    for _ in range(MOST):
        if at < 0:
            return
        following = data.find(_LINK, at + len(_LINK))
        try:
            link = shell_link.parse(data[at : following if following >= 0 else len(data)])
        except EvidenceError as error:
            yield error
        else:
            yield Destination("", link, link.computer, offset=at, notices=tuple(
                replace(notice, start=at + (notice.start or 0)) for notice in link.notices))
        at = following
