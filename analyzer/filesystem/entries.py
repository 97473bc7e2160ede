"""What a walk yields: one Entry for each name of each file, from our own look at its record."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from analyzer.blocks import Blocks
from analyzer.errors import EvidenceError
from analyzer.filesystem.attributes import (
    Attribute,
    AttributeType,
    FileName,
    StandardInformation,
    text,
)
from analyzer.filesystem.mft import MftRecord
from analyzer.filesystem.mft_table import MasterFileTable
from analyzer.filesystem.reparse import LARGEST, Reparse, parse_reparse
from analyzer.source import escape_name

ORPHANS: Final = "/$OrphanFiles"
"""Where files stand whose directory is not known any more."""
BOTH: Final = "index+mft"
"""In use in the index of its directory, and in the file's own record."""
MFT: Final = "mft"
"""In the file's own record alone; deleted files too, whatever is left of them in index slack."""
INDEX: Final = "index"
"""In the index alone: no $FILE_NAME of the file that it means has this name there."""
SLACK: Final = "slack"
"""In the slack of the index alone: a former name."""


class Times(NamedTuple):
    """The eight times, ticks: $STANDARD_INFORMATION's, and those of the name of this entry."""

    si_created: int | None = None
    si_modified: int | None = None
    si_changed: int | None = None
    si_accessed: int | None = None
    fn_created: int | None = None
    fn_modified: int | None = None
    fn_changed: int | None = None
    fn_accessed: int | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """A named $DATA attribute; size in bytes."""

    name: str
    size: int


class Entry(NamedTuple):
    """One name in one directory. A file with hard links has several, with the same inode.

    A tuple, as `Times` is: a volume has hundreds of thousands, and these are made five times as
    fast as frozen dataclasses.

    path             from "/"; a component whose name holds a slash is written by
                     source.escape_name, every other one is the name as it is
    name, raw_name   the name (see attributes.text) and its UTF-16LE as on disk
    inode, sequence  MFT number, and the sequence number of the file that is meant
    allocated        the name is in a directory and the record is in use
    size             bytes of the unnamed stream, 0 where there is none
    streams          the named streams
    file_attributes  flags of $STANDARD_INFORMATION
    seen_by          which look at the volume saw the name: see BOTH and its neighbours
    note             what is odd about it, parts joined by "; "
    """

    path: str
    name: str
    raw_name: bytes
    inode: int
    sequence: int
    allocated: bool
    is_directory: bool
    size: int = 0
    times: Times = Times()
    streams: tuple[Stream, ...] = ()
    reparse: Reparse | None = None
    file_attributes: int = 0
    security_id: int | None = None
    note: str = ""
    seen_by: str = MFT


@dataclass(frozen=True, slots=True)
class File:
    """One stream of a file; stream "" is the unnamed one. Reading `blocks` may raise."""

    path: str
    entry: Entry
    stream: str
    size: int
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Link:
    """A name found in a directory, before its record is looked into.

    record  None where there is none, or where it belongs to another file by now
    name    the matching $FILE_NAME, if any
    row     its row in the NameIndex
    """

    raw: bytes
    inode: int
    sequence: int
    allocated: bool
    is_directory: bool
    record: MftRecord | None = None
    name: FileName | None = None
    row: int | None = None
    note: str = ""
    seen_by: str = MFT


def component(name: str) -> str:
    """A name as it stands in a path."""
    return escape_name(name) if "/" in name else name


def join(directory: str, name: str) -> str:
    """Path of `name` in the directory with path `directory`."""
    return f"{directory.rstrip('/')}/{component(name)}"


def is_odd(name: str, raw: bytes) -> bool:
    """Names that Windows would not make: dots, slashes, control characters, lone surrogates."""
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        return True
    return any(c < " " for c in name) or len(raw) % 2 == 1


def make_entry(table: MasterFileTable, link: Link, directory: str) -> Entry:
    """The entry of a link in the directory with path `directory`; damage goes into its note."""
    name = text(link.raw)
    notes = [link.note] if link.note else []
    if is_odd(name, link.raw):
        notes.append("odd name")
    path = join(directory, name)
    record = link.record
    if record is None:
        return Entry(path, name, link.raw, link.inode, link.sequence, link.allocated,
                     link.is_directory, note="; ".join(notes), seen_by=link.seen_by)
    attributes, damage = table.whole(record)
    reparse, problem = _reparse(table, attributes)
    damage = damage or problem
    if damage is not None:
        notes.append("damaged record")
        table.report_record(record.number, damage)
    if _lacks_time(record.standard) or _lacks_time(link.name):
        notes.append("time missing")
    size, streams = stream_sizes(attributes)
    standard = record.standard or _NOTHING
    return Entry(path, name, link.raw, link.inode, link.sequence, link.allocated,
                 link.is_directory, size, times(record.standard, link.name), streams, reparse,
                 standard.file_attributes, standard.security_id, "; ".join(notes), link.seen_by)


def _lacks_time(found: StandardInformation | FileName | None) -> bool:
    """0 or past the year 9999, which NTFS never writes."""
    return found is not None and None in (found.created, found.modified, found.changed,
                                          found.accessed)


_NOTHING = StandardInformation(None, None, None, None, 0, None, None)


def times(standard: StandardInformation | None, name: FileName | None) -> Times:
    """The eight times of what there is."""
    s = standard or _NOTHING
    if name is None:
        return Times(s.created, s.modified, s.changed, s.accessed)
    return Times(s.created, s.modified, s.changed, s.accessed,
                 name.created, name.modified, name.changed, name.accessed)


def pieces(attributes: Iterable[Attribute], stream: str) -> list[Attribute]:
    """The $DATA attributes of one stream."""
    return [a for a in attributes if a.type == AttributeType.DATA and a.name == stream]


def stream_sizes(attributes: Iterable[Attribute]) -> tuple[int, tuple[Stream, ...]]:
    """Bytes of the unnamed stream, and the named ones."""
    sizes: dict[str, int] = {}
    for attribute in attributes:
        if attribute.type == AttributeType.DATA and attribute.first_vcn == 0:
            sizes.setdefault(attribute.name, attribute.size)
    size = sizes.pop("", 0)
    return size, tuple(Stream(name, sizes[name]) for name in sorted(sizes))


def _reparse(table: MasterFileTable,
             attributes: Iterable[Attribute]) -> tuple[Reparse | None, EvidenceError | None]:
    for attribute in attributes:
        if attribute.type == AttributeType.REPARSE_POINT:
            try:
                return parse_reparse(table.value(attribute, LARGEST)), None
            except EvidenceError as error:
                return None, error
    return None, None
