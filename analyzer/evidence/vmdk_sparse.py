"""One sparse extent of a VMDK as Blocks. Little-endian.

Header of a sparse extent, offsets and sizes in sectors of 512 bytes:

    0 "KDMV"  4 version u32  8 flags u32  12 capacity u64  20 grain size u64
    28 descriptor offset u64  36 its size u64  44 entries of a grain table u32
    48 redundant grain directory u64  56 grain directory u64  77 compression u16

Grain directory (u32 each) -> grain table (u32 each) -> grain. 0 is a grain never written, 1 one of
zeros where flag 2 is set. With flag 16 a grain is u64 its sector, u32 length, zlib data. Where the
directory's offset is all ones, the header that counts is 1024 bytes before the end of the file.

Source: as in `vmdk`.
"""

import struct
import zlib
from collections import OrderedDict
from typing import Final, NamedTuple

import numpy as np

from analyzer.blocks import Blocks, ExtentMap
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat, Unreadable, Unsupported
from analyzer.evidence.claims import overlapping
from analyzer.evidence.ledger import Ledger
from analyzer.evidence.vmdk_descriptor import SECTOR

_MAGIC: Final = b"KDMV"
_AT_END: Final = 0xFFFF_FFFF_FFFF_FFFF
_KEPT: Final = 256
"""Grain tables, and inflated grains, that are kept."""
_MOST_ENTRIES: Final = 1 << 24
"""Entries of grain tables that are looked through for grains stored in one place."""
_LAYOUT: Final = struct.Struct("<4sIIQQQQIQQ")


class Header(NamedTuple):
    """Sectors, but for `entries` of a grain table."""

    magic: bytes
    version: int
    flags: int
    capacity: int
    grain: int
    descriptor: int
    descriptor_size: int
    entries: int
    redundant: int
    directory: int


class SparseExtent:
    """One sparse extent of `size` bytes."""

    def __init__(self, name: str, file: Blocks, size: int, ledger: Ledger) -> None:
        """Raises NotThisFormat, Corrupt, Unsupported, Unreadable."""
        header = read_header(name, file, 0)
        if header.directory == _AT_END:
            header = read_header(name, file, file.size - 1024)
        _check(name, header, file, size)
        self.size, self._name, self._file, self._ledger = size, name, file, ledger
        self._header, self._grain = header, header.grain * SECTOR
        self._is_compressed = bool(header.flags >> 16 & 1)
        self._tables: OrderedDict[int, tuple[int, ...]] = OrderedDict()
        self._inflated: OrderedDict[int, bytes] = OrderedDict()
        self._contested = self._find_contested()

    def extents(self) -> ExtentMap | None:
        return None

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            index, skip = divmod(offset, self._grain)
            count = min(end - offset, self._grain - skip)
            parts.append(self._read(index, skip, count, offset))
            offset += count
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read(self, index: int, skip: int, count: int, offset: int) -> bytes:
        """Part of one grain, at `offset` of the extent."""
        try:
            sector = self._table(index // self._header.entries)[index % self._header.entries]
            if sector == 0 or (sector == 1 and self._header.flags >> 2 & 1):
                return bytes(count)
            if self._is_compressed:
                return self._inflate(index, sector)[skip:skip + count]
        except (EvidenceError, zlib.error) as error:
            raise Unreadable(f"{self._name}, grain {index}: {error}", offset, count) from error
        if sector < 2 or sector in self._contested:
            raise Unreadable(f"{self._name}, grain {index}: its grain tables give it no place of "
                             "its own", offset, count)
        at = sector * SECTOR + skip
        try:
            data = self._file.read_at(at, count)
        except Unreadable as error:
            raise Unreadable(error.what, error.start - at + offset, error.length) from error
        if len(data) < count:
            raise Unreadable(f"{self._name}, grain {index}: stored past the end of the file",
                             offset + len(data), count - len(data))
        return data

    def _find_contested(self) -> frozenset[int]:
        """Sectors at which several grains are stored; compressed ones say whose they are."""
        tables = -(-self.size // (self._grain * self._header.entries))
        if self._is_compressed:
            return frozenset()
        if tables * self._header.entries > _MOST_ENTRIES:
            self._ledger.say("VMDK-GT", f"{self._name}: {tables} grain tables", "they are too many "
                             "to be looked through for grains that are stored in one place")
            return frozenset()
        places = [np.empty(0, np.uint64)]
        for number in range(tables):
            try:
                entries = np.array(self._table(number), np.int64)
            except EvidenceError:
                continue  # said when a grain of it is read
            places.append(entries[entries > 1].astype(np.uint64))
        contested = overlapping(np.concatenate(places), self._header.grain)
        if contested:
            self._ledger.say("VMDK-GT", f"{self._name}: {len(contested)} places in the file hold "
                             "several grains, the grain tables say", "those are unreadable")
        return contested

    def _table(self, number: int) -> tuple[int, ...]:
        """The grain table; raises Corrupt where it and its copy differ, Unreadable."""
        known = self._tables.get(number)
        if known is None:
            known = self._read_table(self._header.directory, number)
            if self._header.flags >> 1 & 1 and not self._is_compressed:
                copy = self._read_table(self._header.redundant, number)
                known = tuple(entry if entry == other else -1
                              for entry, other in zip(known, copy, strict=True))
                if -1 in known:
                    self._ledger.say("VMDK-GT", f"{self._name}: grain table {number} and its copy "
                                     "differ", "the grains they differ on are unreadable")
            self._tables[number] = known
            if len(self._tables) > _KEPT:
                self._tables.popitem(last=False)
        return known

    def _read_table(self, directory: int, number: int) -> tuple[int, ...]:
        at = directory * SECTOR + 4 * number
        raw = self._file.read_at(at, 4)
        if len(raw) < 4:
            raise Corrupt("the grain directory is cut off", at)
        start, length = int.from_bytes(raw, "little") * SECTOR, 4 * self._header.entries
        if start == 0:
            return (0,) * self._header.entries
        raw = self._file.read_at(start, length)
        if len(raw) < length:
            raise Corrupt("its grain table lies past the end of the file", start)
        return struct.unpack(f"<{self._header.entries}I", raw)

    def _inflate(self, index: int, sector: int) -> bytes:
        known = self._inflated.get(index)
        if known is None:
            at = sector * SECTOR
            raw = self._file.read_at(at, 12) if sector > 1 else b""
            if len(raw) < 12 or int.from_bytes(raw[:8], "little") != index * self._header.grain:
                raise Corrupt("what is stored there is another grain, or none", at)
            length = int.from_bytes(raw[8:], "little")
            if length > 2 * self._grain + SECTOR:
                raise Corrupt(f"a compressed grain of {length} bytes", at)
            wanted = min(self._grain, self._header.capacity * SECTOR - index * self._grain)
            known = zlib.decompressobj().decompress(self._file.read_at(at + 12, length),
                                                    self._grain)
            if len(known) < wanted:
                raise Corrupt(f"inflates to {len(known)} bytes, not {wanted}", at)
            self._inflated[index] = known
            if len(self._inflated) > _KEPT:
                self._inflated.popitem(last=False)
        return known


def read_header(name: str, file: Blocks, at: int) -> Header:
    """The header at a byte offset; raises NotThisFormat, Unreadable."""
    raw = file.read_at(at, SECTOR) if at >= 0 else b""
    if len(raw) < SECTOR or not raw.startswith(_MAGIC):
        raise NotThisFormat(f"{name}: no header of a sparse VMDK extent", max(0, at))
    return Header(*_LAYOUT.unpack_from(raw))


def _check(name: str, header: Header, file: Blocks, size: int) -> None:
    if header.version not in (1, 2, 3):
        raise Unsupported(f"{name} is a VMDK of version {header.version}", 4)
    if not (8 <= header.grain <= 1 << 14 and header.grain & (header.grain - 1) == 0
            and 1 <= header.entries <= 1 << 16):
        raise Corrupt(f"{name}: grains of {header.grain} sectors, tables of {header.entries}")
    if size > header.capacity * SECTOR:
        raise Corrupt(f"{name} holds {header.capacity} sectors, the descriptor says "
                      f"{size // SECTOR}", 12)
    tables = -(-size // (header.grain * SECTOR * header.entries))
    if header.directory * SECTOR + 4 * tables > file.size:
        raise Corrupt(f"{name}: its grain directory lies past the end of the file", 56)
