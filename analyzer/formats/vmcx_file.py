"""HyperVStorage, the container of VMCX and VMRS files: its two headers and its object tables.

    0      header, 46 bytes: signature, crc, sequence u16, version, data version, flags,
           alignment, log offset u64, log size u64, log header size
    4096   the other copy; the valid one with the higher sequence counts
    8192   object table: signature 0x01110001, count, then 18 bytes an object:
           kind u8, crc, offset u64, size u32, flags u8; a slot of kind 1 leads to the next table

Little-endian, packed. CRC-32 of zlib over the structure, its own four bytes taken as zero.
Source: microsoft/openvmm support/hvs_file/FORMAT.md; FIELD-GUIDE 5, measured on three real files;
docs/formats/vmcx.md.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt, Notice, NotThisFormat, Unreadable
from analyzer.formats.readable import Readable

MAGIC: Final = bytes.fromhex("14202801")
VERSIONS: Final = (0x0100, 0x0101, 0x0200, 0x0300, 0x0301, 0x0400)
"""Every one that was published. Of 0x0100 it is known that its names are UTF-16."""
LATEST: Final = 0x0400
PAGE: Final = 4096
FIRST_TABLE: Final = 2 * PAGE
OBJECT_TABLE, KEY_TABLE, FILE_OBJECT, FREE = 1, 2, 3, 4
_CHECKED_SINCE: Final = 0x0301
"""From this version on the checksum of an object's slot is right."""
_HEADER = struct.Struct("<4sIHIIIIQQI")
_SLOT = struct.Struct("<BIQIB")
_TABLE = struct.Struct("<II")
_TABLE_SIGNATURE: Final = 0x01110001
OBJECTS: Final = _TABLE_SIGNATURE.to_bytes(4, "little")
"""What an object table begins with."""
_SLOTS: Final = (PAGE - _TABLE.size) // _SLOT.size
_MOST_SLOTS: Final = 65536 // _SLOT.size
_MOST_TABLES: Final = 4096


@dataclass(frozen=True, slots=True)
class Header:
    """The header that counts. `at` is None where both copies are lost and defaults stand in."""

    at: int | None
    sequence: int
    version: int
    alignment: int
    log_at: int
    log_size: int


@dataclass(frozen=True, slots=True)
class Slot:
    """One object of an object table: what it is and where it lies."""

    place: int
    """Offset of the slot in the file."""
    kind: int
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Objects:
    """Every object that the tables list, in order. `whole` is False where some may be missing."""

    slots: tuple[Slot, ...]
    tables: tuple[tuple[int, int], ...]
    """(offset, size) of the object tables themselves."""
    whole: bool


class Pages:
    """The bytes of a file with its pending log laid over them.

    `read` is for what carries checksums: unreadable bytes are zeros there, and kept in `lost`.
    `exact` gives right bytes or raises.
    """

    def __init__(self, blocks: Readable) -> None:
        self.blocks = blocks
        self.size = blocks.size
        self.patches: list[tuple[int, bytes]] = []
        self.lost: dict[int, int] = {}
        """Start -> length."""

    def patch(self, at: int, data: bytes) -> None:
        """Lays `data` over the file; later ones over earlier."""
        self.patches.append((at, data))
        self.size = max(self.size, at + len(data))

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes, fewer at the end."""
        length = max(0, min(length, self.size - offset))
        return self._patched(offset, b"".join(self._known(offset, length)).ljust(length, b"\0"))

    def exact(self, offset: int, length: int) -> bytes:
        """Exactly these; raises Unreadable, and Corrupt past the end."""
        if offset + length > self.size:
            raise Corrupt(f"{length} bytes at {offset:#x} of a file of {self.size}", offset)
        data = self.blocks.read_at(offset, length) if offset < self.blocks.size else b""
        return self._patched(offset, data.ljust(length, b"\0"))

    def _known(self, offset: int, length: int) -> Iterator[bytes]:
        end = min(offset + length, self.blocks.size)
        while offset < end:
            try:
                yield self.blocks.read_at(offset, end - offset)
                return
            except Unreadable as error:
                start = min(max(offset, error.start), end)
                stop = min(end, max(error.start + error.length, start + 1))
                if start > offset:
                    yield self.blocks.read_at(offset, start - offset)
                self.lost[start] = max(stop - start, self.lost.get(start, 0))
                yield bytes(stop - start)
                offset = stop

    def _patched(self, offset: int, data: bytes) -> bytes:
        over = [(at, new) for at, new in self.patches
                if at < offset + len(data) and at + len(new) > offset]
        if not over:
            return data
        out = bytearray(data)
        for at, new in over:
            start, stop = max(at, offset), min(at + len(new), offset + len(data))
            out[start - offset:stop - offset] = new[start - at:stop - at]
        return bytes(out)


def checksum(data: bytes, at: int) -> int:
    """CRC-32 of `data` with the four bytes at `at` taken as zero."""
    return zlib.crc32(data[at + 4:], zlib.crc32(bytes(4), zlib.crc32(data[:at])))


def is_newer(sequence: int, other: int) -> bool:
    """Whether a 16-bit sequence follows another; they wrap."""
    return 0 < (sequence - other) & 0xFFFF < 0x8000


def header(pages: Pages, notices: list[Notice]) -> Header:
    """The header that counts; a lost copy is noted.

    Raises NotThisFormat where neither the headers nor the object table look like one.
    """
    heads = [pages.read(at, _HEADER.size) for at in (0, PAGE)]
    table = pages.read(FIRST_TABLE, 4) == OBJECTS
    if not table and not any(head.startswith(MAGIC) for head in heads):
        raise NotThisFormat("no HyperVStorage file", 0)
    good = [found for at, head in zip((0, PAGE), heads, strict=True)
            if (found := _header(head, at)) is not None]
    if len(good) < 2:
        lost = PAGE if any(found.at == 0 for found in good) else 0
        what = "a header does not match its checksum" if good else "both headers are damaged"
        effect = "the other was used" if good else "read as version 4.0, without its log"
        notices.append(Notice("VMCX-HEADER", what, effect, lost, _HEADER.size))
    if not good:
        return Header(None, 0, LATEST, PAGE, 0, 0)
    first, last = good[0], good[-1]
    return last if is_newer(last.sequence, first.sequence) else first


def _header(data: bytes, at: int) -> Header | None:
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        return None
    _, crc, sequence, version, _, _, alignment, log_at, log_size, _ = _HEADER.unpack(data)
    if crc != checksum(data, 4):
        return None
    return Header(at, sequence, version, alignment, log_at, log_size)


def objects(pages: Pages, version: int, notices: list[Notice]) -> Objects:
    """Follows the chain of object tables; loops and torn tables end it with a notice."""
    slots: list[Slot] = []
    tables: dict[int, int] = {}
    whole, pending = True, [FIRST_TABLE]
    while pending:
        at = pending.pop()
        if at in tables or len(tables) == _MOST_TABLES:
            notices.append(Notice("VMCX-OBJECTS", "the object tables run in a circle or are too "
                                  "many", f"read up to {len(tables)} of them", at))
            whole = False
            continue
        size, found, intact = _object_table(pages, at, version, notices)
        tables[at] = size
        whole = whole and intact
        slots += found
        pending += [slot.at for slot in found if slot.kind == OBJECT_TABLE]
    return Objects(tuple(slots), tuple(tables.items()), whole)


def _object_table(pages: Pages, at: int, version: int,
                  notices: list[Notice]) -> tuple[int, list[Slot], bool]:
    """(bytes, slots, whether nothing of it is lost)."""
    head = pages.read(at, _TABLE.size)
    signature, count = _TABLE.unpack(head) if len(head) == _TABLE.size else (0, 0)
    whole = signature == _TABLE_SIGNATURE and 0 < count <= _MOST_SLOTS
    if not whole:
        count = _SLOTS
        notices.append(Notice("VMCX-OBJECTS", "the head of an object table is damaged",
                              f"{count} slots are read as far as their checksums hold", at))
    size = _TABLE.size + count * _SLOT.size
    data = pages.read(at + _TABLE.size, count * _SLOT.size)
    slots, bad = [], []
    for offset in range(0, len(data) - _SLOT.size + 1, _SLOT.size):
        place, raw = at + _TABLE.size + offset, data[offset:offset + _SLOT.size]
        if not any(raw):
            continue
        kind, crc, where, length, _ = _SLOT.unpack(raw)
        if crc != checksum(raw, 1) and (version >= _CHECKED_SINCE or kind > FREE):
            bad.append(place)
        elif kind:
            slots.append(Slot(place, kind, where, length))
    if bad:
        notices.append(Notice("VMCX-OBJECTS", f"{len(bad)} slots of an object table do not match "
                              "their checksums", "what they list is looked for in the file",
                              bad[0], _SLOT.size))
    return size, slots, whole and not bad and len(data) == count * _SLOT.size
