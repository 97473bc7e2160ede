"""Entries of a VHDX block table, read in slices and judged each by itself.

See `vhdx_table` for the layout and for what each state means. Places are kept in MiB, as the
entries have them, in 32 bits: a table may have half a gigabyte.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from analyzer.blocks import Blocks, read_known
from analyzer.disks.vhdx_structures import Region
from analyzer.errors import Notice, Unreadable

SLICE = 1 << 18
"""Entries read and judged together."""
MOST_NOTICES = 100
NOWHERE, BROKEN = -1, -2
"""Places of what has none, and of a sector bitmap whose entry cannot be trusted."""
_FARTHEST = (1 << 31) - 1024
"""MiB; farther than any file reaches."""
_RESERVED = np.uint64(0xFFFF8)


class State(IntEnum):
    """What is known of a block; all but the last are those of the file."""

    NOT_PRESENT = 0
    UNDEFINED = 1
    ZERO = 2
    UNMAPPED = 3
    PRESENT = 6
    PARTLY = 7
    BAD = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes in bytes."""

    disk_size: int
    block_size: int
    sector_size: int
    differencing: bool

    @property
    def blocks(self) -> int:
        """Blocks of the disk."""
        return -(-self.disk_size // self.block_size)

    @property
    def chunk(self) -> int:
        """Blocks that share one sector bitmap."""
        return (self.sector_size << 23) // self.block_size

    @property
    def chunks(self) -> int:
        """Chunks of the disk, the last one perhaps not whole."""
        return -(-self.blocks // self.chunk)


class EntryNotices:
    """Notices about entries: MOST_NOTICES of a kind one by one, the rest as a number."""

    def __init__(self, notices: list[Notice], region: Region, shape: Shape) -> None:
        self._notices, self._region, self._chunk = notices, region, shape.chunk
        self._counts: dict[str, int] = {}
        self.given_up = 0

    def say(self, code: str, blocks: NDArray[np.int64], words: str,
            effect: str = "the block is unreadable") -> None:
        """Something is wrong with each of some blocks."""
        told = self._counts.get(words, 0)
        for block in blocks[:max(0, MOST_NOTICES - told)].tolist():
            self._notices.append(Notice(code, f"the table entry of block {block} {words}", effect,
                                        self._at(block), 8))
        self._counts[words] = told + len(blocks)

    def say_lost(self, lost: NDArray[np.bool_], first: int) -> None:
        """Entries that cannot be read, range by range."""
        edges = (np.nonzero(np.diff(lost, prepend=False, append=False))[0] + first).tolist()
        words = "is unreadable itself or not in the file"
        for low, high in zip(edges[::2], edges[1::2], strict=True):
            if self._counts.get(words, 0) < MOST_NOTICES:
                self._notices.append(Notice(
                    "VHDX-BAT", f"the table entry of each block from {low} to {high - 1} {words}",
                    "the blocks are unreadable", self._at(low), 8 * (high - low)))
            self._counts[words] = self._counts.get(words, 0) + 1

    def say_missing(self, first: int, last: int) -> None:
        """All entries from one block on are not there at all."""
        self._notices.append(Notice(
            "VHDX-BAT", f"the table has no entries from block {first} to the last, {last}",
            "those blocks are unreadable", self._region.offset, self._region.length))

    def finish(self) -> None:
        """Say what has only been counted."""
        if self.given_up:
            self._notices.append(Notice(
                "VHDX-UNMAPPED", f"{self.given_up} blocks that the guest gave up (UNMAP) still "
                "have a place in the file", "they read as zeros; what was there before may still "
                "lie in the file", self._region.offset, self._region.length))
        for words, count in self._counts.items():
            if count > MOST_NOTICES:
                self._notices.append(Notice(
                    "VHDX-BAT", f"{count} table entries, of which {MOST_NOTICES} are listed: each "
                    f"{words}", "as with those", self._region.offset, self._region.length))

    def _at(self, block: int) -> int:
        return self._region.offset + 8 * (block + block // self._chunk)


def read_slices(view: Blocks, region: Region, shape: Shape
                ) -> Iterator[tuple[int, NDArray[np.uint64], NDArray[np.bool_],
                                    NDArray[np.uint64]]]:
    """First block, entries of the blocks, which of them are lost, entries of sector bitmaps.

    Entries that lie behind the end of the file or of the region are not gone through, but for
    those of the last slice; a lost entry of a sector bitmap has a state that is not defined.
    """
    width = shape.chunk + 1
    step = max(1, SLICE // width)
    held = max(0, min(region.length, view.size - region.offset)) // 8
    for low in range(0, min(shape.chunks, -(-held // width)), step):
        count = min(step, shape.chunks - low)
        known = min(count * width, held - low * width)
        raw, lost = _read(view, region.offset + 8 * low * width, known, count * width)
        entries, gone = raw.reshape(count, width), lost.reshape(count, width)
        first = low * shape.chunk
        blocks = min(count * shape.chunk, shape.blocks - first)
        yield (first, entries[:, :-1].ravel()[:blocks], gone[:, :-1].ravel()[:blocks],
               np.where(gone[:, -1], np.uint64(1), entries[:, -1]))


def _read(view: Blocks, start: int, known: int, count: int
          ) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """`count` entries of which the file holds `known`, and which of them are lost."""
    lost = np.zeros(count, np.bool_)
    lost[known:] = True

    def note(error: Unreadable) -> None:
        at = error.start - start
        lost[max(0, at) // 8:-(-(at + error.length) // 8)] = True

    raw = read_known(view, start, 8 * known, note)
    entries = np.zeros(count, np.uint64)
    entries[:known] = np.frombuffer(raw, "<u8")
    return entries, lost


def judge_blocks(first: int, entries: NDArray[np.uint64], lost: NDArray[np.bool_], shape: Shape,
                 notices: EntryNotices) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """State and place in MiB of each block, by its own entry alone."""
    state = (entries & np.uint64(7)).astype(np.uint8)
    place = _places(entries)
    placed = state >= State.PRESENT
    broken = (state == 4) | (state == 5) | ((entries & _RESERVED) != 0)
    if not shape.differencing:
        broken |= state == State.PARTLY
    broken |= ((state == State.NOT_PRESENT) | (state == State.ZERO)) & (place != 0)
    broken |= placed & (place == 0)
    broken &= ~lost
    undefined = (state == State.UNDEFINED) & ~broken & ~lost
    notices.say("VHDX-BAT", np.nonzero(broken)[0] + first,
                "has a state, a place or bits that are not defined")
    notices.say_lost(lost, first)
    notices.say("VHDX-UNDEFINED", np.nonzero(undefined)[0] + first,
                "says that the content is not defined")
    bad = broken | lost | undefined
    notices.given_up += int(((state == State.UNMAPPED) & (place != 0) & ~bad).sum())
    state[bad] = State.BAD
    place[bad | ~placed] = NOWHERE
    return state, place


def judge_bitmaps(entries: NDArray[np.uint64], shape: Shape) -> NDArray[np.int32]:
    """Place in MiB of each sector bitmap, NOWHERE or BROKEN."""
    if not shape.differencing:
        return np.full(len(entries), NOWHERE, np.int32)
    place = _places(entries)
    present = ((entries & np.uint64(7)) == State.PRESENT) & ((entries & _RESERVED) == 0)
    place[~(present & (place > 0))] = BROKEN
    place[entries == 0] = NOWHERE
    return place


def _places(entries: NDArray[np.uint64]) -> NDArray[np.int32]:
    place: NDArray[np.int32] = np.minimum(entries >> np.uint64(20),
                                          np.uint64(_FARTHEST)).astype(np.int32)
    return place
