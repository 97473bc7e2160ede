"""Records of what a host is set to do: its services and settings."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class HostService(Record):
    """One service or driver of virtualisation, in one control set, of a host or of a guest."""

    name: str
    part: str
    """role (only hosts have it), component (clients have it too), guest."""
    control_set: str
    is_current: bool
    """True for the control set that Windows uses."""
    display_name: str = ""
    start_type: str = ""
    """`automatic (2)`."""
    service_type: str = ""
    """`own process (16)`."""
    account_name: str = ""
    image_path: str = ""
    """As the registry has it."""
    service_dll: str = ""
    binary_path: str = ""
    """Windows path of the program that this leads to."""
    binary_state: str = ""
    """present, deleted (its MFT entry is free), missing, unknown (the look-up failed); "" without
    image path."""
    written_at: int | None = moment("Service key last written")

    TOPIC: ClassVar[str] = "system"
    NEVER_SEEN: ClassVar[str] = (
        "A hive of a host with the service vmms; those of real clients and servers without "
        "the role were read.")

    def describe(self) -> str:
        return f"{self.name} ({self.control_set}): {self.start_type}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSetting(Record):
    """One value by which a host is set up: of its registry, or of the file of a resource pool."""

    group: str
    """default folders, MAC pool, live migration, replication, ...; "" for others."""
    name: str
    value_type: str
    value: str
    """Text; bytes in hexadecimal. Cut after 1000 characters."""
    key: str
    """From the root of its hive; of a resource pool the Windows path of its file."""
    control_set: str = ""
    """"" for values that are not kept by control set."""
    is_current: bool = True
    """False for those of a control set that is not in use."""
    written_at: int | None = moment("Key of a host setting last written")

    TOPIC: ClassVar[str] = "system"
    NEVER_SEEN: ClassVar[str] = "The key Virtualization, and resource pools, of a real host."

    def describe(self) -> str:
        return f"{self.key}\\{self.name} = {self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEvidence(Record):
    """One fact that tells whether, which and since when a Windows is a Hyper-V host."""

    group: str
    """edition, processor, hypervisor launch, program, service, set-up, set-up log, event log."""
    name: str
    """What was looked at."""
    value: str
    meaning: str
    """In words; "" where the value is not understood."""
    certainty: str
    """direct, derived or unsure, and why."""
    is_proof: bool
    """True for what only a host has: the management service and its program."""
    time_basis: str = ""
    """What `traced_at` is the time of."""
    traced_at: int | None = moment("Trace of the Hyper-V role")

    TOPIC: ClassVar[str] = "system"
    NEVER_SEEN: ClassVar[str] = "Set-up traces (component packages) of a real host."

    def describe(self) -> str:
        return f"{self.group}: {self.name} {self.value}"
