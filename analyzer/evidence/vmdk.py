"""VMDK images as Blocks: flat, sparse, split and stream-optimized. Little-endian.

Header of a sparse extent, offsets and sizes in sectors of 512 bytes:

    0 "KDMV"  4 version u32  8 flags u32  12 capacity u64  20 grain size u64
    28 descriptor offset u64  36 its size u64  44 entries of a grain table u32
    48 redundant grain directory u64  56 grain directory u64  77 compression u16

Grain directory (u32 each) -> grain table (u32 each) -> grain. 0 is a grain never written, 1 one of
zeros where flag 2 is set. With flag 16 a grain is u64 its sector, u32 length, zlib data. Where the
directory's offset is all ones, the header that counts is 1024 bytes before the end of the file.

Source: VMware, Virtual Disk Format 5.0. libvmdk gives the same bytes, but refuses disks with
extents that are cut or of kind ZERO (measured, 20260714).
"""

import struct
import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from analyzer.blocks import Blocks, ExtentMap, Slice
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat, Unreadable, Unsupported
from analyzer.evidence import vmdk_descriptor
from analyzer.evidence.ledger import Ledger
from analyzer.evidence.vmdk_descriptor import LONGEST, SECTOR, Extent

MAGIC: Final = b"KDMV"
TEXT: Final = b"# Disk DescriptorFile"
_AT_END: Final = 0xFFFF_FFFF_FFFF_FFFF
_KEPT: Final = 256
"""Grain tables, and inflated grains, that are kept."""
_HEADER: Final = struct.Struct("<4sIIQQQQIQQ")


class _Header(NamedTuple):
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


def read_extents(name: str, file: Blocks) -> tuple[Extent, ...] | None:
    """What the descriptor in a VMDK file says; None for an extent, which has none.

    Raises NotThisFormat, Corrupt, Unsupported, Unreadable.
    """
    if file.read_at(0, len(TEXT)) == TEXT:
        return vmdk_descriptor.parse(name, file.read_at(0, LONGEST))
    header = _read_header(name, file, 0)
    if header.descriptor == 0 or header.descriptor_size == 0:
        return None
    length = min(header.descriptor_size * SECTOR, LONGEST)
    text = file.read_at(header.descriptor * SECTOR, length)
    return vmdk_descriptor.parse(name, text) if text.strip(b"\0") else None


class Vmdk:
    """The disk that extents make up; `files` has one for each, None for those without a file."""

    def __init__(self, extents: Sequence[Extent], files: Sequence[tuple[str, Blocks] | None],
                 ledger: Ledger) -> None:
        """Raises EvidenceError where a sparse extent cannot be opened."""
        self._parts: list[Blocks | None] = []
        self._starts: list[int] = []
        self.size = 0
        for extent, found in zip(extents, files, strict=True):
            self._starts.append(self.size)
            self._parts.append(_open(extent, *found, ledger) if found is not None else None)
            self.size += extent.size

    def extents(self) -> ExtentMap | None:
        return None

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            row = bisect_right(self._starts, offset) - 1
            start, part = self._starts[row], self._parts[row]
            stop = min(end, self._starts[row + 1] if row + 1 < len(self._starts) else self.size)
            if part is None:
                parts.append(bytes(stop - offset))
            else:
                try:
                    parts.append(part.read_at(offset - start, stop - offset))
                except Unreadable as error:
                    raise Unreadable(error.what, error.start + start, error.length) from error
            offset = stop
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _open(extent: Extent, name: str, file: Blocks, ledger: Ledger) -> Blocks:
    if extent.kind == "FLAT":
        if extent.start + extent.size > file.size:
            ledger.say("IMG-TRUNC", f"{name} has {file.size} bytes, "
                       f"{extent.start + extent.size} are wanted", "its end is unreadable")
        return Slice(file, extent.start, extent.size)
    return SparseExtent(name, file, extent.size, ledger)


class SparseExtent:
    """One sparse extent of `size` bytes."""

    def __init__(self, name: str, file: Blocks, size: int, ledger: Ledger) -> None:
        """Raises NotThisFormat, Corrupt, Unsupported, Unreadable."""
        header = _read_header(name, file, 0)
        if header.directory == _AT_END:
            header = _read_header(name, file, file.size - 1024)
        _check(name, header, file, size)
        self.size, self._name, self._file, self._ledger = size, name, file, ledger
        self._header, self._grain = header, header.grain * SECTOR
        self._is_compressed = bool(header.flags >> 16 & 1)
        self._tables: OrderedDict[int, tuple[int, ...]] = OrderedDict()
        self._inflated: OrderedDict[int, bytes] = OrderedDict()

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
        if sector < 2:
            raise Unreadable(f"{self._name}, grain {index}: no place in its grain tables", offset,
                             count)
        at = sector * SECTOR + skip
        try:
            data = self._file.read_at(at, count)
        except Unreadable as error:
            raise Unreadable(error.what, error.start - at + offset, error.length) from error
        if len(data) < count:
            raise Unreadable(f"{self._name}, grain {index}: stored past the end of the file",
                             offset + len(data), count - len(data))
        return data

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


def _read_header(name: str, file: Blocks, at: int) -> _Header:
    raw = file.read_at(at, SECTOR) if at >= 0 else b""
    if len(raw) < SECTOR or not raw.startswith(MAGIC):
        raise NotThisFormat(f"{name}: no header of a sparse VMDK extent", max(0, at))
    return _Header(*_HEADER.unpack_from(raw))


def _check(name: str, header: _Header, file: Blocks, size: int) -> None:
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
