"""VHDX block table (BAT): which bytes of the file hold which block.

One little-endian u64 a block: state in bits 0-2, zeros in bits 3-19, file offset in MiB in bits
20-63. After the entries of each chunk of 2^23 sectors follows one for the chunk's sector bitmap:
1 MiB, a bit a sector, least significant first; set means "here", clear "in the parent".

What a state means for who reads, [MS-VHDX] 2.5.1.1:

    0 not present   differencing: the parent's. Else "undefined, may read as zeros", the state
                    every block is born with: zeros, as Windows and every other reader has it.
    1 undefined     unreadable, with or without an offset: the file does not define the bytes,
                    the parent must not be asked, and Microsoft's own reader gives an error.
    2 zero          zeros
    3 unmapped      the guest gave the block up (UNMAP, TRIM). "Zeros, or what was there before":
                    zeros, as Windows and every other reader has it. Where the entry still has
                    an offset the former content may lie there; that is said.
    4, 5            not defined: unreadable
    6 present       bytes of the file
    7 partly        only in a differencing disk: bytes of the file and the parent by sector bitmap

Entries have no checksum, so each is held against the rules: an offset on a state that has none
(Windows refuses it too), bits that must be zero, offsets outside the file, on its structures or
on another block make a block unreadable. Nothing is guessed.

The table is kept as runs: neighbours without a place in the file are one. Reading, and what can
be said of an entry by itself: `vhdx_entries`.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.blocks import Blocks
from analyzer.disks.vhdx_entries import (
    BROKEN,
    NOWHERE,
    EntryNotices,
    Shape,
    State,
    judge_bitmaps,
    judge_blocks,
    read_slices,
)
from analyzer.disks.vhdx_structures import MIB, Region
from analyzer.errors import Notice, Unsupported

MOST_RUNS = 1 << 22
"""Four million blocks in the file: 8 TiB in blocks of 2 MiB, 128 TiB in blocks of 32 MiB."""


class Run(NamedTuple):
    """`length` blocks from `first` in one state; one that has a place, at `at`, stands alone."""

    first: int
    length: int
    state: int
    at: int


class Table:
    """A block table, judged."""

    def __init__(self, view: Blocks, region: Region, shape: Shape,
                 taken: Sequence[tuple[int, int]], notices: list[Notice]) -> None:
        """`taken` are (offset, length) of the file where no block may lie.

        Raises Unsupported for a table of more runs than are kept.
        """
        self._size, self._shape = view.size, shape
        self._notices = EntryNotices(notices, region, shape)
        self._read(view, region)
        self._judge_places(taken)
        self._judge_bitmaps()
        self._notices.finish()
        # plain numbers out of the same memory, for a numpy scalar is slow to look at
        self._starts, self._states, self._places = (
            column.data for column in (self._first, self._state, self._place))

    def _read(self, view: Blocks, region: Region) -> None:
        """Runs as three columns, first block, state and place in MiB; places of the bitmaps."""
        shape = self._shape
        columns = [(np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(0, np.int32))]
        bitmaps = [np.zeros(0, np.int32)]
        kept = judged = 0
        for first, entries, lost, of_bitmaps in read_slices(view, region, shape):
            state, place = judge_blocks(first, entries, lost, shape, self._notices)
            heads = _heads(state)
            columns.append(((heads + first).astype(np.int32), state[heads], place[heads]))
            bitmaps.append(judge_bitmaps(of_bitmaps, shape))
            judged, kept = first + len(entries), kept + len(heads)
            if kept > MOST_RUNS:
                raise Unsupported(f"VHDX with more than {MOST_RUNS} blocks in its table",
                                  region.offset)
        if judged < shape.blocks:
            self._notices.say_missing(judged, shape.blocks - 1)
            columns.append((np.array([judged], np.int32), np.array([State.BAD], np.uint8),
                            np.array([NOWHERE], np.int32)))
            bitmaps.append(np.full(shape.chunks - judged // shape.chunk, BROKEN, np.int32))
        self._first = np.concatenate([first for first, _, _ in columns])
        self._state = np.concatenate([state for _, state, _ in columns])
        self._place = np.concatenate([place for _, _, place in columns])
        self._bitmap = np.concatenate(bitmaps)

    def _judge_places(self, taken: Sequence[tuple[int, int]]) -> None:
        """Take back places outside the file, on its structures, or on each other."""
        rows, maps = np.nonzero(self._place >= 0)[0], np.nonzero(self._bitmap >= 0)[0]
        start = np.concatenate([self._place[rows], self._bitmap[maps]])
        end = start + np.int32(self._shape.block_size // MIB)
        end[len(rows):] = start[len(rows):] + 1
        outside = start >= -(-self._size // MIB)
        for low, size in taken:
            outside |= (start < (low + size) // MIB) & (end > low // MIB)
        shared = _overlapping(start, end, ~outside)
        for flags, words in ((outside, "lies outside the file or on its structures"),
                             (shared, "overlaps another block")):
            wrong = rows[flags[:len(rows)]]
            self._notices.say("VHDX-BAT", self._first[wrong].astype(np.int64), words)
            self._place[wrong], self._state[wrong] = NOWHERE, State.BAD
            self._bitmap[maps[flags[len(rows):]]] = BROKEN
        self._look_for_cuts(rows)

    def _look_for_cuts(self, rows: NDArray[np.int64]) -> None:
        """Say which blocks begin in the file and end behind it; the disk's last may be short."""
        size = self._shape.block_size
        near = rows[self._place[rows] >= (self._size - size) // MIB]
        first, at = self._first[near].astype(np.int64), self._place[near].astype(np.int64) * MIB
        end = at + np.minimum(size, self._shape.disk_size - first * size)
        self._notices.say("VHDX-TRUNC", first[(end > self._size) & (at >= 0)],
                          "reaches behind the end of the file", "what lies there is unreadable")

    def _judge_bitmaps(self) -> None:
        """Blocks that are partly here are nothing without their sector bitmap."""
        partly = np.nonzero(self._state == State.PARTLY)[0]
        wrong = partly[self._bitmap[self._first[partly] // self._shape.chunk] < 0]
        self._notices.say("VHDX-BITMAP", self._first[wrong].astype(np.int64),
                          "needs a sector bitmap that is not there")
        self._place[wrong], self._state[wrong] = NOWHERE, State.BAD

    def runs(self, first: int, end: int) -> Iterator[Run]:
        """The runs that touch blocks [first, end), whole."""
        starts, count = self._starts, len(self._starts)
        row = bisect_right(starts, first) - 1
        while row < count and (start := starts[row]) < end:
            after = starts[row + 1] if row + 1 < count else self._shape.blocks
            yield Run(start, after - start, self._states[row], self._places[row] * MIB)
            row += 1

    def bitmap_at(self, block: int) -> int:
        """Where the sector bitmap of a block that is partly here begins in the file."""
        chunk, inside = divmod(block, self._shape.chunk)
        return int(self._bitmap[chunk]) * MIB + inside * (
            self._shape.block_size // self._shape.sector_size // 8)


def _heads(state: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where runs begin: at each block with a place, and where the state changes."""
    begins = np.ones(len(state), np.bool_)
    begins[1:] = (state[1:] != state[:-1]) | (state[1:] == State.PRESENT) | \
        (state[1:] == State.PARTLY)
    return np.nonzero(begins)[0]


def _overlapping(start: NDArray[np.int32], end: NDArray[np.int32],
                 wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of some ranges touch another one of them."""
    shared = np.zeros(len(start), np.bool_)
    order = np.nonzero(wanted)[0]
    order = order[np.argsort(start[order], kind="stable")]
    if len(order) > 1:
        low, high = start[order], end[order]
        shared[order[1:]] = low[1:] < np.maximum.accumulate(high)[:-1]
        shared[order[:-1]] |= low[1:] < high[:-1]
    return shared
