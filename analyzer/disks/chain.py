"""Chains: who is whose parent among the disk files of the evidence.

A parent is found by its unique id and by nothing else. Locators choose between copies that
carry the same id, and tell where a missing parent was; no path is ever opened.
"""

import ntpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from analyzer.disks.disk import Disk
from analyzer.disks.layer import Layer
from analyzer.errors import Notice
from analyzer.source import Source

DEEPEST = 256


@dataclass(frozen=True, slots=True, eq=False)
class DiskFile:
    """One virtual disk file of the evidence.

    path        Windows path on its system, `D:\\VMs\\web.avhd`
    volume      address of the volume it lies on
    changed_at  last change of its content ($STANDARD_INFORMATION), ticks
    """

    source: Source
    path: str
    layer: Layer
    volume: str = ""
    changed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """All disk files among which parents are looked for, in a fixed order."""

    files: tuple[DiskFile, ...]
    _by_id: dict[str, list[DiskFile]] = field(default_factory=dict)
    _by_path: dict[str, DiskFile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for file in self.files:
            self._by_id.setdefault(file.layer.disk_id, []).append(file)
            self._by_path.setdefault(file.path.lower(), file)

    def with_id(self, disk_id: str) -> Sequence[DiskFile]:
        """Every file with that unique id."""
        return self._by_id.get(disk_id, ())

    def at_path(self, path: str) -> DiskFile | None:
        """The file at a Windows path, whatever the case of its letters."""
        return self._by_path.get(ntpath.normpath(path).lower())


@dataclass(frozen=True)
class Chain:
    """A disk file with its parents, top first.

    broken  "" where the chain is whole, else why it ends: "parent missing", "wrong parent",
            "cyclic", "too deep"
    bases   for each file below the top, what it was found by
    """

    files: tuple[DiskFile, ...]
    bases: tuple[str, ...]
    broken: str
    notices: tuple[Notice, ...]

    @cached_property
    def disk(self) -> Disk:
        """The chain as one disk."""
        return Disk([file.layer for file in self.files])

    def unreadable(self, depth: int) -> list[tuple[int, int]]:
        """(offset, length) of what cannot be read of the disk as seen from one layer down."""
        return Disk([file.layer for file in self.files[depth:]]).unreadable()

    def verdict(self, depth: int) -> str:
        """What can be said of one layer, in words: "complete" or what is wrong."""
        codes = {notice.code for notice in self.files[depth].layer.notices}
        words = [word for code, word in _WORDS.items() if code in codes]
        if self.broken and depth == len(self.files) - 1:
            words.append(self.broken)
        return "; ".join(words) or "complete"


_WORDS: Mapping[str, str] = {
    "VHD-FOOTER": "footer repaired from its copy",
    "VHD-CRC": "checksum wrong",
    "VHD-BAT": "block table damaged",
    "VHD-TRUNC": "truncated",
}


def build_chain(top: DiskFile, shelf: Shelf) -> Chain:
    """Follow parents by unique id; ends, and says why, at the first that is not there."""
    files, bases = [top], [""]
    notices: list[Notice] = []
    broken = ""
    while (link := files[-1].layer.parent) is not None:
        child = files[-1]
        candidates = shelf.with_id(link.disk_id)
        fresh = [file for file in candidates if file not in files]
        if candidates and not fresh:
            broken = "cyclic"
            notices.append(Notice("VHD-CYCLE", f"{child.path} has a parent that is its own child",
                                  "the chain was cut there; the parent's sectors are unreadable"))
            break
        if not fresh:
            broken, notice = _missing(child, shelf)
            notices.append(notice)
            break
        if len(files) == DEEPEST:
            broken = "too deep"
            notices.append(Notice("VHD-DEPTH", f"more than {DEEPEST} layers",
                                  "the layers beyond are not read; their sectors are unreadable"))
            break
        files.append(_choose(child, fresh, notices))
        bases.append(f"unique id {link.disk_id}")
        _compare_time(child, files[-1], notices)
    return Chain(tuple(files), tuple(bases), broken, tuple(notices))


def hinted_paths(child: DiskFile) -> Iterator[str]:
    """Absolute Windows paths that the child's locators give for its parent."""
    folder = ntpath.dirname(child.path)
    for hint in child.layer.parent.hints if child.layer.parent else ():
        yield ntpath.normpath(hint if ntpath.isabs(hint) else ntpath.join(folder, hint))


def _missing(child: DiskFile, shelf: Shelf) -> tuple[str, Notice]:
    wanted = child.layer.parent.disk_id if child.layer.parent else ""
    paths = list(hinted_paths(child))
    for path in paths:
        other = shelf.at_path(path)
        if other is not None:
            return "wrong parent", Notice(
                "VHD-PARENTID",
                f"the parent of {child.path} has unique id {wanted}; {other.path}, where it was, "
                f"has {other.layer.disk_id}",
                "it was not attached; the parent's sectors are unreadable")
    return "parent missing", Notice(
        "VHD-NOPARENT",
        f"no disk of the evidence has unique id {wanted}, the parent of {child.path}; it was at "
        + (" or ".join(dict.fromkeys(paths)) or "a place that is not recorded"),
        "the sectors that lie in the parent are unreadable")


def _choose(child: DiskFile, fresh: Sequence[DiskFile], notices: list[Notice]) -> DiskFile:
    """The copy at the place the child names, else the first; says so where there are several."""
    if len(fresh) == 1:
        return fresh[0]
    hints = [path.lower() for path in hinted_paths(child)]
    hinted = [file for file in fresh if file.path.lower() in hints]
    chosen = min(hinted or fresh, key=lambda file: (
        hints.index(file.path.lower()) if file.path.lower() in hints else 0, file.path))
    others = ", ".join(file.path for file in fresh if file is not chosen)
    notices.append(Notice(
        "VHD-TWINS", f"several disks have unique id {chosen.layer.disk_id}: {others}",
        f"{chosen.path} was taken as parent of {child.path} "
        + ("because a locator names it" if hinted else "as the first of them: unproven")))
    return chosen


def _compare_time(child: DiskFile, parent: DiskFile, notices: list[Notice]) -> None:
    """A parent time stamp other than 0 is when the parent's file was last changed."""
    recorded = child.layer.parent.changed_at if child.layer.parent else None
    if recorded is None or parent.changed_at is None:
        return
    if abs(recorded - parent.changed_at) > 2 * 10_000_000:
        notices.append(Notice(
            "VHD-PARENTTIME",
            f"{child.path} was made when {parent.path} had another time of last change",
            "the ids match, so it was attached; the parent was copied or written since"))
