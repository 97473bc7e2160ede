"""Finding virtual disk files: by content, wherever they lie and whatever they are called."""

from analyzer.disks.chain import DiskFile, Shelf
from analyzer.disks.open import open_layer
from analyzer.errors import EvidenceError, NotThisFormat, Refused
from analyzer.links import is_link
from analyzer.source import Source
from analyzer.system import WindowsSystem
from analyzer.volume import Item

BIN = "/$recycle.bin/"
SUFFIXES = (".vhd", ".avhd", ".vud", ".vhdx", ".avhdx")
GUEST_STATE = ".vmgs"
"""Run-time state of a machine of generation 2, kept in the form of a fixed VHD: no disk of its."""
SMALLEST_UNNAMED = 1 << 20
"""Bytes; smaller files are looked into only if their name says disk."""


def is_bin_note(item: Item) -> bool:
    """Whether it is a `$I` of a Recycle Bin, which has the suffix of what was deleted."""
    return item.name[:2].upper() == "$I" and item.entry.path.lower().startswith(BIN)


class DiskFiles:
    """The disk files of a system, each opened once."""

    def __init__(self, system: WindowsSystem) -> None:
        self._system = system
        self._known: dict[tuple[str, int, str], DiskFile | None] = {}
        self._unread: dict[Source, list[tuple[Item, EvidenceError]]] = {}

    def wanted(self, item: Item) -> bool:
        """Whether a file may be a virtual disk: by its name, its first bytes, or a footer."""
        entry = item.entry
        if entry.is_directory or not entry.allocated or is_link(entry) or is_bin_note(item):
            return False
        if entry.name.lower().endswith(SUFFIXES):
            return True
        if entry.name.lower().endswith(GUEST_STATE):
            return False
        if entry.size < SMALLEST_UNNAMED or entry.size % 512 not in (0, 511):
            return False
        try:
            blocks = item.blocks()
            return blocks.read_at(0, 8) == b"vhdxfile" or \
                blocks.read_at(entry.size // 512 * 512 - 512 * (entry.size % 512 == 0),
                               8) == b"conectix"
        except Refused:
            return False
        except EvidenceError as error:
            self._unread.setdefault(item.volume.source, []).append((item, error))
            return False

    def say_unread(self) -> None:
        """One Problem for each volume with files of which it cannot be told what they are."""
        for source, files in self._unread.items():
            item, error = files[0]
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            self._system.problem(error, source, f"whether {item.path}{more} is a virtual disk is "
                                 "not known; the name does not say so")

    def add(self, item: Item) -> DiskFile | None:
        """The disk in a file; None, with a Problem, where it is none or not decoded."""
        key = item.volume.source.address, item.entry.inode, item.stream
        if key not in self._known:
            self._known[key] = self._open(item)
        return self._known[key]

    def shelf(self) -> Shelf:
        """Every disk found, by path."""
        files = [file for file in self._known.values() if file is not None]
        return Shelf(tuple(sorted(files, key=lambda file: (file.path, file.source.address))))

    def _open(self, item: Item) -> DiskFile | None:
        try:
            layer = open_layer(item.blocks(), item.source.address)
        except NotThisFormat as error:
            self._system.problem(error, item.source, "a file that is named as a virtual disk, or "
                                 "used as one, could not be opened")
            return None
        except EvidenceError as error:
            self._system.problem(error, item.source, "this virtual disk could not be opened")
            return None
        self._system.notices(layer.notices, item.source)
        return DiskFile(item.placed(), item.path, layer, item.volume.source.address,
                        item.entry.times.si_modified)
