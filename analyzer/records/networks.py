"""Records of virtual switches, what is plugged into them, and network interfaces of Windows."""

from dataclasses import dataclass
from typing import ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualSwitch(Record):
    """One virtual switch of a host, in one control set, or one that only machines name."""

    switch_id: str
    """GUID; the key's name where it is none."""
    name: str
    kind: str
    """external, internal, private; "" where nothing tells."""
    kind_basis: str = ""
    certainty: str
    """How sure the layout is that this was read from."""
    control_set: str = ""
    """"" for a switch that the registry does not have."""
    is_current: bool
    uplink: str = ""
    """The host's physical adapter: GUID and description."""
    host_adapter: str = ""
    """The host's own adapter on this switch: GUID and description."""
    settings: tuple[str, ...] = ()
    """Values of its key, raw: `name=value`; names of keys below it that are no ports."""
    written_at: int | None = moment("Key of a virtual switch last written")

    TOPIC: ClassVar[str] = "network"
    NEVER_SEEN: ClassVar[str] = (
        "A filled SwitchList: the real hives that were read have an empty one. Values are "
        "shown raw.")

    def describe(self) -> str:
        return f"{self.name} ({self.switch_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchPort(Record):
    """One port of a virtual switch, or one adapter bound to it.

    The key of a machine's adapter is called `<machine>--<adapter>`, which gives `vm_id`: unsure, by
    the names in one published event.
    """

    switch_id: str
    """"" for an adapter that names no switch."""
    port_id: str
    """GUID; for an adapter its own."""
    kind: str
    """port (SwitchList), adapter (NicList)."""
    name: str
    adapter: str = ""
    """What the host's registry calls the adapter; "" for one that it does not know."""
    control_set: str
    is_current: bool
    settings: tuple[str, ...] = ()
    """All values, raw: `name=value`. VLAN and features stand here: their layout is not known."""
    written_at: int | None = moment("Key of a port of a virtual switch last written")

    TOPIC: ClassVar[str] = "network"
    NEVER_SEEN: ClassVar[str] = (
        "Ports and bound adapters of a real host; VLAN, bandwidth and extension settings have "
        "no public layout and stay hexadecimal.")

    def describe(self) -> str:
        return f"{self.name} ({self.port_id}) of {self.switch_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInterface(Record):
    """One network interface of a Windows installation with its addresses, host or guest."""

    interface_id: str
    """GUID."""
    name: str = ""
    """As the user sees it: "Local Area Connection"."""
    description: str = ""
    """Of the driver; "" where no adapter of this GUID is installed any more."""
    component_id: str = ""
    """`vms_mp` is a host's adapter on a virtual switch."""
    mac: str = ""
    """NetworkAddress: set by hand; a card's own address is not in the registry."""
    has_dhcp: bool | None = None
    addresses: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    name_servers: str = ""
    dhcp_server: str = ""
    former_lease: str = ""
    """An address that DHCP gave before the fixed ones; the lease's times are of it then."""
    lease_obtained_at: int | None = moment("DHCP lease obtained")
    lease_ends_at: int | None = moment("DHCP lease ends")
    written_at: int | None = moment("Key of a network interface last written")

    TOPIC: ClassVar[str] = "network"

    def describe(self) -> str:
        return f"{self.name or self.description or self.interface_id} {', '.join(self.addresses)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VmAddress(Record):
    """An adapter of a machine joined to an interface of the Windows in it."""

    mac: str
    adapter_name: str
    interface_id: str
    switch_id: str = ""
    addresses: tuple[str, ...] = ()
    basis: str
    """What the two were matched by."""
