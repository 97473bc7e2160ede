"""One file of an acquired image: opened for reading only, read by position, watched for change.

Regular files and block devices only. At most 32 files are open at a time over all images of
the process (an image may have thousands of segments).
"""

import os
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from analyzer.blocks import ExtentMap, OpenFile
from analyzer.errors import EvidenceError, Unreadable, UsageError

SECTOR: Final = 512
_RETRY: Final = (65_536, 4_096, SECTOR)
"""Bytes asked for at a time, in turn, where a read failed."""
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""O_NONBLOCK: a FIFO put in the place of the file must not hang us before fstat sees it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What must not change while a file is evidence: bytes, and nanoseconds of last change."""

    size: int
    modified_ns: int
    inode: int
    device: int


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One file: `path` as given, `real` with links resolved, `identity` when first seen.

    Compared by being the same object: it is looked up for every chunk that is read.
    """

    path: Path
    real: Path
    identity: Identity
    _bad: set[int] = field(default_factory=set, repr=False, compare=False)
    """Offsets of sectors that failed before: a failing disk is not asked twice."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes."""
        return self.identity.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes of the file, fewer only past its end; see `Blocks.read_at`.

        Raises Unreadable for exactly the 512-byte sectors that cannot be read (the first run of
        them), EvidenceError where the file was changed or taken away.
        """
        length = min(length, self.size - offset)
        if length <= 0:
            return b""  # evidence may name an offset that no file can have
        if self._bad:
            return self._read_sectors(offset, length)
        try:
            return self._pread(offset, length)
        except OSError:
            return self._read_sectors(offset, length)

    def extents(self) -> ExtentMap | None:
        return None

    def open_file(self) -> OpenFile | None:
        """See `FileBacked`: None once a sector of it could not be read; raises as `read_at`."""
        return None if self._bad else _descriptor(self)

    def changed(self) -> bool:
        """True where size, time of change or the file itself are not what they were."""
        try:
            return look(self.path).identity != self.identity
        except (UsageError, EvidenceError):
            return True

    def close(self) -> None:
        """Let go of the open files (of all images; they are opened again when needed)."""
        _descriptor.cache_clear()

    def _pread(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; raises OSError, Unreadable where the file became shorter."""
        descriptor = _descriptor(self)
        data = os.pread(descriptor.number, length, offset)
        while len(data) < length:
            more = os.pread(descriptor.number, length - len(data), offset + len(data))
            if not more:
                raise Unreadable(f"{self.name} became shorter while being read",
                                 offset + len(data), length - len(data))
            data += more
        return data

    def _read_sectors(self, offset: int, length: int) -> bytes:
        """The slow way round bad sectors: ever smaller pieces, until the bad ones are known."""
        parts: list[bytes] = []
        position, end = offset, offset + length
        while position < end:
            for size in _RETRY:
                piece = min(end, position - position % size + size) - position
                data = self._try(position, piece)
                if data is not None:
                    break
            else:
                raise self._unreadable(position, end)
            parts.append(data)
            position += len(data)
        return b"".join(parts)

    def _try(self, offset: int, length: int) -> bytes | None:
        """The bytes, or None where a sector of them is bad; remembers bad single sectors."""
        first = offset - offset % SECTOR
        if any(s in self._bad for s in range(first, offset + length, SECTOR)):
            return None
        try:
            return self._pread(offset, length)
        except OSError:
            if offset + length <= first + SECTOR:
                self._bad.add(first)
            return None

    def _unreadable(self, offset: int, end: int) -> Unreadable:
        """The run of bad sectors that begins at `offset`, cut to `end`."""
        stop = offset
        while stop < end:
            piece = min(end, stop - stop % SECTOR + SECTOR) - stop
            if self._try(stop, piece) is not None:
                break
            stop += piece
        return Unreadable(f"{self.name} cannot be read", offset, stop - offset)


class _Descriptor:
    """An open file; closed when neither the cache nor a read in another thread holds it."""

    def __init__(self, real: Path) -> None:
        self.number = os.open(real, _FLAGS)

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


@lru_cache(maxsize=32)
def _descriptor(segment: Segment) -> _Descriptor:
    """Open file; raises EvidenceError where it is no longer the file that was looked at."""
    name = segment.real.name
    try:
        descriptor = _Descriptor(segment.real)
    except OSError as error:
        raise EvidenceError(f"{name} cannot be opened: {error.strerror}") from error
    if _identity(os.fstat(descriptor.number), descriptor.number) != segment.identity:
        raise EvidenceError(f"{name} was changed while it was being read")
    return descriptor


def look(path: Path) -> Segment:
    """Stat, open and stat again; raises UsageError for what cannot be evidence.

    Raises EvidenceError where the file is there but cannot be opened.
    """
    try:
        status = path.stat()
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: loop of links (3.12-)
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: {reason}") from error
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        raise UsageError(f"{path}: not a file or a block device")
    try:
        descriptor = _Descriptor(real)
    except OSError as error:
        raise EvidenceError(f"{path.name} cannot be opened: {error.strerror}") from error
    status = os.fstat(descriptor.number)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        raise UsageError(f"{path}: not a file or a block device")
    return Segment(path, real, _identity(status, descriptor.number))


def _identity(status: os.stat_result, number: int) -> Identity:
    if stat.S_ISBLK(status.st_mode):  # st_size is 0; the times are those of the device node
        return Identity(os.lseek(number, 0, os.SEEK_END), 0, status.st_ino, status.st_rdev)
    return Identity(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)
