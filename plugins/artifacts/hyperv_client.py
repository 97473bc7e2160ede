"""Hyper-V Manager and vmconnect of each user."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.formats.hyperv_client import LARGEST, ClientSettings, machine_of, parse
from analyzer.plugin import artifact
from analyzer.profiles import Owner, in_profiles
from analyzer.records import Record, UserTrace
from analyzer.system import WindowsSystem
from analyzer.volume import Item

MOST_SETTINGS = 50
"""Settings that are told of one file."""


@artifact(UserTrace)
def hyperv_client(system: WindowsSystem) -> Iterator[Record]:
    """Hosts that each user managed and machines each connected to, by the clients' settings."""
    for owner, folder in in_profiles(system, "hyperv_client") if system.owns_volumes else ():
        try:
            items = folder.children()
        except EvidenceError as error:
            system.problem(error, folder.source, "the settings of this user's clients are missing",
                           "hyperv_client")
            system.cover(folder.path, "unreadable", "hyperv_client")
            continue
        for item in items:
            if not item.entry.is_directory and item.name.casefold().endswith(".config"):
                for row in _rows(system, owner, folder, item):
                    yield system.own(row)


def _rows(system: WindowsSystem, owner: Owner, folder: Item, item: Item) -> Iterator[UserTrace]:
    """What one file says; that it is there says something even where it cannot be read."""
    try:
        said = parse(item.read(LARGEST))
    except EvidenceError as error:
        system.problem(error, item.source, "the settings in this file are missing",
                       "hyperv_client")
        system.cover(folder.path, "partial", "hyperv_client")
        said = ClientSettings((), [])
    system.notices(said.notices, item.source, "hyperv_client")
    vm_id = machine_of(item.name)
    settings = tuple(f"{name}={value}" for name, value in said.settings[:MOST_SETTINGS])
    if vm_id:
        host = said.value("VmServerName")
        yield _trace(owner, item, "vmconnect", f"{vm_id} on {host}" if host else vm_id,
                     vm_id=vm_id, vm_name=said.value("VmName"), details=settings)
        return
    for host, named_by in said.hosts().items():
        yield _trace(owner, item, "Hyper-V Manager", host, details=named_by)
    if not said.hosts():
        yield _trace(owner, item, "Hyper-V client settings", item.name, details=settings)


def _trace(owner: Owner, item: Item, trace: str, target: str, *, vm_id: str = "",
           vm_name: str = "", details: tuple[str, ...] = ()) -> UserTrace:
    times = item.entry.times
    notes = () if item.entry.allocated else ("the file is deleted",)
    return UserTrace(source=item.placed(), vm_id=vm_id, trace=trace, user_sid=owner.sid,
                     account_name=owner.name, target=target, vm_name=vm_name,
                     details=(*details, *notes), made_at=times.si_created,
                     written_at=times.si_modified)
