"""Addresses: `IMAGE!/C:/dir/file`, and `!/C:/...` again for each virtual disk on the way.

A volume is named by its letter (`C:`) or its number (`p1`). Files are looked up as the system
itself would: any case, through links. A disk inside is opened as its whole chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from analyzer import times
from analyzer.blocks import Blocks
from analyzer.disks.chain import Chain, build_chain, hinted_paths
from analyzer.errors import EvidenceError, NotInEvidence, UsageError
from analyzer.evidence import open_evidence
from analyzer.machines.disk_files import DiskFiles
from analyzer.machines.guests import chain_medium
from analyzer.machines.inventory import inventory
from analyzer.source import split_address, unescape_name
from analyzer.system import WindowsSystem, build_systems, open_systems
from analyzer.volume import Item, MountedVolume


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a listing; `modified_at` in ticks, `entry` the MFT entry."""

    name: str
    kind: str
    size: int
    entry: int | None = None
    modified_at: int | None = None
    allocated: bool = True


class Located:
    """What an address leads to: the volumes of a disk, a directory or a file."""

    def __init__(self, system: WindowsSystem, item: Item | None) -> None:
        self.system, self.item = system, item
        self.kind = "volumes" if item is None else \
            "directory" if item.entry.is_directory and not item.stream else "file"
        self._blocks: Blocks | None = None

    def list(self) -> list[Row]:
        """The volumes, or what lies in a directory; a file lists itself."""
        if self.item is None:
            return [_volume_row(volume) for volume in self.system.volumes]
        items = self.item.children() if self.kind == "directory" else [self.item]
        return [row for item in items for row in _rows(item)]

    @property
    def blocks(self) -> Blocks:
        """The content of a file; raises UsageError for anything else."""
        if self.item is None or self.kind != "file":
            raise UsageError("that is no file; `vmtrail ls` lists what is in it")
        if self._blocks is None:
            self._blocks = self.item.blocks()
        return self._blocks

    @property
    def size(self) -> int:
        """Bytes of a file."""
        return self.blocks.size

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of a file; raises Unreadable where they cannot be known."""
        return self.blocks.read_at(offset, length)

    def facts(self) -> dict[str, Any]:
        """What is known of it, for people; times as ISO 8601 texts."""
        if self.item is None:
            source = self.system.media[0].source
            return {"address": source.address, "kind": "disk",
                    "size": self.system.media[0].blocks.size,
                    "volumes": [row.name for row in self.list()]}
        return _facts(self.item)


def open_address(address: str) -> Located:
    """What an address leads to.

    Raises UsageError where there is no such image, volume, or name, EvidenceError where the
    evidence does not let it be read.
    """
    image, levels = split_address(address)
    systems = open_systems(open_evidence([Path(image)]))
    located = Located(systems[0], None)
    for number, level in enumerate(levels):
        if number:
            systems = inside(located)
            located = Located(systems[0], None)
        if level != "/":
            located = _look_up(systems, level)
    return located


def _look_up(systems: Sequence[WindowsSystem], level: str) -> Located:
    drive, _, path = level.lstrip("/").partition("/")
    drive = drive.removesuffix(":")
    for system in systems:
        if system.volume(drive) is None:
            continue
        spellings = dict.fromkeys((path, "/".join(map(unescape_name, path.split("/")))))
        for spelling in spellings:
            item = system.find(f"{drive}:/{spelling}")
            if item is not None:
                return Located(system, item)
        raise UsageError(_no_such(system, drive, path))
    known = ", ".join(volume.name for system in systems for volume in system.volumes)
    if "\\" in drive:
        raise UsageError(f"{level.lstrip('/')!r}: write / between names, not \\")
    if known:
        raise UsageError(f"no volume {drive}: there; the volumes are {known}")
    why = "; ".join(notice.what for system in systems for medium in system.media
                    for notice in medium.table.notices)
    raise UsageError(f"no volume {drive}: there: {why or 'the disk has no volumes'}")


def _no_such(system: WindowsSystem, drive: str, path: str) -> str:
    """How far the path is right, and what is there instead."""
    parts = [part for part in path.split("/") if part]
    for count in range(len(parts) - 1, -1, -1):
        item = system.find(f"{drive}:/{'/'.join(parts[:count])}")
        if item is not None:
            names = [child.name for child in item.children()] if item.entry.is_directory else []
            near = get_close_matches(parts[count], names, n=3, cutoff=0.5)
            hint = f"; there is {', '.join(near)}" if near else ""
            return f"{item.path} has no {parts[count]!r}{hint}"
    return f"no {path!r} on {drive}:"


def inside(located: Located) -> list[WindowsSystem]:
    """The systems on the virtual disk that was found."""
    if located.item is None or located.kind != "file":
        raise UsageError("`!/` goes into a virtual disk file")
    system = located.system
    chain = chain_at(system, located.item)
    items = [system.item_at(file.volume, file.source.entry or 0) for file in chain.files]
    medium = chain_medium(chain.disk, items)
    medium.notices += [notice for file in chain.files for notice in file.layer.notices]
    medium.notices += chain.notices
    return build_systems([medium], depth=system.depth + 1)


def chain_at(system: WindowsSystem, item: Item) -> Chain:
    """The chain on top of one disk file.

    Parents are first looked for where the locators say, accepted by their unique id alone; only
    if that fails is the whole system searched.
    """
    files = DiskFiles(system)
    top = files.add(item)
    if top is None:
        problems = "; ".join(problem.what for problem in system.problems())
        raise NotInEvidence(f"{item.path} is no virtual disk that can be opened: {problems}")
    chain, looked = build_chain(top, files.shelf()), 0
    while chain.broken and len(chain.files) > looked:
        looked = len(chain.files)
        for path in hinted_paths(chain.files[-1]):
            try:
                found = system.find(path)
            except EvidenceError:
                continue
            if found is not None:
                files.add(found)
        chain = build_chain(top, files.shelf())
    if not chain.broken:
        return chain
    return build_chain(top, inventory(system).shelf)


def _volume_row(volume: MountedVolume) -> Row:
    label = volume.filesystem.label if volume.filesystem else volume.partition.unsupported
    name = f"{volume.name} ({volume.volume_id}, {volume.partition.format}"
    return Row(f"{name}, {label})" if label else f"{name})", "volume", volume.partition.size)


def _rows(item: Item) -> list[Row]:
    entry = item.entry
    kind = entry.reparse.kind if entry.reparse is not None else \
        "directory" if entry.is_directory else "file"
    rows = [Row(item.name, kind, entry.size, entry.inode, entry.times.si_modified,
                entry.allocated)]
    rows += [Row(f"{item.name}:{stream.name}", "stream", stream.size, entry.inode,
                 entry.times.si_modified, entry.allocated) for stream in entry.streams]
    return rows


def _facts(item: Item) -> dict[str, Any]:
    entry, placed = item.entry, item.placed()
    facts: dict[str, Any] = {
        "address": item.source.address, "path": item.path, "size": entry.size,
        "allocated": entry.allocated, "directory": entry.is_directory,
        "mft_entry": entry.inode, "sequence": entry.sequence,
        "mft_record_image_offset": item.entry_source().image_offset,
        "content_image_offset": placed.image_offset, "owned_by_layer": placed.layer,
        "attributes": f"{entry.file_attributes:#x}",
    }
    for name in ("si_created", "si_modified", "si_changed", "si_accessed",
                 "fn_created", "fn_modified", "fn_changed", "fn_accessed"):
        facts[name] = times.iso(getattr(entry.times, name))
    if entry.reparse is not None:
        facts["link"] = f"{entry.reparse.kind} to {entry.reparse.substitute}"
    if entry.note:
        facts["note"] = entry.note
    facts["streams"] = [f"{stream.name}: {stream.size} bytes" for stream in entry.streams]
    return facts
