"""The file that a disk is exported to, written by position, and what every writer of one does."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from analyzer.errors import UsageError

_T = TypeVar("_T")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class OutputFull(Exception):  # noqa: N818 - the name says what happened
    """No room for the rest of an exported disk; what was written is kept to be resumed."""


@dataclass(frozen=True, slots=True)
class Output:
    """An open file. Raises OutputFull where there is no room, UsageError where writing fails."""

    path: Path
    descriptor: int

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self.descriptor).st_size

    def write_at(self, offset: int, data: bytes) -> None:
        """All of `data` at `offset`."""
        view = memoryview(data)
        while view:
            count = self._tried(lambda: os.pwrite(self.descriptor, view, offset))  # noqa: B023 - called at once
            view, offset = view[count:], offset + count

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes written before, fewer past the end."""
        parts: list[bytes] = []
        while length > 0 and (part := os.pread(self.descriptor, length, offset)):
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        return b"".join(parts)

    def cut(self, size: int) -> None:
        """Make the file `size` bytes long; what is new is a hole."""
        self._tried(lambda: os.ftruncate(self.descriptor, size))

    def sync(self) -> None:
        """Until it is on the disk."""
        self._tried(lambda: os.fsync(self.descriptor))

    def _tried(self, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except OSError as error:
            if error.errno in _FULL:
                raise OutputFull(f"{self.path}: {error.strerror}") from error
            raise UsageError(f"cannot write {self.path}: {error.strerror}") from error


class Writer(Protocol):
    """Writes one disk format. The disk is given in order, `unit` bytes at a time.

    Tables are in memory and written by `save`; a writer that goes on after a break reads them
    back with `resume`. Raises OutputFull and UsageError.
    """

    unit: int

    def start(self) -> None:
        """What stands before the data, in an empty file."""

    def write(self, offset: int, data: bytes) -> None:
        """`unit` bytes of the disk (fewer at its end) from `offset`, a multiple of `unit`."""

    def save(self) -> None:
        """The tables for all that was written."""

    def resume(self, done: int) -> None:
        """Go on in a file of which the first `done` bytes of the disk are to be kept."""

    def read_back(self, offset: int, length: int) -> bytes:
        """Bytes of the disk as they were written before a break; fewer where they are lost."""

    def finish(self) -> None:
        """What is still missing to a whole file."""


def is_zero(data: bytes) -> bool:
    """True where there is nothing but zeros."""
    return data == bytes(len(data))
