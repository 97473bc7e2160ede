r"""Boot settings (BCD) of a computer: whether the hypervisor is launched.

    \Boot\BCD (BIOS) or \EFI\Microsoft\Boot\BCD (EFI), a hive:
    Objects\{GUID}\Elements\250000f0   value Element, 8 bytes: 0 off, 1 auto (hypervisorlaunchtype)
                            12000004   Element, text: description

Source: Microsoft, "BcdLibraryElementTypes" and "BcdOSLoaderElementTypes"; FIELD-GUIDE 9.1. An EFI
system partition is FAT, which is not read: then nothing is said but that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.errors import EvidenceError
from analyzer.formats.hive import Hive
from analyzer.registry import open_hive
from analyzer.source import Source
from analyzer.system import WindowsSystem
from analyzer.volume import Item

PLACES = ("Boot/BCD", "EFI/Microsoft/Boot/BCD")
LAUNCH = "250000f0"
MOST = 1000
"""Objects of a store that are looked at."""


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
            continue
        for place in PLACES:
            item = volume.root().child(place)
            if item is not None and not item.entry.is_directory:
                yield from _of_store(system, item)


def _of_store(system: WindowsSystem, item: Item) -> Iterator[Launch]:
    try:
        hive, notices = open_hive(item, lambda error, log: system.problem(
            error, item.source, f"the log {log} of the boot settings is not applied"))
        found = list(_launches(hive, item))
    except EvidenceError as error:
        system.cover(item.path, "unreadable")
        system.problem(error, item.source, "whether the hypervisor is launched is not known")
        return
    for notice in (*notices, *hive.notices):
        system.notice(notice, item.source)
    system.cover(item.path, "read")
    yield from found


def _launches(hive: Hive, item: Item) -> Iterator[Launch]:
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
                     item.source.at(launch.path, launch.offset), launch.last_written_at)
