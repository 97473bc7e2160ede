"""Records of the settings of machines and snapshots: every leaf, and what repeats in them."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class VmAdapterFeature(Record):
    """One feature of the switch port of a network adapter: VLAN, bandwidth, security, ..."""

    adapter_name: str
    mac: str
    feature: str
    """Its name; "" for a GUID that is not known."""
    feature_id: str
    setting_id: str
    data_version: int | None = None
    data: str
    """Hexadecimal, as the configuration has it."""
    meaning: str = ""
    """The data in words; "" where their layout is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmBootEntry(Record):
    """One EFI load option of a machine of generation 2."""

    option_number: int
    """That of `Boot####`."""
    position: int | None = None
    """In the boot order, from 0; None where the order does not name it."""
    name: str
    is_active: bool
    device: str
    """network, SCSI, or what the device path says."""
    channel_id: str = ""
    target: str = ""
    """Adapter or controller that has this channel, then the rest of the device path."""
    path: str = ""
    """File that is started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmMetric(Record):
    """One metric that the host may count for a device of a machine."""

    device_id: str
    instance_id: str = ""
    """Which device of that type: GUID, as in vm_device."""
    definition_id: str
    metric: str = ""
    """What that measures; "" for a definition that is not known."""
    place: str = ""
    """Of a drive, `0\\0\\L`: controller, slot."""
    enabled: bool | None = None
    metric_value: int | None = None
    """In the unit of its definition, which the configuration does not say."""
    resource_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmSetting(Record):
    """One leaf of a configuration, a register or a run-time state: nothing is left out.

    The key is in `source_detail` too.
    """

    key: str
    """Path of elements from the root; siblings of one name are numbered from 1."""
    value_type: str
    """string, integer, bool, bytes, ... as the configuration has it."""
    value: str
    """Text; bytes in hexadecimal. Cut after 1000 characters."""
    value_length: int
    """Characters of the whole value."""
    understood: bool
    """True where a fact of the machine was taken from it, mostly a column of another table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualNetwork(Record):
    """One virtual network of Virtual Server 2005 (.vnc)."""

    name: str
    network_id: str
    """GUID; "" where none was found."""
    path: str
    registration_path: str
    """Windows path of the shortcut that registers it; "" where none does."""
    made_at: int | None = moment("Virtual network made (time in its UUID)")

    TOPIC: ClassVar[str] = "network"

    def describe(self) -> str:
        return f"{self.name} ({self.network_id})"
