"""Machines of Virtual Server 2005 and of Windows Virtual PC, and how they are registered.

Virtual Server keeps a shortcut (.lnk) to each machine and network in the folder for application
data of all users; Windows Virtual PC an XML file (.vmcx) for each machine of a user. Both lead
to a .vmc, which has no id of its own: `identity` makes one of its path and its BIOS GUID.
Source: FIELD-GUIDE 13; docs/formats/vmc.md.
"""

import ntpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from analyzer.errors import EvidenceError, Notice, NotInEvidence
from analyzer.formats import shell_link
from analyzer.machines.model import DanglingLink
from analyzer.system import WindowsSystem
from analyzer.volume import Item

FOLDERS: Final = (
    "Documents and Settings\\All Users\\Application Data\\Microsoft\\Virtual Server",
    "ProgramData\\Microsoft\\Virtual Server",
)
"""Of Server 2003 and before, and of Vista and later (the second is unsure)."""
LARGEST_LINK: Final = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A shortcut of the register: the file it leads to, or why there is none."""

    link: Item
    target: str
    item: Item | None
    why: str = ""

    def dangling(self) -> DanglingLink:
        """The same, where the file is not there."""
        return DanglingLink(self.link, self.target, self.why)


def identity(path: str, bios_guid: str) -> str:
    """A stable id for a .vmc: a UUID of version 5, upper case."""
    return str(uuid5(NAMESPACE_DNS, f"vmc:{path.lower()}|{bios_guid}")).upper()


def folders(system: WindowsSystem) -> Iterator[Item]:
    """The folders of the service that are there."""
    for path in FOLDERS:
        item = system.windows_volume_item(path)
        if item is not None and item.entry.is_directory:
            yield item


def is_network(item: Item) -> bool:
    """Whether a file's name says that it is a network (.vnc)."""
    return item.entry.allocated and not item.entry.is_directory \
        and item.name.lower().endswith(".vnc")


def registrations(system: WindowsSystem, kind: str) -> Iterator[Registration]:
    """The shortcuts in `Virtual Machines` or `Virtual Networks`, read and followed."""
    if system.windows is None:
        return
    for path in FOLDERS:
        below = system.windows_volume_item(f"{path}\\{kind}")
        place = f"{system.windows.volume.name}\\{path}\\{kind}"
        if below is None or not below.entry.is_directory:
            system.cover(place, "absent")
            continue
        system.cover(place, "read")
        for item in below.children():
            if item.entry.allocated and item.name.lower().endswith(".lnk"):
                try:
                    yield follow(system, item, _target(system, item))
                except EvidenceError as error:
                    system.problem(error, item.source, "what this shortcut registers is not known")


def _target(system: WindowsSystem, link: Item) -> str:
    """Where a shortcut leads: its path, else the one relative to itself; "" for neither."""
    read = shell_link.parse(link.read(LARGEST_LINK))
    system.notices(read.notices, link.source)
    if read.target or not read.relative_path:
        return read.target
    folder = link.path.rpartition("\\")[0]
    return ntpath.normpath(ntpath.join(folder, read.relative_path))


def follow(system: WindowsSystem, link: Item, target: str) -> Registration:
    """What a registration leads to; a Notice where that is not there."""
    found, why = None, "there is no such file"
    try:
        found = system.find(target) if target else None
    except NotInEvidence as error:
        why = error.what
    except EvidenceError as error:
        why = str(error)
    if found is not None:
        return Registration(link, target, found)
    system.notice(Notice("VM-LINK", f"{link.path} leads to {target or 'no path'}: {why}",
                         "what it registers is not described"), link.source)
    return Registration(link, target, None, why)
