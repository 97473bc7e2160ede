"""Names in FILE records outside the present $MFT."""

from collections.abc import Iterator
from dataclasses import replace

from analyzer.filesystem.salvage import Salvaged
from analyzer.plugin import artifact
from analyzer.records import FileEntry, Record
from analyzer.system import WindowsSystem
from analyzer.volume import MountedVolume

NAME = "salvaged_files"


@artifact(FileEntry)
def salvaged_files(system: WindowsSystem) -> Iterator[Record]:
    """What only a scan for the signature of FILE records sees: files of an earlier format.

    Unallocated clusters are looked through, all of the volume where $MFT or $Bitmap is damaged;
    paths begin with `\\$Salvaged\\` and the record's offset in the volume.
    """
    for volume in system.volumes if system.owns_volumes else ():
        if volume.filesystem is None:
            continue
        found = volume.filesystem.salvage()
        system.cover(f"{volume.source.address}: {found.place}", found.state, NAME)
        system.notices(found.notices(), volume.source, NAME)
        for row in found.rows:
            for stream in ("", *(s.name for s in row.entry.streams)):
                yield system.own(_entry(volume, row, stream))


def _entry(volume: MountedVolume, row: Salvaged, stream: str) -> FileEntry:
    layer, at = volume.place(row.at)
    entry, times = row.entry, row.entry.times
    path = volume.windows_path(entry.path)
    sizes = {s.name: s.size for s in entry.streams}
    return FileEntry(
        source=replace(volume.source, detail="FILE record", offset=row.at, layer=layer,
                       image_offset=at),
        volume_id=volume.volume_id, path=f"{path}:{stream}" if stream else path,
        entry=row.number, sequence=entry.sequence, size=sizes.get(stream, entry.size),
        allocated=False, is_directory=entry.is_directory, stream=stream, note=entry.note,
        seen_by=entry.seen_by,
        si_created_at=times.si_created, si_modified_at=times.si_modified,
        si_changed_at=times.si_changed, si_accessed_at=times.si_accessed,
        fn_created_at=times.fn_created, fn_modified_at=times.fn_modified,
        fn_changed_at=times.fn_changed, fn_accessed_at=times.fn_accessed)
