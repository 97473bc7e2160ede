"""The Blocks protocol and its simplest implementations.

Like Go's io.ReaderAt: no cursor, so nothing to share or lock.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from analyzer.blocks.extents import Extent, ExtentMap, Kind
from analyzer.errors import EvidenceError, Unreadable


@runtime_checkable
class Blocks(Protocol):
    """`size` bytes that can be read anywhere."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, fewer only at the end (b"" past it).

        Raises Unreadable with the first range inside the request that cannot be known.
        """

    def extents(self) -> ExtentMap | None:
        """Where these bytes lie in the Blocks beneath; None where they lie in no one place."""


class OpenFile(Protocol):
    """A file that stays open as long as this is held."""

    @property
    def number(self) -> int:
        """Its descriptor."""


@runtime_checkable
class FileBacked(Protocol):
    """Blocks that may be one file, offset by offset: what reads much of them may skip a layer."""

    def open_file(self) -> OpenFile | None:
        """The file; None where `read_at` does more than reading it."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes held in memory (resident files, tests)."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset:offset + length]

    def extents(self) -> ExtentMap | None:
        return None


@dataclass(frozen=True, slots=True)
class Slice:
    """`size` bytes of `beneath` from `offset`: a partition, a part of a file.

    A slice may reach past the end of what is beneath (a truncated image): those bytes are
    Unreadable, never short.
    """

    beneath: Blocks
    offset: int
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        try:
            data = self.beneath.read_at(self.offset + offset, length)
        except Unreadable as error:
            raise type(error)(error.what, error.start - self.offset, error.length) from error
        if len(data) < length:
            start = offset + len(data)
            raise Unreadable("past the end of the image", start, length - len(data))
        return data

    def extents(self) -> ExtentMap | None:
        known = max(0, min(self.size, self.beneath.size - self.offset))
        rows = [Extent(0, known, Kind.DATA, self.offset)] if known else []
        if known < self.size:
            rows.append(Extent(known, self.size - known, Kind.UNREADABLE))
        return ExtentMap.build(rows)


def read_into(blocks: Blocks, offset: int, room: NDArray[np.uint8]) -> bool:
    """Fill `room` without a copy, where `blocks` are part of one file.

    False where they are not, or where the file did not give all: `read_at` says what is wrong.
    """
    end = offset + len(room)
    while isinstance(blocks, Slice) and end <= blocks.size:
        offset, end = offset + blocks.offset, end + blocks.offset
        blocks = blocks.beneath
    if not isinstance(blocks, FileBacked) or end > blocks.size:
        return False
    try:
        file = blocks.open_file()
        return file is not None and os.preadv(file.number, [room.data], offset) == len(room)
    except (OSError, EvidenceError):
        return False


def read_known(blocks: Blocks, offset: int, length: int,
               lost: Callable[[Unreadable], None]) -> bytes:
    """Like `read_at`, but unreadable ranges become zeros and are handed to `lost`.

    Only for readers that cannot stop at a bad sector (The Sleuth Kit) and salvage, which mark
    what they made of it.
    """
    parts: list[bytes] = []
    end = min(offset + length, blocks.size)
    while offset < end:
        try:
            parts.append(blocks.read_at(offset, end - offset))
            break
        except Unreadable as error:
            start = max(offset, error.start)
            stop = min(end, max(error.start + error.length, start + 1))
            if start > offset:
                parts.append(read_known(blocks, offset, start - offset, lost))
            lost(error)
            parts.append(bytes(stop - start))
            offset = stop
    return b"".join(parts)
