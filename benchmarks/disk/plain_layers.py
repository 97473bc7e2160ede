"""Plain stacked layers: the reader that one writes first, right and simple, as a yardstick.

Each layer splits a request at its blocks and at changes in the sector bitmap, reads its own
sectors from its file and asks its parent for the others. Files are what `read(offset, length)`
gives: a file of The Sleuth Kit in the host's volume, or a plain file.
"""

import struct
from collections.abc import Callable

Read = Callable[[int, int], bytes]
SECTOR = 512
ABSENT = 0xFFFFFFFF


class PlainLayer:
    """One dynamic or differencing VHD over its parent."""

    def __init__(self, read: Read, parent: "PlainLayer | None") -> None:
        self.read_file, self.parent = read, parent
        footer, header = read(0, 512), read(512, 1024)
        self.size = struct.unpack_from(">Q", footer, 48)[0]
        table_at, = struct.unpack_from(">Q", header, 16)
        entries, self.block = struct.unpack_from(">II", header, 28)
        self.table = struct.unpack(f">{entries}I", read(table_at, 4 * entries))
        self.bitmap_size = -(-self.block // SECTOR // 8 // SECTOR) * SECTOR
        self.bitmaps: dict[int, list[tuple[int, int, bool]]] = {}

    def read_at(self, offset: int, length: int) -> bytes:
        parts = []
        end = min(offset + length, self.size)
        while offset < end:
            block, inside = divmod(offset, self.block)
            count = min(end - offset, self.block - inside)
            if self.table[block] == ABSENT:
                parts.append(self.below(offset, count))
            else:
                parts.append(self.stored(block, inside, count))
            offset += count
        return b"".join(parts)

    def stored(self, block: int, inside: int, count: int) -> bytes:
        data_at = self.table[block] * SECTOR + self.bitmap_size
        parts = []
        for low, high, present in self.runs(block):
            start, stop = max(low, inside), min(high, inside + count)
            if start < stop:
                parts.append(self.read_file(data_at + start, stop - start) if present
                             else self.below(block * self.block + start, stop - start))
        return b"".join(parts)

    def below(self, offset: int, count: int) -> bytes:
        return bytes(count) if self.parent is None else self.parent.read_at(offset, count)

    def runs(self, block: int) -> list[tuple[int, int, bool]]:
        """(start, end, present) in bytes of the sectors alike in a block."""
        if block not in self.bitmaps:
            bitmap = self.read_file(self.table[block] * SECTOR, self.bitmap_size)
            bits = "".join(f"{byte:08b}" for byte in bitmap)[:self.block // SECTOR]
            runs, start = [], 0
            while start < len(bits):
                end = bits.find("0" if bits[start] == "1" else "1", start)
                end = len(bits) if end < 0 else end
                runs.append((start * SECTOR, end * SECTOR, bits[start] == "1"))
                start = end
            self.bitmaps[block] = runs
        return self.bitmaps[block]
