"""Directories whose index and whose files say the same, so that nothing has to be weighed.

For most directories the names in the index ($I30) are exactly those of the files that name it as
their parent, and what is left in the slack repeats them. Those are found here, many at once; the
others go through directory.py, name by name, with what The Sleuth Kit makes of their index.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzer import attention
from analyzer.blocks import ExtentMap, Kind
from analyzer.columns import spread
from analyzer.errors import EvidenceError
from analyzer.filesystem.attributes import DOS, Attribute, AttributeType
from analyzer.filesystem.directory import IndexName, rendered
from analyzer.filesystem.index_batch import IndexEntries, Nodes, decode_blocks, decode_nodes
from analyzer.filesystem.mft import SECTOR
from analyzer.filesystem.name_index import NameIndex
from analyzer.filesystem.record_batch import Flags, Ints, Longs
from analyzer.filesystem.stream import stream_map

_INDEX: Final = "$I30"
_GROUP_BYTES: Final = 16 << 20
_GROUP: Final = 4096
"""Directories compared together, unless their blocks are more than `_GROUP_BYTES`."""
_FEW: Final = 1024
"""Directories of a volume that are looked at together when one of them is asked for."""
_NEAR: Final = 64
"""Directories of a larger volume that are, for those of one folder mostly lie together."""
_CHUNK: Final = 4 << 20
_LARGEST: Final = 512 << 20
"""Bytes of one index; two million names have about half of it."""
_WEIGHTS: Final = np.random.default_rng(30).integers(1, 1 << 63, 256, np.uint64) | np.uint64(1)
_ROOT_HEADER: Final = 16


@dataclass(frozen=True, slots=True)
class _Index:
    """Where the index of one directory lies; `blocks` None where its root holds all of it."""

    number: int
    root: bytes
    block_size: int
    blocks: ExtentMap | None


class Agreement:
    """`agreeing` for the directories of a volume, each looked at once."""

    def __init__(self, names: NameIndex) -> None:
        self._names = names
        self._said = np.zeros(names.table.count, np.int8)
        """By MFT number: 0 not looked at, 1 they agree, -1 they do not."""

    def of(self, number: int) -> bool:
        """Whether both sides of a directory say the same; false for what is none."""
        if not 0 <= number < len(self._said):
            return False
        if not self._said[number]:
            directories = self._directories()
            if len(directories) > _FEW:
                low = int(np.searchsorted(directories, number))
                directories = directories[low:low + _NEAR]
            self._look(directories)
        if not self._said[number]:
            self._look(np.array([number]))
        return bool(self._said[number] > 0)

    def look_at_all(self) -> None:
        """For a walk, which asks for each."""
        self._look(self._directories())

    def _directories(self) -> Ints:
        files = self._names.files
        return files.number[files.is_directory]

    def _look(self, numbers: Ints) -> None:
        numbers = numbers[self._said[numbers] == 0]
        self._said[numbers] = -1
        self._said[[*agreeing(self._names, numbers.tolist())]] = 1


def agreeing(names: NameIndex, directories: Iterable[int]) -> set[int]:
    """Those of `directories` (MFT numbers) in which both sides say the same."""
    found: set[int] = set()
    for group in _groups(names, directories):
        found |= _Group(names, group).compare()
    return found


def index_names(names: NameIndex, number: int) -> list[IndexName] | None:
    """The names in use in a directory's index, without DOS names; None where there is none.

    By our own reading, for where The Sleuth Kit refuses the volume. The index does not tell
    directories: what other files call their directory is one.
    """
    index = _index_of(names, number)
    if index is None:
        return None
    used = IndexEntries.join([part.used for part in _Group(names, [index])._nodes()])
    last = np.cumsum(used.length)
    return [IndexName(rendered(used.units[low:high].tobytes()), file, sequence, allocated=True,
                      is_directory=len(names.rows(file)) > 0)
            for file, sequence, space, low, high in zip(
                used.number.tolist(), used.sequence.tolist(), used.space.tolist(),
                (last - used.length).tolist(), last.tolist(), strict=True) if space != DOS]


def _groups(names: NameIndex, directories: Iterable[int]) -> Iterator[list[_Index]]:
    group: list[_Index] = []
    size = 0
    for number in directories:
        index = _index_of(names, number)
        if index is None:
            continue
        group.append(index)
        size += index.blocks.size if index.blocks is not None else 0
        if len(group) == _GROUP or size > _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _index_of(names: NameIndex, number: int) -> _Index | None:
    """The index of a directory that is in use and not damaged."""
    try:
        record = names.table.record(number)
        if not (record.in_use and record.is_directory):
            return None
        attributes, damage = names.table.whole(record)
        return _located(names, number, attributes) if damage is None else None
    except EvidenceError:
        return None  # said by who reads the directory itself


def _located(names: NameIndex, number: int, attributes: list[Attribute]) -> _Index | None:
    named = [attribute for attribute in attributes if attribute.name == _INDEX]
    roots = [a for a in named if a.type == AttributeType.INDEX_ROOT]
    pieces = [a for a in named if a.type == AttributeType.INDEX_ALLOCATION]
    root = roots[0].value if len(roots) == 1 else None
    if root is None or len(root) < _ROOT_HEADER + 16 or len(root) % 8:
        return None
    size = int.from_bytes(root[8:12], "little")
    if int.from_bytes(root[:4], "little") != AttributeType.FILE_NAME:
        return None
    if not pieces:
        return _Index(number, root, 0, None)
    if size % SECTOR or not SECTOR <= size <= 1 << 16 or pieces[0].value is not None:
        return None
    table = names.table
    blocks = stream_map(pieces, table.boot.cluster_size, table.image.blocks.size)
    if blocks.size % size or blocks.size > _LARGEST or (blocks.kind != Kind.DATA).any():
        return None
    return _Index(number, root, size, blocks)


@dataclass(slots=True)
class _Group:
    """Directories compared together; `differs` by their place in `indexes`."""

    names: NameIndex
    indexes: list[_Index]
    differs: Flags = field(init=False)

    def __post_init__(self) -> None:
        self.differs = np.zeros(len(self.indexes), np.bool_)

    def compare(self) -> set[int]:
        """The numbers of those where both sides say the same."""
        nodes = list(self._nodes())
        for part in nodes:
            self.differs[part.broken] = True
        used = _without_own(IndexEntries.join([part.used for part in nodes]), self.indexes)
        slack = _without_own(IndexEntries.join([part.slack for part in nodes]), self.indexes)
        rows = self._rows()
        self._compare_used(used, rows)
        self._compare_slack(slack, used, rows)
        return {index.number for index, differs in zip(self.indexes, self.differs, strict=True)
                if not differs}

    def _nodes(self) -> Iterator[Nodes]:
        numbers = np.array([index.number for index in self.indexes], np.int64)
        yield self._roots(numbers)
        sizes = sorted({index.block_size for index in self.indexes if index.blocks is not None})
        for size in sizes:
            waiting: list[tuple[int, bytes]] = []
            for owner, data in self._blocks(size):
                waiting.append((owner, data))
                if sum(len(part) for _, part in waiting[-64:]) >= _CHUNK or len(waiting) == 64:
                    yield _decode(waiting, size, numbers)
                    waiting = []
            if waiting:
                yield _decode(waiting, size, numbers)

    def _roots(self, numbers: Ints) -> Nodes:
        sizes = np.array([len(index.root) for index in self.indexes], np.int64)
        flat = np.frombuffer(b"".join([*(index.root for index in self.indexes), bytes(1024)]),
                             np.uint8)
        base = np.cumsum(sizes) - sizes
        return decode_nodes(flat, base + _ROOT_HEADER, base + sizes,
                            np.arange(len(sizes)), numbers)

    def _blocks(self, size: int) -> Iterator[tuple[int, bytes]]:
        """(owner, bytes) of every index with blocks of `size`, in pieces of whole blocks."""
        image = self.names.table.image
        for owner, index in enumerate(self.indexes):
            if index.blocks is None or index.block_size != size:
                continue
            for at in range(0, index.blocks.size, _CHUNK):
                attention.progress()
                extents = list(index.blocks.find(at, _CHUNK))
                yield owner, b"".join([image.read(e.at, e.length) for e in extents])
                if image.ledger.ranges and any(
                        image.ledger.overlap(e.at, e.length) for e in extents):
                    self.differs[owner] = True

    def _rows(self) -> "_Rows":
        """The names whose files say they are in these directories."""
        names = self.names
        numbers = np.array([index.number for index in self.indexes], np.int64)
        low = np.searchsorted(names.parent, numbers)
        count = np.searchsorted(names.parent, numbers, side="right") - low
        rows, owner = spread(low, count), np.repeat(np.arange(len(numbers)), count)
        keep = names.number[rows] != numbers[owner]
        rows, owner = rows[keep], owner[keep]
        ours, file = names.is_ours[rows], names.file[rows]
        # what needs its record to be weighed
        self.differs[owner[(file < 0) | (ours & (names.space[rows] == DOS))]] = True
        rows, owner = rows[ours], owner[ours]
        key = _key(owner, names.number[rows])
        self.differs[owner[1:][key[1:] == key[:-1]]] = True
        return _Rows(names, rows, owner, key)

    def _compare_used(self, used: IndexEntries, rows: "_Rows") -> None:
        at, found = rows.find(used)
        short = used.space == DOS
        good = found & (short | rows.have_name(at, used, found))
        self.differs[used.owner[~good]] = True
        indexed = np.zeros(len(rows.row), np.bool_)
        indexed[at[found & ~short]] = True
        in_use = self.names.files.in_use[self.names.file[rows.row]]
        self.differs[rows.owner[in_use != indexed]] = True

    def _compare_slack(self, slack: IndexEntries, used: IndexEntries, rows: "_Rows") -> None:
        """Names in slack that are not those of the index or of a file are to be weighed.

        DOS names there say nothing. One that has lost its reference may be any file's.
        """
        at, found = rows.find(slack)
        known = rows.have_name(at, slack, found) | (slack.space == DOS)
        left = np.flatnonzero(~known)
        listed = np.flatnonzero(used.space != DOS)
        starts, own = np.cumsum(used.length) - used.length, np.cumsum(slack.length) - slack.length
        keys = _text_keys(used, starts)[listed]
        order = listed[np.argsort(keys, kind="stable")]
        keys = np.sort(keys)
        at = np.searchsorted(keys, _text_keys(slack, own)[left])
        left, at = left[at < len(keys)], at[at < len(keys)]
        other = order[at]
        is_lost = (slack.number[left] == 0) & (slack.sequence[left] == 0)
        same = (used.owner[other] == slack.owner[left]) & (slack.length[left] > 0)
        same &= is_lost | (used.number[other] == slack.number[left])
        known[left] = _same_text(same, slack.units, own[left], slack.length[left],
                                 used.units, starts[other], used.length[other])
        self.differs[slack.owner[~known]] = True


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of the NameIndex that are in the directories of a group, in the order of `key`."""

    names: NameIndex
    row: Ints
    owner: Ints
    key: Ints

    def find(self, entries: IndexEntries) -> tuple[Ints, Flags]:
        """The place of each entry's file here, and whether it is here and is the file meant."""
        if not len(self.key):
            return np.zeros(len(entries.owner), np.int64), np.zeros(len(entries.owner), np.bool_)
        key = _key(entries.owner, entries.number)
        at = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        found: Flags = self.key[at] == key
        files, file = self.names.files, self.names.file[self.row[at]]
        found &= files.are_named_by(file, entries.sequence)
        return at, found

    def have_name(self, at: Ints, entries: IndexEntries, found: Flags) -> Flags:
        """Whether the row at `at` has the name of the entry, for those `found`."""
        if not len(self.row):
            return np.zeros(len(entries.owner), np.bool_)
        names, row = self.names, self.row[at]
        starts = np.cumsum(entries.length) - entries.length
        same = found & (names.space[row] == entries.space) & (entries.length > 0)
        return _same_text(same, entries.units, starts, entries.length,
                          names.units, names.start[row], names.length[row])


def _same_text(asked: Flags, units: NDArray[np.uint16], start: Ints, length: Ints,
               others: NDArray[np.uint16], other_start: Ints, other_length: Ints) -> Flags:
    """Whether two texts are equal, for each pair that is `asked` for."""
    same: Flags = asked & (length == other_length)
    rows = np.flatnonzero(same)
    count = length[rows]
    wrong = units[spread(start[rows], count)] != others[spread(other_start[rows], count)]
    same[np.repeat(rows, count)[wrong]] = False
    return same


def _text_keys(entries: IndexEntries, start: Ints) -> Longs:
    """One number for a directory of a group and a name; different names may share it."""
    filled = np.flatnonzero(entries.length)
    place = np.arange(len(entries.units)) - np.repeat(start, entries.length)
    keys: Longs = entries.owner.astype(np.uint64) * _WEIGHTS[-1]
    if len(filled):
        keys[filled] += np.add.reduceat(entries.units * _WEIGHTS[place], start[filled])
    return keys


def _key(owner: Ints, number: Ints) -> Ints:
    """One number for a directory of a group and a file."""
    key: Ints = owner << 48 | number
    return key


def _without_own(entries: IndexEntries, indexes: list[_Index]) -> IndexEntries:
    """Without the names that directories have for themselves in their own index (the root's)."""
    numbers = np.array([index.number for index in indexes], np.int64)
    keep = entries.number != numbers[entries.owner]
    if keep.all():
        return entries
    return IndexEntries(entries.owner[keep], entries.number[keep], entries.sequence[keep],
                        entries.space[keep], entries.length[keep],
                        entries.units[np.repeat(keep, entries.length)])


def _decode(waiting: list[tuple[int, bytes]], size: int, numbers: Ints) -> Nodes:
    counts = [len(data) // size for _, data in waiting]
    owner = np.repeat(np.array([owner for owner, _ in waiting], np.int64), counts)
    data = np.frombuffer(b"".join([data for _, data in waiting]), np.uint8)
    return decode_blocks(data.reshape(-1, size), owner, numbers)
