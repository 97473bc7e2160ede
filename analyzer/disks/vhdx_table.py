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

The table is kept as runs: neighbours without a place in the file are one. It is read and judged
in slices, for a table may have half a gigabyte.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.blocks import Blocks, read_known
from analyzer.disks.vhdx_structures import MIB, Region
from analyzer.errors import Notice, Unreadable, Unsupported

SLICE = 1 << 20
"""Entries read and judged together."""
MOST_RUNS = 1 << 22
"""Four million blocks in the file: 8 TiB in blocks of 2 MiB, 128 TiB in blocks of 32 MiB."""
MOST_NOTICES = 100
_OFFSET = ~np.uint64(MIB - 1)
_RESERVED = np.uint64((MIB - 1) & ~7)


class State(IntEnum):
    """What is known of a block; the first eight are those of the file."""

    NOT_PRESENT = 0
    UNDEFINED = 1
    ZERO = 2
    UNMAPPED = 3
    PRESENT = 6
    PARTLY = 7
    BAD = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes in bytes; `chunk` is blocks for each sector bitmap."""

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
        self._view, self._region, self._shape = view, region, shape
        self._notices, self._told, self._given_up = notices, dict[str, int](), 0
        runs = [(np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.int64))]
        bitmaps = [np.zeros(0, np.int64)]
        kept = judged = 0
        for first, payload, bitmap, lost in self._slices():
            state, at = self._states(first, payload, lost)
            heads = _heads(state)
            runs.append((heads + first, state[heads], at[heads]))
            bitmaps.append(self._bitmap_places(bitmap))
            judged = first + len(payload)
            kept += len(heads)
            if kept > MOST_RUNS:
                raise Unsupported(f"VHDX with more than {MOST_RUNS} blocks in its table",
                                  region.offset)
        if judged < shape.blocks:
            runs.append(self._missing(judged))
            chunks = -(-shape.blocks // shape.chunk)
            bitmaps.append(np.full(chunks - judged // shape.chunk, -2, np.int64))
        self._first, self._state, self._at = (np.concatenate(part)
                                              for part in zip(*runs, strict=True))
        self._bitmap = np.concatenate(bitmaps)
        self._judge_places(taken)
        self._judge_bitmaps()
        self._tell()

    def _missing(self, first: int) -> tuple[NDArray[np.int64], NDArray[np.uint8],
                                            NDArray[np.int64]]:
        """One run of all blocks from `first` on, whose entries are not there at all."""
        self._notices.append(Notice(
            "VHDX-BAT", f"the table has no entries from block {first} to the last, "
            f"{self._shape.blocks - 1}", "those blocks are unreadable", self._region.offset,
            self._region.length))
        return (np.array([first], np.int64), np.array([State.BAD], np.uint8),
                np.array([-1], np.int64))

    def _slices(self) -> Iterator[tuple[int, NDArray[np.uint64], NDArray[np.uint64],
                                        NDArray[np.bool_]]]:
        """First block, entries of blocks and of bitmaps, and which of the former are lost.

        A table may have millions of entries that the file does not hold: they are not read.
        """
        width = self._shape.chunk + 1
        chunks = -(-self._shape.blocks // self._shape.chunk)
        step = max(1, SLICE // width)
        held = min(self._region.length, self._view.size - self._region.offset) // 8
        for low in range(0, min(chunks, -(-held // width)), step):
            count = min(step, chunks - low)
            raw, lost = self._read(low * width, count * width)
            entries, gone = raw.reshape(count, width), lost.reshape(count, width)
            first = low * self._shape.chunk
            blocks = min(count * self._shape.chunk, self._shape.blocks - first)
            bitmap = np.where(gone[:, -1], np.uint64(1), entries[:, -1])
            yield (first, entries[:, :-1].ravel()[:blocks], bitmap,
                   gone[:, :-1].ravel()[:blocks])

    def _read(self, low: int, count: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        start = self._region.offset + 8 * low
        end = min(start + 8 * count, self._region.offset + self._region.length, self._view.size)
        known = max(0, end - start) // 8
        lost = np.zeros(count, np.bool_)
        lost[known:] = True
        entries = np.zeros(count, np.uint64)
        if known:
            def note(error: Unreadable) -> None:
                at = error.start - start
                lost[max(0, at) // 8:-(-(at + error.length) // 8)] = True

            raw = read_known(self._view, start, 8 * known, note)
            entries[:known] = np.frombuffer(raw, "<u8")
        return entries, lost

    def _states(self, first: int, entries: NDArray[np.uint64], lost: NDArray[np.bool_]
                ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """State and place of each block, by its own entry alone."""
        state = (entries & np.uint64(7)).astype(np.uint8)
        offset = entries & _OFFSET
        placed = state >= State.PRESENT
        if self._shape.differencing:
            undefined = (state == 4) | (state == 5)
        else:
            undefined = (state == 4) | (state == 5) | (state == State.PARTLY)
        free = (state == State.NOT_PRESENT) | (state == State.ZERO)
        broken = undefined | ((entries & _RESERVED) != 0)
        broken |= (free & (offset != 0)) | (placed & (offset < MIB)) | (offset >= 1 << 62)
        broken &= ~lost
        anchored = (state == State.UNMAPPED) & (offset != 0) & ~broken & ~lost
        self._say("VHDX-BAT", broken, first, "has a state or bits that are not defined",
                  "the block is unreadable")
        self._say_lost(lost, first)
        self._say("VHDX-UNDEFINED", (state == State.UNDEFINED) & ~broken & ~lost, first,
                  "says that the content is not defined", "the block is unreadable")
        self._given_up += int(anchored.sum())
        bad = broken | lost | (state == State.UNDEFINED)
        state = np.where(bad, np.uint8(State.BAD), state).astype(np.uint8)
        at = np.where(placed & ~bad, offset, 0).astype(np.int64)
        return state, np.where(placed & ~bad, at, -1)

    def _bitmap_places(self, entries: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Place of each sector bitmap; -1 for none, -2 for one that cannot be trusted."""
        state, offset = entries & np.uint64(7), entries & _OFFSET
        present = (state == 6) & ((entries & _RESERVED) == 0) & (offset >= MIB)
        present &= offset < 1 << 62
        places = np.where(present, offset, 0).astype(np.int64)
        if not self._shape.differencing:
            return np.full(len(entries), -1, np.int64)
        return np.where(present, places, np.where(entries == 0, -1, -2))

    def _judge_places(self, taken: Sequence[tuple[int, int]]) -> None:
        """Take back places outside the file, on its structures, or on each other."""
        rows = np.nonzero(self._at >= 0)[0]
        maps = np.nonzero(self._bitmap >= 0)[0]
        start = np.concatenate([self._at[rows], self._bitmap[maps]])
        length = np.full(len(start), self._shape.block_size, np.int64)
        length[len(rows):] = MIB
        end = start + length
        outside = start >= self._view.size
        for low, size in taken:
            outside |= (start < low + size) & (end > low)
        good = np.nonzero(~outside)[0]
        order = good[np.argsort(start[good], kind="stable")]
        shared = np.zeros(len(start), np.bool_)
        if len(order) > 1:
            reach = np.maximum.accumulate(end[order])[:-1]
            shared[order[1:]] = start[order][1:] < reach
            shared[order[:-1]] |= start[order][1:] < end[order][:-1]
        of_rows = slice(0, len(rows))
        for flags, words in ((outside, "lies outside the file or on its structures"),
                             (shared, "overlaps another block")):
            wrong = np.zeros(len(self._at), np.bool_)
            wrong[rows[flags[of_rows]]] = True
            self._say("VHDX-BAT", wrong, 0, words, "the block is unreadable", self._first)
            self._at[wrong], self._state[wrong] = -1, State.BAD
            self._bitmap[maps[flags[len(rows):]]] = -2
        self._look_for_cuts(rows)

    def _look_for_cuts(self, rows: NDArray[np.int64]) -> None:
        """Say which blocks begin in the file and end behind it."""
        needed = np.minimum(self._shape.block_size,
                            self._shape.disk_size - self._first * self._shape.block_size)
        wrong = np.zeros(len(self._at), np.bool_)
        wrong[rows] = (self._at[rows] >= 0) & (self._at[rows] + needed[rows] > self._view.size)
        self._say("VHDX-TRUNC", wrong, 0, "reaches behind the end of the file",
                  "what lies there is unreadable", self._first)

    def _judge_bitmaps(self) -> None:
        """Blocks that are partly here are nothing without their sector bitmap."""
        wrong = self._state == State.PARTLY
        wrong[wrong] = self._bitmap[self._first[wrong] // self._shape.chunk] < 0
        self._say("VHDX-BITMAP", wrong, 0, "needs a sector bitmap that is not there",
                  "the block is unreadable", self._first)
        self._at[wrong], self._state[wrong] = -1, State.BAD

    def _say_lost(self, lost: NDArray[np.bool_], first: int) -> None:
        edges = (np.nonzero(np.diff(lost, prepend=False, append=False))[0] + first).tolist()
        words = "is unreadable itself or not in the file"
        for low, high in zip(edges[::2], edges[1::2], strict=True):
            if self._told.get(words, 0) < MOST_NOTICES:
                at = self._region.offset + 8 * (low + low // self._shape.chunk)
                self._notices.append(Notice(
                    "VHDX-BAT", f"the table entry of each block from {low} to {high - 1} {words}",
                    "the blocks are unreadable", at, 8 * (high - low)))
            self._told[words] = self._told.get(words, 0) + 1

    def _say(self, code: str, flags: NDArray[np.bool_], first: int, words: str, effect: str,
             blocks: NDArray[np.int64] | None = None) -> None:
        """One notice a block up to MOST_NOTICES of a kind; the rest are counted, see `_tell`."""
        found = np.nonzero(flags)[0]
        told = self._told.get(words, 0)
        for index in found[:max(0, MOST_NOTICES - told)].tolist():
            block = int(blocks[index]) if blocks is not None else first + index
            at = self._region.offset + 8 * (block + block // self._shape.chunk)
            self._notices.append(Notice(code, f"the table entry of block {block} {words}", effect,
                                        at, 8))
        self._told[words] = told + len(found)

    def _tell(self) -> None:
        if self._given_up:
            self._notices.append(Notice(
                "VHDX-UNMAPPED", f"{self._given_up} blocks that the guest gave up (UNMAP) still "
                "have a place in the file", "they read as zeros; what was there before may still "
                "lie in the file", self._region.offset, self._region.length))
        for words, count in self._told.items():
            if count > MOST_NOTICES:
                self._notices.append(Notice(
                    "VHDX-BAT", f"{count} table entries, of which {MOST_NOTICES} are listed: each "
                    f"{words}", "as with those", self._region.offset, self._region.length))

    def runs(self, first: int, end: int) -> Iterator[Run]:
        """The runs that touch blocks [first, end), whole."""
        row = int(np.searchsorted(self._first, first, side="right")) - 1
        while row < len(self._first) and (start := int(self._first[row])) < end:
            after = int(self._first[row + 1]) if row + 1 < len(self._first) else self._shape.blocks
            yield Run(start, after - start, int(self._state[row]), int(self._at[row]))
            row += 1

    def bitmap_at(self, block: int) -> int:
        """Where the sector bitmap of a block that is partly here begins in the file."""
        chunk, inside = divmod(block, self._shape.chunk)
        return int(self._bitmap[chunk]) + inside * (
            self._shape.block_size // self._shape.sector_size // 8)


def _heads(state: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where runs begin: at each block with a place, and where the state changes."""
    begins = np.ones(len(state), np.bool_)
    begins[1:] = (state[1:] != state[:-1]) | (state[1:] == State.PRESENT) | \
        (state[1:] == State.PARTLY)
    return np.nonzero(begins)[0]
