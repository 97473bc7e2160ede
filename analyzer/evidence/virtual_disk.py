"""Virtual disks as the acquired image itself: VHD and VHDX with their parents, QCOW, VMDK.

Nothing is opened because evidence names it, but for the extents of a VMDK: those by their plain
file name, in the folder of the descriptor. The parents of a differencing disk are found by
their ids among the files of the command line.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analyzer import attention
from analyzer.blocks import Blocks, ExtentMap
from analyzer.disks.chain import DiskFile, Shelf, build_chain
from analyzer.disks.layer import Layer
from analyzer.disks.open import open_layer
from analyzer.errors import EvidenceError, Refused, Unreadable, Unsupported
from analyzer.evidence.grouping import Group
from analyzer.evidence.ledger import Ledger
from analyzer.evidence.qcow import Qcow
from analyzer.evidence.segment import Segment, look
from analyzer.evidence.vmdk import Vmdk, read_extents
from analyzer.evidence.vmdk_descriptor import Extent
from analyzer.source import Source

_CHAINED: Final = ("VHD", "VHDX")


@dataclass(frozen=True, slots=True)
class VirtualDisk:
    """The disk inside a file, as Blocks; what cannot be read goes to the ledger.

    segments  the file, then its parents or extents
    """

    format: str
    segments: tuple[Segment, ...]
    disk: Blocks
    ledger: Ledger

    @property
    def size(self) -> int:
        """Bytes of the disk."""
        return self.disk.size

    def read_at(self, offset: int, length: int) -> bytes:
        """See `Blocks.read_at`."""
        try:
            return self.disk.read_at(offset, length)
        except Unreadable as error:
            self.ledger.lose("IMG-EIO", error)
            raise

    def extents(self) -> ExtentMap | None:
        return None


def open_virtual_disks(groups: Sequence[Group]) -> dict[int, VirtualDisk]:
    """The virtual disks among groups, by their index there.

    Groups that are parents or extents of others are marked `is_part_of_another`. Raises
    EvidenceError, naming the file, where one cannot be opened or is not whole.
    """
    files = {number: _file(found) for number, found in enumerate(groups)
             if found.kind in _CHAINED}
    shelf = Shelf(tuple(files.values()))
    disks = {number: disk for number in range(len(groups))
             if (disk := _open_one(number, files, shelf, groups)) is not None}
    _mark_parts(groups, disks)
    for number, found in enumerate(groups):
        if found.kind == "VMDK" and number not in disks and not found.is_part_of_another:
            raise Unsupported(f"{_only(found).name} is one extent of a split VMDK; give its "
                              "descriptor, a small .vmdk file of text")
    return disks


def find_parts(groups: Sequence[Group]) -> dict[int, tuple[Segment, ...]]:
    """The files of each virtual disk, by the index of its group; groups are marked as above.

    What cannot be opened is left out.
    """
    files: dict[int, DiskFile] = {}
    for number, found in enumerate(groups):
        with suppress(EvidenceError):  # said when it is opened
            if found.kind in _CHAINED:
                files[number] = _file(found)
    shelf = Shelf(tuple(files.values()))
    disks: dict[int, VirtualDisk] = {}
    for number, found in enumerate(groups):
        if found.kind in _CHAINED and number not in files:
            continue
        with suppress(EvidenceError):  # as above
            disk = _open_one(number, files, shelf, groups)
            if disk is not None:
                disks[number] = disk
    _mark_parts(groups, disks)
    return {number: disk.segments for number, disk in disks.items()}


def _file(found: Group) -> DiskFile:
    return DiskFile(Source(_only(found).name), _only(found).name, _layer(found))


def _open_one(number: int, files: dict[int, DiskFile], shelf: Shelf,
              groups: Sequence[Group]) -> VirtualDisk | None:
    """The virtual disk of a group; None where it is none, or an extent without descriptor."""
    found = groups[number]
    if number in files:
        return _open_chain(number, files, shelf, groups)
    if found.kind not in ("QCOW", "VMDK"):
        return None
    with attention.on("image", _only(found).name):
        if found.kind == "VMDK":
            return _open_vmdk(_only(found))
        ledger = Ledger()
        qcow = Qcow(_only(found).name, _only(found), ledger)
        return VirtualDisk(qcow.format, (_only(found),), qcow, ledger)


def _mark_parts(groups: Sequence[Group], disks: dict[int, VirtualDisk]) -> None:
    used = {segment.real for disk in disks.values() for segment in disk.segments[1:]}
    for found in groups:
        found.is_part_of_another = all(s.real in used for s in found.segments.values())


def _only(found: Group) -> Segment:
    return found.segments[1]


def _layer(found: Group) -> Layer:
    try:
        return open_layer(_only(found), _only(found).name)
    except Refused:
        raise
    except EvidenceError as error:
        raise EvidenceError(f"{_only(found).name}: {error}") from error


def _open_chain(number: int, files: dict[int, DiskFile], shelf: Shelf,
                groups: Sequence[Group]) -> VirtualDisk:
    chain = build_chain(files[number], shelf)
    if chain.broken:
        raise Unsupported(f"{chain.notices[-1].what}; the parents of a differencing disk have to "
                          "be given on the command line too")
    numbers = {id(file): index for index, file in files.items()}
    ledger = Ledger()
    for file in chain.files:
        ledger.notices.extend(file.layer.notices)
    ledger.notices.extend(chain.notices)
    segments = tuple(_only(groups[numbers[id(file)]]) for file in chain.files)
    return VirtualDisk(chain.files[0].layer.format, segments, chain.disk, ledger)


def _open_vmdk(segment: Segment) -> VirtualDisk | None:
    """None for an extent that has no descriptor."""
    extents = read_extents(segment.name, segment)
    if extents is None:
        return None
    ledger = Ledger()
    is_alone = len(extents) == 1 and extents[0].kind == "SPARSE" and \
        segment.read_at(0, 4) == b"KDMV"  # whatever the file was called when it was made
    found = [None if extent.kind == "ZERO" else
             segment if is_alone else _beside(segment, extent) for extent in extents]
    named = [(one.name, one) if one is not None else None for one in found]
    disk = Vmdk(extents, named, ledger)
    others = dict.fromkeys(one for one in found if one is not None and one is not segment)
    return VirtualDisk("VMDK", (segment, *others), disk, ledger)


def _beside(descriptor: Segment, extent: Extent) -> Segment:
    """The file of an extent, in the descriptor's folder and nowhere else.

    Raises EvidenceError where it is missing or named by a path.
    """
    name = extent.name
    if not name or name in (".", "..") or any(c in name for c in "/\\\0"):
        raise EvidenceError(f"{descriptor.name} names an extent by a path ({name!r}); extents are "
                            "opened by their plain names only, in the descriptor's folder")
    path = descriptor.path.parent / name
    if path.is_symlink() and not _is_within(path, descriptor.path.parent):
        raise EvidenceError(f"{name}, an extent of {descriptor.name}, is a link out of its folder")
    if not path.is_file():
        raise EvidenceError(f"{name}, an extent of {descriptor.name}, is missing in its folder")
    return look(path)


def _is_within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
