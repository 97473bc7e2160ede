"""Going through a volume: every name below the root, then what no directory leads to.

Iterative and with a visited set, so that no index entry can make it loop: a directory is
entered once, and only by a name that its own $FILE_NAME confirms. Names that no directory
reaches (deleted directories reused, damaged indexes, loops) come last, under /$OrphanFiles.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Final

import numpy as np

from analyzer import attention
from analyzer.errors import EvidenceError, Notice
from analyzer.filesystem.agreement import Agreement
from analyzer.filesystem.attributes import AttributeType, Reference
from analyzer.filesystem.directory import (
    BAD_PARENT,
    LOST,
    NOT_IN_INDEX,
    IndexName,
    confirmed_link,
    link_names,
    rendered,
)
from analyzer.filesystem.entries import ORPHANS, Entry, Link, make_entry
from analyzer.filesystem.listing import Listed
from analyzer.filesystem.mft import MftRecord
from analyzer.filesystem.name_index import NameIndex, NameRow
from analyzer.filesystem.record_batch import Flags, Ints

ROOT: Final = 5
"""MFT number of the root directory."""
DEEPEST: Final = 512
MOST_ENTRIES: Final = 5_000_000
LONGEST_PATH: Final = 32_768
_PART: Final = 16_384
"""Rows of a directory that are looked at together: bounds memory where it has millions."""
ORPHAN: Final = "orphan"


@dataclass(frozen=True, slots=True)
class Step:
    """An entry, and whether its own record confirms that it is a directory to be entered.

    listed  the same as rows, where it is plain
    """

    entry: Entry
    can_enter: bool
    listed: Listed | None = None


@dataclass(slots=True)
class Walk:
    """One pass; `index` gives the names in the index of a directory (number, path), None where
    it has none. `address` is that of the volume, for who watches what is read."""

    names: NameIndex
    agreement: Agreement
    index: Callable[[int, str], list[IndexName] | None]
    report: Callable[[Notice], None]
    include_deleted: bool = True
    address: str = ""
    _seen: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    _entered: set[int] = field(default_factory=set)

    def run(self, root: Entry) -> Iterator[Entry | Listed]:
        """Every entry below `root`, parents before children; plain ones many at once."""
        self._seen = np.zeros(len(self.names), np.bool_)
        with attention.on("volume", self.address):
            self.agreement.look_at_all()
        count = 0
        for found in self._all(root):
            count += len(found) if isinstance(found, Listed) else 1
            if count > MOST_ENTRIES:
                self.report(Notice("NTFS-ENTRIES", f"more than {MOST_ENTRIES} names",
                                   "the rest is not listed"))
                return
            yield found

    def children(self, directory: Entry) -> Iterator[Entry]:
        """What is in a directory, in the order of `_steps`; nothing where its record was reused."""
        if not self._is_present(directory):
            return
        for found in self._steps(directory):
            if isinstance(found, Listed):
                yield from found.entries()
            else:
                yield found.entry

    def _is_present(self, directory: Entry) -> bool:
        """False where its record belongs to another file by now."""
        try:
            return self.names.table.record(directory.inode).is_named_by(directory.sequence)
        except EvidenceError:
            return True

    def _steps(self, directory: Entry) -> "Iterable[Step | Listed]":
        """What is in a directory, sorted by name, then number; plain files many at once.

        Where there are very many, names are sorted within parts that are in order of number.
        """
        steps = self._agreed_steps(directory) if self.agreement.of(directory.inode) else None
        return self._weighed_steps(directory) if steps is None else steps

    def _agreed_steps(self, directory: Entry) -> "list[Step | Listed] | None":
        """Where index and files say the same; None where a record is not what it seemed."""
        steps: list[Step | Listed] = []
        for part in self._parts(directory.inode):
            rows = np.arange(part.start, part.stop)
            rows = rows[self.names.is_ours[rows]]
            texts = self.names.texts(rows)
            order = sorted(range(len(rows)), key=texts.__getitem__)  # rows are in order of number
            found = self._agreed_part(directory, rows[np.array(order, np.int64)])
            if found is None:
                return None
            steps += found
            self._mark(rows)
        return steps

    def _agreed_part(self, directory: Entry, rows: Ints) -> "list[Step | Listed] | None":
        names = self.names
        whole = Listed.of(names, directory.path, rows)
        is_plain = names.is_plain[rows]
        is_folder = is_plain & names.files.is_directory[whole.file]
        folders = whole.only(is_folder).entries()
        alone = np.flatnonzero(is_folder | ~is_plain)
        steps: list[Step | Listed] = []
        after = 0
        for place in [*alone.tolist(), len(rows)]:
            if place > after:
                steps.append(Listed.of(names, directory.path, rows[after:place]))
            after = place + 1
            if place == len(rows):
                break
            if is_folder[place]:
                steps.append(Step(next(folders), can_enter=True, listed=Listed.of(
                    names, directory.path, rows[place:after])))
                continue
            found = names.get(int(rows[place]))
            if found is None:
                return None
            steps.append(self._step(confirmed_link(found), directory.path))
        return steps

    def _parts(self, number: int) -> Iterator[range]:
        """The rows of a directory, `_PART` or so at a time; the names of one file together."""
        rows = self.names.rows(number)
        low = rows.start
        while low < rows.stop:
            high = min(low + _PART, rows.stop)
            while high < rows.stop and self.names.number[high] == self.names.number[high - 1]:
                high += 1
            yield range(low, high)
            low = high

    def _weighed_steps(self, directory: Entry) -> Iterator[Step]:
        """Name by name, out of what the index, the files and The Sleuth Kit say."""
        number = directory.inode
        try:
            record = self.names.table.record(number)
        except EvidenceError:
            record = None
        if record is not None and not record.is_named_by(directory.sequence):
            return
        index = self._index(record, directory.path) if record is not None else None
        unlisted = strayed = 0
        for part, some in self._with_index([*self._parts(number)] or [range(0)], index):
            links = self._weighed(directory, record, some, part)
            unlisted += sum(link.note == NOT_IN_INDEX for link in links)
            strayed += sum(link.note == BAD_PARENT and link.allocated for link in links)
            found = [self._step(link, directory.path) for link in links]
            yield from sorted(found, key=lambda s: (s.entry.name, s.entry.inode,
                                                    not s.entry.allocated, s.entry.raw_name,
                                                    s.entry.note))
        if unlisted:
            self.report(Notice("NTFS-INDEX", f"{directory.path[:200]}: {unlisted} names are not "
                               "in the directory's index", "they come from the files themselves"))
        if strayed:
            self.report(Notice("NTFS-PARENT", f"{directory.path[:200]}: {strayed} names in the "
                               "directory's index are of files that say they are elsewhere",
                               "which of the two is wrong is not known; they are listed here, and "
                               "where the files say if that is a directory"))

    def _with_index(self, parts: list[range], index: list[IndexName] | None
                    ) -> Iterator[tuple[range, list[IndexName] | None]]:
        """Each part with the names that the index has for its files."""
        if index is None or len(parts) == 1:
            yield from ((part, index) for part in parts)
            return
        listed = {name.text for name in index if name.allocated}
        index = [name for name in index if not (name.has_lost_file and name.text in listed)]
        index.sort(key=attrgetter("inode"))
        numbers = [int(self.names.number[part.start]) for part in parts[1:]]
        ends = [bisect_left(index, number, key=attrgetter("inode")) for number in numbers]
        for part, low, high in zip(parts, [0, *ends], [*ends, len(index)], strict=True):
            yield part, index[low:high]

    def _weighed(self, directory: Entry, record: MftRecord | None, index: list[IndexName] | None,
                 part: range) -> list[Link]:
        """The names of some of the rows, and those of the same files in the index."""
        number = directory.inode
        rows = [row for row in map(self.names.get, part) if row is not None]

        def is_ours(row: NameRow) -> bool:
            sequence = row.name.parent.sequence
            if row.record.number == number:
                return False
            return (record.is_named_by(sequence) if record is not None
                    else sequence == directory.sequence)

        others = [row for row in rows if row.record.number != number]
        strays: dict[int, dict[bytes, NameRow]] = {}
        links = [self._led_by_index(link, strays) for link in link_names(
            index, others, is_ours, self.names.table.record)]
        self._mark([row.row for row in rows if is_ours(row)]
                   + [link.row for link in links if link.row is not None])
        return links

    def _led_by_index(self, link: Link, strays: dict[int, dict[bytes, NameRow]]) -> Link:
        """With the file's own name where that leads to no directory: the index alone does.

        strays  by number, such names of the files met so far
        """
        if link.note != BAD_PARENT or not link.allocated or link.name is not None:
            return link
        if link.inode not in strays:
            strays[link.inode] = {
                rendered(row.name.raw): row
                for row in map(self.names.get, self.names.rows_of(link.inode))
                if row is not None and not self._has_directory(row.row)}
        row = strays[link.inode].get(rendered(link.raw))
        return link if row is None else replace(link, raw=row.name.raw, name=row.name, row=row.row)

    def _index(self, record: MftRecord, path: str) -> list[IndexName] | None:
        """The names in a directory's index without those of itself and of its parent.

        A file may be called `..`; only the number tells.
        """
        names = self.index(record.number, path)
        if names is None:
            return None
        own = {record.number, *(name.parent.number for name in record.names)}
        if not record.names:
            own.update(int(self.names.parent[row]) for row in self.names.rows_of(record.number))
        return [name for name in names if name.text not in (b".", b"..") or name.inode not in own]

    def _mark(self, rows: "Sequence[int] | Ints") -> None:
        if len(self._seen):
            self._seen[np.asarray(rows, np.int64)] = True

    def _step(self, link: Link, directory: str) -> Step:
        if link.note == LOST and link.allocated:
            self._report_lost(link.inode)
        entry = make_entry(self.names.table, link, directory)
        return Step(entry, entry.is_directory and (link.row is not None or link.note == LOST))

    def _report_lost(self, number: int) -> None:
        try:
            self.names.table.record(number)
        except EvidenceError as error:
            self.names.table.report_record(number, error)

    def _all(self, root: Entry) -> Iterator[Entry | Listed]:
        self._entered.add(root.inode)
        self._mark(self.names.rows_of(root.inode))
        yield from self._descend(self._steps(root))
        for is_loop in (False, True):
            for row in np.flatnonzero(~self._seen).tolist():
                if not self._seen[row] and (is_loop or not self._has_directory(row)):
                    self._seen[row] = True
                    yield from self._descend(self._orphan(row))
        yield from self._descend([self._step(link, ORPHANS) for link in self._nameless()])

    def _descend(self, steps: Iterable[Step | Listed]) -> Iterator[Entry | Listed]:
        stack = [iter(steps)]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
                continue
            if isinstance(step, Listed):
                yield step if self.include_deleted else step.only_allocated()
                continue
            entry = step.entry
            if not entry.allocated and not self.include_deleted:
                continue
            yield step.listed or entry
            if step.can_enter and self._may_enter(entry, len(stack)):
                self._entered.add(entry.inode)
                stack.append(iter(self._steps(entry)))

    def _may_enter(self, entry: Entry, depth: int) -> bool:
        if entry.inode in self._entered:
            self.report(Notice("NTFS-LOOP", f"{entry.path}: directory met before",
                               "not entered again"))
            return False
        if depth >= DEEPEST or len(entry.path) >= LONGEST_PATH:
            self.report(Notice("NTFS-DEPTH", f"{entry.path[:200]}: {depth} directories deep",
                               f"what is below is listed under {ORPHANS}"))
            return False
        return True

    def _has_directory(self, row: int) -> bool:
        """Whether the directory that the name means still is one (and is an orphan itself)."""
        parent: Reference = self.names.parent_of(row)
        if parent.number == self.names.number[row]:
            return False
        try:
            record = self.names.table.record(parent.number)
        except EvidenceError:
            return False
        return record.is_directory and record.is_named_by(parent.sequence)

    def _orphan(self, row: int) -> list[Step]:
        found = self.names.get(row)
        if found is None:
            return []
        record = found.record
        return [self._step(Link(found.name.raw, record.number, record.sequence, record.in_use,
                                record.is_directory, record, found.name, row, ORPHAN), ORPHANS)]

    def _nameless(self) -> Iterator[Link]:
        for number in self.names.nameless:
            try:
                record = self.names.table.record(number)
            except EvidenceError as error:
                self.names.table.report_record(number, error)
                continue
            sizes = (data.size for data in record.of_type(AttributeType.DATA))
            # Windows 10 fills new records with times and empty data before their first use
            if record.in_use or record.damage is not None or any(sizes):
                yield nameless_link(record)


def nameless_link(record: MftRecord) -> Link:
    """The link of a file whose names are gone, under the name The Sleuth Kit gives it."""
    raw = f"OrphanFile-{record.number}".encode("utf-16-le")
    return Link(raw, record.number, record.sequence, record.in_use, record.is_directory, record,
                note=f"{ORPHAN}; no name")
