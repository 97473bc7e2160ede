"""File version of a Windows program (PE): the fixed part of its version resource.

    0x3C  u32 offset of "PE\\0\\0"; then COFF header: u16 machine, u16 sections, ..., u16 size of
          the optional header at +16; optional header: u16 magic 0x10B or 0x20B; data directories at
          +96 or +112, 8 bytes each, the third being resources (RVA, size)
    section rows of 40 bytes: u32 virtual size, RVA, raw size, raw offset at +8
    resource directory: u16 named, u16 by id at +12, then rows of 8 bytes: u32 id, u32 offset
          (high bit: another directory), three levels: type 16, name, language
    data row: u32 RVA, u32 size; then VS_VERSIONINFO with the signature 0xFEEF04BD,
          u32 struct version, u32 version high, u32 version low

Only what leads to the version is read: a few KB, whatever the file claims.
Source: Microsoft, "PE Format"; "VS_FIXEDFILEINFO structure".
"""

import struct
from typing import Final

from analyzer.errors import Corrupt, NotThisFormat
from analyzer.formats.readable import Readable

_SECTIONS: Final = 96
_ROWS: Final = 4096
_VERSION: Final = 16
_MARK: Final = (0xFEEF04BD).to_bytes(4, "little")
_LONGEST: Final = 4096
"""Bytes of a version resource that are looked at; the fixed part stands at its beginning."""
_Sections = list[tuple[int, int, int]]


def file_version(blocks: Readable) -> str:
    """`6.0.6002.18005`; NotThisFormat for no program, Corrupt where it has no such resource."""
    if _read(blocks, 0, 2, whole=False) != b"MZ":
        raise NotThisFormat("no program: it does not begin with MZ", 0)
    at = _number(blocks, 0x3C, 4)
    if _read(blocks, at, 4) != b"PE\0\0":
        raise Corrupt("no PE header", at)
    count, optional = _number(blocks, at + 6, 2), _number(blocks, at + 20, 2)
    if count > _SECTIONS:
        raise Corrupt(f"{count} sections", at + 6)
    magic = _number(blocks, at + 24, 2)
    if magic not in (0x10B, 0x20B):
        raise Corrupt(f"optional header 0x{magic:X}", at + 24)
    directory = at + 24 + (96 if magic == 0x10B else 112) + 16
    sections = _sections(blocks, at + 24 + optional, count)
    root = _place(sections, _number(blocks, directory, 4), directory)
    here = root
    for level in range(3):
        here = root + _below(blocks, here, _VERSION if level == 0 else None, is_last=level == 2)
    start = _place(sections, _number(blocks, here, 4), here)
    data = _read(blocks, start, min(_number(blocks, here + 4, 4), _LONGEST), whole=False)
    return _fixed(data, start)


def _fixed(data: bytes, start: int) -> str:
    mark = data.find(_MARK)
    if mark < 0 or mark + 16 > len(data):
        raise Corrupt("a version resource without its fixed part", start)
    high, low = struct.unpack_from("<II", data, mark + 8)
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"


def _below(blocks: Readable, at: int, wanted: int | None, *, is_last: bool) -> int:
    """Where the entry `wanted` of a directory (the first for None) leads, from its root."""
    named, by_id = struct.unpack("<HH", _read(blocks, at + 12, 4))
    for row in range(min(named + by_id, _ROWS)):
        identity, target = struct.unpack("<II", _read(blocks, at + 16 + 8 * row, 8))
        if wanted is not None and identity != wanted:
            continue
        if bool(target >> 31) == is_last:
            raise Corrupt("a resource directory of the wrong depth", at + 16 + 8 * row)
        return int(target & 0x7FFFFFFF)
    raise Corrupt("no version resource", at)


def _sections(blocks: Readable, at: int, count: int) -> _Sections:
    rows = (struct.unpack("<4I", _read(blocks, at + 40 * n + 8, 16)) for n in range(count))
    return [(rva, max(size, raw_size), raw) for size, rva, raw_size, raw in rows]


def _place(sections: _Sections, rva: int, at: int) -> int:
    for start, size, raw in sections:
        if rva and start <= rva < start + size:
            return raw + rva - start
    raise Corrupt(f"nothing at RVA 0x{rva:X}", at)


def _number(blocks: Readable, at: int, length: int) -> int:
    return int.from_bytes(_read(blocks, at, length), "little")


def _read(blocks: Readable, at: int, length: int, *, whole: bool = True) -> bytes:
    data = blocks.read_at(at, length) if at < blocks.size else b""
    if whole and len(data) < length:
        raise Corrupt(f"cut off: {len(data)} of {length} bytes", at)
    return data
