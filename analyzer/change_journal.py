"""Change journals of a system's volumes: which of their records can be read, and whose folder.

The stream is sparse: what Windows no longer keeps is a hole at its beginning, which is not read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from analyzer.blocks import Blocks, Kind
from analyzer.errors import EvidenceError, Notice, Unreadable
from analyzer.formats.machine_files import may_concern
from analyzer.formats.usn import PAGE, Change, changes
from analyzer.places import there
from analyzer.system import WindowsSystem
from analyzer.volume import Item

READER: Final = "change_journal"
STREAM: Final = "$J"
PIECE: Final = 1024 * PAGE
LARGEST: Final = 1 << 30
"""Bytes of one journal that are read, the newest; Windows keeps 32 MiB, or as it was told."""


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """One record and the journal it stands in; `folder` is a Windows path, "" where not known."""

    journal: Item
    change: Change
    folder: str


def changed(system: WindowsSystem) -> Iterator[Changed]:
    """Records of every volume's journal about names that may be of machines.

    What cannot be read is a Problem.
    """
    for item in there(system, READER) if system.owns_volumes else ():
        journal = replace(item, stream=STREAM)
        notices: list[Notice] = []
        folders: dict[tuple[int, int], str] = {}
        for at, data in _pieces(system, item, journal):
            for change in changes(data, at, notices, may_concern):
                if change.parent not in folders:
                    folders[change.parent] = _folder(journal, *change.parent)
                yield Changed(journal, change, folders[change.parent])
        if notices:
            system.notices(notices, journal.source, READER)
            system.cover(item.path, "partial", READER)


def _pieces(system: WindowsSystem, item: Item, journal: Item) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of what is stored, a page at a time where sectors cannot be read."""
    try:
        blocks = journal.blocks()
        stored = _stored(blocks)
    except EvidenceError as error:
        system.problem(error, journal.source, "what this journal says is missing", READER)
        system.cover(item.path, "unreadable", READER)
        return
    left_out = sum(end - start for start, end in stored) - LARGEST
    for start, end in stored:
        skipped = min(max(left_out, 0), end - start) // PAGE * PAGE
        left_out -= skipped
        if skipped:
            system.cover(item.path, "skipped by limit", READER)
        for at in range(start + skipped, end, PIECE):
            try:
                yield at, blocks.read_at(at, min(PIECE, end - at))
            except Unreadable as error:
                system.problem(error, journal.source, "changes of that time are missing", READER)
                system.cover(item.path, "partial", READER)
                yield from _pages(blocks, at, min(at + PIECE, end))


def _stored(blocks: Blocks) -> list[tuple[int, int]]:
    """Ranges that are no holes."""
    extents = blocks.extents()
    if extents is None:
        return [(0, blocks.size)]
    return [(row.start, row.end) for row in extents if row.kind != Kind.ZERO]


def _pages(blocks: Blocks, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The pages that can be read."""
    for at in range(start, end, PAGE):
        try:
            yield at, blocks.read_at(at, min(PAGE, end - at))
        except Unreadable:
            continue  # the first of them was said


def _folder(journal: Item, number: int, sequence: int) -> str:
    """Path of a folder as the volume has it now; a deleted one's number of use is one higher."""
    filesystem = journal.volume.filesystem
    assert filesystem is not None
    try:
        entry = filesystem.entry(number)
    except EvidenceError:
        return ""
    if not entry.is_directory or entry.sequence != sequence + (not entry.allocated):
        return ""
    return journal.volume.windows_path(entry.path)
