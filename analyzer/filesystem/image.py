"""What a reader that cannot stop at a bad sector is given: zeros, and a ledger of them.

The Sleuth Kit loses a third of all files when a read fails (RELIABILITY section 4.1), so it
gets zeros; every statement made from bytes in the ledger is withdrawn by whoever makes it.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzer.blocks import Blocks, ExtentMap, Kind, read_into, read_known
from analyzer.errors import EvidenceError, Unreadable

_PAGE: Final = 256 << 10
_MOST_PAGES: Final = 256
"""64 MiB of a master file table of 65,536 records and more."""
_MANY: Final = 4
"""Pages beyond the first in one request, above which it is a pass that comes by once."""


@dataclass(slots=True)
class Ledger:
    """(offset, length) ranges in bytes, merged and in order."""

    ranges: list[tuple[int, int]] = field(default_factory=list)

    def add(self, offset: int, length: int) -> None:
        """Add one range; ranges that touch become one."""
        if length <= 0:
            return
        end = offset + length
        low = bisect_right(self.ranges, (offset,))
        if low and sum(self.ranges[low - 1]) >= offset:
            low -= 1
        high = low
        while high < len(self.ranges) and self.ranges[high][0] <= end:
            offset = min(offset, self.ranges[high][0])
            end = max(end, sum(self.ranges[high]))
            high += 1
        self.ranges[low:high] = [(offset, end - offset)]

    def overlap(self, offset: int, length: int) -> tuple[int, int] | None:
        """The first part of [offset, offset + length) in the ledger, as (offset, length)."""
        return next(self.overlaps(offset, length), None)

    def overlaps(self, offset: int, length: int) -> Iterator[tuple[int, int]]:
        """All parts of it, in order."""
        row = max(0, bisect_right(self.ranges, (offset,)) - 1)
        while row < len(self.ranges) and self.ranges[row][0] < offset + length:
            start, size = self.ranges[row]
            low, high = max(start, offset), min(start + size, offset + length)
            if low < high:
                yield low, high - low
            row += 1


@dataclass(slots=True)
class PaddedImage:
    """A volume whose reads never fail: `patches` in place of broken sectors, zeros for the rest.

    size     bytes, of the volume as its boot sector tells it where that is more
    patches  offset -> bytes that replace the volume's (backup boot sector, mirrored record)
    """

    blocks: Blocks
    size: int
    patches: dict[int, bytes] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    _pages: dict[int, bytes] = field(default_factory=dict)
    """By index, the pages to keep once they were read; b"" before, and where they cannot be."""

    def pin(self, table: ExtentMap) -> None:
        """Keep what `table` maps in memory from its first reading on, up to 64 MiB.

        For $MFT: The Sleuth Kit asks for 64 KiB wherever it wants a record, and so reads 2.24 GB
        to go through a table of 35 MB.
        """
        self._pages.clear()
        for extent in table:
            if extent.kind != Kind.DATA:
                continue
            for page in range(extent.at // _PAGE, (extent.at + extent.length - 1) // _PAGE + 1):
                if len(self._pages) >= _MOST_PAGES:
                    return
                self._pages[page] = b""

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes, fewer only past `size`; what could not be read is in the ledger."""
        length = max(0, min(length, self.size - offset))
        if length == 0:
            return b""
        known = self._pinned(offset, length) or self._read(offset, length)
        if len(known) < length:
            self.ledger.add(offset + len(known), length - len(known))
            known = known.ljust(length, b"\0")
        for at, patch in self.patches.items():
            low, high = max(at, offset), min(at + len(patch), offset + length)
            if low < high:
                known = b"".join((known[:low - offset], patch[low - at:high - at],
                                  known[high - offset:]))
        return known

    def fill(self, offset: int, room: NDArray[np.uint8]) -> None:
        """The same into `room`; zeros past `size`."""
        end = offset + len(room)
        is_patched = any(at < end and offset < at + len(patch)
                         for at, patch in self.patches.items())
        if is_patched or not read_into(self.blocks, offset, room):
            data = self.read(offset, len(room)).ljust(len(room), b"\0")
            room[:] = np.frombuffer(data, np.uint8)

    def _pinned(self, offset: int, length: int) -> bytes:
        """The bytes where all of them are in pages kept; b"" where they are not."""
        first, last = offset // _PAGE, (offset + length - 1) // _PAGE
        skip = offset - first * _PAGE
        if first == last:
            return self._page(first)[skip:skip + length]
        if last - first > _MANY:
            return b""
        pages = [self._page(index) for index in range(first, last + 1)]
        if not all(pages):
            return b""
        pages[0] = pages[0][skip:]
        pages[-1] = pages[-1][:offset + length - last * _PAGE]
        return b"".join(pages)

    def _page(self, index: int) -> bytes:
        """A page that is kept, whole; b"" for any other, and where a part of it is unreadable."""
        page = self._pages.get(index, b"")
        if page == b"" and index in self._pages:
            try:
                page = self.blocks.read_at(index * _PAGE, _PAGE)
            except EvidenceError:
                page = b""  # said by whoever reads the very bytes that are lost
            if len(page) == _PAGE:
                self._pages[index] = page
            else:
                del self._pages[index]
                page = b""
        return page

    def _read(self, offset: int, length: int) -> bytes:
        try:
            return read_known(self.blocks, offset, length, self._lose)
        except EvidenceError:
            # a layer beneath that gives no range: all of the request is unknown
            self.ledger.add(offset, length)
            return bytes(length)

    def _lose(self, error: Unreadable) -> None:
        for at, patch in self.patches.items():
            if at <= error.start and error.start + error.length <= at + len(patch):
                return
        self.ledger.add(error.start, error.length)
