"""Blocks with bad sectors."""

from dataclasses import dataclass
from mmap import mmap

from analyzer.blocks import ExtentMap
from analyzer.errors import Unreadable


@dataclass(frozen=True, slots=True)
class Faulty:
    """`data` with unreadable (offset, length) ranges, in order."""

    data: bytes | mmap
    bad: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, len(self.data))
        for start, size in self.bad:
            low, high = max(start, offset), min(start + size, end)
            if low < high:
                raise Unreadable("bad sector", low, high - low)
        return self.data[offset:end]

    def extents(self) -> ExtentMap | None:
        return None
