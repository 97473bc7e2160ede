"""Citations: does the place that a statement comes from still hold what was said of it?

    Source(evidence, "/p1/a/x.avhd!/p1/dir/file", entry=38, image_offset=...)

Disks on the way are opened as chains, as for `vmtrail cat`; the one that was last looked into
stays open, so citations are best asked in order of their paths.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from analyzer.address import Located, inside
from analyzer.blocks import Blocks, Kind
from analyzer.errors import NotInEvidence, UsageError
from analyzer.source import Source
from analyzer.system import WindowsSystem
from analyzer.times import iso
from analyzer.volume import Item, MountedVolume

_TIMES: Final = tuple(f"{kind}_{time}" for kind in ("si", "fn")
                      for time in ("created", "modified", "changed", "accessed"))


class Citations:
    """Looks citations up in the systems of one computer."""

    def __init__(self, systems: Sequence[WindowsSystem]) -> None:
        self._levels: list[tuple[str, Sequence[WindowsSystem]]] = [("", systems)]
        self._system = systems[0]
        self._names = cache(_names)

    def check(self, source: Source, file: Mapping[str, Any] | None = None) -> str:
        """What no longer holds, "" where everything does.

        `file` is the row of `file_entry` to compare, where the statement is one of those. Raises
        EvidenceError where the place cannot be read.
        """
        if not source.path:
            return self._image(source)
        try:
            volume = self._volume(source)
            if source.address == volume.source.address:
                return ""
            item = self._item(volume, source)
        except NotInEvidence as error:
            return error.what
        return _offsets(item, source) or (_differences(item, file) if file is not None else "")

    def _image(self, source: Source) -> str:
        for medium in self._levels[0][1][0].media:
            if medium.source.evidence == source.evidence:
                at = source.image_offset
                return "" if at is None or at < medium.blocks.size else \
                    f"the image ends before offset {at}"
        return f"no image {source.evidence}"

    def _volume(self, source: Source) -> MountedVolume:
        """The volume a file lies on, the disks on the way being opened."""
        *disks, last = source.path.split("!/")
        address = source.evidence
        for depth in range(len(disks)):
            path = "!/".join(disks[:depth + 1])
            volume = self._mounted(depth, address, disks[depth])
            address = f"{source.evidence}!{path}"
            if len(self._levels) <= depth + 1 or self._levels[depth + 1][0] != address:
                del self._levels[depth + 1:]
                self._levels.append((address, self._open(volume, Source(source.evidence, path))))
        return self._mounted(len(disks), address, last)

    def _mounted(self, depth: int, disk: str, path: str) -> MountedVolume:
        """The volume that the path begins with, of a disk of this level."""
        address = f"{disk}!/{path.lstrip('/').partition('/')[0]}"
        for system in self._levels[depth][1]:
            for volume in system.volumes:
                if volume.source.address == address:
                    self._system = system
                    return volume
        raise NotInEvidence(f"there is no volume {address}")

    def _open(self, volume: MountedVolume, source: Source) -> Sequence[WindowsSystem]:
        """The systems on a disk file of the volume that was found last."""
        item = self._item(volume, source)
        try:
            return inside(Located(self._system, item))
        except UsageError as error:
            raise NotInEvidence(str(error)) from error

    def _item(self, volume: MountedVolume, source: Source) -> Item:
        """The item of a path and MFT entry; raises NotInEvidence for another name or number."""
        if volume.filesystem is None:
            raise volume.failure or NotInEvidence(f"{volume.name} is not decoded")
        prefix = f"{volume.source.address}/"
        path = "/" + source.address.removeprefix(prefix)
        spellings = [(path, "")]
        if ":" in path:
            name, _, stream = path.rpartition(":")
            spellings.append((name, stream))
        if source.entry is not None:
            entry = volume.filesystem.entry(source.entry)
            for _, stream in spellings:
                if Item(volume, entry, stream).source.path == source.path:
                    return Item(volume, entry, stream)
        for name, stream in spellings:
            for number in self._names(volume).get(name, ()):
                if source.entry in (None, number):
                    return Item(volume, volume.filesystem.entry(number), stream)
        now = f"; MFT entry {source.entry} is {entry.path}" if source.entry is not None else ""
        raise NotInEvidence(f"no {path} on {volume.source.address}{now}")


def _names(volume: MountedVolume) -> dict[str, list[int]]:
    """Path -> MFT entries of everything on a volume, as a walk sees it; for hard links, deleted
    names and other spellings.
    """
    found: dict[str, list[int]] = {}
    for item in volume.walk():
        found.setdefault(item.entry.path.replace("!/", "%21/"), []).append(item.entry.inode)
    return found


def _offsets(item: Item, source: Source) -> str:
    """Whether the offsets still lead where they led."""
    if source.offset is not None:
        blocks = item.blocks()
        if source.offset >= blocks.size:
            return f"the file has {blocks.size} bytes; offset {source.offset} is past its end"
        blocks.read_at(source.offset, 1)
    at = source.image_offset
    if at is None or at in _starts(item):
        return ""
    if not item.entry.is_directory and any(low <= at < high for low, high in _extents(item)):
        return ""
    starts = ", ".join(str(start) for start in sorted(_starts(item)))
    return f"image offset {at} is not of this file (it is at {starts or 'no single place'})"


def _starts(item: Item) -> set[int]:
    starts = {item.entry_source().image_offset}
    if not item.entry.is_directory:
        starts.add(item.placed().image_offset)
    return {start for start in starts if start is not None}


def _extents(item: Item) -> Iterator[tuple[int, int]]:
    """Ranges of the acquired image that hold the content."""
    blocks: Blocks = item.blocks()
    map_ = blocks.extents()
    for extent in map_.find(0, blocks.size) if map_ is not None else ():
        if extent.kind == Kind.DATA:
            start = item.volume.medium.locate(extent.at)[1]
            if start is not None:
                yield start, start + extent.length


def _differences(item: Item, file: Mapping[str, Any]) -> str:
    """Which facts of a file are not what the case says."""
    entry, size = item.entry, item.entry.size
    if file["stream"]:
        size = next((s.size for s in entry.streams if s.name == file["stream"]), -1)
    now = {"sequence": entry.sequence, "size": size, "allocated": entry.allocated,
           "is_directory": entry.is_directory}
    now |= {f"{name}_at": getattr(entry.times, name) for name in _TIMES}
    wrong = [name for name, value in now.items() if file[name] != value]
    return ", ".join(f"{name} was {_shown(name, file[name])}, is {_shown(name, now[name])}"
                     for name in wrong)


def _shown(name: str, value: Any) -> str:
    return iso(value) or "none" if name.endswith("_at") else str(value)
