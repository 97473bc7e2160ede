"""Damaged VHDX files: a read gives the truth or an error, in bounded time and memory.

`python -m tests.unit.disks.vhdx_mutants SEED COUNT` prints one line of JSON; a process of its
own, so that its memory can be measured.

Nothing in the payload is changed, so the truth stays. Block table and metadata have no checksum:
where a change leaves a file that is right by every rule, no reader can tell, and those blocks
are left out of the comparison: see `untold`.
"""

import json
import random
import struct
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from analyzer.blocks import Memory
from analyzer.disks.chain import DiskFile, Shelf, build_chain
from analyzer.disks.layer import Layer
from analyzer.disks.open import open_layer
from analyzer.errors import EvidenceError
from analyzer.source import Source
from corpus.make import vhdx as make
from corpus.make import vhdx_log as logs
from tests.peak_memory import peak_megabytes
from tests.unit.disks.test_vhdx import IDS, MIB, filled, presence, style

BLOCKS = 6
SECTORS = BLOCKS * MIB // 512
EXTREMES = (0, 1, 3, 7, 1 << 31, (1 << 32) - 1, (1 << 63) - 512, 1 << 63, (1 << 64) - 1, 64 << 40)
BAT = make.bat_at(style(1))
STRUCTURES = ((0, 600), (64 << 10, 80), (128 << 10, 80), (192 << 10, 96), (256 << 10, 96),
              (2 * MIB, 260), (2 * MIB + 65536, 300), (BAT, 8 * BLOCKS + 16))


@dataclass(frozen=True)
class Original:
    """A whole file, its truth and its parent; `places` are (offset, length) worth damaging."""

    name: str
    content: bytes
    truth: bytes
    parent: DiskFile | None
    places: tuple[tuple[int, int], ...]


def originals() -> list[Original]:
    """A dynamic disk, a differencing one, a fixed one, and one that was never closed.

    Every MiB of them is used, so that a block can move only onto another structure.
    """
    media = filled(1, SECTORS, 512)
    holes = media[:2 * MIB] + bytes(MIB) + media[3 * MIB:]
    below = filled(2, SECTORS, 512)
    base = make.dynamic(below, style(2))
    parent = DiskFile(Source("t", "/p"), "C:\\p.vhdx", open_layer(Memory(base)))
    here = bytearray(presence(3, SECTORS, 5).tobytes())
    here[2048:4096] = bytes(2048)
    here[4096:6144] = b"\1" * 2048
    child = make.differencing(media, bytes(here), IDS[2], [("relative_path", ".\\p.vhdx")],
                              style(1))
    mixed = b"".join((media if flag else below)[i * 512:(i + 1) * 512]
                     for i, flag in enumerate(here))
    whole = make.dynamic(media, style(1))
    entries = [logs.Entry(writes=[logs.Write(BAT, whole[BAT:BAT + 8 * (i + 1)].ljust(
        4096, b"\0"))], sequence=20 + i) for i in range(BLOCKS)]
    stale = whole[:BAT] + bytes(4096) + whole[BAT + 4096:]
    dirty = logs.with_log(stale, entries, uuid.UUID(int=9), style(1))
    log = (make.LOG_AT, 8192 * BLOCKS)
    return [Original("dynamic", make.dynamic(holes, style(1)), holes, None, STRUCTURES),
            Original("fixed", make.fixed(holes, style(1)), holes, None, STRUCTURES),
            Original("differencing", child, mixed, parent, STRUCTURES),
            Original("dirty", dirty, media, None, (*STRUCTURES[:-1], log, log, log))]


class Copy:
    """A file that is damaged and made whole again; Blocks."""

    def __init__(self, content: bytes) -> None:
        self._data = bytearray(content)
        self._undo: list[tuple[int, bytes]] = []
        self.size = len(content)

    def read_at(self, offset: int, length: int) -> bytes:
        return bytes(self._data[offset:min(offset + length, self.size)])

    def extents(self) -> None:
        return None

    def write(self, offset: int, data: bytes) -> None:
        data = data[:max(0, len(self._data) - offset)]
        self._undo.append((offset, bytes(self._data[offset:offset + len(data)])))
        self._data[offset:offset + len(data)] = data

    def restore(self) -> None:
        for offset, data in reversed(self._undo):
            self._data[offset:offset + len(data)] = data
        self._undo.clear()
        self.size = len(self._data)


def flip(file: Copy, at: int, draw: random.Random) -> None:
    for i in range(draw.choice([1, 1, 1, 2, 4, 8])):
        file.write(at + i, bytes(byte ^ draw.randrange(1, 256)
                                 for byte in file.read_at(at + i, 1)))


def zero(file: Copy, at: int, draw: random.Random) -> None:
    size = draw.choice([8, 64, 512, 4096])
    file.write(at // size * size, bytes(size))


def extreme(file: Copy, at: int, draw: random.Random) -> None:
    size = draw.choice([4, 8])
    file.write(at // size * size, struct.pack("<Q", draw.choice(EXTREMES))[:size])


def copy(file: Copy, at: int, draw: random.Random) -> None:
    size = draw.choice([8, 512, 4096])
    source = draw.randrange(file.size // size) * size if draw.random() < 0.3 else \
        draw.choice(STRUCTURES)[0]
    file.write(at // size * size, file.read_at(source, size))


def damage(original: Original, file: Copy, draw: random.Random) -> None:
    """One to three changes, and now and then a cut."""
    changes: list[Callable[[Copy, int, random.Random], None]] = [flip, flip, zero, extreme, copy]
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        place, length = draw.choice(original.places)
        draw.choice(changes)(file, place + draw.randrange(length), draw)
    if draw.random() < 0.1:
        file.size = draw.randrange(file.size + 1)


def untold(original: Original, file: Copy) -> set[int]:
    """Blocks whose changed table entry is right by every rule: nobody can tell it was changed."""
    def entries(raw: bytes) -> list[int]:
        return list(struct.unpack(f"<{BLOCKS}Q", raw.ljust(8 * BLOCKS, b"\0")))

    old = entries(original.content[BAT:BAT + 8 * BLOCKS])
    new = entries(file.read_at(BAT, 8 * BLOCKS))
    unchanged = {entry >> 20 for entry, other in zip(old, new, strict=True) if entry == other}
    blocks = set()
    for index, (was, entry) in enumerate(zip(old, new, strict=True)):
        state, place = entry & 7, entry >> 20
        if entry == was:
            continue
        free = 6 <= place < file.size >> 20 and place not in unchanged
        told = entry & 0xFFFF8 or state in (1, 4, 5) or (state in (0, 2) and place)
        if not told and (state in (0, 2, 3) or place == was >> 20 or free):
            blocks.add(index)
    return blocks


def check(original: Original, file: Copy, whole: Layer) -> str:
    """What came of it: refused, read, or read in part; raises AssertionError for a wrong byte."""
    try:
        layer = open_layer(file)
    except EvidenceError:
        return "refused"
    top = DiskFile(Source("t", "/c"), "C:\\c.avhdx", layer)
    chain = build_chain(top, Shelf((original.parent,) if original.parent else ()))
    same_shape = (layer.block_size, layer.sector_size, layer.kind) == (
        whole.block_size, whole.sector_size, whole.kind)
    codes = {notice.code for notice in layer.notices}
    spared = untold(original, file) if original.name != "dirty" else set()
    outcome, step = "read", MIB // 16
    for start in range(0, min(layer.size, len(original.truth)), step):
        try:
            found = chain.disk.read_at(start, step)
        except EvidenceError:
            outcome = "read in part"
            continue
        if same_shape and "VHDX-LOGEND" not in codes and start // MIB not in spared:
            assert found == original.truth[start:start + len(found)], f"wrong bytes at {start:#x}"
    chain.verdict(0)
    return outcome if same_shape else "another disk"


def run(seed: int, count: int) -> dict[str, object]:
    """Try `count` mutants; how they ended, the slowest in seconds, and the memory in MiB."""
    files = [(original, Copy(original.content), open_layer(Memory(original.content)))
             for original in originals()]
    ends: dict[str, int] = {}
    slowest = 0.0
    for number in range(count):
        draw = random.Random(f"{seed}:{number}")
        original, file, whole = files[number % len(files)]
        damage(original, file, draw)
        before = time.monotonic()
        try:
            end = check(original, file, whole)
        except Exception as error:  # whatever it is, the test must name it
            raise AssertionError(f"seed {seed}, mutant {number} of {original.name}") from error
        file.restore()
        slowest = max(slowest, time.monotonic() - before)
        ends[end] = ends.get(end, 0) + 1
    return {"ends": ends, "slowest": round(slowest, 3), "memory": peak_megabytes()}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
