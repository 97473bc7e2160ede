"""WindowsSystem: one offline Windows installation, host or guest, and its volumes.

All media of one computer, acquired images or the virtual disks of a guest, are joined here:
drive letters are given, paths are looked up through links and mount points, hives are opened.
A set of disks without Windows on it is a system too; it has volumes and paths, and no hives.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from analyzer.byte_places import BytePlaces
from analyzer.computers import find_windows
from analyzer.errors import EvidenceError, Notice, NotInEvidence
from analyzer.ledger import Ledger
from analyzer.letters import assign_letters, infer_letters
from analyzer.links import link_target, look_up
from analyzer.records import Batch, Coverage, Problem, Record, Volume
from analyzer.registry import Registry
from analyzer.source import Source
from analyzer.volume import Item, Medium, MountedVolume

if TYPE_CHECKING:
    from analyzer.evidence import AcquiredImage

WINDOWS_NT = "Microsoft\\Windows NT\\CurrentVersion"
VIRTUALIZATION = f"{WINDOWS_NT}\\Virtualization"
REGISTER = "ProgramData\\Microsoft\\Windows\\Hyper-V"
R = TypeVar("R", bound=Record | Batch)


class WindowsSystem:
    """See the module's docstring. `vm_id` and `snapshot_id` are "" on an acquired host."""

    def __init__(self, media: Sequence[Medium], windows: Item | None = None, *,
                 vm_id: str = "", snapshot_id: str = "", depth: int = 0) -> None:
        self.media = tuple(media)
        self.volumes = [
            replace(volume, letter="", letter_basis="", guids=set(),
                    alias=volume.volume_id if number == 1 else f"d{number}{volume.volume_id}")
            for number, medium in enumerate(media, 1) for volume in medium.volumes]
        self.windows = self._mine(windows) if windows else None
        self.owns_volumes = True
        """False for a second installation on the same disks: their files are told once."""
        self.vm_id, self.snapshot_id, self.depth = vm_id, snapshot_id, depth
        self.source = self.windows.volume.source if self.windows else media[0].source
        self.system_id = self.source.address
        self.ledger = Ledger(self.source, self.system_id, vm_id, snapshot_id)
        self.notice, self.notices = self.ledger.notice, self.ledger.notices
        self.problem, self.cover = self.ledger.problem, self.ledger.cover
        self.registry = Registry(self.windows, self.ledger)
        self._byte_places = BytePlaces(self.volumes)
        self._letters()

    def _mine(self, item: Item) -> Item:
        volume = next(v for v in self.volumes if v.partition is item.volume.partition)
        return volume.item(item.entry)

    # Paths

    def volume(self, name: str) -> MountedVolume | None:
        """The volume of a drive letter (`C`) or alias (`p2`)."""
        for volume in self.volumes:
            if name and name.upper() in (volume.letter, volume.alias.upper()):
                return volume
        return None

    def find(self, path: str) -> Item | None:
        """The item at a Windows path, links followed; None where it is absent.

        Raises NotInEvidence where a link or the drive leads out of the evidence, Corrupt for a
        loop of links, and what the file system raises.
        """
        return look_up(path, self.volumes, self.volume)

    def item_at(self, volume: str, entry: int) -> Item:
        """The item of an MFT entry; `volume` is the volume's address."""
        for candidate in self.volumes:
            if candidate.source.address == volume and candidate.filesystem is not None:
                return candidate.item(candidate.filesystem.entry(entry))
        raise NotInEvidence(f"no readable volume {volume}")

    def walk(self) -> Iterator[Item]:
        """Every item of every volume, deleted ones too."""
        for volume in self.volumes:
            yield from volume.walk()

    # What must be said

    def problems(self) -> list[Problem]:
        """What was noticed so far, in a fixed order; each is given out once."""
        self.registry.say()
        for medium in self.media if self.owns_volumes else ():
            for source, notices in medium.met_in_layers():
                self.notices(notices, source)
        for volume in self.volumes if self.owns_volumes else ():
            if volume.filesystem is None:
                continue
            self.ledger.notices(volume.filesystem.notices, volume.source)
            for start, length in volume.filesystem.lost:
                self.notice(Notice("IMG-EIO", "sectors of the volume cannot be read",
                                   "The Sleuth Kit was given zeros for them; entries that lie "
                                   "there are missing", start, length), volume.source)
        return [replace(problem, source=self._byte_places.complete(problem.source))
                for problem in self.ledger.problems()]

    def coverage(self) -> list[Coverage]:
        """How far each place was read, by place; given out once."""
        self.registry.say()
        return self.ledger.coverage()

    def survey(self) -> Iterator[Volume]:
        """The volumes, with what went wrong with partitions and file systems noted once."""
        if not self.owns_volumes:
            return
        for medium in self.media:
            self.ledger.notices((*medium.notices, *medium.table.notices), medium.source)
            if not medium.volumes:
                self.cover(f"{medium.source.address}: partitions", "absent")
        if self.windows is None and any(volume.filesystem for volume in self.volumes):
            self.cover(f"{self.source.address}: a folder with System32\\config\\SYSTEM",
                       "partial" if self._lacks_names() else "absent")
        for volume in self.volumes:
            self._say(volume)
            self._say_letter(volume)
            yield self.own(volume.record())

    def _say(self, volume: MountedVolume) -> None:
        place = f"{volume.source.address}: {volume.partition.format} volume {volume.name}"
        start, size = volume.partition.offset, volume.partition.size
        if volume.filesystem is not None:
            self.cover(place, "partial" if volume.filesystem.lacks_records else "read")
            return
        self.cover(place, "unreadable")
        if volume.failure is not None:
            self.problem(volume.failure, volume.source, "the files of this volume are missing")
        else:
            self.notice(Notice(
                "VOL-UNSUP", volume.partition.unsupported or
                f"a volume of format {volume.partition.format} is not decoded",
                "the files of this volume are missing", start, size), volume.source)

    def own(self, record: R) -> R:
        """The record marked as found in this system, its source led to the byte of the image.

        Ids it carries already are kept.
        """
        marks: dict[str, Any] = {
            "system_id": self.system_id, "vm_id": record.vm_id or self.vm_id,
            "snapshot_id": record.snapshot_id or self.snapshot_id}
        if isinstance(record, Record):
            marks["source"] = self._byte_places.complete(record.source)
        return replace(record, **marks)

    def unreadable(self, error: EvidenceError, item: Item, effect: str, plugin: str = "") -> None:
        """A place of which nothing can be read: a Problem, and its coverage."""
        self.problem(error, item.source, effect, plugin)
        self.cover(item.path, "unreadable", plugin)

    # Letters

    def _say_letter(self, volume: MountedVolume) -> None:
        """That it is not known, where what may say it could not be read whole."""
        if volume.letter or volume.filesystem is None:
            return
        hive = self.registry.hive("SYSTEM")
        if self.windows is None and self._lacks_names():
            why = "no Windows was found, and not every name on these disks could be read"
        elif self.windows is not None and (hive is None or hive.notices):
            why = "the SYSTEM hive, which has it, could not be read whole"
        else:
            return
        self.notice(Notice("VOL-LETTER", f"the drive letter of {volume.source.address} is not "
                           f"known: {why}", f"paths on it begin with {volume.name} here"),
                    volume.source)

    def _lacks_names(self) -> bool:
        return any(volume.filesystem.lacks_records if volume.filesystem is not None
                   else volume.failure is not None for volume in self.volumes)

    def _letters(self) -> None:
        hive = self.registry.hive("SYSTEM")
        if hive is not None:
            try:
                assign_letters(self.volumes, hive)
            except EvidenceError as error:
                self.problem(error, self.registry.source("SYSTEM"), "drive letters are inferred")
        if any(not volume.letter for volume in self.volumes):
            root = self.registry.text("SOFTWARE", WINDOWS_NT, "SystemRoot")
            infer_letters(self.volumes, self.windows.volume if self.windows else None,
                          root if root[1:3] == ":\\" else "", self._known_paths())

    def _known_paths(self) -> Iterable[str]:
        """Absolute paths that this system used: SystemRoot, Hyper-V defaults, link targets."""
        for key, name in ((WINDOWS_NT, "SystemRoot"), (VIRTUALIZATION, "DefaultExternalDataRoot"),
                          (VIRTUALIZATION, "DefaultVirtualHardDiskPath")):
            path = self.registry.text("SOFTWARE", key, name)
            if path[1:3] == ":\\":
                yield path
        yield from self._registered_paths()

    def _registered_paths(self) -> Iterator[str]:
        for folder in ("Virtual Machines", "Snapshots"):
            below = self.windows_volume_item(f"{REGISTER}\\{folder}")
            for item in below.children() if below is not None else ():
                target = link_target(item.entry.reparse) if item.entry.reparse else ""
                if target[1:3] == ":\\":
                    yield target

    def windows_volume_item(self, path: str) -> Item | None:
        """An item of the volume that holds Windows, by its path there; links not followed."""
        return self.windows.volume.root().child(path) if self.windows is not None else None


def build_systems(media: Sequence[Medium], *, vm_id: str = "", snapshot_id: str = "",
                  depth: int = 0) -> list[WindowsSystem]:
    """One system for each Windows on these disks, or one without Windows."""
    installations: list[Item | None] = [*find_windows(media)] or [None]
    systems = [WindowsSystem(media, windows, vm_id=vm_id, snapshot_id=snapshot_id, depth=depth)
               for windows in installations]
    for other in systems[1:]:
        other.owns_volumes = False
    return systems


def open_systems(images: "Sequence[AcquiredImage]") -> list[WindowsSystem]:
    """The systems of one computer; `images` are its disks (computers.py tells whose each is)."""
    return build_systems([medium_of(image) for image in images])


def medium_of(image: "AcquiredImage") -> Medium:
    """An acquired image as a disk."""
    return Medium(Source(image.name, image_offset=0), image.blocks,
                  met=image.ledger.lost)
