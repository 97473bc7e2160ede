"""Cells of a registry hive: every offset is checked before it is read.

A cell is an i32 size, negative when in use, and its content; offsets count from 0x1000. Lists of
subkeys (lf, lh: offset and hash; li: offset; ri: offset of another list) and segmented data (db)
are read here, each bounded: a list of lists is one deep, no list and no segment is used twice.

Source: M. Suhanov, "Windows registry file format specification".
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from analyzer.errors import Corrupt, Notice

BINS: Final = 0x1000
"""Byte offset of the first bin."""
FIRST_CELL: Final = 0x20
"""Offset of the first cell; the root key lies there in every hive that Windows made."""
_SEGMENT: Final = 16344


class Damage(Corrupt):
    """One bad key or value of a list; `name` is its name where that could be read."""

    def __init__(self, what: str, at: int | None, name: str | None = None) -> None:
        super().__init__(what, at)
        self.name = name


class Listed(NamedTuple):
    """A line of a list of subkeys: where the key is, and what the list knows of its name."""

    offset: int
    mark: bytes
    hint: int

    def fits(self, name: str) -> bool:
        """Whether the key's name is the one that was listed, as far as the list can tell.

        lh has a hash of the name in upper case, lf its first four letters; 0 is written by other
        tools.
        """
        if self.mark == b"li" or not self.hint:
            return True
        upper = "".join(c.upper() if len(c.upper()) == 1 else c for c in name)
        if self.mark == b"lf":
            listed = self.hint.to_bytes(4, "little").upper()
            return listed == upper[:4].encode("latin-1", "replace").ljust(4, b"\0") \
                if listed.isascii() else not name[:4].isascii()
        # letters that Windows leaves alone (micro sign), or others write as two (sharp s)
        likely = (upper, upper.replace("\u039c", "\xb5"), name.upper())
        return self.hint in map(_hash, likely)


def check_bins(data: bytes, size: int) -> Iterator[Notice]:
    """The first place where the row of bins breaks, and a hive that is cut."""
    end = BINS + size
    if end > len(data):
        yield Notice("HIVE-CELL", f"hive of {end} bytes cut after {len(data)}",
                     "keys past the end are lost", len(data), end - len(data))
    at, end = BINS, min(end, len(data) - 32)
    while at < end:
        mark, own, length = struct.unpack_from("<4sII", data, at)
        if mark != b"hbin" or own != at - BINS or length < 4096 or length % 4096:
            yield Notice("HIVE-CELL", "a bin is damaged", "its keys are read where they can be",
                         at, 32)
            return
        at += length


def _hash(name: str) -> int:
    total = 0
    for letter in name:
        total = (37 * total + ord(letter)) & 0xFFFF_FFFF
    return total


class Cells:
    """The cells of the hive `data`."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def cell(self, offset: int, least: int) -> tuple[int, int]:
        """(byte offset, size) of the content of the cell in use at `offset`; raises Damage."""
        at = BINS + offset
        if offset % 8 or offset < FIRST_CELL or at + 4 > len(self.data):
            raise Damage(f"cell offset {offset:#x} is none in a hive of {len(self.data)} bytes",
                         at)
        size = -struct.unpack_from("<i", self.data, at)[0] - 4
        if size < least or at + 4 + size > len(self.data):
            raise Damage("a cell that is free, too small or past the end", at)
        return at + 4, size

    def is_used(self, offset: int) -> bool:
        """Whether a cell that is in use lies at `offset`; tools leave offsets of freed ones."""
        try:
            self.cell(offset, 4)
        except Damage:
            return False
        return True

    def leads_to(self, offset: int, mark: bytes) -> bool:
        """Whether the cell in use at `offset` begins with the offset of one with this mark."""
        if not self.is_used(offset):
            return False
        below = struct.unpack_from("<I", self.data, BINS + offset + 4)[0]
        return self.is_used(below) and self.data.startswith(mark, BINS + below + 4)

    def key_offsets(self, offset: int) -> Iterator["Listed | Damage"]:
        """The keys in the list at `offset`, through one list of lists."""
        try:
            at, _ = self.cell(offset, 4)
            if self.data[at : at + 2] != b"ri":
                yield from self._leaf(offset)
                return
            entries = self._entries(offset, 4)
        except Damage as damage:
            yield damage
            return
        seen = {offset}
        for entry, _ in entries:
            if entry in seen:
                yield Damage("a list of subkeys inside itself, or used twice", BINS + entry)
                continue
            seen.add(entry)
            try:
                yield from self._leaf(entry)
            except Damage as damage:
                yield damage

    def big_data(self, at: int, size: int) -> bytes:
        """`size` bytes in segments of 16344, each its own cell; `at` is the content of the db."""
        count, table = struct.unpack_from("<HI", self.data, at + 2)
        needed = -(-size // _SEGMENT)
        if count < needed:
            raise Damage(f"{size} bytes of data in {count} segments", at)
        table_at, _ = self.cell(table, 4 * needed)
        offsets = struct.unpack_from(f"<{needed}I", self.data, table_at)
        if len(set(offsets)) < needed:
            raise Damage("a segment used twice", at)
        out = bytearray()
        for offset in offsets:
            length = min(_SEGMENT, size - len(out))
            start, _ = self.cell(offset, length)
            out += self.data[start : start + length]
        return bytes(out)

    def _leaf(self, offset: int) -> "Iterator[Listed]":
        """The entries of the lf, lh or li at `offset`; raises Damage for anything else."""
        at, _ = self.cell(offset, 4)
        mark = self.data[at : at + 2]
        if mark not in (b"lf", b"lh", b"li"):
            raise Damage(f"{mark!a} is no list of subkeys", at)
        entries = self._entries(offset, 4 if mark == b"li" else 8)
        return (Listed(entry, mark, hint) for entry, hint in entries)

    def _entries(self, offset: int, width: int) -> list[tuple[int, int]]:
        """First and last numbers of the entries, `width` bytes each, of a list cell."""
        at, size = self.cell(offset, 4)
        count = struct.unpack_from("<H", self.data, at + 2)[0]
        if 4 + count * width > size:
            raise Damage(f"a list of {count} in a cell of {size} bytes", at)
        numbers = struct.unpack_from(f"<{count * width // 4}I", self.data, at + 4)
        step = width // 4
        return list(zip(numbers[::step], numbers[step - 1 :: step], strict=True))
