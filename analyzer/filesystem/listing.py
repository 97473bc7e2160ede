"""Plain files of one directory, as rows of the NameIndex: what most of a walk consists of.

A volume has so many of them that even making an Entry of each takes longer than reading them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.filesystem.entries import BOTH, MFT, Entry, Times
from analyzer.filesystem.name_index import NameIndex
from analyzer.filesystem.record_batch import Ints


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Rows of `names`, all plain, in the directory with path `directory`.

    Its index has exactly those that are in use (agreement.py).
    """

    names: NameIndex
    directory: str
    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def only_allocated(self) -> "Listed":
        """Without deleted files."""
        in_use = self.names.files.in_use[self.names.file[self.rows]]
        return Listed(self.names, self.directory, self.rows[in_use])

    def entries(self) -> Iterator[Entry]:
        """The same as entries."""
        names, files, prefix = self.names, self.names.files, self.directory.rstrip("/")
        file = names.file[self.rows]
        standard, own = files.standard[file].tolist(), names.times[self.rows].tolist()
        columns = (files.sequence, files.in_use, files.is_directory, files.size,
                   files.file_attributes, files.security)
        for row, si, fn, number, sequence, in_use, is_directory, size, flags, security in zip(
                self.rows.tolist(), standard, own, names.number[self.rows].tolist(),
                *(column[file].tolist() for column in columns), strict=True):
            name = names.texts[row]
            yield Entry(f"{prefix}/{name}", name, names.raw(row), number, sequence, in_use,
                        is_directory, size, Times(*(at or None for at in (*si, *fn))), (), None,
                        flags, None if security < 0 else security,
                        seen_by=BOTH if in_use else MFT)
