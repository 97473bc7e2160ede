"""What a reader that cannot stop at a bad sector is given: zeros, and a ledger of them.

The Sleuth Kit loses a third of all files when a read fails (RELIABILITY section 4.1), so it
gets zeros; every statement made from bytes in the ledger is withdrawn by whoever makes it.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from analyzer.blocks import Blocks, read_known
from analyzer.errors import EvidenceError, Unreadable


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
        row = bisect_right(self.ranges, (offset,))
        for start, size in self.ranges[max(0, row - 1):row + 1]:
            low, high = max(start, offset), min(start + size, offset + length)
            if low < high:
                return low, high - low
        return None


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

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes, fewer only past `size`; what could not be read is in the ledger."""
        length = max(0, min(length, self.size - offset))
        known = self._read(offset, length)
        if len(known) < length:
            self.ledger.add(offset + len(known), length - len(known))
        data = bytearray(known.ljust(length, b"\0"))
        for at, patch in self.patches.items():
            low, high = max(at, offset), min(at + len(patch), offset + length)
            if low < high:
                data[low - offset:high - offset] = patch[low - at:high - at]
        return bytes(data)

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
