"""A volume by its $MFT alone: every name with its path, its size and all eight times, as columns.

No index is read and The Sleuth Kit is not asked: the fastest look, and one that a damaged index
does not change. What the indexes add (names that only they have, and what is odd) the walk says.
"""

from collections.abc import Iterator

import numpy as np

from analyzer.filesystem.entries import ORPHANS, Entry, Link, join, make_entry
from analyzer.filesystem.listing import MOST, Listed
from analyzer.filesystem.name_index import NameIndex
from analyzer.filesystem.paths import directory_of
from analyzer.filesystem.record_batch import Ints
from analyzer.filesystem.walk import DEEPEST, LONGEST_PATH, ORPHAN, ROOT


def scan(names: NameIndex) -> Iterator[Entry | Listed]:
    """Every name of every file below the root: plain ones as rows, then the others as entries."""
    directories, place = _directories(names)
    is_listed = names.is_plain & (place >= 0)
    rows = np.flatnonzero(is_listed)
    for low in range(0, len(rows), MOST):
        part = rows[low:low + MOST]
        used, at = np.unique(place[part], return_inverse=True)
        yield Listed(names, tuple(directories[number] for number in used.tolist()), part, at,
                     is_indexed=False)
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
    found: list[tuple[int, str, int]] = [(ROOT, "/", 0)]
    entered = {ROOT}
    place = np.full(len(names), -1, np.int64)
    for here, (number, path, depth) in enumerate(found):
        rows = names.rows(number)
        part = slice(rows.start, rows.stop)
        place[part] = np.where(names.is_ours[part], here, -1)
        if depth >= DEEPEST or len(path) >= LONGEST_PATH:
            continue
        folders = np.flatnonzero(is_folder[part]) + rows.start
        for child, name in zip(names.number[folders].tolist(), names.texts(folders), strict=True):
            if child not in entered:
                entered.add(child)
                found.append((child, join(path, name), depth + 1))
    return [path for _, path, _ in found], place


def _entry(names: NameIndex, row: int) -> Entry | None:
    found = names.get(row)
    if found is None:
        return None
    record, directory = found.record, directory_of(names.table, found.name)
    return make_entry(names.table, Link(
        found.name.raw, record.number, record.sequence, record.in_use, record.is_directory, record,
        found.name, row, ORPHAN if directory.startswith(ORPHANS) else ""), directory)
