"""From an MFT number to a path, through the parents that the $FILE_NAMEs give; and letter case."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt, EvidenceError
from analyzer.filesystem.attributes import (
    DOS,
    AttributeType,
    FileName,
    decode_file_name,
    text,
)
from analyzer.filesystem.entries import ORPHANS, Entry, Link, component
from analyzer.filesystem.mft import MftRecord
from analyzer.filesystem.mft_table import MasterFileTable
from analyzer.filesystem.walk import DEEPEST, ORPHAN, ROOT, nameless_link

_SINGLE: Final = 1


def fold(name: str) -> str:
    """Upper case as NTFS compares names: one character for one, so ß stays."""
    if name.isascii():
        return name.upper()
    return "".join(u if len(u := c.upper()) == _SINGLE else c for c in name)


@dataclass(frozen=True, slots=True, eq=False)
class Children:
    """What is in one directory; `by_name` as NTFS compares names, and as they stand in a path."""

    entries: tuple[Entry, ...]
    by_name: dict[str, list[Entry]]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Children":
        """In the order given."""
        found: dict[str, list[Entry]] = {}
        kept = tuple(entries)
        for entry in kept:
            found.setdefault(fold(entry.name), []).append(entry)
            if "/" in entry.name:
                found.setdefault(fold(component(entry.name)), []).append(entry)
        return cls(kept, found)


def has_short_name(table: MasterFileTable, inode: int, directory: int, folded: str) -> bool:
    """Whether a file has this DOS name, given in upper case, in the directory."""
    try:
        record = table.record(inode)
    except EvidenceError:
        return False
    return any(name.namespace == DOS and name.parent.number == directory
               and fold(text(name.raw)) == folded for name in record.names)


def locate(table: MasterFileTable, inode: int) -> tuple[Link, str]:
    """The link of an MFT number and the path of its directory; raises Corrupt or Unreadable."""
    record = table.record(inode)
    if record.base is not None:
        raise Corrupt(f"MFT entry {inode} extends entry {record.base.number}")
    name = first_name(table, record)
    if name is None:
        return nameless_link(record), ORPHANS
    directory = directory_of(table, name)
    link = Link(name.raw, inode, record.sequence, record.in_use, record.is_directory, record, name,
                note=ORPHAN if directory.startswith(ORPHANS) else "")
    return link, directory


def first_name(table: MasterFileTable, record: MftRecord) -> FileName | None:
    """The first name of a file that is not a DOS one, else the first; None where it has none."""
    names = list(record.names)
    if not names:
        for attribute in table.whole(record)[0]:
            if attribute.type == AttributeType.FILE_NAME and attribute.value is not None:
                with suppress(Corrupt):  # part of what `whole` says is damaged
                    names.append(decode_file_name(attribute.value))
    return min(names, key=lambda name: name.namespace == DOS, default=None)


def directory_of(table: MasterFileTable, name: FileName) -> str:
    """Path of the directory a name is in, from the root or from the first orphan above it."""
    parts: list[str] = []
    visited: set[int] = set()
    parent = name.parent
    while parent.number != ROOT:
        try:
            record = table.record(parent.number)
            above = first_name(table, record)
        except EvidenceError:
            return "/".join([ORPHANS, *reversed(parts)])
        if (above is None or parent.number in visited or len(visited) >= DEEPEST
                or not record.is_directory or not record.is_named_by(parent.sequence)):
            return "/".join([ORPHANS, *reversed(parts)])
        visited.add(parent.number)
        parts.append(component(text(above.raw)))
        parent = above.parent
    return "/" + "/".join(reversed(parts))
