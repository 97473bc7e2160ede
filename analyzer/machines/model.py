"""What was found of machines and snapshots, before it becomes records."""

from dataclasses import dataclass, field, replace
from typing import TypeVar

from analyzer.disks.chain import Chain, DiskFile
from analyzer.formats.vm_devices import Qos
from analyzer.formats.vm_settings import Setting
from analyzer.formats.vm_xml import VmConfiguration
from analyzer.formats.vmcx import FormerValue
from analyzer.records import Record
from analyzer.volume import Item

R = TypeVar("R", bound=Record)
CACHE = "virtual machines cache"
"""Folder of the service's own copies of configurations, lower case."""


@dataclass(eq=False)
class Drive:
    """A drive slot and the file in it.

    state  "present", "missing", "not decoded", or "" for an empty slot or a pass-through disk
    why    for "missing", and for an undo disk: what the look-up said
    """

    controller: str
    controller_number: int
    slot: int
    medium: str
    path: str
    state: str = ""
    why: str = ""
    item: Item | None = None
    file: DiskFile | None = None
    chain: Chain | None = None
    qos: Qos | None = None
    undo_path: str = ""


@dataclass(eq=False)
class Configured:
    """A configuration file with what it names.

    vm_id        from the configuration, else from the file's name
    file, link   the configuration itself and, where there is one, the link that registers it
    registered   lies in the register of the service, or is linked from it
    saved_state  saved-state files that exist
    format       xml, vmcx, vmc
    former       values that a VMCX file no longer uses and still holds
    stands_for   where `file` is a copy: path of the configuration that is missing
    """

    vm_id: str
    configuration: VmConfiguration
    file: Item
    link: Item | None
    registered: bool
    drives: list[Drive] = field(default_factory=list)
    saved_state: list[Item] = field(default_factory=list)
    format: str = "xml"
    former: tuple[FormerValue, ...] = ()
    stands_for: str = ""

    def own(self, record: R) -> R:
        """The record as one about this machine or snapshot."""
        return replace(record, vm_id=self.vm_id)


@dataclass(eq=False)
class Machine(Configured):
    """A virtual machine; `nodes` are its snapshots, parents before children."""

    nodes: "list[Node]" = field(default_factory=list)

    @property
    def state(self) -> str:
        """How the host knows it."""
        if not self.file.entry.allocated:
            return "deleted configuration"
        if self.stands_for:
            return "registered, configuration missing"
        if self.file.folder.lower() == CACHE:
            return "cached copy"
        if self.configuration.is_planned:
            return "planned"
        if self.file.name.lower().endswith(".exp"):
            return "exported"
        return "registered" if self.registered else "unregistered"


@dataclass(eq=False)
class Node(Configured):
    """A snapshot. `parent_basis` tells what `parent_id` rests on."""

    snapshot_id: str = ""
    parent_id: str = ""
    parent_basis: str = ""
    state: str = "complete"
    is_current: bool = False

    def own(self, record: R) -> R:
        """The record as one about this snapshot."""
        return replace(record, vm_id=self.vm_id, snapshot_id=self.snapshot_id)


@dataclass(frozen=True, slots=True)
class DanglingLink:
    """A link in the register whose target is not in the evidence or not there."""

    item: Item
    target: str
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class RegisterFile:
    """A register of machines (`data.vmcx`), and what it no longer says and still holds."""

    item: Item
    former: tuple[FormerValue, ...]
    settings: tuple[Setting, ...]
    understood: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class MissingConfiguration:
    """A machine that the register names and whose configuration is not there.

    item, at  the register, and the byte offset of the key in it
    copies    machines read from the service's own copy instead
    """

    item: Item
    vm_id: str
    path: str
    why: str
    at: int | None
    copies: list[Machine] = field(default_factory=list)
