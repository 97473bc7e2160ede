"""The names of one directory: its index and what the files themselves say, put together.

The index comes from The Sleuth Kit, deleted names in its slack included; the other side are
the $FILE_NAME attributes that name this directory as their parent. The raw name is always the
file's own: The Sleuth Kit ends a name at a NUL and writes ^ for a lone surrogate.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from analyzer.errors import EvidenceError
from analyzer.filesystem.attributes import DOS
from analyzer.filesystem.entries import BOTH, INDEX, MFT, SLACK, Link
from analyzer.filesystem.mft import MftRecord
from analyzer.filesystem.name_index import NameRow

NOT_IN_INDEX = "not in the directory index"
BAD_PARENT = "bad parent reference"
FORMER_NAME = "former name"
REUSED = "entry reused"
LOST = "record unreadable"
NO_REFERENCE = "former name; whose it was is not known"
"""What is left in an index's slack may have lost its reference, and 0 would mean any file."""


class IndexName(NamedTuple):
    """A name as The Sleuth Kit gives it (UTF-8)."""

    text: bytes
    inode: int
    sequence: int
    allocated: bool
    is_directory: bool

    @property
    def has_lost_file(self) -> bool:
        """In slack, with its reference written over: a copy of a name still listed says nothing."""
        return not (self.allocated or self.inode or self.sequence)


def link_names(index: Sequence[IndexName] | None, rows: Iterable[NameRow],
               is_ours: Callable[[NameRow], bool],
               record: Callable[[int], MftRecord]) -> list[Link]:
    """Every name of a directory, once.

    index    None where the directory could not be opened
    rows     the $FILE_NAMEs with this directory's number as parent
    is_ours  whether one means this directory, not an earlier one with the same number
    record   looks a record up, raises EvidenceError
    """
    by_file: dict[int, list[NameRow]] = {}
    for row in rows:
        by_file.setdefault(row.record.number, []).append(row)
    links: list[Link] = []
    seen: set[tuple[bytes, int]] = set()
    listed = {name.text for name in index or () if name.allocated}
    for name in sorted(index or (), key=lambda n: not n.allocated):
        match = _take(by_file.get(name.inode, []), name)
        if match is not None:
            links.append(_from_row(match, is_ours=is_ours(match),
                                   seen_by=BOTH if name.allocated else MFT))
        elif (name.text, name.inode) not in seen and not (
                name.has_lost_file and name.text in listed):
            links.append(_from_index(name, record))
        seen.add((name.text, name.inode))
    named = {link.inode for link in links if link.name is not None}
    named.update(row.record.number for left in by_file.values() for row in left
                 if row.name.namespace != DOS)
    for row in (row for left in by_file.values() for row in left if is_ours(row)):
        if row.name.namespace != DOS or row.record.number not in named:
            links.append(_from_row(row, is_ours=True, seen_by=MFT, is_asked=index is not None))
    return links


def rendered(raw: bytes) -> bytes:
    """The raw name as The Sleuth Kit writes it."""
    name = raw[:len(raw) & ~1].decode("utf-16-le", "surrogatepass").split("\0")[0]
    return "".join("^" if 0xD800 <= ord(c) < 0xE000 else c for c in name).encode()


def _take(rows: list[NameRow], name: IndexName) -> NameRow | None:
    """Remove and return the row that the index name is about."""
    if rows and not rows[0].record.is_named_by(name.sequence):
        return None
    for row in rows:
        if rendered(row.name.raw) == name.text:
            rows.remove(row)
            return row
    return None


def confirmed_link(row: NameRow) -> Link:
    """A name that its file and the index both have."""
    return _from_row(row, is_ours=True, seen_by=BOTH if row.record.in_use else MFT)


def _from_row(row: NameRow, *, is_ours: bool, seen_by: str, is_asked: bool = True) -> Link:
    """A name that its file confirms: in use when the file is, whatever the index says.

    is_asked  whether there was an index that could have it
    """
    record = row.record
    note = "" if is_ours else BAD_PARENT
    if is_ours and record.in_use and is_asked and seen_by != BOTH:
        note = NOT_IN_INDEX
    return Link(row.name.raw, record.number, record.sequence, record.in_use, record.is_directory,
                record, row.name, row.row, note, seen_by)


def _from_index(name: IndexName, find: Callable[[int], MftRecord]) -> Link:
    """A name that no $FILE_NAME of its file confirms."""
    raw = name.text.decode("utf-8", "replace").encode("utf-16-le")
    seen_by = INDEX if name.allocated else SLACK
    if not name.allocated and not name.sequence:
        return Link(raw, name.inode, 0, allocated=False, is_directory=name.is_directory,
                    note=NO_REFERENCE, seen_by=seen_by)
    try:
        record = find(name.inode)
    except EvidenceError:
        return Link(raw, name.inode, name.sequence, name.allocated, name.is_directory, note=LOST,
                    seen_by=seen_by)
    if not record.is_named_by(name.sequence):
        return Link(raw, name.inode, name.sequence, allocated=False,
                    is_directory=name.is_directory, note=REUSED, seen_by=seen_by)
    note = BAD_PARENT if name.allocated else FORMER_NAME
    return Link(raw, name.inode, record.sequence, name.allocated and record.in_use,
                record.is_directory, record, note=note, seen_by=seen_by)
