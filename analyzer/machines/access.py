"""Who may access the files of machines, and which machines the access lists name.

The service gives each machine a right to its files, by a SID made of its GUID. An entry stays
when the configuration goes, so that a list can be the last trace of a machine (FIELD-GUIDE 7).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from analyzer.errors import EvidenceError
from analyzer.formats import security_descriptor
from analyzer.formats.security_descriptor import Ace, SecurityDescriptor
from analyzer.formats.sid import MACHINE_PREFIX, machine_id
from analyzer.machines.inventory import Inventory, inventory
from analyzer.machines.model import Configured
from analyzer.source import Source
from analyzer.system import WindowsSystem
from analyzer.volume import Item, MountedVolume


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """Something with an access list.

    what   as in the table file_access
    vm_id  the machine whose file it is; "" for none, and for several
    """

    path: str
    what: str
    vm_id: str
    source: Source
    security: SecurityDescriptor

    @property
    def aces(self) -> tuple[Ace, ...]:
        """All entries, those of the SACL last."""
        return (self.security.dacl or ()) + (self.security.sacl or ())

    @property
    def machines(self) -> tuple[str, ...]:
        """Ids of the machines that own it or that its entries name."""
        sids = [self.security.owner, *(ace.sid for ace in self.aces)]
        return tuple(dict.fromkeys(filter(None, map(machine_id, sids))))


_KNOWN: "WeakKeyDictionary[WindowsSystem, list[Subject]]" = WeakKeyDictionary()


def subjects(system: WindowsSystem) -> list[Subject]:
    """Files of machines, their folders, and stored lists with machines; worked out once.

    What cannot be read is noted in the system's ledger.
    """
    if system not in _KNOWN:
        _KNOWN[system] = _look(system) if system.owns_volumes else []
    return _KNOWN[system]


def only_in_lists(system: WindowsSystem) -> dict[str, Subject]:
    """Machines that access lists name and no configuration or register does; the first list."""
    found = inventory(system)
    known = found.known_ids()
    first: dict[str, Subject] = {}
    for subject in subjects(system):
        for vm_id in subject.machines:
            if vm_id not in known:
                first.setdefault(vm_id, subject)
    return first


def _look(system: WindowsSystem) -> list[Subject]:
    files: dict[tuple[str, int], Subject] = {}
    for item, what, vm_id in _with_folders(system, _files(system, inventory(system))):
        key = item.volume.source.address, item.entry.inode
        if key in files:
            continue
        try:
            security = item.security()
        except EvidenceError as error:
            system.problem(error, item.entry_source(), f"who may access {item.path} is not known")
            continue
        system.notices(security.notices, item.entry_source())
        files[key] = Subject(item.path, what, vm_id, item.entry_source(), security)
    found = list(files.values())
    told = {vm_id for subject in found for vm_id in subject.machines}
    for volume in system.volumes:
        found += _stored(system, volume, told)
    return found


def _files(system: WindowsSystem, found: Inventory) -> Iterator[tuple[Item, str, str]]:
    """Item, what it is, and the machine it belongs to."""
    users: dict[str, set[str]] = {}
    for configured in found.configured():
        for drive in configured.drives:
            for file in drive.chain.files if drive.chain is not None else ():
                users.setdefault(file.path, set()).add(configured.vm_id)
    for file in found.shelf.files:
        owners = users.get(file.path, set())
        assert file.source.entry is not None
        try:
            item = system.item_at(file.volume, file.source.entry)
        except EvidenceError as error:
            system.problem(error, file.source, f"who may access {file.path} is not known")
            continue
        yield item, "virtual disk", next(iter(owners)) if len(owners) == 1 else ""
    for configured in found.configured():
        yield from _of(configured)
    for link in found.dangling:
        yield link.item, "link", ""
    for one in found.companions:
        yield one.item, "companion of a disk", ""
    for runtime in found.runtimes:
        yield runtime.item, "run-time state", runtime.owner.vm_id if runtime.owner else ""
    for register in found.registers:
        yield register.item, "register", ""


def _of(configured: Configured) -> Iterator[tuple[Item, str, str]]:
    yield configured.file, "configuration", configured.vm_id
    if configured.link is not None:
        yield configured.link, "link", configured.vm_id
    for item in configured.saved_state:
        yield item, "saved state", configured.vm_id


def _with_folders(system: WindowsSystem, files: Iterable[tuple[Item, str, str]]) \
        -> Iterator[tuple[Item, str, str]]:
    """The files, then the folders they lie in."""
    folders: dict[tuple[str, str], Item] = {}
    for item, what, vm_id in files:
        yield item, what, vm_id
        folders.setdefault((item.volume.source.address, item.entry.path.rpartition("/")[0]), item)
    for (_, path), item in folders.items():
        try:
            root = item.volume.root()
            folder = root.child(path) if path else root
        except EvidenceError as error:
            system.problem(error, item.source, "who may access its folder is not known")
            continue
        if folder is not None:  # the folder of an orphan is not known
            yield folder, "folder", ""


def _stored(system: WindowsSystem, volume: MountedVolume, told: set[str]) -> Iterator[Subject]:
    """Lists in $Secure with machines that no file here has told of; the first of each."""
    if volume.filesystem is None:
        return
    try:
        stored = volume.filesystem.stored_descriptors()
    except EvidenceError as error:
        system.problem(error, volume.source, "access lists of files that are gone are not known")
        return
    for security_id, at, data in stored:
        if MACHINE_PREFIX not in data:
            continue
        source = replace(volume.source, path=f"{volume.source.path}/$Secure:$SDS", offset=at,
                         detail=f"security id {security_id}")
        path = volume.windows_path("/$Secure:$SDS")
        try:
            subject = Subject(path, "$Secure", "", source, security_descriptor.parse(data))
        except EvidenceError as error:
            system.problem(error, source, "this access list is not known")
            continue
        if not told.issuperset(subject.machines):
            told.update(subject.machines)
            yield subject
