"""Files and directories of a system."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from analyzer.file_batch import file_batch
from analyzer.filesystem.touched import Touched
from analyzer.plugin import artifact
from analyzer.records import Batch, FileEntry, Record
from analyzer.source import Source
from analyzer.system import WindowsSystem
from analyzer.volume import Item


@artifact(FileEntry, last=True)
def file_entries(system: WindowsSystem) -> Iterator[Record | Batch]:
    """Every name on the NTFS volumes, deleted ones too, with both sets of times and its streams."""
    for volume in system.volumes if system.owns_volumes else ():
        lost = volume.touched()
        spoilt = np.array(sorted({inode for inode, _ in lost}), np.int64)
        for found in volume.listing():
            if isinstance(found, Item):
                yield from _owned(system, found, lost)
                continue
            is_spoilt = np.isin(found.names.number[found.rows], spoilt)
            yield system.own(file_batch(volume, found.only(~is_spoilt)))
            for entry in found.only(is_spoilt).entries():
                yield from _owned(system, volume.item(entry), lost)


def _owned(system: WindowsSystem, item: Item,
           lost: Mapping[tuple[int, str], Touched]) -> Iterator[Record]:
    """The entries of an item, with what of them cannot be read."""
    for entry in _entries(item):
        touched = lost.get((item.entry.inode, entry.stream))
        if touched is not None:
            note = "; ".join(filter(None, (entry.note, touched.note)))
            entry = replace(entry, note=note)
        yield system.own(entry)


def _entries(item: Item) -> Iterator[FileEntry]:
    """The entry itself, and one for each named stream."""
    source = item.entry_source()
    yield _entry(item, source, item.path, item.entry.size, "")
    for stream in item.entry.streams:
        yield _entry(item, source, f"{item.path}:{stream.name}", stream.size, stream.name)


def _entry(item: Item, source: Source, path: str, size: int, stream: str) -> FileEntry:
    entry, times = item.entry, item.entry.times
    return FileEntry(
        source=source, volume_id=item.volume.volume_id, path=path, entry=entry.inode,
        sequence=entry.sequence, size=size, allocated=entry.allocated,
        is_directory=entry.is_directory, stream=stream, note=entry.note,
        seen_by=entry.seen_by,
        link_target=entry.reparse.substitute if entry.reparse else "",
        si_created_at=times.si_created, si_modified_at=times.si_modified,
        si_changed_at=times.si_changed, si_accessed_at=times.si_accessed,
        fn_created_at=times.fn_created, fn_modified_at=times.fn_modified,
        fn_changed_at=times.fn_changed, fn_accessed_at=times.fn_accessed)
