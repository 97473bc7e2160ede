"""Many nodes of directory indexes ($I30) at once: numpy, as record_batch.py does for records.

INDX block:  0  4s  "INDX"   4 u16 offset of the update sequence   6 u16 its length in words
             8  u64 $LogFile sequence number   16 u64 VCN   24  node header
$INDEX_ROOT: 0  u32 type     4 u32 collation   8 u32 bytes per block   16  node header
node header: 0  u32 offset of the entries, from here   4 u32 end of those used   8 u32 allocated
entry:       0  u64 file reference   8 u16 length   10 u16 bytes of the $FILE_NAME value
             12 u32 flags: 1 has a child node, 2 the last   16  $FILE_NAME value

Sources: as for attributes.py.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzer.columns import spread
from analyzer.filesystem.record_batch import Bytes, Flags, Ints, Longs, fix_sectors

INDX: Final = int.from_bytes(b"INDX", "little")
_ROOM: Final = 256
_END_MARK: Final = 24
_VALUE: Final = 16
_NAME: Final = _VALUE + 66
_ZERO: Final = np.zeros(0, np.int64)
_REFERENCE: Final = np.uint64(0xFFFF_FFFF_FFFF)


@dataclass(frozen=True, slots=True)
class IndexEntries:
    """Columns, one row an entry; `units` are the names' UTF-16 one after the other.

    owner  which directory      number, sequence  of the file      space, length  of its name
    """

    owner: Ints
    number: Ints
    sequence: Ints
    space: Ints
    length: Ints
    units: NDArray[np.uint16]

    @classmethod
    def join(cls, parts: "list[IndexEntries]") -> "IndexEntries":
        """All rows of several."""
        whole = [_NONE, *parts]
        return cls(np.concatenate([part.owner for part in whole]),
                   np.concatenate([part.number for part in whole]),
                   np.concatenate([part.sequence for part in whole]),
                   np.concatenate([part.space for part in whole]),
                   np.concatenate([part.length for part in whole]),
                   np.concatenate([part.units for part in whole]))


_NONE: Final = IndexEntries(_ZERO, _ZERO, _ZERO, _ZERO, _ZERO, np.zeros(0, np.uint16))


@dataclass(frozen=True, slots=True)
class Nodes:
    """What nodes hold: the entries in use, what may be entries in their slack, and the owners of
    nodes that break a rule (what those hold is not complete)."""

    used: IndexEntries
    slack: IndexEntries
    broken: Ints


def decode_blocks(data: Bytes, owner: Ints, numbers: Ints) -> Nodes:
    """INDX blocks (n, size) of directories; `numbers` are the MFT numbers of the owners."""
    count, size = data.shape
    flat = np.zeros(data.size + _ROOM, np.uint8)
    fixed = flat[:data.size].reshape(data.shape)
    np.copyto(fixed, data)
    whole = fix_sectors(fixed, 24 + 16) & (data.view("<u4")[:, 0] == INDX)
    # blocks that were never used are zeros
    blank = data.view("<u4")[:, 0] == 0
    blank[blank] = ~data[blank].any(axis=1)
    base = np.arange(count, dtype=np.int64) * size
    nodes = decode_nodes(flat, base[whole] + 24, base[whole] + size, owner[whole],
                         numbers)
    return Nodes(nodes.used, nodes.slack,
                 np.concatenate([nodes.broken, owner[~whole & ~blank]]))


def decode_nodes(flat: Bytes, header: Ints, limit: Ints, owner: Ints, numbers: Ints) -> Nodes:
    """Nodes whose header is at `header` (a multiple of 8) and that end before `limit`.

    `flat` has room for a look behind the last node.
    """
    doubles = flat.view("<u4")
    start = header + doubles.take(header >> 2)
    end = header + doubles.take((header >> 2) + 1)
    right = (start % 8 == 0) & (end % 8 == 0) & (start <= end) & (end <= limit)
    rows = np.flatnonzero(right)
    at, owners, broken = _used(flat, start[rows], end[rows], owner[rows])
    alien = ~_are_below(flat, at, numbers[owners])
    # the end mark is written over an older entry, whose name then stands behind it
    slack, behind = _slack(flat, np.maximum(end - _END_MARK, start)[rows], limit[rows],
                           owner[rows], numbers)
    return Nodes(_entries(flat, at, owners), _entries(flat, slack, behind),
                 np.concatenate([broken, owner[~right], owners[alien]]))


def _are_below(flat: Bytes, at: Ints, number: Ints) -> Flags:
    """Whether entries name the directory `number` as their parent; others are noise."""
    half = flat.view("<u4")
    low, high = half.take((at + _VALUE) >> 2), half.take((at + _VALUE + 4) >> 2) & 0xFFFF
    found: Flags = (low == number & 0xFFFF_FFFF) & (high == number >> 32)
    return found


def _used(flat: Bytes, at: Ints, end: Ints, owner: Ints) -> tuple[Ints, Ints, Ints]:
    """Places and owners of the entries in use, step by step, and the owners of broken nodes."""
    words = flat.view("<u8")
    found: list[tuple[Ints, Ints]] = [(_ZERO, _ZERO)]
    broken: list[Ints] = [np.zeros(0, np.int64)]
    while len(at):
        head = words.take((at >> 3) + 1)
        length, value = (head & 0xFFFF).astype(np.int64), (head >> 16 & 0xFFFF).astype(np.int64)
        last = head >> 32 & 2 != 0
        name = 2 * flat.take(np.minimum(at + _VALUE + 64, len(flat) - 1)).astype(np.int64)
        good = (length >= _VALUE) & (length % 8 == 0) & (at + length <= end)
        good &= np.where(last, at + length == end, (value >= 66 + name) & (name > 0)
                         & (value + _VALUE <= length))
        broken.append(owner[~good])
        keep = good & ~last
        at, end, owner, length = at[keep], end[keep], owner[keep], length[keep]
        found.append((at, owner))
        at = at + length
    places, owners = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return places, owners, np.concatenate(broken)


def _slack(flat: Bytes, start: Ints, limit: Ints, owner: Ints,
           numbers: Ints) -> tuple[Ints, Ints]:
    """Whatever at a multiple of 4 may be an entry, by less than The Sleuth Kit asks of one."""
    room = np.maximum(0, limit - start - _NAME - 1)
    at = spread(start >> 2, (room + 3) >> 2)
    owners = np.repeat(owner, (room + 3) >> 2)
    doubles = flat.view("<u4")
    shape = doubles.take(at + 2)
    keep = np.flatnonzero((shape & 3 == 0) & (shape & 0xFFFF > shape >> 16))
    at, owners = at[keep] * 4, owners[keep]
    space, length = flat.take(at + _VALUE + 65), flat.take(at + _VALUE + 64)
    keep = np.flatnonzero((space <= 3) & (length > 0) & _are_below(flat, at, numbers[owners]))
    return at[keep], owners[keep]


def _entries(flat: Bytes, at: Ints, owner: Ints) -> IndexEntries:
    half = flat.view("<u4")
    low = half.take(at >> 2).astype(np.uint64)
    reference: Longs = low | half.take((at >> 2) + 1).astype(np.uint64) << np.uint64(32)
    length = flat.take(at + _VALUE + 64).astype(np.int64)
    room: Flags = at + _NAME + 2 * length <= len(flat)
    length = np.where(room, length, 0)
    return IndexEntries(
        owner, (reference & _REFERENCE).astype(np.int64),
        (reference >> np.uint64(48)).astype(np.int64),
        flat.take(at + _VALUE + 65).astype(np.int64), length,
        flat.view("<u2").take(spread((at + _NAME) >> 1, length)))
