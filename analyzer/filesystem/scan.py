"""A volume by its $MFT alone: every name with its path, its size and all eight times, as columns.

No index is read and The Sleuth Kit is not asked: the fastest look, and one that a damaged index
does not change. What the indexes add (names that only they have, and what is odd) the walk says.
"""

from collections.abc import Iterator

import numpy as np

from analyzer.columns import spread
from analyzer.filesystem.entries import ORPHANS, Entry, Link, join, make_entry
from analyzer.filesystem.listing import MOST, Listed
from analyzer.filesystem.name_index import NameIndex
from analyzer.filesystem.paths import directory_of
from analyzer.filesystem.record_batch import Flags, Ints
from analyzer.filesystem.walk import DEEPEST, LONGEST_PATH, ORPHAN, ROOT


def scan(names: NameIndex) -> Iterator[Entry | Listed]:
    """Every name of every file below the root: plain ones as rows, then the others as entries."""
    directories, place = _directories(names)
    is_listed = names.is_plain & (place >= 0)
    rows = np.flatnonzero(is_listed)
    for low in range(0, len(rows), MOST):
        part = rows[low:low + MOST]
        is_first = np.diff(place[part], prepend=-1) != 0  # rows are in order of directory
        used = place[part[is_first]].tolist()
        yield Listed(names, tuple(directories[number] for number in used), part,
                     np.cumsum(is_first) - 1, is_indexed=False)
    for row in np.flatnonzero(~is_listed & (names.number != ROOT)).tolist():
        entry = _entry(names, row)
        if entry is not None:
            yield entry


def _directories(names: NameIndex) -> tuple[list[str], Ints]:
    """Paths of all directories, and of each row its place among them; -1 where it has none.

    A directory is entered once, by the first of its names.
    """
    is_folder = names.is_ours.copy()
    is_folder[is_folder] = names.files.is_directory[names.file[is_folder]]
    place = np.full(len(names), -1, np.int64)
    paths, found = ["/"], list[str]()
    level, entered = np.array([ROOT]), names.files.number == ROOT
    for depth in range(DEEPEST + 1):
        low, high = (np.searchsorted(names.parent, level, side) for side in ("left", "right"))
        rows, owner = spread(low, high - low), np.repeat(np.arange(len(level)), high - low)
        ours = names.is_ours[rows]
        rows, owner = rows[ours], owner[ours]
        place[rows] = owner + len(found)
        found += paths
        may_enter = np.array([len(path) < LONGEST_PATH for path in paths])
        chosen = np.flatnonzero(is_folder[rows] & may_enter[owner])
        chosen = _first_of_each(chosen, names.file[rows[chosen]], entered)
        if depth == DEEPEST or not len(chosen):
            break
        level = names.number[rows[chosen]]
        paths = [join(paths[above], name) for above, name in zip(
            owner[chosen].tolist(), names.texts(rows[chosen]), strict=True)]
    return found, place


def _first_of_each(chosen: Ints, file: Ints, entered: Flags) -> Ints:
    """Those whose file stands for the first time and was not `entered`; now it is."""
    first = np.sort(np.unique(file, return_index=True)[1])
    first = first[~entered[file[first]]]
    entered[file[first]] = True
    return chosen[first]


def _entry(names: NameIndex, row: int) -> Entry | None:
    found = names.get(row)
    if found is None:
        return None
    record, directory = found.record, directory_of(names.table, found.name)
    return make_entry(names.table, Link(
        found.name.raw, record.number, record.sequence, record.in_use, record.is_directory, record,
        found.name, row, ORPHAN if directory.startswith(ORPHANS) else ""), directory)
