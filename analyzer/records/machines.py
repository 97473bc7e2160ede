"""Records of virtual machines, snapshots, their hardware and disks."""

from dataclasses import dataclass
from typing import ClassVar, Final

from analyzer.records.record import Record, moment

NOT_HERE: Final = "no volume of this system"
"""In brackets behind a `DiskLayer.parent_volume` that the system of the disk does not know."""
IN_EVENTS: Final = "no configuration, in event logs"
IN_ACCESS_LOG: Final = "no configuration, in User Access Logging"
IN_JOURNAL: Final = "no configuration, in the change journal"
"""States of a machine that nothing but these names, here or on another host of the case."""
ONCE_REGISTERED: Final = "no configuration, once in the register"
"""State of a machine that a former value of data.vmcx names, and no configuration here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMachine(Record):
    """One virtual machine of a host, from its configuration or from what it left behind."""

    name: str
    """Name as Hyper-V Manager shows it; "" where only remains are left."""
    notes: str = ""
    """Notes of the configuration."""
    configuration_version: str = ""
    """`major.minor`."""
    format: str
    """xml, vmcx, vmc, or "none" where only remains are left."""
    state: str
    """registered, unregistered, planned, exported (2008), deleted configuration, dangling
    link; no configuration, in access lists (a register and logs may know it too); no
    configuration, once in the register; no configuration, in event logs, User Access Logging or
    the change journal; of data.vmcx: registered, configuration missing (then from the service's
    own copy, where there is one); cached copy."""
    traits: tuple[str, ...] = ()
    """What else is true of it: duplicated id, planned, clustered, replicated, in a folder for
    replicas, in the form of an export, template by its name."""
    generation: int | None = None
    """1 or 2, where the configuration says so."""
    memory_mb: int | None = None
    """Memory at start, in MiB."""
    memory_minimum_mb: int | None = None
    """Only with dynamic memory."""
    memory_maximum_mb: int | None = None
    """Only with dynamic memory."""
    memory_buffer_percent: int | None = None
    """Of dynamic memory."""
    memory_weight: int | None = None
    """Priority, as stored."""
    processor_count: int | None = None
    """Virtual processors."""
    processor_reservation: int | None = None
    """In thousandths of a percent."""
    processor_limit: int | None = None
    """In thousandths of a percent."""
    processor_weight: int | None = None
    """Relative weight, as stored."""
    processor_limits_features: bool | None = None
    """Shows the guest only what other processors have too: it can be moved while it runs."""
    processor_limits_cpuid: bool | None = None
    """Shows the guest an old processor, for systems such as Windows NT."""
    nested_virtualization: bool | None = None
    """The guest may be a host of virtual machines itself."""
    low_mmio_mb: int | None = None
    """Addresses below 4 GiB kept for devices, in MiB."""
    high_mmio_mb: int | None = None
    """The same above."""
    numa_enabled: bool | None = None
    """Whether the guest sees NUMA nodes; the next three are how many and how large at most."""
    numa_node_memory_mb: int | None = None
    """Memory of one virtual node, in MiB."""
    numa_node_processors: int | None = None
    """Processors of one virtual node."""
    numa_socket_nodes: int | None = None
    """Virtual nodes on one virtual socket."""
    boot_order: tuple[str, ...] = ()
    """Devices, first to last, in the configuration's own words."""
    start_action: str = ""
    """When the host starts, `restart if it was running (1)`: word, and value as stored."""
    stop_action: str = ""
    """When the host shuts down, in the same way."""
    crash_action: str = ""
    """When the guest crashes, in the same way."""
    stopped_at_host_shutdown: bool | None = None
    """It was running when the host shut down, and was stopped for that (name only; unsure)."""
    critical_error_action: str = ""
    """When its storage fails, in the same way; the word is unsure."""
    highly_available: bool | None = None
    """Managed by a cluster."""
    replication: str = ""
    """Settings of Hyper-V Replica as they stand, `settings/primary_server=HV1; ...`."""
    security: str = ""
    """Settings of the virtual TPM, of shielding and encryption, in the same way (2016 and later);
    keys are counted in bytes."""
    checkpoint_type: str = ""
    """Which snapshots the user gets, `production, else standard (3)`; the word is unsure."""
    automatic_checkpoints: bool | None = None
    """A snapshot is taken whenever the machine starts."""
    recorded_snapshots: int | None = None
    """How many snapshots the configuration itself counts; those that are there are rows."""
    disk_merge_pending: bool | None = None
    """A snapshot was deleted and its disk is not merged yet."""
    secure_boot: bool | None = None
    """Of generation 2."""
    secure_boot_template: str = ""
    """Of generation 2; name or GUID as stored."""
    generation_id: str = ""
    """VM-GenerationID: another one after a snapshot was applied or a copy imported."""
    made_with: str = ""
    """Program that made the configuration, with its build, where it says so (.vmc)."""
    changed_with: str = ""
    """Program that wrote it last, in the same way."""
    guest_os: str = ""
    """System inside, in the configuration's own words (.vmc)."""
    guest_clock: str = ""
    """The guest's clock, its local time, as it was kept when it last stopped (.vmc; unsure)."""
    data_root: str = ""
    """Folder of the configuration, as the configuration has it."""
    snapshot_root: str = ""
    """Folder of its snapshots, as the configuration has it."""
    smart_paging_root: str = ""
    """Folder of its paging file, as the configuration has it."""
    bios_guid: str = ""
    """GUID that the guest sees as that of its hardware."""
    bios_serial: str = ""
    """Serial number of the BIOS that the guest sees."""
    board_serial: str = ""
    """Of its mainboard."""
    chassis_serial: str = ""
    """Of its case."""
    asset_tag: str = ""
    """Of its case."""
    owner_sid: str = ""
    """Account that the configuration names as the owner."""
    owner_name: str = ""
    """Who that is by this system's registry; "" where nothing names it."""
    configuration_path: str = ""
    """Windows path of the file that holds the configuration."""
    registration_path: str = ""
    """Windows path of the link in the register that leads to it; "" if the file lies there."""
    access_path: str = ""
    """Of a machine without configuration: Windows path of a file whose access list names it."""
    saved_state_path: str = ""
    """Folder or file named by the configuration for the saved state; "" for none."""
    saved_state_type: str = ""
    """Type of that in the configuration's own word, `Normal`; `(in progress)` behind it where
    that says that it was being written."""
    has_saved_state: bool = False
    """True where saved-state files exist."""
    partial: bool = False
    """True where the configuration could not be read whole."""
    created_at: int | None = moment("Virtual machine created")
    powered_on_at: int | None = moment("Virtual machine last powered on")
    powered_off_at: int | None = moment("Virtual machine last powered off")
    state_changed_at: int | None = moment("Virtual machine last changed state")
    firmware_changed_at: int | None = moment("EFI variables of a virtual machine last written")

    TOPIC: ClassVar[str] = "machine"

    def describe(self) -> str:
        return f"{self.name} ({self.vm_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Record):
    """One snapshot of a virtual machine."""

    name: str
    """Name as Hyper-V Manager shows it."""
    notes: str = ""
    """Notes of the configuration."""
    parent_id: str = ""
    """GUID of the parent snapshot; "" for a root."""
    parent_basis: str = ""
    """Which configuration key or disk chain says so."""
    state: str = "complete"
    """complete, partial, dangling parent, cyclic, orphan (no such machine), dangling link."""
    snapshot_type: str = ""
    """standard, automatic, recovery, replica; "" where nothing tells."""
    type_basis: str = ""
    """What that rests on."""
    type_id: str = ""
    """The configuration's own word for what it describes."""
    type_settings: tuple[str, ...] = ()
    """Settings that may speak of the type, raw: `key=value`."""
    is_current: bool = False
    """True for the node that the machine's present state grew from."""
    configuration_path: str = ""
    """Windows path of the file that holds its configuration."""
    has_saved_state: bool = False
    """True where saved-state files exist."""
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
    """Which controller of its kind, from 0."""
    slot: int
    """Which place on the controller, from 0."""
    medium: str
    """disk, dvd, floppy, pass-through, none; the configuration's own word for others."""
    path: str
    """Path as the configuration has it."""
    resolved_path: str = ""
    """Address of the file in the evidence; "" where it is not there."""
    state: str = ""
    """present, missing, not decoded; "" for an empty slot or a pass-through disk."""
    state_basis: str = ""
    """For a missing file, what the look-up met; for an undo disk, what it lies on."""
    undo_path: str = ""
    """Virtual Server: undo disk as the configuration has it; the chain starts there."""
    iops_limit: int | None = None
    """Quality of service, as stored."""
    iops_reservation: int | None = None
    """Quality of service, as stored."""
    qos_weight: int | None = None
    """Quality of service, as stored."""
    is_shared: bool | None = None
    """Several machines may use the disk at a time (persistent reservations)."""
    qos_policy_id: str = ""
    """GUID of the storage policy; "" for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmNetworkAdapter(Record):
    """One network adapter of a machine."""

    name: str
    """Name of the adapter in the configuration."""
    adapter: str
    """synthetic or legacy."""
    mac: str
    """`00-15-5D-01-07-DC`; "" where none was given out."""
    mac_is_static: bool | None = None
    """False where Hyper-V gave the address out."""
    is_connected: bool | None = None
    """Whether the configuration connects it to a switch."""
    switch_id: str = ""
    """GUID of the switch, as the configuration has it; "" for none."""
    switch_name: str = ""
    """Name of the switch, where the configuration tells it."""
    port_name: str = ""
    """Port of the switch, as the configuration has it."""
    channel_id: str = ""
    """GUID by which boot entries name it."""
    cluster_monitored: bool | None = None
    """A cluster moves the machine when this network fails."""
    prevents_ip_spoofing: bool | None = None
    """As stored."""
    pool_id: str = ""
    """Resource pool, as stored."""
    replica_test_switch: str = ""
    """Switch for a test failover, as stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmDevice(Record):
    """One other device of a machine: COM port, integration component, ..."""

    name: str
    """Name of the device in the configuration."""
    device: str
    """"COM port", "integration component", "controller", "device"."""
    device_id: str = ""
    """GUID of the device's type."""
    instance_id: str = ""
    """Which device of that type; the same GUID where there is but one."""
    enabled: bool | None = None
    """As stored."""
    setting: str = ""
    """What it is connected to (pipe path of a COM port), names of a Fibre Channel port."""
    channel_id: str = ""
    """GUID of its channel."""


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
    """Bytes of the file."""
    original_size: int | None = None
    """Bytes of the disk inside when it was created."""
    block_size: int | None = None
    """Bytes of a block; missing for a fixed disk."""
    link_id: str = ""
    """What its children name as their parent: the unique id (VHD), the DataWriteGuid (VHDX)."""
    parent_id: str = ""
    """Id by which it names its parent; "" for a base."""
    parent_path: str = ""
    """Parent as the locators have it."""
    parent_volume: str = ""
    """Volume that a VHDX says its parent lies on, `\\\\?\\Volume{...}`; and its letter here, or
    that this system has no such volume."""
    found_by: str = ""
    """What leads to this file: the configuration, or the unique id its child names."""
    creator: str = ""
    """Program that made it, as the file says."""
    creator_version: str = ""
    """Version of that program, as the file says."""
    creator_os: str = ""
    """System it ran on, as the file says."""
    in_saved_state: bool | None = None
    """Mark of a VHD's footer."""
    verdict: str
    """complete, parent missing, wrong parent, corrupt, ... ("; " between several)."""
    unreadable_bytes: int = 0
    """Of the disk as seen through this layer."""
    unreadable_ranges: int = 0
    """How many ranges that is."""
    created_at: int | None = moment("Virtual disk created")

    TOPIC: ClassVar[str] = "disk"

    def describe(self) -> str:
        return f"{self.path} ({self.layer} {self.format})"


@dataclass(frozen=True, slots=True, kw_only=True)
class VmExport(Record):
    """A machine exported by Server 2008 or 2008 R2 and not imported: what lies in its folder."""

    name: str
    """Of the machine."""
    path: str
    """The export's folder; "" where the configuration does not lie as in an export."""
    configuration_path: str
    description_path: str = ""
    """Its config.xml; the leaves of that are in vm_setting."""
    description: str
    """absent, read, partial or unreadable."""
    named_disks: tuple[str, ...] = ()
    """Values of config.xml that end as the name of a virtual disk."""
    disks: tuple[str, ...] = ()
    """Virtual disks in the export's folder for them."""
    created_at: int | None = moment("Folder of an export created")

    TOPIC: ClassVar[str] = "machine"
    NEVER_SEEN: ClassVar[str] = (
        "An export of Server 2008 or 2008 R2, and so its config.xml: where it lies is known from "
        "descriptions, its content is kept as whatever tree it is.")

    def describe(self) -> str:
        return f"{self.name or self.configuration_path} ({len(self.disks)} disks)"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskCompanion(Record):
    """A file that belongs to a virtual disk without being one."""

    path: str
    companion: str
    """resilient change tracking, modified region table, replica log, VHD Set, ..."""
    disk_path: str
    """Windows path of the disk it belongs to; "" where that disk is not there."""
    basis: str
    """What ties it to the disk."""
    size: int
    changed_at: int | None = moment("Companion of a virtual disk last written")

    TOPIC: ClassVar[str] = "disk"

    def describe(self) -> str:
        return f"{self.path} ({self.companion})"
