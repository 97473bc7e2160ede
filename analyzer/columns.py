"""Columns of text: the UTF-8 of many texts one after the other, as Arrow keeps them too.

For what there are millions of; a Python text each would take most of the time and memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
_STEP: Final = 16_384
"""Texts put together at once; an index of 8 bytes is made for each of their bytes."""


def spread(start: Ints, length: Ints) -> Ints:
    """The indexes of every item of runs: start, start + 1 ... for each, one after the other."""
    ends = np.cumsum(length)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(start - ends + length, length)


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Text `i` is `data[bounds[i]:bounds[i + 1]]`, in UTF-8; `bounds` begins with 0."""

    data: Bytes
    bounds: Ints

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Texts":
        """Lone surrogates are kept as they are (three bytes); `case` escapes them."""
        parts = [text.encode("utf-8", "surrogatepass") for text in texts]
        return cls(np.frombuffer(b"".join(parts), np.uint8), _bounds([len(p) for p in parts]))

    @classmethod
    def of_utf16(cls, units: NDArray[np.uint16], length: Ints) -> "Texts":
        """Texts of `length` units each, one after the other, without surrogates."""
        if not len(units) or units.max() < 0x80:
            return cls(units.astype(np.uint8), _bounds(length))
        ends = np.cumsum(1 + (units >= 0x80) + (units >= 0x800), dtype=np.int64)
        whole = units.tobytes().decode("utf-16-le").encode()
        ends = np.concatenate([np.zeros(1, np.int64), ends])
        return cls(np.frombuffer(whole, np.uint8), ends[_bounds(length)])

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def length(self) -> Ints:
        """Bytes of each."""
        return np.diff(self.bounds)

    def take(self, rows: Ints) -> "Texts":
        """Some of them, in another order, or more than once."""
        length = self.length[rows]
        return Texts(self.data[spread(self.bounds[rows], length)], _bounds(length))

    def tolist(self) -> list[str]:
        """As Python has them."""
        raw, bounds = self.data.tobytes(), self.bounds.tolist()
        return [raw[low:high].decode("utf-8", "surrogatepass")
                for low, high in pairwise(bounds)]


def join(first: Texts, rows: Ints, second: Texts) -> Texts:
    """Text `rows[i]` of `first` with text `i` of `second` behind it, for each of `second`."""
    before, after = first.length[rows], second.length
    bounds = _bounds(before + after)
    data = np.empty(int(bounds[-1]), np.uint8)
    for low in range(0, len(rows), _STEP):
        part = slice(low, low + _STEP)
        at, head = bounds[:-1][part], before[part]
        data[spread(at, head)] = first.data[spread(first.bounds[rows[part]], head)]
        tail = slice(int(second.bounds[low]), int(second.bounds[min(low + _STEP, len(rows))]))
        data[spread(at + head, after[part])] = second.data[tail]
    return Texts(data, bounds)


def _bounds(length: "Ints | Sequence[int]") -> Ints:
    bounds = np.zeros(len(length) + 1, np.int64)
    np.cumsum(length, out=bounds[1:])
    return bounds
