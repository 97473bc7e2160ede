"""Network interfaces of a Windows, host or guest."""

from collections.abc import Iterator

from analyzer import times
from analyzer.errors import EvidenceError
from analyzer.formats import guid
from analyzer.formats.hive import Key
from analyzer.network_adapters import (
    InstalledAdapter,
    connection_name,
    installed_adapters,
    interfaces,
)
from analyzer.plugin import artifact
from analyzer.records import NetworkInterface, Record
from analyzer.system import WindowsSystem

NONE = ("", "0.0.0.0")  # noqa: S104 - an address that is none, not a socket


@artifact(NetworkInterface)
def network_interfaces(system: WindowsSystem) -> Iterator[Record]:
    """Addresses, DHCP leases and names of every interface in the control set in use."""
    registry = system.registry
    if not registry.control_set:
        return
    adapters = installed_adapters(registry, registry.control_set)
    for key in interfaces(registry, registry.control_set):
        identity = guid.normalise(key.name) or key.name
        yield system.own(_record(system, key, identity, adapters.get(identity)))


def _record(system: WindowsSystem, key: Key, identity: str,
            adapter: InstalledAdapter | None) -> NetworkInterface:
    registry, path = system.registry, key.path

    def text(name: str) -> str:
        return registry.text("SYSTEM", path, name)

    dhcp = registry.integer("SYSTEM", path, "EnableDHCP")
    fixed, leased = not dhcp, _one(text("DhcpIPAddress"))
    return NetworkInterface(
        source=registry.source("SYSTEM").at(path, key.offset), interface_id=identity,
        name=connection_name(registry, registry.control_set, identity),
        description=adapter.description if adapter else "",
        component_id=adapter.component_id if adapter else "", mac=adapter.mac if adapter else "",
        has_dhcp=None if dhcp is None else bool(dhcp),
        addresses=_list(system, path, "IPAddress") if fixed else leased,
        masks=_list(system, path, "SubnetMask") if fixed else _one(text("DhcpSubnetMask")),
        gateways=_list(system, path, "DefaultGateway" if fixed else "DhcpDefaultGateway"),
        name_servers=text("NameServer") or text("DhcpNameServer"), dhcp_server=text("DhcpServer"),
        former_lease="".join(leased) if fixed else "",
        lease_obtained_at=_time(system, path, "LeaseObtainedTime"),
        lease_ends_at=_time(system, path, "LeaseTerminatesTime"), written_at=key.last_written_at)


def _one(text: str) -> tuple[str, ...]:
    return () if text in NONE else (text,)


def _list(system: WindowsSystem, path: str, name: str) -> tuple[str, ...]:
    value = system.registry.value("SYSTEM", path, name)
    try:
        return tuple(text for text in value.strings() if text not in NONE) if value else ()
    except EvidenceError as error:
        system.problem(error, system.registry.source("SYSTEM").at(f"{path}\\{name}"),
                       "these addresses are missing")
        return ()


def _time(system: WindowsSystem, path: str, name: str) -> int | None:
    """Unix seconds; 0 and the largest number stand for "never"."""
    seconds = system.registry.integer("SYSTEM", path, name)
    return None if seconds in (None, 0, 0x7FFFFFFF, 0xFFFFFFFF) else times.from_unix(seconds or 0)
