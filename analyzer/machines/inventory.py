"""Inventory: every machine, snapshot and virtual disk of one system, found in one walk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from analyzer.disks.chain import Chain, DiskFile, Shelf, build_chain
from analyzer.errors import EvidenceError, Notice, NotInEvidence, Unsupported
from analyzer.filesystem.entries import INDEX
from analyzer.formats import vm_register
from analyzer.formats.vm_settings import Setting
from analyzer.formats.vmcx import FormerValue
from analyzer.machines import register, tree
from analyzer.machines.companions import Companion, is_companion, tie
from analyzer.machines.configurations import (
    Found,
    default_places,
    look_into,
    register_places,
    say_lost,
    search_register,
    wanted,
)
from analyzer.machines.disk_files import DiskFiles
from analyzer.machines.exports import Description, Export, description, exports
from analyzer.machines.model import (
    Configured,
    DanglingLink,
    Drive,
    Machine,
    MissingConfiguration,
    Node,
    RegisterFile,
)
from analyzer.machines.runtimes import Runtime, is_runtime, runtimes
from analyzer.machines.saved_states import StateFile, is_state_file, state_files
from analyzer.machines.virtual_server import is_network
from analyzer.system import WindowsSystem
from analyzer.volume import Item


@dataclass(eq=False)
class Inventory:
    """machines by name, orphans (snapshots without machine), every chain, and loose disks.

    loose       chains whose top file no configuration names and no other disk has as parent
    companions  files that belong to a disk by name
    missing     machines of the register whose configuration is not there
    registers   the registers themselves (data.vmcx), runtimes the run-time state files
    states      files of saved states, those that are only named too
    exports     of Server 2008 and 2008 R2, not imported
    networks    files of networks of Virtual Server (.vnc), registered or not
    descriptions  of machines by Windows Virtual PC (.vmcx), with every leaf
    """

    machines: list[Machine]
    orphans: list[Node]
    dangling: list[DanglingLink]
    shelf: Shelf
    loose: list[Chain] = field(default_factory=list)
    companions: list[Companion] = field(default_factory=list)
    missing: list[MissingConfiguration] = field(default_factory=list)
    registers: list[RegisterFile] = field(default_factory=list)
    runtimes: list[Runtime] = field(default_factory=list)
    states: list[StateFile] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    networks: list[Item] = field(default_factory=list)
    descriptions: list[tuple[Item, tuple[Setting, ...]]] = field(default_factory=list)

    def configured(self) -> list[Configured]:
        """Machines and all snapshots, each machine followed by its own."""
        rows: list[Configured] = []
        for machine in self.machines:
            rows += [machine, *machine.nodes]
        return [*rows, *self.orphans]

    def known_ids(self) -> set[str]:
        """Machines with a configuration, a registered one that is missing, or a dangling link."""
        known = {configured.vm_id for configured in self.configured()}
        known |= {link.item.name.partition(".")[0].strip("{}").upper() for link in self.dangling}
        return known | {missing.vm_id for missing in self.missing}

    def once_registered(self) -> dict[str, tuple[RegisterFile, FormerValue]]:
        """Other machines that a register once listed: the newest of their former values."""
        known, found = self.known_ids(), dict[str, tuple[RegisterFile, FormerValue]]()
        for register_file in self.registers:
            for value in register_file.former:
                vm_id = vm_register.vm_id_of(value.key)
                if vm_id and vm_id not in known and vm_register.is_machine(value.key):
                    found.setdefault(vm_id, (register_file, value))
        return found


_KNOWN: "WeakKeyDictionary[WindowsSystem, Inventory]" = WeakKeyDictionary()


def inventory(system: WindowsSystem) -> Inventory:
    """The inventory of a system; worked out once."""
    if system not in _KNOWN:
        _KNOWN[system] = _take_inventory(system)
    return _KNOWN[system]


def _take_inventory(system: WindowsSystem) -> Inventory:
    found, files = Found(), DiskFiles(system)
    search_register(system, found)
    register.search(system, found)
    deleted: list[Item] = []
    beside: list[Item] = []
    running: list[Item] = []
    saved: list[Item] = []
    described: list[Description] = []
    networks: list[Item] = []
    for item in _sound_first(system):
        if is_companion(item):
            beside.append(item)
        if is_runtime(item):
            running.append(item)
        if is_state_file(item):
            saved.append(item)
        if is_network(item):
            networks.append(item)
        if files.wanted(item):
            files.add(item)
        elif (said := description(system, item)) is not None:
            described.append(said)
        elif wanted(item.entry):
            if item.entry.allocated:
                look_into(system, item, found)
            else:
                deleted.append(item)
        else:
            say_lost(system, item)
    files.say_unread()
    _add_deleted(system, found, deleted)
    for configured in [*found.machines, *found.nodes]:
        _attach_drives(system, configured, files)
        configured.saved_state = _saved_state(system, configured)
    shelf = files.shelf()
    _build_chains(system, found, shelf)
    inventory = _plant(system, found, shelf)
    inventory.loose = _loose(system, inventory)
    inventory.companions = list(tie(beside, shelf))
    inventory.missing, inventory.registers = found.missing, found.registers
    inventory.runtimes = runtimes(system, running, inventory.configured())
    inventory.states = state_files(system, saved, inventory.configured(), inventory.runtimes)
    inventory.exports = list(exports(system, inventory.machines, described))
    inventory.networks, inventory.descriptions = networks, found.descriptions
    return inventory


def _sound_first(system: WindowsSystem) -> Iterator[Item]:
    """Every item; those last that an index alone has, for their files may have true names."""
    stray: list[Item] = []
    for item in system.walk() if system.owns_volumes else ():
        if item.entry.seen_by == INDEX:
            stray.append(item)
        else:
            yield item
    yield from stray


def _add_deleted(system: WindowsSystem, found: Found, deleted: Sequence[Item]) -> None:
    """Deleted configurations of machines that are not otherwise known; others are only said."""
    for item in deleted:
        aside = Found(seen=found.seen)
        look_into(system, item, aside)
        for machine in aside.machines:
            if any(machine.vm_id == known.vm_id for known in found.machines):
                system.notice(Notice(
                    "VM-OLDCONFIG", f"{item.path} is a deleted earlier configuration of "
                    f"{machine.configuration.name}", "it is not part of the inventory"),
                    item.source)
            elif machine.configuration.name or machine.configuration.drives:
                found.machines.append(machine)
                system.notices(machine.configuration.notices, item.source)
        known_nodes = {node.snapshot_id for node in found.nodes}
        for node in aside.nodes:
            if node.snapshot_id not in known_nodes:
                found.nodes.append(node)
                system.notices(node.configuration.notices, item.source)


def _attach_drives(system: WindowsSystem, configured: Configured, files: DiskFiles) -> None:
    for slot in configured.configuration.drives:
        drive = Drive(slot.controller, slot.controller_number, slot.slot, slot.medium, slot.path,
                      qos=slot.qos, undo_path=slot.undo_path)
        configured.drives.append(drive)
        if not slot.path or slot.medium == "pass-through":
            continue
        _look_up(system, drive, files)
        if slot.undo_path:
            _stack_undo(system, configured, drive, files)


def _look_up(system: WindowsSystem, drive: Drive, files: DiskFiles) -> None:
    try:
        drive.item = system.find(drive.path)
    except NotInEvidence as error:
        drive.state, drive.why = "missing", error.what
        return
    except EvidenceError as error:
        drive.state, drive.why = "missing", str(error)
        return
    drive.state = "present" if drive.item is not None else "missing"
    if drive.item is not None and drive.item.stream:
        drive.state = "not decoded"
        system.problem(Unsupported(f"{drive.path} is a named stream"), drive.item.source,
                       "what the machine has in this slot is not opened")
    elif drive.item is not None and drive.medium == "disk":
        drive.file = files.add(drive.item)
        drive.state = "present" if drive.file is not None else "not decoded"


def _stack_undo(system: WindowsSystem, configured: Configured, drive: Drive,
                files: DiskFiles) -> None:
    """The undo disk as the top of the chain; without it the disk beneath is all there is."""
    top = Drive(drive.controller, drive.controller_number, drive.slot, drive.medium,
                drive.undo_path)
    _look_up(system, top, files)
    if top.file is not None:
        drive.item, drive.file, drive.state = top.item, top.file, top.state
        drive.why = f"undo disk {drive.undo_path} on {drive.path}"
        return
    drive.why = f"{drive.why}; " if drive.why else ""
    drive.why += f"undo disk {drive.undo_path} {top.state}"
    system.notice(Notice("VM-UNDO", f"the undo disk {drive.undo_path} is {top.state}",
                         f"what the machine wrote since is not in {drive.path}"),
                  configured.file.source)


def _saved_state(system: WindowsSystem, configured: Configured) -> list[Item]:
    saved = configured.configuration.saved_state
    paths = [saved.memory_path, saved.state_path] if saved is not None else []
    identity = configured.snapshot_id if isinstance(configured, Node) else configured.vm_id
    folder = configured.file.path.rpartition("\\")[0]
    paths += [f"{folder}\\{identity}\\{identity}{suffix}" for suffix in (".bin", ".vsv")]
    if configured.format == "vmc":
        paths.append(f"{configured.file.path.rpartition('.')[0]}.vsv")
    found: dict[str, Item] = {}
    for path in filter(None, paths):
        try:
            item = system.find(path)
        except EvidenceError as error:
            if saved is not None:
                system.problem(error, configured.file.source,
                               f"whether the saved state {path} is there is not known")
            item = None
        if item is not None and not item.entry.is_directory:
            found.setdefault(item.path.lower(), item)
    return list(found.values())


def _build_chains(system: WindowsSystem, found: Found, shelf: Shelf) -> None:
    chains: dict[str, Chain] = {}
    for configured in [*found.machines, *found.nodes]:
        for drive in configured.drives:
            if drive.file is not None:
                path = drive.file.path
                chains[path] = chains.get(path) or build_chain(drive.file, shelf)
                drive.chain = chains[path]
    for chain in chains.values():
        say(system, chain)


def say(system: WindowsSystem, chain: Chain) -> None:
    """The notices of a chain as Problems."""
    system.notices(chain.notices, chain.files[0].source)


def _plant(system: WindowsSystem, found: Found, shelf: Shelf) -> Inventory:
    machines = sorted(found.machines, key=lambda m: (
        m.configuration.name, m.vm_id, not m.registered, m.file.path))
    owners: dict[str, Machine] = {}
    for machine in sorted(machines, key=lambda m: not m.registered):
        owners.setdefault(machine.vm_id, machine)
    for node, notice in tree.adopt(machines, found.nodes):
        system.notice(notice, node.file.source)
    nodes_of: dict[str, list[Node]] = {}
    for node in found.nodes:
        nodes_of.setdefault(node.vm_id, []).append(node)
    for vm_id, machine in owners.items():
        for notice in tree.plant(machine, nodes_of.get(vm_id, [])):
            system.notice(notice, machine.file.source)
    orphans = [node for node in found.nodes if node.vm_id not in owners]
    for node in orphans:
        node.state = "orphan"
        system.notice(Notice("SNAP-ORPHAN", f"snapshot {node.snapshot_id} belongs to machine "
                             f"{node.vm_id or 'unknown'}, which is not there",
                             "it is listed without a machine"), node.file.source)
    return Inventory(machines, sorted(orphans, key=lambda n: n.snapshot_id), found.dangling, shelf)


def _loose(system: WindowsSystem, inventory: Inventory) -> list[Chain]:
    used: set[DiskFile] = set()
    for configured in inventory.configured():
        for drive in configured.drives:
            used.update(drive.chain.files if drive.chain is not None else ())
    rest = [file for file in inventory.shelf.files if file not in used]
    chains = [build_chain(file, inventory.shelf) for file in rest]
    parents = {file for chain in chains for file in chain.files[1:]}
    loose = [chain for chain in chains if chain.files[0] not in parents]
    for chain in loose:
        say(system, chain)
    return loose


def places_looked_at(system: WindowsSystem) -> list[str]:
    """Where configurations were looked for by name, for the statement that none was found."""
    return [*register_places(system), *default_places(system)]
