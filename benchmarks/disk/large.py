"""A chain of ten layers of 2 TB, made up as it is read: what opening it costs.

Each layer above the base holds a third of the blocks; their bitmaps say that the first part of
a block is there. 44 MB of tables, and no byte of data.
"""

import struct
import time
import uuid

import numpy as np

from analyzer.disks.disk import Disk
from analyzer.disks.vhd import Vhd
from benchmarks.disk.memory import memory
from corpus.make import vhd

SIZE = 2040 << 30
BLOCK = 2 << 20
COUNT = SIZE // BLOCK
LAYERS, BLOCKS_READ = 10, 2000
_TABLE_AT = 0x600
_FIRST = _TABLE_AT + 4 * COUNT
_STORED = BLOCK + 512


class LargeFile:
    """The file of one layer; is Blocks."""

    def __init__(self, number: int) -> None:
        rng = np.random.default_rng(number)
        chosen = np.flatnonzero(rng.random(COUNT) < (0.33 if number else 1.0))
        table = np.full(COUNT, vhd.ABSENT, np.uint32)
        table[chosen] = (_FIRST + rng.permutation(len(chosen)) * _STORED) // 512
        self.table = table.astype(">u4").tobytes()
        self.size = _FIRST + len(chosen) * _STORED + 512
        self.footer = vhd.footer(SIZE, 4 if number else 3, created=1,
                                 unique_id=uuid.UUID(int=number + 1).bytes)
        header = struct.pack(">8sQQIIII16s", b"cxsparse", (1 << 64) - 1, _TABLE_AT, 0x10000, COUNT,
                             BLOCK, 0, uuid.UUID(int=number).bytes if number else bytes(16))
        self.head = self.footer + header.ljust(1024, b"\0")
        self.number = number

    def read_at(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        if offset >= self.size - 512:
            return self.footer[:length]
        if offset < _TABLE_AT:
            return self.head[offset:offset + length]
        if offset < _FIRST:
            return self.table[offset - _TABLE_AT:][:length]
        if length == 512 and (offset - _FIRST) % _STORED == 0:
            known = offset // 512 % 300 if self.number else 512
            return (b"\xff" * known).ljust(512, b"\0")
        return bytes(length)

    def extents(self) -> None:
        return None


def measure_large() -> dict[str, float]:
    """Seconds to open, microseconds a new block, MB kept more than before."""
    files = [LargeFile(number) for number in reversed(range(LAYERS))]
    before, began = memory("VmRSS"), time.process_time()
    disk = Disk([Vhd(file) for file in files])
    disk.read_at(0, 512)
    opened = time.process_time() - began
    kept = memory("VmRSS") - before
    offsets = np.random.default_rng(1).integers(0, COUNT, BLOCKS_READ) * BLOCK
    began = time.process_time()
    for offset in offsets.tolist():
        disk.read_at(offset, 4096)
    return {"open_s": opened, "kept_mb": kept,
            "block_us": 1e6 * (time.process_time() - began) / BLOCKS_READ}
