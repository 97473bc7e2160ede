"""Records of witnesses beside machines and disks: bins, traces of users, counters of services."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecycledFile(Record):
    """One file or folder that a user moved to the Recycle Bin."""

    path: str
    """Where it was."""
    subject: str
    """What it is by its name: virtual disk, configuration, saved state ...; "" for any other."""
    user_sid: str
    """Whose bin it is."""
    account_name: str = ""
    size: int
    """Bytes, as the bin says; of a folder all that was in it."""
    format: str
    """$I 1, $I 2, INFO2."""
    content_path: str = ""
    """Where its content is now; "" where it is not in the bin any more."""
    contents: tuple[str, ...] = ()
    """Of a folder: files of virtual machines in it, by name."""
    note: str = ""
    deleted_at: int | None = moment("Moved to the Recycle Bin")

    TOPIC: ClassVar[str] = "user"

    def describe(self) -> str:
        return f"{self.path} by {self.account_name or self.user_sid or 'an unknown user'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry(Record):
    """One record of a volume's change journal about a file of virtual machines.

    `vm_id` is the machine that the file is named after, where it lies in a folder of machines.
    """

    volume_id: str
    path: str
    """Windows path by the folders of now; the bare name where the folder is not there any more."""
    subject: str
    """What it is by its name: virtual disk, configuration, saved state, folder ..."""
    entry: int | None
    """MFT number; another file may have it by now, with another `sequence`."""
    sequence: int
    usn: int
    """Number of the record: its offset in the journal when it was written."""
    reasons: tuple[str, ...]
    """All that was done since the file was opened: file create, file delete, close ..."""
    is_directory: bool
    note: str = ""
    changed_at: int | None = moment("File of a virtual machine changed (change journal)")

    TOPIC: ClassVar[str] = "file"

    def describe(self) -> str:
        return f"{self.path}: {', '.join(self.reasons)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTrace(Record):
    """One thing in a user's profile that tells of virtual machines, or of programs for them.

    `vm_id` is the machine that the trace names by its GUID. A trace says what was opened or
    started, not what was done with it.
    """

    trace: str
    """Hyper-V Manager, vmconnect, UserAssist, recent document, Run dialog, shortcut ..."""
    user_sid: str
    """"" where ProfileList does not name the profile."""
    account_name: str = ""
    target: str
    """Host, machine, program, path or command that it names."""
    vm_name: str = ""
    details: tuple[str, ...] = ()
    """What else it says, in its own words."""
    use_count: int | None = None
    made_at: int | None = moment("User's trace made")
    first_used_at: int | None = moment("First used by user")
    last_used_at: int | None = moment("Last used by user")
    written_at: int | None = moment("User's trace last written")

    TOPIC: ClassVar[str] = "user"

    def describe(self) -> str:
        who = self.account_name or self.user_sid or "an unknown user"
        return f"{self.trace}: {self.vm_name or self.target} ({who})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLogMachine(Record):
    """A machine that User Access Logging saw on a host; rows stay when the machine is deleted."""

    bios_guid: str = ""
    serial_number: str = ""
    """Of its BIOS."""
    made_at: int | None = moment("Machine first seen by User Access Logging")
    """CreationTime: when the row was made, unsure whether the machine was too."""
    last_seen_at: int | None = moment("Machine last seen running by User Access Logging")

    TOPIC: ClassVar[str] = "machine"
    NEVER_SEEN: ClassVar[str] = (
        "Rows of VIRTUALMACHINES: the real databases that were read have none. Its columns "
        "are real.")

    def describe(self) -> str:
        return self.vm_id or f"a machine with the BIOS GUID {self.bios_guid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLogClient(Record):
    """A user at an address who used a role of a server, as User Access Logging counted it."""

    role: str
    """File Server ...; its GUID where the name is not known."""
    account_name: str = ""
    address: str = ""
    client_name: str = ""
    use_count: int | None = None
    """Accesses in the year of the database."""
    first_used_at: int | None = moment("Role first used by client")
    last_used_at: int | None = moment("Role last used by client")

    TOPIC: ClassVar[str] = "user"

    def describe(self) -> str:
        return f"{self.role} by {self.account_name} from {self.address or 'an unknown address'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedDisk(Record):
    """A virtual disk, or a volume of one, that was attached to the system itself.

    `vm_id` is the machine that the disk belongs to, where it is one of the evidence.
    """

    basis: str
    """Enum\\SCSI (a device, without the name of its file) or MountedDevices (a volume)."""
    device: str
    """Instance of the device, or the signature and offset, or GUID, of the partition."""
    path: str = ""
    """Virtual disk of the evidence that has this very partition."""
    drive_letter: str = ""
    volume_guid: str = ""
    note: str = ""
    installed_at: int | None = moment("Virtual disk first attached")
    attached_at: int | None = moment("Virtual disk last attached")
    detached_at: int | None = moment("Virtual disk last detached")
    written_at: int | None = moment("Key of attached disk last written")

    TOPIC: ClassVar[str] = "disk"
    NEVER_SEEN: ClassVar[str] = "A host that a virtual disk of the same evidence was attached to."

    def describe(self) -> str:
        return f"{self.path or self.device} ({self.basis})"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNetworkObject(Record):
    """One object of the Host Networking Service: network, endpoint ... of containers or machines.

    `vm_id` is the machine that an endpoint names.
    """

    store: str
    """PersistentStore, VolatileStore (registry), HNS.data."""
    kind: str
    """Network, Endpoint ... as its key is called; "" in HNS.data."""
    object_id: str
    name: str = ""
    network_type: str = ""
    """NAT, internal ..."""
    mac: str = ""
    ip_addresses: tuple[str, ...] = ()
    gateway: str = ""
    network_id: str = ""
    network_name: str = ""
    details: tuple[str, ...] = ()
    """`name=value` of every property in order."""
    object_started_at: int | None = moment("Host network object started")
    written_at: int | None = moment("Host network objects last written")

    TOPIC: ClassVar[str] = "system"
    NEVER_SEEN: ClassVar[str] = "HNS.data of a host with networks of machines."

    def describe(self) -> str:
        return f"{self.kind or 'object'} {self.name or self.object_id}"
