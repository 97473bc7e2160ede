"""Records of what was acquired and of the systems on it."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Record):
    """One acquired image."""

    name: str
    """Name of the image in this case, that of its first segment."""
    format: str
    """raw, split raw, EWF ..."""
    size: int
    """Bytes of the disk inside the image."""
    files: tuple[str, ...]
    """Base names of its segments in order."""
    stored_md5: str = ""
    """MD5 that the image carries, in hexadecimal; "" for none. See `verified`."""
    stored_sha1: str = ""
    """SHA-1 that the image carries, in the same way."""
    verified: str = ""
    """"" not asked, "match", "mismatch", "no stored hash"."""
    acquired_at: int | None = moment("Image acquired")
    case_number: str = ""
    """As the examiner typed it into the image."""
    evidence_number: str = ""
    """As the examiner typed it into the image."""
    examiner: str = ""
    """As typed into the image."""
    description: str = ""
    """As the examiner typed it into the image."""

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
    """Name of the volume."""
    serial: str = ""
    """Serial number in hexadecimal."""
    scheme: str
    """MBR, GPT, bare."""
    offset: int
    """First byte, in its disk."""
    size: int
    """Bytes."""
    state: str = "read"
    """read, unsupported, unreadable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System(Record):
    """One offline Windows installation: a host or a guest."""

    host_name: str = ""
    """Name of the computer."""
    product: str = ""
    """ProductName, `Windows Server (R) 2008 Enterprise`."""
    edition: str = ""
    """EditionID."""
    service_pack: str = ""
    """CSDVersion; "" for none."""
    version: str = ""
    """NT version, `6.0`."""
    build: str = ""
    """CurrentBuildNumber."""
    registered_owner: str = ""
    """RegisteredOwner."""
    time_zone: str = ""
    """Time zone by the registry, with its offset where the registry tells it."""
    installed_at: int | None = moment("Windows installed")
    shutdown_at: int | None = moment("Windows last shut down")
    role: str = ""
    """"Hyper-V host", "Virtual Server host", "Virtual PC host", "guest", "Windows"; "unknown" where
    the services cannot be read."""
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
    """PhysicalHostName."""
    physical_host_full: str = ""
    """PhysicalHostNameFullyQualified."""
    written_at: int | None = moment("Guest parameters written by the host")

    TOPIC: ClassVar[str] = "system"

    def describe(self) -> str:
        return f"{self.vm_name} on {self.physical_host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry(Record):
    """One file or directory of an NTFS volume, allocated or not."""

    volume_id: str
    path: str
    """Windows path, `C:\\Windows\\...`; of a named stream too, `...:name`."""
    entry: int | None
    """MFT number; missing for a record outside $MFT that does not hold it (NTFS 3.0)."""
    sequence: int
    size: int
    allocated: bool
    is_directory: bool
    stream: str = ""
    link_target: str = ""
    note: str = ""
    """What is odd about it: orphan, entry reused, odd name, bytes unreadable ..."""
    seen_by: str = ""
    """Which look saw the name: "index+mft", in its directory's index and in the file's record;
    "mft", in the record alone; "index", in the index alone; "slack", in the unused part of an
    index alone; "scan", in a FILE record outside $MFT."""
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
