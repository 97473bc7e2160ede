"""Columns of text: the UTF-8 of many texts one after the other, as Arrow keeps them too.

For what there are millions of; a Python text each would take most of the time and memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Item = TypeVar("Item", bound=np.generic)
_STEP: Final = 4096
"""Texts copied at once; an index of 8 bytes is made for each of their items."""
_ALIGNED: Final = 64
_HUGE: Final = 2 << 20
_KEPT: Final = 16 << 20
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


def memory(size: int) -> Bytes:
    """Undefined bytes. Many begin where a huge page can: numpy asks the kernel for those, and a
    fault at every 4 KiB takes longer than to fill it."""
    if size < _HUGE:
        return np.empty(size, np.uint8)
    room = np.empty(size + 2 * _HUGE, np.uint8)
    return room[-room.ctypes.data % _HUGE:][:size]


def keep_freed() -> None:
    """From now on memory that is freed is used again.

    Until glibc has seen a piece as large as this freed, it gives each over 128 KiB back to the
    kernel, which clears it for the next (mallopt(3), M_MMAP_THRESHOLD).
    """
    np.empty(_KEPT, np.uint8)


def empty(kinds: Sequence[np.dtype[Any]], rows: int) -> list[NDArray[Any]]:
    """Columns of undefined content, in one piece of memory."""
    sizes = [-(-kind.itemsize * rows // _ALIGNED) * _ALIGNED for kind in kinds]
    whole = memory(sum(sizes))
    return [np.ndarray(rows, kind, whole.data, end - size)
            for kind, size, end in zip(kinds, sizes, accumulate(sizes), strict=True)]


class Grown:
    """Columns that grow at their end, to the double, all in one piece of memory."""

    def __init__(self, kinds: Sequence[str], room: int) -> None:
        """Of numpy's `kinds` ("8q" is eight numbers a row), with `room` for so many rows."""
        self._kinds = [np.dtype(kind) for kind in kinds]
        self._columns, self._room, self._count = empty(self._kinds, room), room, 0

    def __len__(self) -> int:
        return self._count

    @property
    def items(self) -> list[NDArray[Any]]:
        """What was added, of each column."""
        return [column[:self._count] for column in self._columns]

    def fitted(self) -> list[NDArray[Any]]:
        """The same, apart from the room where most of that was not needed."""
        is_tight = 2 * self._count >= self._room
        return self.items if is_tight else [column.copy() for column in self.items]

    def add(self, *more: NDArray[Any]) -> None:
        """Rows behind the others, of each column."""
        end = self._count + len(more[0])
        if end > self._room:
            self._room = 2 * end
            wider = empty(self._kinds, self._room)
            for column, items in zip(wider, self.items, strict=True):
                column[:self._count] = items
            self._columns = wider
        for column, rows in zip(self._columns, more, strict=True):
            column[self._count:end] = rows
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
