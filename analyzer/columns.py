"""Columns of text: the UTF-8 of many texts one after the other, as Arrow keeps them too.

For what there are millions of; a Python text each would take most of the time and memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Item = TypeVar("Item", bound=np.generic)
_STEP: Final = 4096
"""Texts copied at once; an index of 8 bytes is made for each of their items."""
_COUNT: Final = np.arange(1 << 17)


def spread(start: Ints, length: Ints) -> Ints:
    """The indexes of every item of runs: start, start + 1 ... for each, one after the other."""
    ends = np.cumsum(length)
    total = int(ends[-1]) if len(ends) else 0
    found: Ints = np.repeat(start - ends + length, length)
    found += _COUNT[:total] if total <= len(_COUNT) else np.arange(total)
    return found


def pick(data: NDArray[Item], start: Ints, length: Ints) -> NDArray[Item]:
    """The items of runs, one run after the other."""
    parts = [data.take(spread(start[low:low + _STEP], length[low:low + _STEP]))
             for low in range(0, len(start), _STEP)]
    return np.concatenate(parts or [data[:0]])


class Grown:
    """An array that grows at its end by halves: one piece of memory, not thousands of parts that
    are there twice when they are put together."""

    def __init__(self, room: NDArray[Any]) -> None:
        """`room` is its first memory; nothing is in it."""
        self._room, self._count = room, 0

    def __len__(self) -> int:
        return self._count

    @property
    def items(self) -> NDArray[Any]:
        """What was added."""
        return self._room[:self._count]

    def add(self, more: NDArray[Any]) -> None:
        """Behind the others."""
        end = self._count + len(more)
        if end > len(self._room):
            wider = np.empty((end + end // 2, *self._room.shape[1:]), self._room.dtype)
            wider[:self._count] = self.items
            self._room = wider
        self._room[self._count:end] = more
        self._count = end


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
        return Texts(pick(self.data, self.bounds[rows], length), _bounds(length))

    def tolist(self) -> list[str]:
        """As Python has them."""
        raw, bounds = self.data.tobytes(), self.bounds.tolist()
        return [raw[low:high].decode("utf-8", "surrogatepass")
                for low, high in pairwise(bounds)]


def join(first: Texts, rows: Ints, second: Texts) -> Texts:
    """Text `rows[i]` of `first` with text `i` of `second` behind it, for each of `second`."""
    start, length = np.empty(2 * len(rows), np.int64), np.empty(2 * len(rows), np.int64)
    start[::2], start[1::2] = first.bounds[rows], second.bounds[:-1] + len(first.data)
    length[::2], length[1::2] = first.length[rows], second.length
    data = pick(np.concatenate([first.data, second.data]), start, length)
    return Texts(data, _bounds(length)[::2])


def _bounds(length: "Ints | Sequence[int]") -> Ints:
    bounds = np.zeros(len(length) + 1, np.int64)
    np.cumsum(length, out=bounds[1:])
    return bounds
