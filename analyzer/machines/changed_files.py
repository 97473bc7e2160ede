"""Which files of a guest the changed ranges of its disk belong to, by its NTFS volumes.

Content is placed by the data runs that files have before and after; MFT records in changed ranges
are compared byte by byte, and their files named. No content is read, so that "content" means: it
lies in a place that changed. Content in MFT records is compared. What no file holds at either
state (free clusters, directory indexes, security descriptors) is counted as metadata or free.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from analyzer.blocks import Blocks, Kind, Memory
from analyzer.disks.ranges import Numbers, Ranges
from analyzer.errors import EvidenceError
from analyzer.filesystem.ntfs import Entry, Ntfs
from analyzer.volume import MountedVolume

FileChange = Literal["added", "deleted", "renamed", "content", "record"]
_BASE: Final = slice(32, 38)
"""Where an MFT record has the number of the record that it extends; 0 for none."""


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file, before and after.

    change       "record": names, times, attributes or place, and no content
    path         Windows path after; of a deleted file before
    old_path     path before, where a file was renamed or moved
    entry        MFT entry
    size         bytes after; of a deleted file before
    changed_bytes  bytes of its content in changed ranges, before or after, whichever is more
    """

    change: FileChange
    path: str
    entry: int
    size: int
    changed_bytes: int
    old_path: str = ""


@dataclass(frozen=True, slots=True)
class VolumeChanges:
    """The changes of one volume. `other_bytes` are those in no file at either state.

    note  why files cannot be told, or ""
    """

    name: str
    offset: int
    changed_bytes: int
    other_bytes: int
    files: tuple[ChangedFile, ...] = ()
    note: str = ""


class _State:
    """One volume at one state; places are bytes of the disk."""

    def __init__(self, volume: MountedVolume, filesystem: Ntfs) -> None:
        self.volume, self.filesystem = volume, filesystem
        self._offset = volume.partition.offset

    @cached_property
    def runs(self) -> tuple[Numbers, Numbers, Numbers]:
        """MFT entry, start and length of every data run of every allocated file."""
        entries, starts, lengths = [], [], []
        seen: set[int] = set()
        for entry in self.filesystem.walk(deleted=False):
            if entry.inode in seen:
                continue
            seen.add(entry.inode)
            for blocks in self._streams(entry):
                map_ = blocks.extents()
                if map_ is not None:
                    placed = map_.kind == Kind.DATA
                    starts.append(map_.at[placed] + self._offset)
                    lengths.append(map_.length[placed])
                    entries.append(np.full(len(starts[-1]), entry.inode, np.int64))
        if not entries:
            return (np.empty(0, np.int64),) * 3
        return np.concatenate(entries), np.concatenate(starts), np.concatenate(lengths)

    def changed(self, ranges: Ranges) -> dict[int, int]:
        """Bytes of content in the ranges for each MFT entry that has any."""
        entries, starts, lengths = self.runs
        counts = ranges.inside(starts, lengths)
        found = np.flatnonzero(counts)
        sums: dict[int, int] = {}
        for entry, count in zip(entries[found].tolist(), counts[found].tolist(), strict=True):
            sums[entry] = sums.get(entry, 0) + count
        return sums

    def records(self, ranges: Ranges) -> set[int]:
        """Numbers of the MFT records that lie, in part at least, in the ranges."""
        numbers: set[int] = set()
        map_, size = self._table.extents(), self.filesystem.record_size
        for extent in map_ if map_ is not None else ():
            if extent.kind != Kind.DATA:
                continue
            place = extent.at + self._offset
            for low, high in ranges.within(place, extent.length):
                shift = extent.start - place
                numbers.update(range((low + shift) // size, -(-(high + shift) // size)))
        return numbers

    def record(self, number: int) -> bytes:
        """A record as it stands on the disk, b"" past the end; raises EvidenceError."""
        size = self.filesystem.record_size
        return self._table.read_at(number * size, size)

    def entry(self, number: int) -> Entry | None:
        """The file of an MFT entry; None where none is in use."""
        try:
            entry = self.filesystem.entry(number)
        except EvidenceError:
            return None
        return entry if entry.allocated else None

    def resident(self, entry: Entry) -> list[bytes]:
        """The content of streams that lie in the record itself, and so were read with it."""
        return [blocks.read_at(0, blocks.size) for blocks in self._streams(entry)
                if isinstance(blocks, Memory)]

    def path(self, entry: Entry) -> str:
        """`C:\\Windows\\x`."""
        return self.volume.windows_path(entry.path)

    @cached_property
    def _table(self) -> Blocks:
        return self.filesystem.open_file(self.filesystem.entry(0)).blocks

    def _streams(self, entry: Entry) -> Iterator[Blocks]:
        names = [stream.name for stream in entry.streams]
        for name in names if entry.is_directory else ["", *names]:
            try:
                yield self.filesystem.open_file(entry, name).blocks
            except EvidenceError:
                continue  # its runs make no sense: the bytes count as in no file


def changed_files(before: Sequence[MountedVolume], after: Sequence[MountedVolume],
                  ranges: Ranges) -> list[VolumeChanges]:
    """The changes of each volume, by its offset."""
    old = {volume.partition.offset: volume for volume in before}
    new = {volume.partition.offset: volume for volume in after}
    return [_volume(old.get(offset), new.get(offset), ranges)
            for offset in sorted({*old, *new})]


def _volume(before: MountedVolume | None, after: MountedVolume | None,
            ranges: Ranges) -> VolumeChanges:
    volume = after or before
    assert volume is not None
    partition = volume.partition
    inside = Ranges((low, high - low) for low, high in
                    ranges.within(partition.offset, partition.size))
    total = inside.total
    states = [_State(v, v.filesystem) if v is not None and v.filesystem is not None else None
              for v in (before, after)]
    notes = [f"{when}: {v.failure or v.partition.unsupported or 'no NTFS'}"
             for when, v in (("before", before), ("after", after))
             if v is not None and v.filesystem is None]
    if before is None or after is None:
        notes.append("this volume is there only " + ("after" if before is None else "before"))
    known = [state for state in states if state is not None]
    if not known or not total:
        return VolumeChanges(volume.name, partition.offset, total, total, (), "; ".join(notes))
    files: tuple[ChangedFile, ...] = ()
    other = total
    try:
        files = tuple(_files(states[0], states[1], inside))
        other = total - _covered(known, inside)
    except EvidenceError as error:
        notes.append(f"its files cannot be told: {error}")
    return VolumeChanges(volume.name, partition.offset, total, other, files, "; ".join(notes))


def _covered(states: Sequence[_State], ranges: Ranges) -> int:
    """Bytes of the ranges that lie in a file at one of the states."""
    starts = np.concatenate([state.runs[1] for state in states])
    ends = starts + np.concatenate([state.runs[2] for state in states])
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    starts[1:] = np.maximum(starts[1:], reach[:-1])
    return int(np.sum(ranges.inside(starts, np.maximum(reach - starts, 0))))


def _files(before: _State | None, after: _State | None, ranges: Ranges) -> list[ChangedFile]:
    old_bytes = before.changed(ranges) if before else {}
    new_bytes = after.changed(ranges) if after else {}
    records = _changed_records(before, after, ranges)
    rows: list[ChangedFile] = []
    for number in sorted({*old_bytes, *new_bytes, *records}):
        old = before.entry(number) if before else None
        new = after.entry(number) if after else None
        count = old_bytes.get(number, 0), new_bytes.get(number, 0)
        if before and after and old and new and _is_same(old, new):
            rows.append(_kept(before, old, after, new, max(count)))
            continue
        if before and old:
            rows.append(ChangedFile("deleted", before.path(old), number, old.size, count[0]))
        if after and new:
            rows.append(ChangedFile("added", after.path(new), number, new.size, count[1]))
    return sorted(rows, key=lambda row: (row.path.lower(), row.entry, row.change))


def _is_same(old: Entry, new: Entry) -> bool:
    """Whether two entries of one number are one file.

    In two snapshots that went on from a third one, different files can have one number and one
    sequence number; then their paths and their times of creation differ.
    """
    return old.sequence == new.sequence and (
        old.path == new.path or old.times.si_created == new.times.si_created)


def _kept(before: _State, old: Entry, after: _State, new: Entry, count: int) -> ChangedFile:
    """A file that is there at both states."""
    change: FileChange = "record"
    if old.path != new.path:
        change = "renamed"
    elif count or old.size != new.size or before.resident(old) != after.resident(new):
        change = "content"
    return ChangedFile(change, after.path(new), new.inode, new.size, count,
                       before.path(old) if change == "renamed" else "")


def _changed_records(before: _State | None, after: _State | None, ranges: Ranges) -> set[int]:
    """MFT entries whose record, or an extension of it, differs."""
    numbers: set[int] = set()
    for state in (before, after):
        numbers |= state.records(ranges) if state else set()
    found: set[int] = set()
    for number in numbers:
        records = [_record(state, number) if state else b"" for state in (before, after)]
        if None not in records and records[0] == records[1]:
            continue
        bases = [int.from_bytes(record[_BASE], "little") for record in records
                 if record is not None and record[:4] == b"FILE"]
        found.update(base or number for base in bases)
        found.update([number] if not bases else [])
    return found


def _record(state: _State, number: int) -> bytes | None:
    """A record; None where it cannot be read, which is equal to nothing."""
    try:
        return state.record(number)
    except EvidenceError:
        return None
