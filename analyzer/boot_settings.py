r"""Boot settings (BCD) of a computer: whether the hypervisor is launched.

    \Boot\BCD (BIOS) or \EFI\Microsoft\Boot\BCD (EFI), a hive:
    Objects\{GUID}\Elements\250000f0   value Element, 8 bytes: 0 off, 1 auto (hypervisorlaunchtype)
                            12000004   Element, text: description

Source: Microsoft, "BcdLibraryElementTypes" and "BcdOSLoaderElementTypes"; FIELD-GUIDE 9.1. An EFI
system partition is FAT: of it these files are read and no others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from analyzer import attention
from analyzer.errors import EvidenceError, Notice
from analyzer.filesystem.fat import open_fat
from analyzer.formats.hive import Hive
from analyzer.formats.hive_log import Log
from analyzer.registry import LOGS, open_hive, recovered_hive
from analyzer.source import Source
from analyzer.system import WindowsSystem
from analyzer.volume import Item, MountedVolume

PLACES = ("Boot/BCD", "EFI/Microsoft/Boot/BCD")
LAUNCH = "250000f0"
MOST = 1000
"""Objects of a store that are looked at."""
UNKNOWN: Final = "whether the hypervisor is launched is not known"
Store = tuple[Hive, tuple[Notice, ...]]


@dataclass(frozen=True, slots=True)
class Launch:
    """`hypervisorlaunchtype` of one loader; `number` as stored."""

    number: int
    loader: str
    """Description, or the object's GUID."""
    source: Source
    written_at: int | None


def launch_types(system: WindowsSystem) -> Iterator[Launch]:
    """Each loader that has the setting, in every store on the volumes of the system."""
    for volume in system.volumes if system.owns_volumes else ():
        if volume.filesystem is None:
            if volume.partition.format.startswith("FAT"):
                yield from _of_fat(system, volume)
            continue
        for place in PLACES:
            item = volume.root().child(place)
            if item is not None and item.entry.allocated and not item.entry.is_directory:
                yield from _of_store(system, item)
            else:
                system.cover(volume.windows_path(f"/{place}"), "absent")


def _of_store(system: WindowsSystem, item: Item) -> Iterator[Launch]:
    def store() -> Store:
        return open_hive(item, lambda error, log: system.problem(
            error, item.source, f"the log {log} of the boot settings is not applied"))

    yield from _told(system, item.path, item.source, store)


def _of_fat(system: WindowsSystem, volume: MountedVolume) -> Iterator[Launch]:
    """Stores of a FAT volume; one that cannot be opened is said to be unread elsewhere."""
    path = PLACES[1]
    source = replace(volume.source, path=f"{volume.source.path}/{path}")
    try:
        with attention.on("file", source.address):
            fat = open_fat(volume.partition.blocks)
            found = {suffix: fat.find(path + suffix) for suffix in ("", *LOGS)}
    except EvidenceError as error:
        system.problem(error, source, UNKNOWN)
        return
    file = found[""]
    if file is None:
        system.cover(volume.windows_path(f"/{path}"), "absent")
        return
    layer, at = volume.place(file.entry_at)

    def store() -> Store:
        with attention.on("file", source.address):
            logs = [Log(one.name, fat.read(one)) for suffix in LOGS
                    if (one := found[suffix]) is not None and one.size]
            return recovered_hive(fat.read(file), logs)

    yield from _told(system, volume.windows_path(f"/{path}"),
                     replace(source, layer=layer, image_offset=at), store)


def _told(system: WindowsSystem, path: str, source: Source,
          store: Callable[[], Store]) -> Iterator[Launch]:
    try:
        hive, notices = store()
        found = list(_launches(hive, source))
    except EvidenceError as error:
        system.cover(path, "unreadable")
        system.problem(error, source, UNKNOWN)
        return
    system.notices((*notices, *hive.remarks), source)
    system.cover(path, "read")
    yield from found


def _launches(hive: Hive, source: Source) -> Iterator[Launch]:
    objects = hive.key("Objects")
    for count, one in enumerate(objects.subkeys() if objects is not None else ()):
        if count == MOST:
            return
        launch = hive.key(f"Objects\\{one.name}\\Elements\\{LAUNCH}")
        value = launch.value("Element") if launch is not None else None
        if launch is None or value is None:
            continue
        named = hive.key(f"Objects\\{one.name}\\Elements\\12000004")
        title = named.value("Element") if named is not None else None
        yield Launch(int.from_bytes(value.data[:8], "little"),
                     title.text() if title is not None else one.name,
                     source.at(launch.path, launch.offset), launch.last_written_at)
