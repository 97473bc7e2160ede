"""Path look-up: case-insensitive, through symbolic links, junctions and mount points.

Links are followed across the volumes of the evidence and nowhere else. A link that leads out
of the evidence raises NotInEvidence with the path it wanted; a loop raises Corrupt.
"""

import re
from collections.abc import Callable, Sequence

from analyzer.errors import Corrupt, NotInEvidence
from analyzer.filesystem.ntfs import Entry
from analyzer.filesystem.reparse import Reparse
from analyzer.volume import Item, MountedVolume, split_windows_path

MOST_LINKS = 63
"""Windows follows as many reparse points in one look-up."""
GUID_PATH = re.compile(r"(?:\\\?\?\\|\\\\\?\\)Volume\{([0-9A-F-]{36})\}(.*)", re.IGNORECASE)
FOLLOWED = ("symlink", "junction", "mount point")


def look_up(path: str, volumes: Sequence[MountedVolume],
            volume_of: Callable[[str], MountedVolume | None]) -> Item | None:
    """The item at a Windows path; None where no such name is there.

    `volume_of` gives the volume of a drive letter or `p` number.
    """
    drive, parts = split_windows_path(path)
    volume = volume_of(drive)
    if volume is None:
        raise NotInEvidence(f"{path}: no volume {drive}: in the evidence" if drive else
                            f"{path}: a path without a drive letter, as of another computer")
    place: tuple[MountedVolume, list[str]] = volume, _normalised(parts, [])
    for _ in range(MOST_LINKS + 1):
        found = _descend(*place)
        if not isinstance(found, _Jump):
            return found
        place = _target(found, volumes, volume_of)
    raise Corrupt(f"{path} leads through more than {MOST_LINKS} links")


def is_link(entry: Entry) -> bool:
    """Whether an entry leads elsewhere; other reparse points (dedup, WOF) are files."""
    return entry.reparse is not None and entry.reparse.kind in FOLLOWED


def link_target(reparse: Reparse) -> str:
    """Where a link leads, as a Windows path, without the object manager's prefix."""
    text = reparse.substitute or reparse.printed
    return text.removeprefix("\\??\\")


class _Jump:
    """A link met on the way: the names before it, and those still to come."""

    def __init__(self, volume: MountedVolume, item: Item, done: list[str],
                 rest: list[str]) -> None:
        self.volume, self.item, self.done, self.rest = volume, item, done, rest


def _descend(volume: MountedVolume, parts: list[str]) -> "Item | _Jump | None":
    item = volume.root()
    for index, part in enumerate(parts):
        name, _, stream = part.partition(":")
        below = item.child(name)
        if below is None:
            return None
        item = below
        if is_link(item.entry):
            return _Jump(volume, item, parts[:index], parts[index + 1:])
        if stream and index == len(parts) - 1:
            return Item(volume, item.entry, stream.removesuffix(":$DATA"))
    return item


def _target(jump: _Jump, volumes: Sequence[MountedVolume],
            volume_of: Callable[[str], MountedVolume | None]) \
        -> tuple[MountedVolume, list[str]]:
    reparse = jump.item.entry.reparse
    assert reparse is not None
    if reparse.is_relative:
        return jump.volume, _normalised([*jump.done, *_parts(reparse.substitute)], jump.rest)
    if match := GUID_PATH.fullmatch(reparse.substitute):
        for mounted in volumes:
            if match[1].upper() in mounted.guids:
                return mounted, _normalised(_parts(match[2]), jump.rest)
        raise NotInEvidence(f"{jump.item.path} leads to volume {{{match[1]}}}, not in the evidence")
    target = link_target(reparse)
    drive, parts = split_windows_path(target)
    volume = volume_of(drive) if re.match(r"[A-Za-z]:", target) else None
    if volume is None:
        raise NotInEvidence(f"{jump.item.path} leads to {target}, not in the evidence")
    return volume, _normalised(parts, jump.rest)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("\\") if part]


def _normalised(parts: list[str], rest: list[str]) -> list[str]:
    """`..` and `.` worked out, as Windows does before it looks a path up."""
    done: list[str] = []
    for part in parts:
        if part == "..":
            del done[-1:]
        elif part != ".":
            done.append(part)
    return done + rest
