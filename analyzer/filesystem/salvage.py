"""Files of FILE records that lie outside the present $MFT: of an earlier format, or moved away.

Their names, times and sizes are stated; whose they were is not known for sure, so their bytes
are not read: their data runs count in clusters of a volume that may not be this one.
"""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from analyzer.blocks import Blocks, Kind
from analyzer.errors import EvidenceError, Notice
from analyzer.filesystem.attributes import DOS, AttributeType, FileName, Reference, text
from analyzer.filesystem.entries import Entry, component, is_odd, pieces, stream_sizes, times
from analyzer.filesystem.free_space import FreeSpace
from analyzer.filesystem.mft import MftRecord, has_number, parse_record, stored_number
from analyzer.filesystem.name_index import NameIndex
from analyzer.filesystem.record_batch import Bytes, Ints, fix_sectors
from analyzer.filesystem.record_scan import Ground
from analyzer.filesystem.walk import ROOT

SALVAGED: Final = "/$Salvaged"
"""Where their names stand, each below the offset of its record."""
SCAN: Final = "scan"
MOST_BYTES: Final = 32 << 30
"""Read of one volume; a minute or two of processor time."""
MOST_RECORDS: Final = 500_000
MOST_NAMES: Final = 20_000
_LOST_TABLE: Final = frozenset(("NTFS-BOOT", "MFT-BOOT", "MFT-SIZE"))
"""Notices after which records of this very volume may lie outside what is taken for $MFT."""
_MIRRORED: Final = 4
"""Records in $MFTMirr."""
_MOST_LINKS: Final = 1024
"""Names of one file; Windows makes no more."""
_DEEPEST: Final = 64
_MOST_RUNS: Final = 4


@dataclass(frozen=True, slots=True)
class Salvaged:
    """One name of one record. `at` is its offset in the volume; `number` None where it has none."""

    at: int
    number: int | None
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Found:
    """One name as met: of which file, in which directory."""

    at: int
    file: Reference
    record: MftRecord
    name: FileName
    is_numbered: bool


@dataclass(slots=True)
class Salvage:
    """`run` once; then `rows`, `place` and `state` for the coverage, and the notices.

    copies     names that the present $MFT has too, of the same file
    repeated   names met before in this scan
    nameless   records without a name: parts of larger ones, and fresh ones
    """

    names: NameIndex
    ground: Ground
    rows: list[Salvaged] = field(default_factory=list)
    records: int = 0
    copies: int = 0
    repeated: int = 0
    nameless: int = 0
    is_cut: bool = False
    _found: dict[tuple[Reference, Reference, bytes], _Found] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What was looked through."""
        where = "unallocated clusters" if self.ground.free is not None else "whole volume"
        return f"FILE records outside $MFT, {where}"

    @property
    def state(self) -> str:
        """How far that went."""
        if self.ground.is_cut or self.is_cut:
            return "skipped by limit"
        return "partial" if self.ground.lost else "read"

    def run(self) -> "Salvage":
        """Go through the ground."""
        present = _Present(self.names)
        for at, data in self.ground.records():
            for place, raw in _whole(at, data):
                self._take(place, raw, present)
            if self.records >= MOST_RECORDS or len(self._found) >= MOST_NAMES:
                self.is_cut = True
                break
        directories = _Directories(self.names, list(self._found.values()))
        self.rows = [_row(found, directories) for found in self._found.values()]
        return self

    def notices(self) -> Iterator[Notice]:
        """What must be said of it."""
        if self.ground.why:
            yield Notice("NTFS-SCANALL", self.ground.why, "all of the volume is looked through for "
                         "FILE records, files with other file systems in them too")
        if self.records:
            yield Notice("NTFS-SCAN", f"{self.records} FILE records outside $MFT: {len(self.rows)} "
                         f"names of their own, {self.copies} that $MFT has too, {self.repeated} "
                         f"repeated, {self.nameless} records without a name",
                         f"the first are listed under {SALVAGED}, the others are only counted")
        if self.state == "skipped by limit":
            yield Notice("NTFS-SCANLIMIT", f"the scan for FILE records ended after "
                         f"{self.ground.read} bytes, {self.records} records and {len(self.rows)} "
                         f"names", "what lies behind is not looked through")
        for error in self.ground.lost:
            yield Notice("NTFS-SCANLOST", f"FILE records were looked for around unreadable bytes: "
                         f"{error.what}", "those that lie there are missing", error.start,
                         error.length)

    def _take(self, at: int, raw: bytes, present: "_Present") -> None:
        try:
            record = parse_record(raw, stored_number(raw))
        except EvidenceError:
            return  # a header that makes no sense: not a record
        self.records += 1
        file = record.base or record.reference
        names = [name for name in record.names if name.namespace != DOS] or record.names[:1]
        self.nameless += not names
        for name in names:
            key = file, name.parent, name.raw
            if present.has(file, record.in_use, name.raw):
                self.copies += 1
            elif key in self._found:
                self.repeated += 1
            elif len(self._found) < MOST_NAMES:
                is_numbered = record.base is not None or has_number(raw)
                self._found[key] = _Found(at, file, record, name, is_numbered)


def _whole(at: Ints, data: Bytes) -> Iterator[tuple[int, bytes]]:
    """The records whose sectors are all of one write."""
    for row in np.flatnonzero(fix_sectors(data.copy(), 40)).tolist():
        yield int(at[row]), data[row].tobytes()


def open_ground(blocks: Blocks, names: NameIndex, said: Set[str],
                bitmap: Callable[[], Blocks]) -> Ground:
    """Where to look on a volume: unallocated clusters, where they and $MFT can be believed.

    said    codes of the notices about the volume
    bitmap  opens $Bitmap, raises EvidenceError
    """
    table = names.table
    boot = table.boot
    taken = [(e.at, e.length) for e in table.map if e.kind == Kind.DATA]
    taken.append((boot.mirror, _MIRRORED * boot.record_size))
    free, why = None, ""
    if said & _LOST_TABLE or names.unsigned:
        why = "$MFT is damaged"
    else:
        try:
            free = FreeSpace.checked(bitmap(), boot.cluster_size, min(boot.size, blocks.size),
                                     table.map)
        except EvidenceError as error:
            why = f"$Bitmap is not used: {error.what}"
    return Ground(blocks, taken, boot.record_size, free, MOST_BYTES, why)


class _Present:
    """The names of the present $MFT by the number of their file."""

    def __init__(self, names: NameIndex) -> None:
        self.names = names
        self._order = np.argsort(names.number, kind="stable")
        self._numbers = names.number[self._order]

    def has(self, file: Reference, in_use: bool, raw: bytes) -> bool:
        """Whether the file has this name there, be it deleted since, or in use again."""
        low, high = np.searchsorted(self._numbers, [file.number, file.number + 1]).tolist()
        for row in self._order[low:min(high, low + _MOST_LINKS)].tolist():
            if self.names.raw(row) == raw and self._is_same(row, file.sequence, in_use):
                return True
        return False

    def _is_same(self, row: int, sequence: int, in_use: bool) -> bool:
        files, held = self.names.files, int(self.names.file[row])
        if held < 0:
            return False
        now, is_used = int(files.sequence[held]), bool(files.in_use[held])
        return now == sequence or (in_use and not is_used and now == sequence % 0xFFFF + 1)


class _Directories:
    """Paths of directories by reference, as far as the present $MFT or the records met agree."""

    def __init__(self, names: NameIndex, found: list[_Found]) -> None:
        self.table = names.table
        self._met: dict[Reference, set[tuple[bytes, Reference]]] = {}
        for one in found:
            if one.record.is_directory:
                named = one.name.raw, one.name.parent
                self._met.setdefault(one.file, set()).add(named)
                if not one.record.in_use:  # its references are one behind
                    before = Reference(one.file.number, one.file.sequence - 1)
                    self._met.setdefault(before, set()).add(named)
        self._known: dict[Reference, tuple[bytes, Reference] | None] = {}

    def path(self, directory: Reference) -> tuple[str, bool]:
        """The directory's path as far as it is known, without a slash in front; whether it all is.

        Known is a directory that one name fits: of the present $MFT, or of a record met.
        """
        parts: list[str] = []
        seen: set[Reference] = set()
        while directory.number != ROOT:
            above = self._name(directory)
            if above is None or directory in seen or len(seen) >= _DEEPEST:
                return "/".join(reversed(parts)), False
            seen.add(directory)
            parts.append(component(text(above[0])))
            directory = above[1]
        return "/".join(reversed(parts)), True

    def _name(self, directory: Reference) -> tuple[bytes, Reference] | None:
        if directory not in self._known:
            met = self._met.get(directory, set()) | self._present(directory)
            self._known[directory] = next(iter(met)) if len(met) == 1 else None
        return self._known[directory]

    def _present(self, directory: Reference) -> set[tuple[bytes, Reference]]:
        try:
            record = self.table.record(directory.number)
        except EvidenceError:
            return set()
        if not record.is_directory or record.sequence != directory.sequence:
            return set()
        return {(name.raw, name.parent) for name in record.names if name.namespace != DOS}


def _row(found: _Found, directories: _Directories) -> Salvaged:
    """The entry of a name; what is odd or not known goes into its note."""
    record, name = found.record, text(found.name.raw)
    folder, is_known = directories.path(found.name.parent)
    size, streams = stream_sizes(record.attributes)
    standard = record.standard
    path = "/".join(filter(None, (SALVAGED, f"{found.at:x}", folder, component(name))))
    entry = Entry(
        path, name, found.name.raw, found.file.number, found.file.sequence, allocated=False,
        is_directory=record.is_directory, size=size, times=times(standard, found.name),
        streams=streams, file_attributes=standard.file_attributes if standard else 0,
        note="; ".join(_notes(found, is_known)), seen_by=SCAN)
    return Salvaged(found.at, found.file.number if found.is_numbered else None, entry)


def _notes(found: _Found, is_known: bool) -> Iterator[str]:
    record = found.record
    yield (f"FILE record outside $MFT, at byte {found.at:#x} of the volume; "
           f"{'in use' if record.in_use else 'deleted'} when it was written")
    if not is_known:
        yield f"directory not known (MFT entry {found.name.parent.number})"
    if is_odd(text(found.name.raw), found.name.raw):
        yield "odd name"
    if record.damage is not None:
        yield "damaged record"
    if record.base is not None or any(record.of_type(AttributeType.ATTRIBUTE_LIST)):
        yield "in several records, of which this is one; sizes may lie in the others"
    yield from _runs(record)


def _runs(record: MftRecord) -> Iterator[str]:
    """Where the record says that the unnamed stream is."""
    for piece in pieces(record.attributes, ""):
        if piece.value is not None:
            return
        try:
            runs = [run for run in piece.runs() if run.lcn is not None]
        except EvidenceError:
            return
        some = ", ".join(f"{run.lcn}+{run.length}" for run in runs[:_MOST_RUNS])
        more = " ..." if len(runs) > _MOST_RUNS else ""
        yield f"data was at clusters {some}{more}"
        return
