"""Finding configurations: in the register, behind its links, and anywhere else.

The register of a 2008 host is `ProgramData\\Microsoft\\Windows\\Hyper-V\\Virtual Machines` and
`...\\Snapshots`: configurations or symbolic links to them (FIELD-GUIDE 1.1, 7). Machines kept
elsewhere lie below folders of those names, but a file is taken for what it holds: names only
choose which files are looked into.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from analyzer.errors import (
    Corrupt,
    EvidenceError,
    Notice,
    NotInEvidence,
    NotThisFormat,
    Unsupported,
)
from analyzer.filesystem.ntfs import Entry
from analyzer.formats import configuration_file, vm_xml, vmc, vmcx
from analyzer.formats.virtual_server import description
from analyzer.formats.vm_configuration import VmConfiguration
from analyzer.formats.vm_settings import Setting
from analyzer.links import is_link, link_target
from analyzer.machines import virtual_server
from analyzer.machines.model import (
    CACHE,
    DanglingLink,
    Machine,
    MissingConfiguration,
    Node,
    RegisterFile,
)
from analyzer.machines.virtual_server import Registration
from analyzer.system import REGISTER, VIRTUALIZATION, WindowsSystem
from analyzer.volume import Item

FOLDERS = ("Virtual Machines", "Snapshots")
ALSO = (f"{REGISTER}\\Planned Virtual Machines", f"{REGISTER}\\Virtual Machines Cache",
        "Documents and Settings\\All Users\\Documents\\Shared Virtual Machines",
        "Users\\Public\\Documents\\Shared Virtual Machines",
        "Users\\Public\\Documents\\Hyper-V\\Virtual Hard Disks")
TREE = ("virtual machines", "snapshots", "planned virtual machines")
LARGEST = 16 << 20
GUID = re.compile(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?(?:\..*)?", re.IGNORECASE)
HEAD = configuration_file.HEAD
MARKS = tuple("<configuration".encode(e) for e in ("ascii", "utf-16-le", "utf-16-be"))
NO_MACHINES = "resource types"
"""Folder of GUID-named files that describe no machine."""
RUNTIME = ".vmrs"


@dataclass
class Found:
    """What the search has gathered."""

    machines: list[Machine] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    dangling: list[DanglingLink] = field(default_factory=list)
    missing: list[MissingConfiguration] = field(default_factory=list)
    registers: list[RegisterFile] = field(default_factory=list)
    descriptions: list[tuple[Item, tuple[Setting, ...]]] = field(default_factory=list)
    """Of Windows Virtual PC, with every leaf."""
    seen: set[tuple[str, int]] = field(default_factory=set)
    """(volume address, MFT entry) of every file looked into."""


def register_places(system: WindowsSystem) -> list[str]:
    """Windows paths of the folders in which the service keeps its register."""
    places: list[str] = []
    if system.windows is not None:
        root = system.windows.volume.windows_path("/")
        places += [f"{root}{REGISTER}\\{folder}" for folder in FOLDERS]
    return places


def also_searched(system: WindowsSystem) -> list[str]:
    """Usual folders whose files are found as those anywhere on a volume are."""
    if system.windows is None:
        return []
    root = system.windows.volume.windows_path("/")
    changed = system.registry.text("SOFTWARE", VIRTUALIZATION, "DefaultVirtualHardDiskPath")
    return [f"{root}{folder}" for folder in ALSO] + ([changed.rstrip("\\")] if changed else [])


def default_places(system: WindowsSystem) -> list[str]:
    """The same below the default folder for configurations, where that was changed."""
    root = system.registry.text("SOFTWARE", VIRTUALIZATION, "DefaultExternalDataRoot").rstrip("\\")
    return [f"{root}\\{folder}" for folder in FOLDERS] if root else []


def search_register(system: WindowsSystem, found: Found) -> None:
    """Read the register, follow its links, and look into the default folders."""
    for place in register_places(system):
        for item in _listed(system, place):
            _registered(system, item, found)
    for place in default_places(system):
        for item in _listed(system, place):
            if wanted(item.entry):
                look_into(system, item, found)
    for place in also_searched(system):
        for _ in _listed(system, place):
            pass  # the search through the volumes looks into them
    for registration in virtual_server.registrations(system, "Virtual Machines"):
        _follow(system, registration, found)


def _follow(system: WindowsSystem, registration: Registration, found: Found) -> None:
    """Virtual Server and Virtual PC: the machine that a registration leads to."""
    item = registration.item
    if item is None:
        found.dangling.append(registration.dangling())
        return
    look_into(system, item, found, link=registration.link, registered=True)
    for machine in found.machines:  # it may have been found on its own before
        if machine.file.entry.inode == item.entry.inode and \
                machine.file.volume.source == item.volume.source:
            machine.link, machine.registered = registration.link, True


def wanted(entry: Entry) -> bool:
    """Whether an entry may be a configuration, by its name or the folder it is in."""
    if entry.is_directory or is_link(entry) or not 0 < entry.size <= LARGEST:
        return False
    folder = entry.path.rpartition("/")[0].rpartition("/")[2].lower()
    if folder == NO_MACHINES or entry.name.lower().endswith(RUNTIME):
        return False
    return (GUID.fullmatch(entry.name) is not None or folder in TREE
            or entry.name.lower().endswith((".xml", ".exp", ".vmcx", ".vmc")))


def look_into(system: WindowsSystem, item: Item, found: Found, *, link: Item | None = None,
              registered: bool = False) -> None:
    """Take a file as configuration if its content is one; Problems for what is damaged."""
    key = item.volume.source.address, item.entry.inode
    if key in found.seen:
        return
    found.seen.add(key)
    try:
        with item.attention():
            _take(system, item, found, link, registered=registered)
    except NotThisFormat as error:
        if item.entry.allocated and _is_named_as_one(item):
            system.problem(error, item.source, "the machine or snapshot of this file is missing")
    except EvidenceError as error:
        if item.entry.allocated or registered:
            system.problem(error, item.source, "the machine or snapshot of this file is missing")


def _is_named_as_one(item: Item) -> bool:
    """Whether Hyper-V would have given this name, in this folder, to a configuration only."""
    name = item.name.lower()
    if name.endswith(".vmc"):
        return True
    return (GUID.fullmatch(name) is not None and item.folder.lower() in (*TREE, CACHE)
            and ("." not in name or name.endswith((".xml", ".vmcx", ".exp"))))


def say_lost(system: WindowsSystem, item: Item) -> None:
    """A file that is named as a configuration, and has nothing but the name, or is too large."""
    entry = item.entry
    if not entry.allocated or entry.is_directory or is_link(entry) or not _is_named_as_one(item):
        return
    error: EvidenceError | None = None
    if entry.size > LARGEST:
        error = Unsupported(f"{item.path} has {entry.size} bytes: more than {LARGEST}")
    elif not entry.size:
        error = Corrupt(f"{item.path} is empty" if not entry.note else f"{item.path}: {entry.note}")
    if error is not None:
        system.problem(error, item.source, "the machine or snapshot of this file is missing")


def _take(system: WindowsSystem, item: Item, found: Found, link: Item | None, *,
          registered: bool) -> None:
    head = item.blocks().read_at(0, HEAD)
    form = configuration_file.kind_of(head)
    if form == "vm_description" and item.name.lower().endswith(".vmcx"):
        said = description(item.read(LARGEST))
        system.notices(said.notices, item.source)
        found.descriptions.append((item, said.settings))
        for target in said.machines:
            _follow(system, virtual_server.follow(system, item, target), found)
        return
    if form == "vmc":
        configuration = vmc.parse(item.read(LARGEST), item.path.rpartition("\\")[0])
        configuration = replace(configuration, name=item.name.rpartition(".")[0] or item.name)
        former: tuple[vmcx.FormerValue, ...] = ()
    else:
        configuration, form, former = _decode(item, head, form, registered=registered)
    if item.entry.allocated or registered:
        system.notices(configuration.notices, item.source)
    match = GUID.fullmatch(item.name)
    named = match[1].upper() if match else ""
    is_snapshot = configuration.is_snapshot
    if is_snapshot is None:
        is_snapshot = item.folder.lower() == "snapshots"
    if item.entry.allocated and form != "vmc":
        _say_other_name(system, item, link, configuration)
    if form == "vmc":
        named = virtual_server.identity(item.path, configuration.bios_guid)
    if is_snapshot:
        found.nodes.append(Node(configuration.vm_id, configuration, item, link, registered,
                                format=form, former=former,
                                snapshot_id=configuration.snapshot_id or named))
    else:
        found.machines.append(Machine(configuration.vm_id or named, configuration, item, link,
                                      registered, format=form, former=former))


def _say_other_name(system: WindowsSystem, item: Item, link: Item | None,
                    said: VmConfiguration) -> None:
    """Where a file, or the link that registers it, is named by another GUID than it holds."""
    held = said.snapshot_id or said.vm_id
    for named in (item, *([link] if link is not None else [])):
        match = GUID.fullmatch(named.name)
        if held and match is not None and match[1].upper() != held:
            system.notice(Notice("VM-ID", f"{named.path} leads to the configuration of {held}",
                                 "it is taken for what it holds, not for its name"), named.source)


def _decode(item: Item, head: bytes, form: str, *,
            registered: bool) -> tuple[VmConfiguration, str, tuple[vmcx.FormerValue, ...]]:
    """(configuration, format, values that the file no longer uses)."""
    is_xml = any(mark in head for mark in MARKS)
    if form == "vmcx" or (item.name.lower().endswith(".vmcx") and not is_xml):
        file = vmcx.open_vmcx(item.blocks())
        return file.configuration(), "vmcx", tuple(file.former)
    if not registered and not is_xml:
        raise NotThisFormat("no machine configuration")
    return vm_xml.parse(item.read(LARGEST)), "xml", ()


def _listed(system: WindowsSystem, place: str) -> Iterator[Item]:
    try:
        folder = system.find(place)
    except EvidenceError as error:
        system.cover(place, "unreadable")
        system.problem(error, system.source.at(place), "configurations there are missing")
        return
    if folder is None:
        system.cover(place, "absent")
        return
    system.cover(place, "read")
    try:
        yield from folder.children()
    except EvidenceError as error:
        system.cover(place, "partial")
        system.problem(error, folder.source, "configurations there are missing")


def _registered(system: WindowsSystem, item: Item, found: Found) -> None:
    reparse = item.entry.reparse
    if not item.entry.allocated or (item.entry.is_directory and not is_link(item.entry)):
        return
    if reparse is None or not is_link(item.entry):
        if wanted(item.entry):
            look_into(system, item, found, registered=True)
        return
    target = link_target(reparse)
    try:
        real = system.find(item.path)
    except NotInEvidence as error:
        why = error.what
    except EvidenceError as error:
        why = str(error)
    else:
        if real is not None:
            look_into(system, real, found, link=item, registered=True)
            return
        why = "there is no such file"
    found.dangling.append(DanglingLink(item, target, why))
    what = why if item.path in why else f"{item.path} leads to {target}: {why}"
    system.notice(Notice("VM-LINK", what,
                         "the machine or snapshot registered by this link is not described"),
                  item.source)
