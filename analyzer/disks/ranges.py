"""Ranges: many disjoint ranges of bytes, and how much of others lies in them, on numpy columns."""

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzer.errors import Corrupt

Numbers = NDArray[np.int64]
_MOST: Final = 10_000_000


class Ranges:
    """In order; `start` and `end` are columns."""

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        """From (offset, length), in order; raises Corrupt where there are too many to hold."""
        rows = array("q")
        for offset, length in pairs:
            rows.append(offset)
            rows.append(length)
            if len(rows) > 2 * _MOST:
                raise Corrupt(f"more than {_MOST} ranges")
        table = np.array(rows, np.int64).reshape(-1, 2)
        self.start: Numbers = table[:, 0]
        self.end: Numbers = table[:, 0] + table[:, 1]
        self._before: Numbers = np.append(np.int64(0), np.cumsum(table[:, 1]))

    @property
    def total(self) -> int:
        """Bytes in all."""
        return int(self._before[-1])

    def below(self, offset: Numbers) -> Numbers:
        """Bytes in the ranges before each of the offsets."""
        count = np.searchsorted(self.start, offset, side="right")
        last_end = np.append(np.int64(0), self.end)[count]
        found: Numbers = self._before[count] - np.maximum(last_end - offset, 0)
        return found

    def inside(self, start: Numbers, length: Numbers) -> Numbers:
        """Bytes in the ranges of each of the given ones."""
        return self.below(start + length) - self.below(start)

    def within(self, start: int, length: int) -> Iterator[tuple[int, int]]:
        """(start, end) of the parts inside one given range."""
        first = int(np.searchsorted(self.end, start, side="right"))
        last = int(np.searchsorted(self.start, start + length, side="left"))
        for low, high in zip(self.start[first:last].tolist(), self.end[first:last].tolist(),
                             strict=True):
            yield max(low, start), min(high, start + length)
