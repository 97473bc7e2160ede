"""MFT records by their signature, wherever they lie in a volume: the third look.

A pass over sectors reads four bytes of each; it is as fast as the volume can be read. What it
finds may be of an older file system, or of one inside a file: who asks has to judge.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from analyzer import attention
from analyzer.blocks import Blocks, read_known
from analyzer.errors import EvidenceError, Unreadable
from analyzer.filesystem.free_space import FreeSpace, end_of_disk, stored
from analyzer.filesystem.mft import SECTOR
from analyzer.filesystem.record_batch import FILE, Bytes, Flags, Ints

_CHUNK: Final = 4 << 20
_STEP: Final = 1 << 30
"""Bytes of a virtual disk that are passed over at once where nothing of them is stored."""
_NEAR: Final = 64 << 10
"""Bytes that are rather read than left out between two free clusters."""
_SIZES: Final = (1024, 4096)
"""Of records; what they say of themselves, at 28, is one of these or the volume's own."""
_LARGEST: Final = 4096
_TOGETHER: Final = 1024


def find_records(blocks: Blocks, spans: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Offsets of sectors in `spans` of (offset, length) that begin with `FILE`.

    Spans begin at sectors. Bytes that cannot be read hold nothing.
    """
    for start, length in spans:
        for at in range(start, start + length, _CHUNK):
            size = min(_CHUNK, start + length - at)
            attention.progress()
            for sector in _signed(read_known(blocks, at, size, lambda _: None)).tolist():
                yield at + sector * SECTOR


def _signed(data: bytes | memoryview) -> Ints:
    """The sectors that begin with the signature."""
    words = np.frombuffer(data, "<u4", len(data) // 4)
    return np.flatnonzero(words[::SECTOR // 4] == FILE)


@dataclass(slots=True)
class Ground:
    """What is looked through: free clusters, or everything where `free` is None.

    taken  (offset, length) of what is not: $MFT and its mirror
    limit  bytes that are read at most     why   everything is looked through
    read   bytes that were                 is_cut  whether they were not enough
    lost   the first that could not be read
    """

    blocks: Blocks
    taken: Sequence[tuple[int, int]]
    record_size: int
    free: FreeSpace | None
    limit: int
    why: str = ""
    read: int = 0
    lost: list[Unreadable] = field(default_factory=list)
    is_cut: bool = False

    def records(self) -> Iterator[tuple[Ints, Bytes]]:
        """(offsets, records of one size as on disk), some together; not looked into yet."""
        for start, length in self._spans():
            if self.read + length > self.limit:
                self.is_cut = True
                return
            self.read += length
            attention.progress()
            data = self._known(start, length)
            sectors = _signed(memoryview(data)[:length])
            if not len(sectors):
                continue
            yield from self._cut(data, start, sectors[self._are_wanted(start + sectors * SECTOR)])

    def _are_wanted(self, at: Ints) -> Flags:
        """Which of some offsets, in order, lie in the ground."""
        taken = np.array(sorted(self.taken), np.int64).reshape(-1, 2)
        row = np.searchsorted(taken[:, 0], at, side="right") - 1
        wanted: Flags = (row < 0) | (at >= np.append(taken.sum(1), 0)[row])
        if self.free is not None:
            clusters = at // self.free.cluster_size
            wanted &= self.free.are_free(clusters[0], clusters[-1] + 1)[clusters - clusters[0]]
        return wanted

    def _cut(self, data: bytes, start: int, sectors: Ints) -> Iterator[tuple[Ints, Bytes]]:
        """The records at some sectors, by their size, as far as they are whole."""
        raw = np.frombuffer(data, np.uint8, len(data) // SECTOR * SECTOR).reshape(-1, SECTOR)
        sizes = raw.view("<u4")[sectors, 7]
        for size in sorted({*_SIZES, self.record_size}):
            wide = size // SECTOR
            own = sectors[(sizes == size) & (sectors + wide <= len(raw))]
            for first in range(0, len(own), _TOGETHER):
                some = own[first:first + _TOGETHER]
                yield start + some * SECTOR, raw[some[:, None] + np.arange(wide)].reshape(-1, size)

    def _known(self, start: int, length: int) -> bytes:
        """The bytes of a span, and those of a record that begins in its last sector."""
        size = min(length + _LARGEST - SECTOR, end_of_disk(self.blocks) - start)
        try:
            return read_known(self.blocks, start, size, self._lose)
        except EvidenceError:
            self._lose(Unreadable("of the volume", start, size))
            return bytes(size)

    def _lose(self, error: Unreadable) -> None:
        if not self.lost:
            self.lost.append(error)

    def _spans(self) -> Iterator[tuple[int, int]]:
        claimed = self.blocks.size if self.free is None else min(
            self.blocks.size, self.free.clusters * self.free.cluster_size)
        end = min(claimed, end_of_disk(self.blocks))
        for low in range(0, end, _STEP):
            attention.progress()
            high = min(low + _STEP, end)
            if next(stored(self.blocks, low, high - low), None) is None:
                continue
            for at in range(low, high, _CHUNK):
                size = min(_CHUNK, high - at)
                for start, length in [(at, size)] if self.free is None else self._free(at, size):
                    yield from stored(self.blocks, start, length)
        if end < claimed:
            self._lose(Unreadable("the volume is larger than its disk", end, claimed - end))

    def _free(self, at: int, size: int) -> list[tuple[int, int]]:
        """The free clusters of a chunk, those that are near to each other in one span."""
        assert self.free is not None
        wide = self.free.cluster_size
        first = at // wide
        clusters = first + np.flatnonzero(self.free.are_free(first, -(-(at + size) // wide)))
        if not len(clusters):
            return []
        breaks = np.flatnonzero(np.diff(clusters) > max(1, _NEAR // wide))
        lows = clusters[np.append(0, breaks + 1)] * wide
        highs = (clusters[np.append(breaks, len(clusters) - 1)] + 1) * wide
        lows, highs = np.maximum(lows, at), np.minimum(highs, at + size)
        return list(zip(lows.tolist(), (highs - lows).tolist(), strict=True))
