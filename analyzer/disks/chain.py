"""Chains: who is whose parent among the disk files of the evidence.

A parent is found by its id and by nothing else: the unique id of a VHD, the DataWriteGuid of a
VHDX. Locators choose between copies that carry the same id, and tell where a missing parent was;
no path is ever opened.
"""

import ntpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from analyzer import attention
from analyzer.blocks import Kind
from analyzer.disks.disk import Disk
from analyzer.disks.layer import Layer
from analyzer.errors import Notice
from analyzer.source import Source

DEEPEST = 256
_STEP = 1 << 30
"""Bytes gone through at a time."""


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
    _by_id: dict[tuple[str, str], list[DiskFile]] = field(default_factory=dict)
    _by_path: dict[str, DiskFile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for file in self.files:
            self._by_id.setdefault((file.layer.format, file.layer.link_id), []).append(file)
            self._by_path.setdefault(file.path.lower(), file)

    def parents_of(self, child: DiskFile) -> Sequence[DiskFile]:
        """Every file that bears an id the child names, those of the first id it names first."""
        link = child.layer.parent
        return [file for wanted in (link.wanted if link else ())
                for file in self._by_id.get((child.layer.format, wanted), ())]

    def at_path(self, path: str) -> DiskFile | None:
        """The file at a Windows path, whatever the case of its letters."""
        return self._by_path.get(ntpath.normpath(path).lower())


@dataclass(frozen=True)
class Chain:
    """A disk file with its parents, top first.

    broken  "" where the chain is whole, else why it ends: "parent missing", "wrong parent" and
            the field that is wrong, "cyclic", "too deep"
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
        """(offset, length) of what cannot be read of the disk as seen from the layer at `depth`.

        Looking at every sector bitmap takes long on a large chain. A whole chain of layers that
        have nothing to say lacks nothing; only the bitmaps of a dynamic base have to be seen
        first, for they alone can contradict what they cover.
        """
        layers = [file.layer for file in self.files[depth:]]
        if layers[-1].kind == "dynamic" and layers[-1].format == "VHD":
            self._own_losses(layers[-1])
        if not self.broken and not any(layer.notices for layer in layers):
            return []
        return Disk(layers).unreadable()

    def verdict(self, depth: int) -> str:
        """What can be said of one layer, in words: "complete" or what is wrong."""
        layer = self.files[depth].layer
        codes = {notice.code for notice in layer.notices}
        words = [word for code, word in _WORDS.items() if code in codes]
        count = self._own_losses(layer) if layer.notices else 0
        if count:
            words.append("1 unreadable range" if count == 1 else f"{count} unreadable ranges")
        if self.broken and depth == len(self.files) - 1:
            words.append(self.broken)
        return "; ".join(words) or "complete"

    @property
    def whole_verdict(self) -> str:
        """The same for the chain: "complete", or each file with what is wrong with it."""
        said = [(file.path, self.verdict(depth)) for depth, file in enumerate(self.files)]
        return "; ".join(f"{path}: {words}" for path, words in said
                         if words != "complete") or "complete"

    @staticmethod
    def _own_losses(layer: Layer) -> int:
        """How many ranges a layer's own file should hold and does not.

        Going through all sector bitmaps takes time; a layer about which there is nothing to
        say has lost nothing.
        """
        count, end = 0, -1
        for start in range(0, layer.size, _STEP):
            with attention.on("virtual disk", layer.address):
                extents = layer.extents_in(start, min(_STEP, layer.size - start))
            for extent in extents:
                if extent.kind == Kind.UNREADABLE:
                    count += extent.start != end
                    end = extent.end
        return count


_WORDS: Mapping[str, str] = {
    "VHD-FOOTER": "footer repaired from its copy",
    "VHD-CRC": "checksum wrong",
    "VHD-BAT": "block table damaged",
    "VHD-TRUNC": "truncated",
    "VHDX-ID": "file identifier lost",
    "VHDX-HDR": "header repaired from its copy",
    "VHDX-HDR2": "headers contradict",
    "VHDX-REGI": "region table repaired from its copy",
    "VHDX-REGI2": "region tables differ",
    "VHDX-LOG": "log replayed",
    "VHDX-LOGEND": "end of the log does not verify",
    "VHDX-BAT": "block table damaged",
    "VHDX-BITMAP": "sector bitmap missing",
    "VHDX-UNDEFINED": "blocks of undefined content",
    "VHDX-LOCATOR": "parent locator damaged",
    "VHDX-INCOMPLETE": "never completely created",
    "VHDX-TRUNC": "truncated",
}


def build_chain(top: DiskFile, shelf: Shelf) -> Chain:
    """Follow parents by their ids; ends, and says why, at the first that is not there."""
    files, bases = [top], [""]
    notices: list[Notice] = []
    broken = ""
    while files[-1].layer.parent is not None:
        child = files[-1]
        candidates = shelf.parents_of(child)
        fresh = [file for file in candidates if file not in files]
        if candidates and not fresh:
            broken = "cyclic"
            notices.append(_notice(
                child, "CYCLE", f"{child.path} has a parent that is its own child",
                "the chain was cut there; the parent's sectors are unreadable"))
            break
        if not fresh:
            broken, notice = _missing(child, shelf)
            notices.append(notice)
            break
        if len(files) == DEEPEST:
            broken = "too deep"
            notices.append(_notice(child, "DEPTH", f"more than {DEEPEST} layers", "the layers "
                                   "beyond are not read; their sectors are unreadable"))
            break
        files.append(_choose(child, fresh, notices))
        bases.append(f"{files[-1].layer.link_name} {files[-1].layer.link_id}")
        _compare(child, files[-1], notices)
    return Chain(tuple(files), tuple(bases), broken, tuple(notices))


def hinted_paths(child: DiskFile) -> Iterator[str]:
    """Absolute Windows paths that the child's locators give for its parent."""
    folder = ntpath.dirname(child.path)
    for hint in child.layer.parent.hints if child.layer.parent else ():
        yield ntpath.normpath(hint if ntpath.isabs(hint) else ntpath.join(folder, hint))


def _notice(child: DiskFile, code: str, what: str, effect: str) -> Notice:
    return Notice(f"{child.layer.format}-{code}", what, effect)


def _missing(child: DiskFile, shelf: Shelf) -> tuple[str, Notice]:
    wanted = " or ".join(child.layer.parent.wanted if child.layer.parent else ()) or "(none)"
    field_name = child.layer.link_name
    paths = list(hinted_paths(child))
    for path in paths:
        other = shelf.at_path(path)
        if other is not None:
            return f"wrong parent ({field_name})", _notice(
                child, "PARENTID",
                f"the parent of {child.path} has {field_name} {wanted}; {other.path}, where it "
                f"was, has {other.layer.link_id or '(none)'}{_same_disk(child, other)}",
                "it was not attached; the parent's sectors are unreadable")
    return "parent missing", _notice(
        child, "NOPARENT",
        f"no disk of the evidence has {field_name} {wanted}, the parent of {child.path}; it was at "
        + (" or ".join(dict.fromkeys(paths)) or "a place that is not recorded"),
        "the sectors that lie in the parent are unreadable")


def _same_disk(child: DiskFile, other: DiskFile) -> str:
    """Words for a VHDX that has the child's disk id and other data than when it was a parent."""
    if child.layer.format != other.layer.format or child.layer.link_id == child.layer.disk_id:
        return ""
    if child.layer.disk_id and child.layer.disk_id == other.layer.disk_id:
        return ", although it is the same disk: its data were changed since"
    return ""


def _choose(child: DiskFile, fresh: Sequence[DiskFile], notices: list[Notice]) -> DiskFile:
    """The copy at the place the child names, else the first; says so where there are several."""
    if len(fresh) == 1:
        return fresh[0]
    hints = [path.lower() for path in hinted_paths(child)]
    hinted = [file for file in fresh if file.path.lower() in hints]
    chosen = min(hinted or fresh, key=lambda file: (
        hints.index(file.path.lower()) if file.path.lower() in hints else 0, file.path))
    others = ", ".join(file.path for file in fresh if file is not chosen)
    notices.append(_notice(
        child, "TWINS", f"several disks have {chosen.layer.link_name} {chosen.layer.link_id}: "
        f"{others}", f"{chosen.path} was taken as parent of {child.path} "
        + ("because a locator names it" if hinted else "as the first of them: unproven")))
    return chosen


def _compare(child: DiskFile, parent: DiskFile, notices: list[Notice]) -> None:
    """A parent time stamp other than 0 is when the parent's file was last changed."""
    if child.layer.sector_size != parent.layer.sector_size:
        notices.append(_notice(
            child, "SECTOR", f"{child.path} has sectors of {child.layer.sector_size} bytes and its "
            f"parent {parent.path} of {parent.layer.sector_size}", "the ids match, so it was "
            "attached"))
    recorded = child.layer.parent.changed_at if child.layer.parent else None
    if recorded is None or parent.changed_at is None:
        return
    if abs(recorded - parent.changed_at) > 2 * 10_000_000:
        notices.append(_notice(
            child, "PARENTTIME",
            f"{child.path} was made when {parent.path} had another time of last change",
            "the ids match, so it was attached; the parent was copied or written since"))
