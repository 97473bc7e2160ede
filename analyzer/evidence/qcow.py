"""QCOW images (versions 1, 2 and 3) as Blocks. Big-endian; the header is in `qcow_header`.

A cluster's place is L1[index >> l2_bits] -> L2[index & mask]. An entry of 0 is a cluster that was
never written. Otherwise it holds an offset in the file; bit 62 (63 in version 1) marks a cluster
compressed by raw deflate, whose stored size is in the bits below that; in version 3 bit 0 says
all zeros.

Source: qemu, docs/interop/qcow2.txt; for version 1 Mark McLoughlin, "The QCOW Image Format".
libqcow is not asked: it gives zeros for a compressed cluster at the end of the file and for the
end of a cluster that was cut, and takes LUKS ciphertext for content (measured, 20260703).
"""

import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np

from analyzer.blocks import Blocks, ExtentMap
from analyzer.errors import Corrupt, EvidenceError, Unreadable
from analyzer.evidence.claims import overlapping
from analyzer.evidence.ledger import Ledger
from analyzer.evidence.qcow_header import parse

_CACHE: Final = 16 << 20
"""Bytes of L2 tables, and of inflated clusters, that are kept."""
_OFFSET: Final = 0x00FF_FFFF_FFFF_FE00
"""Bits of an L1 or L2 entry of versions 2 and 3 that are an offset."""
_CORRUPT: Final = 1
"""Bit of the incompatible features."""
_MOST_ENTRIES: Final = 1 << 24
"""L2 entries that are looked through for clusters stored in one place."""
_MOST_NOTICES: Final = 100


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a cluster is stored; `stored` is its size in the file where it is compressed."""

    at: int
    stored: int = 0


class Qcow:
    """The disk inside a QCOW file; `format` is "QCOW" or "QCOW2"."""

    def __init__(self, name: str, container: Blocks, ledger: Ledger) -> None:
        """Raises NotThisFormat, Corrupt, Unsupported, Unreadable."""
        head = container.read_at(0, 112).ljust(112, b"\0")
        self._header = header = parse(name, head, container)
        self.format = "QCOW" if header.version == 1 else "QCOW2"
        self.size = header.size
        self._container, self._cluster = container, 1 << header.cluster_bits
        if header.features >> _CORRUPT & 1:
            ledger.say("QCOW-DIRTY", "the image is marked corrupt", "read as its tables say")
        self._tables: OrderedDict[int, bytes] = OrderedDict()
        self._inflated: OrderedDict[int, bytes] = OrderedDict()
        self._l1 = container.read_at(header.l1_at, 8 * header.l1_entries)
        self._contested = self._find_contested(ledger)

    def extents(self) -> ExtentMap | None:
        return None

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            index, skip = divmod(offset, self._cluster)
            count = min(end - offset, self._cluster - skip)
            try:
                parts.append(self._read(index, skip, count))
            except (Corrupt, Unreadable, zlib.error) as error:
                raise self._lost(error, offset, count) from error
            offset += count
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _lost(self, error: Exception, offset: int, count: int) -> Unreadable:
        """The error in offsets of the disk; a `_Cut` has those of the request already."""
        if isinstance(error, _Cut):
            return Unreadable(error.what, offset + error.start, error.length)
        return Unreadable(f"cluster {offset // self._cluster}: {error}", offset, count)

    def _read(self, index: int, skip: int, count: int) -> bytes:
        """Part of one cluster."""
        place = self._place(index)
        if place is None:
            return bytes(count)
        if place.stored:
            return self._inflate(index, place)[skip:skip + count]
        try:
            data = self._container.read_at(place.at + skip, count)
        except Unreadable as error:
            raise _Cut(error.what, error.start - place.at - skip, error.length) from error
        if len(data) < count:
            raise _Cut("past the end of the image's file", len(data), count - len(data))
        return data

    def _find_contested(self, ledger: Ledger) -> frozenset[int]:
        """Offsets at which more than one cluster is stored, or a cluster and a table."""
        mask = np.uint64((1 << 64) - 1 if self._header.version == 1 else _OFFSET)
        tables = np.frombuffer(self._l1, ">u8").astype(np.uint64) & mask
        tables, counts = np.unique(tables[tables != 0], return_counts=True)
        if len(tables) << self._header.l2_bits > _MOST_ENTRIES:
            ledger.say("QCOW-L2", f"{len(tables)} L2 tables", "they are too many to be looked "
                       "through for clusters that are stored in one place")
            return frozenset()
        places = [np.empty(0, np.uint64)]
        for at in tables.tolist():
            try:
                entries = np.frombuffer(self._table(at), ">u8").astype(np.uint64)
            except EvidenceError:
                continue  # said when a cluster of it is read
            flag = np.uint64(1) << np.uint64(63 if self._header.version == 1 else 62)
            found = entries[entries & flag == 0] & mask
            places.append(found[found != 0])
        contested = overlapping(np.concatenate(places), self._cluster, tables) | \
            frozenset(tables[counts > 1].tolist())
        for at in sorted(contested)[:_MOST_NOTICES]:
            ledger.say("QCOW-L2", "several clusters, or a cluster and a table, are stored in one "
                       f"place, byte {at:#x} of the file", "those clusters are unreadable")
        return contested

    def _place(self, index: int) -> _Place | None:
        """None for zeros; raises Corrupt, Unreadable."""
        header = self._header
        row, column = index >> header.l2_bits, index & (1 << header.l2_bits) - 1
        entry = int.from_bytes(self._l1[8 * row:8 * row + 8], "big")
        table_at = entry if header.version == 1 else entry & _OFFSET
        if table_at == 0:
            return None
        if table_at in self._contested:
            raise Corrupt("its L2 table is that of other clusters too, or lies where one is",
                          table_at)
        entry = int.from_bytes(self._table(table_at)[8 * column:8 * column + 8], "big")
        flag = 63 if header.version == 1 else 62
        if entry >> flag & 1:
            return self._compressed(entry & (1 << flag) - 1, flag)
        if header.version == 3 and entry & 1:
            return None
        at = entry if header.version == 1 else entry & _OFFSET
        if at == 0:
            return None
        if at % self._cluster if header.version > 1 else at % 512:
            raise Corrupt("is stored at an offset that is no cluster's", at)
        if at in self._contested:
            raise Corrupt("is stored where another cluster or a table is", at)
        return self._checked(_Place(at))

    def _compressed(self, entry: int, flag: int) -> _Place:
        bits = self._header.cluster_bits
        if self._header.version == 1:
            shift = flag - bits
            at, stored = entry & (1 << shift) - 1, entry >> shift
        else:
            shift = flag - (bits - 8)
            at = entry & (1 << shift) - 1
            stored = ((entry >> shift) + 1) * 512 - at % 512
        if stored == 0:
            raise Corrupt("is compressed to nothing", at)
        return self._checked(_Place(at, stored))

    def _checked(self, place: _Place) -> _Place:
        low, high = self._header.l1_at, self._header.l1_at + 8 * self._header.l1_entries
        length = place.stored or self._cluster
        if place.at < 48 or (place.at < high and place.at + length > low):
            raise Corrupt("is stored on the image's own tables", place.at)
        if place.at >= self._container.size:
            raise Corrupt("is stored past the end of the file", place.at)
        return place

    def _table(self, at: int) -> bytes:
        known = self._tables.get(at)
        if known is None:
            length = 8 << self._header.l2_bits
            known = self._container.read_at(self._checked(_Place(at)).at, length)
            if len(known) < length:
                raise Corrupt("its L2 table is cut off", at)
            _keep(self._tables, at, known, length)
        return known

    def _inflate(self, index: int, place: _Place) -> bytes:
        known = self._inflated.get(index)
        if known is None:
            # the last stored sector may be one of which the file has only the beginning
            raw = self._container.read_at(place.at, place.stored)
            known = zlib.decompressobj(-15).decompress(raw, self._cluster)
            if len(known) < self._cluster:
                raise Corrupt(f"inflates to {len(known)} bytes, not {self._cluster}", place.at)
            _keep(self._inflated, index, known, self._cluster)
        return known


class _Cut(Unreadable):
    """Bytes missing in the file; offsets count in the request for a part of one cluster."""


def _keep(cache: OrderedDict[int, bytes], key: int, value: bytes, size: int) -> None:
    cache[key] = value
    if len(cache) > max(4, _CACHE // size):
        cache.popitem(last=False)
