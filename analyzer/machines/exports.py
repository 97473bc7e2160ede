"""Exports of Server 2008 and 2008 R2: whose they are, and what lies in their folder.

    <name>\\config.xml                       the machine's disks before the export
    <name>\\Virtual Machines\\<GUID>.exp      the configuration, `.xml` again once it is imported
    <name>\\Virtual Hard Disks\\, Snapshots\\

No layout of `config.xml` is published and no real one is at hand: any well-formed tree is kept
leaf by leaf, nothing of it is taken into the model, and values that end as names of virtual disks
do are listed. It never makes a machine unless it names one as a configuration does.

Source: FIELD-GUIDE 1.2; docs/formats/vm-xml.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.errors import EvidenceError
from analyzer.formats import vm_configuration, xml_tree
from analyzer.formats.vm_settings import Setting
from analyzer.formats.xml_tree import XmlTree
from analyzer.machines.configurations import LARGEST
from analyzer.machines.model import Machine
from analyzer.system import WindowsSystem
from analyzer.volume import Item

DESCRIPTION = "config.xml"
MACHINES, DISKS = "Virtual Machines", "Virtual Hard Disks"
_DISK = (".vhd", ".avhd")


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """A `config.xml`; `state` is read, partial or unreadable."""

    item: Item
    state: str
    settings: tuple[Setting, ...] = ()

    def named_disks(self) -> tuple[str, ...]:
        """Values that end as the name of a virtual disk does, each once."""
        return tuple(dict.fromkeys(s.text for s in self.settings if s.text.lower().endswith(_DISK)))


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """One exported machine. `folder` is the export's own, None where that cannot be told.

    description   None where there is no config.xml
    disks         virtual disks in its folder for them, as far as that can be listed
    """

    machine: Machine
    folder: Item | None
    description: Description | None
    disks: tuple[Item, ...]


def description(system: WindowsSystem, item: Item) -> Description | None:
    """A file as the `config.xml` of an export; None where it has another name, lies beside no
    .exp, or is the configuration of a machine. A Problem where it cannot be read whole.
    """
    if item.name.lower() != DESCRIPTION or not item.entry.allocated or item.entry.is_directory:
        return None
    try:
        folder = system.find(f"{_parent(item.path)}\\{MACHINES}")
        if folder is None or not any(map(_is_exp, folder.children())):
            return None
        tree = xml_tree.read(item.read(LARGEST))
        if _names_a_machine(tree):
            return None
    except EvidenceError as error:
        system.problem(error, item.source, "what the export says of itself is missing")
        return Description(item, "unreadable")
    system.notices(tree.notices, item.source)
    return Description(item, "partial" if tree.partial else "read", tree.settings)


def _is_exp(item: Item) -> bool:
    return item.entry.allocated and item.name.lower().endswith(".exp")


def _names_a_machine(tree: XmlTree) -> bool:
    """Whether it is a configuration, whatever it is called."""
    if tree.root.name != vm_configuration.ROOT:
        return False
    said = vm_configuration.build(tree.root, tree.settings, [], partial=tree.partial)
    return bool(said.name or said.vm_id)


def _parent(path: str) -> str:
    return path.rpartition("\\")[0]


def exports(system: WindowsSystem, machines: Sequence[Machine],
            descriptions: Sequence[Description]) -> Iterator[Export]:
    """Each machine whose configuration is that of an export, with what lies around it."""
    by_folder = {_parent(one.item.path).lower(): one for one in descriptions}
    for machine in machines:
        if machine.state != "exported":
            continue
        within, _, last = _parent(machine.file.path).rpartition("\\")
        if last.lower() != MACHINES.lower():
            yield Export(machine, None, None, ())
            continue
        folder, disks = _look(system, machine, within)
        yield Export(machine, folder, by_folder.get(within.lower()), disks)


def _look(system: WindowsSystem, machine: Machine,
          path: str) -> tuple[Item | None, tuple[Item, ...]]:
    """(the export's folder, the virtual disks in it)."""
    try:
        folder, disks = system.find(path), system.find(f"{path}\\{DISKS}")
        listed = tuple(disks.children()) if disks is not None else ()
    except EvidenceError as error:
        system.problem(error, machine.file.source, "the disks of the export are not listed")
        return None, ()
    return folder, tuple(item for item in listed if item.entry.allocated
                         and item.name.lower().endswith(_DISK))
