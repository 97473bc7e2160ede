"""Places on a Windows disk that hold facts about virtual machines, and who reads each.

The table is what "looked at" means: a place that is there and that no plugin of this version
decodes is said to be so. Who writes a reader puts its name here and lets it `cover` the place;
a test holds it to that.

    <windows>  the Windows folder        <system>  the volume it is on, C: as a rule
    <volume>   each volume               *         each folder, or each file that ends so

Sources: FIELD-GUIDE sections 1, 7, 9, 11, 12, 13 (docs/coverage.md names them place by place).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from analyzer.errors import EvidenceError
from analyzer.records import Coverage
from analyzer.system import REGISTER, WindowsSystem
from analyzer.volume import Item

MOST: Final = 1_000
"""Folders that a `*` stands for."""
_VIRTUAL_SERVER: Final = "Microsoft\\Virtual Server"
_CLIENT: Final = "Microsoft\\Windows\\Hyper-V\\Client\\1.0"
_HISTORY: Final = ("AppData\\Roaming\\Microsoft\\Windows\\PowerShell\\PSReadLine\\"
                   "ConsoleHost_history.txt")
_RECENT: Final = "AppData\\Roaming\\Microsoft\\Windows\\Recent"
_OLD_DATA: Final = "<system>\\Documents and Settings\\All Users\\Application Data"


@dataclass(frozen=True, slots=True)
class Place:
    """One place. `reader` is the plugin that reads it and says so, "" for none as yet."""

    path: str
    holds: str
    releases: str
    reader: str = ""


PLACES: Final = (
    Place("<windows>\\System32\\config\\SYSTEM", "services, switches, drive letters", "all",
          "windows"),
    Place("<windows>\\System32\\config\\SOFTWARE", "version, default folders", "all", "windows"),
    Place("<windows>\\System32\\config\\SAM", "accounts", "all", "local_accounts"),
    Place("<windows>\\System32\\config\\SECURITY", "domain of the computer", "all",
          "local_accounts"),
    Place("<volume>\\Boot\\BCD", "whether the hypervisor starts", "2008 and later",
          "role_evidence"),
    Place("<volume>\\EFI\\Microsoft\\Boot\\BCD", "the same, UEFI", "2008 and later",
          "role_evidence"),
    Place(f"<system>\\{REGISTER}\\Virtual Machines", "register of machines", "2008 and later",
          "virtual_machines"),
    Place(f"<system>\\{REGISTER}\\Snapshots", "register of snapshots", "2008 and later",
          "virtual_machines"),
    Place(f"<system>\\{REGISTER}\\Planned Virtual Machines", "machines being made", "2012 on",
          "virtual_machines"),
    Place(f"<system>\\{REGISTER}\\Virtual Machines Cache", "copies of configurations",
          "2016 on", "virtual_machines"),
    Place(f"<system>\\{REGISTER}\\Resource Types", "resource pools", "2012 on",
          "resource_pools"),
    Place(f"<system>\\{REGISTER}\\Groups", "groups of machines", "2016 on"),
    Place(f"<system>\\{REGISTER}\\Persistent Tasks", "tasks under way", "2012 on"),
    Place(f"<system>\\{REGISTER}\\UndoLog Configuration", "changes under way", "2012 on"),
    Place(f"<system>\\{REGISTER}\\data.vmcx", "register of machines", "2016 on",
          "virtual_machines"),
    Place(f"<system>\\{REGISTER}\\InitialStore.xml", "who may do what", "2008 to 2012 R2",
          "authorization"),
    Place("<system>\\ProgramData\\Microsoft\\Virtual Machine Manager\\HyperVAuthStore.xml",
          "who may do what, by Virtual Machine Manager", "2008 to 2012 R2", "authorization"),
    Place("<system>\\ProgramData\\Microsoft\\Windows\\HNS\\HNS.data", "container networks",
          "2016 on", "host_networks"),
    Place("<system>\\ProgramData\\Microsoft\\Event Viewer\\Views\\ServerRoles\\"
          "Virtualization.Events.xml", "events of the role", "2008"),
    Place("<windows>\\System32\\winevt\\Logs", "event logs", "2008 and later",
          "log_events"),
    Place("<windows>\\System32\\config\\*.Evt", "event logs", "2003"),
    Place("<windows>\\Logs\\DISM\\dism.log", "features added and removed", "2008 R2 and later",
          "setup_logs"),
    Place("<windows>\\Logs\\CBS\\CBS.log", "components added and removed", "2008 and later",
          "setup_logs"),
    Place("<windows>\\Logs\\CBS\\*.cab", "former CBS.log, packed", "2008 and later"),
    Place("<windows>\\Logs\\ServerManager.log", "roles added and removed", "2008, 2008 R2",
          "setup_logs"),
    Place("<windows>\\System32\\LogFiles\\Sum", "machines seen (User Access Logging)", "2012 on",
          "access_log"),
    Place("<windows>\\Prefetch", "programs started", "clients", "prefetch"),
    Place(f"<system>\\Users\\*\\AppData\\Roaming\\{_CLIENT}", "hosts and machines a user managed",
          "2008 and later", "hyperv_client"),
    Place(f"<system>\\Documents and Settings\\*\\Application Data\\{_CLIENT}", "the same", "2003",
          "hyperv_client"),
    Place(f"<system>\\Users\\*\\{_RECENT}", "files opened",
          "2008 and later", "shortcuts"),
    Place("<system>\\Documents and Settings\\*\\Recent", "the same", "2003", "shortcuts"),
    Place(f"<system>\\Users\\*\\{_RECENT}\\AutomaticDestinations", "files opened, by program",
          "2008 R2 and later", "jump_lists"),
    Place(f"<system>\\Users\\*\\{_RECENT}\\CustomDestinations", "the same, by the program itself",
          "2008 R2 and later", "jump_lists"),
    Place("<system>\\Users\\*\\Desktop", "shortcuts", "2008 and later", "shortcuts"),
    Place("<system>\\Documents and Settings\\*\\Desktop", "the same", "2003", "shortcuts"),
    Place("<system>\\Users\\*\\NTUSER.DAT", "what a user did", "2008 and later",
          "user_registry"),
    Place("<system>\\Documents and Settings\\*\\NTUSER.DAT", "the same", "2003",
          "user_registry"),
    Place(f"<system>\\Users\\*\\{_HISTORY}", "commands typed in PowerShell", "2016 on",
          "powershell_history"),
    Place(f"{_OLD_DATA}\\{_VIRTUAL_SERVER}\\Virtual Machines", "register of machines",
          "Virtual Server 2005", "virtual_machines"),
    Place(f"{_OLD_DATA}\\{_VIRTUAL_SERVER}\\Virtual Networks", "register of networks",
          "Virtual Server 2005", "virtual_server_files"),
    Place(f"<system>\\ProgramData\\{_VIRTUAL_SERVER}\\Virtual Machines", "the same on 2008",
          "Virtual Server 2005", "virtual_machines"),
    Place(f"<system>\\ProgramData\\{_VIRTUAL_SERVER}\\Virtual Networks", "the same on 2008",
          "Virtual Server 2005", "virtual_server_files"),
    Place("<system>\\Documents and Settings\\All Users\\Documents\\Shared Virtual Machines",
          "default folder of machines", "Virtual Server 2005", "virtual_machines"),
    Place("<system>\\Users\\Public\\Documents\\Shared Virtual Machines",
          "the same on Vista and 2008", "Virtual Server 2005", "virtual_machines"),
    Place("<system>\\Users\\Public\\Documents\\Hyper-V\\Virtual Hard Disks",
          "default folder of virtual disks", "2008 and later", "virtual_machines"),
    Place("<volume>\\$Recycle.Bin", "deleted files", "2008 and later", "recycle_bin"),
    Place("<volume>\\RECYCLER", "deleted files", "2003", "recycle_bin"),
    Place("<volume>\\System Volume Information", "shadow copies", "all"),
    Place("<volume>\\$Extend\\$UsnJrnl", "changes of files", "all", "change_journal"),
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on one system: its Windows path, and the folder that its `*` is looked for in.

    `rest` is what stands below each folder, or how the names of the files end.
    """

    path: str
    folder: str = ""
    rest: str = ""


def spots(system: WindowsSystem, place: Place) -> list[Spot]:
    """Where the place is on this system's volumes; the first `*` is left for `matches`."""
    roots = {"<volume>": [v.name for v in system.volumes if v.filesystem is not None]}
    if system.windows is not None:
        roots |= {"<windows>": [system.windows.path], "<system>": [system.windows.volume.name]}
    head, _, below = place.path.partition("\\")
    paths = [f"{root}\\{below}" for root in roots.get(head, ())]
    return [Spot(path, *path.split("\\*", 1)) if "\\*" in path else Spot(path) for path in paths]


def matches(system: WindowsSystem, spot: Spot) -> Iterator[tuple[str, Item | None]]:
    """Each path of a spot with what is there; raises EvidenceError, OverflowError past MOST."""
    if not spot.folder:
        yield spot.path, system.find(spot.path)
        return
    above = system.find(spot.folder)
    below = above.children() if above is not None else []
    is_file = not spot.rest.startswith("\\")
    below = [item for item in below if item.entry.is_directory != is_file
             and (not is_file or item.name.lower().endswith(spot.rest.lower()))]
    for one in islice(below, MOST):
        item = one if is_file else one.child(spot.rest[1:])
        if item is not None:
            yield item.path if is_file else f"{one.path}{spot.rest}", item
    if len(below) > MOST:
        raise OverflowError(f"{len(below)} files or folders")


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What became of one path of a place: read (it is there), absent, unreadable, skipped ..."""

    path: str
    state: str
    item: Item | None = None


def look(system: WindowsSystem, place: Place, plugin: str) -> Iterator[Look]:
    """Each path of a place; the place itself where nothing matches it."""
    for spot in spots(system, place):
        found = False
        try:
            for path, item in matches(system, spot):
                found = True
                yield Look(item.path, "read", item) if item is not None else Look(path, "absent")
        except EvidenceError as error:
            found = True
            system.problem(error, system.source.at(spot.path), "what lies there is not known",
                           plugin)
            yield Look(spot.path, "unreadable")
        except OverflowError:
            found = True
            yield Look(spot.path, "skipped by limit")
        if not found:
            yield Look(spot.path, "absent")


def unread(system: WindowsSystem, reader: str) -> Iterator[Coverage]:
    """The places of a reader that told nothing of them: absent, or not read."""
    for place in PLACES if system.windows else ():
        for seen in look(system, place, reader) if place.reader == reader else ():
            state = "unreadable" if seen.state == "read" else seen.state
            yield system.own(Coverage(source=system.source, place=seen.path, state=state,
                                      plugin=reader))


def there(system: WindowsSystem, reader: str) -> Iterator[Item]:
    """What is at the places of a reader, once, with each of them told to the coverage.

    The reader says itself where it then fails to read one. Two places can be one: since Vista
    `Documents and Settings` leads to `Users`. Disks without a Windows have those of volumes.
    """
    given: set[tuple[str, int]] = set()
    for place in PLACES:
        for seen in look(system, place, reader) if place.reader == reader else ():
            system.cover(seen.path, seen.state, reader)
            if seen.item is not None and seen.item.key not in given:
                given.add(seen.item.key)
                yield seen.item
