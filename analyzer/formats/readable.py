"""What a decoder of large files reads from; every Blocks is one."""

from typing import Protocol


class Readable(Protocol):
    """Bytes by offset; see blocks.Blocks."""

    @property
    def size(self) -> int: ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes, fewer only at the end; raises Unreadable."""
