"""Records: what vmtrail states, and the schema of every table.

A record is a frozen dataclass: a Source and typed fields. Its class name in snake case is the
name of its table. Times are ticks (see times.py) and end in `_at`; a field declared with
`moment("label")` is a time that the timeline shows. One field name has one type in all tables.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, get_type_hints

from analyzer.source import Source


def moment(label: str) -> Any:
    """A time field that the timeline shows under `label`; None is left out."""
    return field(default=None, metadata={"moment": label})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record has."""

    source: Source
    system_id: str = ""
    """Address of the Windows installation it was found in; "" for the evidence itself."""
    vm_id: str = ""
    """GUID of the virtual machine it is about, upper case, no braces."""
    snapshot_id: str = ""
    """GUID of the snapshot whose state it was read at; "" for the current state."""

    TOPIC: ClassVar[str] = "file"
    """Which sort of artefact this comes from, for the timeline's `topic` column."""

    def describe(self) -> str:
        """One line for the timeline."""
        return str(self.source)


def table_name(record: type[Record]) -> str:
    """`VmNetworkAdapter` -> `vm_network_adapter`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", record.__name__).lower()


def column_types(record: type[Record]) -> dict[str, Any]:
    """Field name -> annotated type, `source` first, in order of declaration."""
    hints = get_type_hints(record)
    return {f.name: hints[f.name] for f in fields(record)}


def moments(record: type[Record]) -> dict[str, str]:
    """Field name -> label of each moment the record declares."""
    return {f.name: f.metadata["moment"] for f in fields(record) if "moment" in f.metadata}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Record):
    """One acquired image."""

    name: str
    format: str
    """raw, split raw, EWF ..."""
    size: int
    files: tuple[str, ...]
    """Base names of its segments in order."""
    stored_md5: str = ""
    stored_sha1: str = ""
    verified: str = ""
    """"" not asked, "match", "mismatch", "no stored hash"."""
    acquired_at: int | None = moment("Image acquired")
    case_number: str = ""
    evidence_number: str = ""
    examiner: str = ""
    description: str = ""

    TOPIC: ClassVar[str] = "evidence"

    def describe(self) -> str:
        return f"Image {self.name} acquired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Record):
    """One volume of a disk: acquired, or virtual."""

    volume_id: str
    """`p1`, `p2` ... in order of offset on its disk."""
    drive_letter: str = ""
    """Upper case letter without colon."""
    drive_letter_basis: str = ""
    """"MountedDevices", or "inferred: ..." with the reason."""
    format: str
    """NTFS, ReFS, BitLocker ..."""
    label: str = ""
    serial: str = ""
    scheme: str
    """MBR, GPT, bare."""
    offset: int
    size: int
    state: str = "read"
    """read, unsupported, unreadable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System(Record):
    """One offline Windows installation: a host or a guest."""

    host_name: str = ""
    product: str = ""
    edition: str = ""
    service_pack: str = ""
    version: str = ""
    """NT version, `6.0`."""
    build: str = ""
    registered_owner: str = ""
    time_zone: str = ""
    installed_at: int | None = moment("Windows installed")
    shutdown_at: int | None = moment("Windows last shut down")
    role: str = ""
    """"Hyper-V host", "Virtual Server host", "guest", "Windows"."""
    role_basis: str = ""
    """Why the role is said."""

    TOPIC: ClassVar[str] = "system"

    def describe(self) -> str:
        return f"{self.host_name} ({self.product})"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestIdentity(Record):
    """What a guest's registry says of the machine and the host it ran on."""

    host_name: str = ""
    """HostName: the host as the guest was told to call it."""
    vm_name: str = ""
    """VirtualMachineName: the machine's name on the host when the guest last started."""
    stated_vm_id: str = ""
    """VirtualMachineId, where the host gave one."""
    physical_host: str = ""
    physical_host_full: str = ""
    written_at: int | None = moment("Guest parameters written by the host")

    TOPIC: ClassVar[str] = "system"

    def describe(self) -> str:
        return f"{self.vm_name} on {self.physical_host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMachine(Record):
    """One virtual machine of a host, from its configuration or from what it left behind."""

    name: str
    notes: str = ""
    configuration_version: str = ""
    """`major.minor`."""
    format: str
    """xml, vmcx, vmc, or "none" where only remains are left."""
    state: str
    """registered, unregistered, planned, deleted configuration, dangling link."""
    generation: int | None = None
    memory_mb: int | None = None
    processor_count: int | None = None
    boot_order: tuple[str, ...] = ()
    start_action: str = ""
    stop_action: str = ""
    bios_guid: str = ""
    bios_serial: str = ""
    owner_sid: str = ""
    configuration_path: str = ""
    """Windows path of the file that holds the configuration."""
    registration_path: str = ""
    """Windows path of the link in the register that leads to it; "" if the file lies there."""
    saved_state_path: str = ""
    """Folder or file named by the configuration for the saved state; "" for none."""
    has_saved_state: bool = False
    """True where saved-state files exist."""
    partial: bool = False
    """True where the configuration could not be read whole."""
    created_at: int | None = moment("Virtual machine created")
    powered_on_at: int | None = moment("Virtual machine last powered on")
    powered_off_at: int | None = moment("Virtual machine last powered off")
    state_changed_at: int | None = moment("Virtual machine last changed state")

    TOPIC: ClassVar[str] = "machine"

    def describe(self) -> str:
        return f"{self.name} ({self.vm_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Record):
    """One snapshot of a virtual machine."""

    name: str
    notes: str = ""
    parent_id: str = ""
    """GUID of the parent snapshot; "" for a root."""
    parent_basis: str = ""
    """Which configuration key or disk chain says so."""
    state: str = "complete"
    """complete, partial, dangling parent, cyclic, orphan (no such machine), dangling link."""
    is_current: bool = False
    """True for the node that the machine's present state grew from."""
    configuration_path: str = ""
    has_saved_state: bool = False
    created_at: int | None = moment("Snapshot taken")

    TOPIC: ClassVar[str] = "snapshot"

    def describe(self) -> str:
        return f"{self.name} ({self.snapshot_id}) of {self.vm_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VmDrive(Record):
    """One drive slot of a machine (or of a snapshot's configuration)."""

    controller: str
    """IDE, SCSI, floppy."""
    controller_number: int
    slot: int
    medium: str
    """disk, dvd, floppy, pass-through, none; the configuration's own word for others."""
    path: str
    """Path as the configuration has it."""
    resolved_path: str = ""
    """Address of the file in the evidence; "" where it is not there."""
    state: str = ""
    """present, missing, not decoded; "" for an empty slot or a pass-through disk."""
    state_basis: str = ""
    """For a missing file, what the look-up met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmNetworkAdapter(Record):
    """One network adapter of a machine."""

    name: str
    adapter: str
    """synthetic or legacy."""
    mac: str
    """`00-15-5D-01-07-DC`; "" where none was given out."""
    mac_is_static: bool | None = None
    is_connected: bool | None = None
    switch_id: str = ""
    switch_name: str = ""
    port_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmDevice(Record):
    """One other device of a machine: COM port, integration component, ..."""

    name: str
    device: str
    """"COM port", "integration component", "controller", "device"."""
    device_id: str = ""
    """GUID of the device's type."""
    enabled: bool | None = None
    setting: str = ""
    """What it is connected to (pipe path of a COM port)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskLayer(Record):
    """One virtual disk file, as a layer of the chain of one machine at one state."""

    disk_id: str
    """Unique id of the file, upper case GUID text; "" where it could not be read."""
    path: str
    """Windows path of the file on the host."""
    chain: str
    """Address of the top file of the chain this row belongs to."""
    depth: int
    """0 for the top of the chain, counting down to the base."""
    layer: str
    """Kind of file: fixed, dynamic, differencing."""
    format: str
    """VHD, VHDX."""
    size: int
    """Bytes of the disk inside (Current Size)."""
    file_size: int
    original_size: int | None = None
    block_size: int | None = None
    parent_id: str = ""
    parent_path: str = ""
    """Parent as the locators have it."""
    found_by: str = ""
    """What leads to this file: the configuration, or the unique id its child names."""
    creator: str = ""
    creator_version: str = ""
    creator_os: str = ""
    in_saved_state: bool | None = None
    verdict: str
    """complete, parent missing, wrong parent, corrupt, ... ("; " between several)."""
    unreadable_bytes: int = 0
    """Of the disk as seen through this layer."""
    created_at: int | None = moment("Virtual disk created")

    TOPIC: ClassVar[str] = "disk"

    def describe(self) -> str:
        return f"{self.path} ({self.layer} {self.format})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry(Record):
    """One file or directory of an NTFS volume, allocated or not."""

    volume_id: str
    path: str
    """Windows path, `C:\\Windows\\...`; of a named stream too, `...:name`."""
    entry: int
    sequence: int
    size: int
    allocated: bool
    is_directory: bool
    stream: str = ""
    link_target: str = ""
    note: str = ""
    """What is odd about it: orphan, entry reused, odd name ..."""
    si_created_at: int | None = moment("Created ($STANDARD_INFORMATION)")
    si_modified_at: int | None = moment("Content modified ($STANDARD_INFORMATION)")
    si_changed_at: int | None = moment("Entry changed ($STANDARD_INFORMATION)")
    si_accessed_at: int | None = moment("Accessed ($STANDARD_INFORMATION)")
    fn_created_at: int | None = moment("Created ($FILE_NAME)")
    fn_modified_at: int | None = moment("Content modified ($FILE_NAME)")
    fn_changed_at: int | None = moment("Entry changed ($FILE_NAME)")
    fn_accessed_at: int | None = moment("Accessed ($FILE_NAME)")

    def describe(self) -> str:
        return self.path if self.allocated else f"{self.path} (deleted)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Record):
    """One row of the timeline: a declared moment of one record."""

    at: int
    what: str
    """Label of the moment."""
    subject: str
    """What it happened to, in one line."""
    table: str
    """Table of the record that declares the moment."""
    topic: str
    """file, machine, snapshot, disk, system, evidence ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Record):
    """A judgement of an analysis, with the facts it rests on."""

    code: str
    what: str
    basis: str
    """direct, derived or inferred, and from what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Record):
    """Something that could not be read or trusted, and what that costs."""

    code: str
    what: str
    effect: str
    plugin: str = ""
    start: int | None = None
    """First byte concerned, in the file or image that `source` names."""
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage(Record):
    """A place that was looked at, and how far that went."""

    place: str
    state: str
    """read, absent, unreadable, partial, skipped by limit."""
    plugin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Record):
    """How the case was made."""

    tool_version: str
    arguments: tuple[str, ...]
    started_at: int
    finished_at: int
    exit_code: int


TABLES: dict[str, type[Record]] = {
    table_name(c): c
    for c in (Evidence, Volume, System, GuestIdentity, VirtualMachine, Snapshot, VmDrive,
              VmNetworkAdapter, VmDevice, DiskLayer, FileEntry, Event, Finding, Problem,
              Coverage, Run)
}


def events(record: Record) -> Iterator[Event]:
    """The timeline rows of a record: one for each declared moment that is not None."""
    for name, label in moments(type(record)).items():
        at = getattr(record, name)
        if at is not None:
            yield Event(source=record.source, system_id=record.system_id, vm_id=record.vm_id,
                        snapshot_id=record.snapshot_id, at=at, what=label,
                        subject=record.describe(), table=table_name(type(record)),
                        topic=record.TOPIC)
