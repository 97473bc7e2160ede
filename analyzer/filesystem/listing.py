"""Plain files and directories as rows of the NameIndex: what most of a volume consists of.

A volume has so many of them that even making an Entry of each takes longer than reading them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analyzer.columns import Texts, join
from analyzer.filesystem.entries import BOTH, MFT, Entry, Times
from analyzer.filesystem.name_index import NameIndex
from analyzer.filesystem.record_batch import Flags, Ints

MOST: Final = 16_384
"""Rows together: bounds what they take as columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """One row a name: what an Entry says, for the names of which it says nothing else.

    times  (n, 8) ticks, in the order of entries.Times, 0 for None
    """

    number: Ints
    sequence: Ints
    parent: Ints
    name: Texts
    size: Ints
    allocated: Flags
    is_directory: Flags
    times: Ints
    file_attributes: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Rows of `names`, all plain; row `i` is in the directory with path `directories[place[i]]`.

    is_indexed  the index of each directory has exactly those that are in use (agreement.py); else
                no index was asked
    """

    names: NameIndex
    directories: tuple[str, ...]
    rows: Ints
    place: Ints
    is_indexed: bool = True

    @classmethod
    def of(cls, names: NameIndex, directory: str, rows: Ints) -> "Listed":
        """Of one directory."""
        return cls(names, (directory,), rows, np.zeros(len(rows), np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def file(self) -> Ints:
        """Rows of the files' table."""
        return self.names.file[self.rows]

    def only(self, chosen: Flags) -> "Listed":
        """Some of them."""
        return replace(self, rows=self.rows[chosen], place=self.place[chosen])

    def only_allocated(self) -> "Listed":
        """Without deleted files."""
        return self.only(self.names.files.in_use[self.file])

    def seen_by(self) -> Texts:
        """See Entry."""
        in_use = self.names.files.in_use[self.file] & self.is_indexed
        return Texts.of([MFT, BOTH]).take(in_use.astype(np.int64))

    def times(self) -> Ints:
        """(n, 8) ticks, 0 for None."""
        return self.names.times.take(self.names.met[self.rows], axis=0)

    def below(self, directories: Iterable[str], name: Texts) -> Texts:
        """Each `name` behind its directory as `directories` write it, with a slash at the end."""
        return join(Texts.of([*directories]), self.place, name)

    def paths(self, name: Texts) -> Texts:
        """The path of each; `name` as `columns` has it."""
        return self.below(map(_prefix, self.directories), name)

    def columns(self) -> Columns:
        """All but the paths as columns."""
        names, files, file = self.names, self.names.files, self.file
        return Columns(
            names.number[self.rows], files.sequence[file], names.parent[self.rows],
            names.plain_texts(self.rows), files.size[file], files.in_use[file],
            files.is_directory[file], self.times(), files.file_attributes[file])

    def entries(self) -> Iterator[Entry]:
        """The same as entries."""
        names, files, file = self.names, self.names.files, self.file
        prefixes = [_prefix(directory) for directory in self.directories]
        columns = (self.place, self.times(), names.number[self.rows], files.sequence[file],
                   files.in_use[file], files.is_directory[file], files.size[file],
                   files.file_attributes[file], files.security[file])
        for name, raw, place, times, number, sequence, in_use, is_directory, size, flags, \
                security in zip(names.texts(self.rows), names.raws(self.rows),
                                *(c.tolist() for c in columns), strict=True):
            found = Times(*times) if all(times) else Times(*(at or None for at in times))
            yield Entry(f"{prefixes[place]}{name}", name, raw, number, sequence, in_use,
                        is_directory, size, found, (), None, flags,
                        None if security < 0 else security,
                        seen_by=BOTH if in_use and self.is_indexed else MFT)


def gathered(found: Iterable[Entry | Listed]) -> Iterator[Entry | Listed]:
    """The same with rows of many directories together; entries come before rows met earlier."""
    waiting: list[Listed] = []
    count = 0
    for one in found:
        if not isinstance(one, Listed):
            yield one
            continue
        if count + len(one) > MOST and waiting:
            yield _together(waiting)
            waiting, count = [], 0
        waiting.append(one)
        count += len(one)
    if waiting:
        yield _together(waiting)


def _together(parts: list[Listed]) -> Listed:
    sizes = np.array([len(part.directories) for part in parts])
    shift = np.cumsum(sizes) - sizes
    places = [part.place + at for part, at in zip(parts, shift.tolist(), strict=True)]
    return Listed(parts[0].names, tuple(path for part in parts for path in part.directories),
                  np.concatenate([part.rows for part in parts]), np.concatenate(places))


def _prefix(directory: str) -> str:
    return f"{directory.rstrip('/')}/"
