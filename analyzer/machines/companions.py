"""Files that belong to a virtual disk without being one, tied to it by name.

    <disk>.rct, <disk>.mrt    resilient change tracking and its modified region table (2016+)
    <disk>.hrl                Hyper-V Replica log (2012+)
    <set>.vhds                VHD Set: the small file in front of <set>_<GUID>.avhdx (2016+)
    <disk>-AutoRecovery.avhd  differencing disk of a merge that is resumed after a failure

Their contents are not public (FIELD-GUIDE 8.5, 8.6): what is said is that they are there, and
whose they are. A name is no proof, so the basis of each tie is given.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from analyzer.disks.chain import Shelf
from analyzer.volume import Item

KINDS = {
    ".rct": "resilient change tracking", ".mrt": "modified region table",
    ".hrl": "replica log", ".vhds": "VHD Set",
}
RECOVERY = re.compile(r"(.+)-AutoRecovery\.(avhdx?)", re.IGNORECASE)
BACKING = re.compile(r"(.+)[_-]\{?[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}?\.avhdx",
                     re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Companion:
    """One such file; `disk_path` is that of its disk, "" where no such disk is there."""

    item: Item
    kind: str
    disk_path: str
    basis: str


def is_companion(item: Item) -> bool:
    """Whether a file's name says that it accompanies a disk."""
    entry = item.entry
    if entry.is_directory or not entry.allocated:
        return False
    return _suffix(item) in KINDS or RECOVERY.fullmatch(entry.name) is not None


def tie(items: Iterable[Item], shelf: Shelf) -> Iterator[Companion]:
    """Each file with its disk or disks."""
    for item in items:
        suffix = _suffix(item)
        if suffix == ".vhds":
            yield from _set(item, shelf)
        elif suffix in KINDS:
            disk = shelf.at_path(item.path[:-len(suffix)])
            yield Companion(item, KINDS[suffix], disk.path if disk is not None else "",
                            "name" if disk is not None else "no disk of that name beside it")
        else:
            yield _recovery(item, shelf)


def _suffix(item: Item) -> str:
    return f".{item.name.lower().rpartition('.')[2]}"


def _set(item: Item, shelf: Shelf) -> Iterator[Companion]:
    stem = item.path[:-len(".vhds")].lower()
    backing = [file for file in shelf.files
               if (match := BACKING.fullmatch(file.path)) and match[1].lower() == stem]
    for file in backing:
        yield Companion(item, KINDS[".vhds"], file.path, "name of the backing disk")
    if not backing:
        yield Companion(item, KINDS[".vhds"], "", "no backing disk of that name beside it")


def _recovery(item: Item, shelf: Shelf) -> Companion:
    own = shelf.at_path(item.path)
    parents = shelf.parents_of(own) if own is not None else []
    kind = "recovery disk of an interrupted merge"
    if parents:
        return Companion(item, kind, parents[0].path, "the id of its parent")
    return Companion(item, kind, "", "its parent is not there")
