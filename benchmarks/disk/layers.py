"""Streaming VHD writers: disks of gigabytes, from raw files, never whole in memory.

Structures by corpus.make.vhd. Sectors that a block does not hold are filled with junk, so that
a reader that ignores sector bitmaps shows it; blocks are stored in shuffled order.
"""

import random
import struct
import uuid
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from corpus.make import vhd

SECTOR = 512
BLOCK = 2 << 20
FIRST, CLUSTER = 63, 8
"""First sector of the guest's volume, and sectors in a cluster of it."""
_HEADER_AT, _TABLE_AT = 512, 0x600
_DYNAMIC, _DIFFERENCING = 3, 4


def write_layer(target: Path, media: Path, parent: Path | None, number: int) -> None:
    """A dynamic VHD of `media`, or the differences of `media` from `parent` (raw disks).

    The layer's unique id is `number`, its parent's `number - 1`.
    """
    size = media.stat().st_size
    entries = -(-size // BLOCK)
    footer = vhd.footer(size, _DYNAMIC if parent is None else _DIFFERENCING,
                        unique_id=uuid.UUID(int=number).bytes, created=300_000_000)
    table = np.full(entries, vhd.ABSENT, ">u4")
    order = shuffled(size)
    with target.open("wb") as out, media.open("rb") as new:
        out.seek(-(-(_TABLE_AT + 4 * entries) // SECTOR) * SECTOR)
        with (parent or media).open("rb") as old:
            for block in order:
                stored = _block(new, None if parent is None else old, block)
                if stored:
                    table[block] = out.tell() // SECTOR
                    out.write(stored)
        out.write(footer)
        out.seek(0)
        out.write(footer)
        out.write(_header(entries, number, parent))
        out.write(table.tobytes())


def shuffled(size: int) -> list[int]:
    """The order in which the blocks of a disk of `size` bytes are stored."""
    entries = -(-size // BLOCK)
    return random.Random(size).sample(range(entries), entries)


def clusters_changed(before: bytes, after: bytes) -> bytes:
    """A byte a sector, 1 in clusters that differ; for the writer of VHDX."""
    pair = [np.frombuffer(media, np.uint64).reshape(-1, SECTOR // 8) for media in (before, after)]
    return _whole_clusters((pair[0] != pair[1]).any(axis=1)).tobytes()


def _block(new: BinaryIO, old: BinaryIO | None, block: int) -> bytes:
    """Sector bitmap and data of a block; b"" where there is nothing to store."""
    new.seek(block * BLOCK)
    data = np.frombuffer(new.read(BLOCK).ljust(BLOCK, b"\0"), np.uint8).reshape(-1, SECTOR)
    if old is None:
        return b"\xff" * (BLOCK // SECTOR // 8) + data.tobytes() if data.any() else b""
    old.seek(block * BLOCK)
    before = np.frombuffer(old.read(BLOCK).ljust(BLOCK, b"\0"), np.uint8).reshape(-1, SECTOR)
    differs = _whole_clusters((data != before).any(axis=1))
    if not differs.any():
        return b""
    stored = np.where(differs[:, None], data, np.uint8(vhd.JUNK[0]))
    return np.packbits(differs).tobytes() + stored.tobytes()


def _whole_clusters(differs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """With a sector its cluster, for that is what guests write; clusters begin at sector 63."""
    shift = CLUSTER - FIRST % CLUSTER
    padded = np.pad(differs, (shift, CLUSTER - shift)).reshape(-1, CLUSTER)
    return np.repeat(padded.any(axis=1), CLUSTER)[shift:shift + len(differs)]


def _header(entries: int, number: int, parent: Path | None) -> bytes:
    parent_id = vhd.NO_PARENT if parent is None else uuid.UUID(int=number - 1).bytes
    name = b"" if parent is None else parent.stem.encode("utf-16-be")
    body = struct.pack(">8sQQIIII16sII", b"cxsparse", (1 << 64) - 1, _TABLE_AT, 0x10000, entries,
                       BLOCK, 0, parent_id, 0, 0)
    body = (body + name.ljust(512, b"\0")).ljust(1024, b"\0")
    return body[:36] + struct.pack(">I", vhd.checksum(body)) + body[40:]
