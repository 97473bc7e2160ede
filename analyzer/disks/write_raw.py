"""A disk as a raw file: its bytes and nothing else; zeros are left as holes."""

from analyzer.disks.write_output import Output, is_zero

_HOLE = 1 << 16
"""Bytes; runs of zeros that are at least that long and aligned are not written."""


class RawWriter:
    """See `write_output.Writer`."""

    unit = 4 << 20

    def __init__(self, output: Output, size: int) -> None:
        self.output, self.size = output, size

    def start(self) -> None:
        """Nothing stands before the data."""

    def write(self, offset: int, data: bytes) -> None:
        for start in range(0, len(data), _HOLE):
            part = data[start:start + _HOLE]
            if not is_zero(part):
                self.output.write_at(offset + start, part)

    def save(self) -> None:
        """There are no tables."""

    def resume(self, done: int) -> None:
        self.output.cut(done)

    def read_back(self, offset: int, length: int) -> bytes:
        return self.output.read_at(offset, length)

    def finish(self) -> None:
        self.output.cut(self.size)
