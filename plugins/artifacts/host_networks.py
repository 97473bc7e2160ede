"""Networks and endpoints of the Host Networking Service."""

from collections.abc import Iterator

from analyzer import times
from analyzer.errors import EvidenceError, Notice, Unsupported
from analyzer.formats.hive import Key
from analyzer.formats.hns import LARGEST, Bag, carve, parse
from analyzer.places import there
from analyzer.plugin import artifact
from analyzer.records import HostNetworkObject, Record
from analyzer.source import Source
from analyzer.system import WindowsSystem

NAME, MOST_DETAILS = "host_networks", 100
STORES = ("PersistentStore", "VolatileStore")


@artifact(HostNetworkObject)
def host_networks(system: WindowsSystem) -> Iterator[Record]:
    """Networks and endpoints that HNS keeps for containers and machines, with their addresses."""
    for item in there(system, NAME):
        try:
            found = list(carve(item.read(LARGEST)))
            if not found:
                raise Unsupported("no object of the service was found; the form is not known")
        except EvidenceError as error:
            system.unreadable(error, item, "what is in this file is missing", NAME)
            continue
        for offset, bag in found:
            yield system.own(
                _object(system, item.source.at(offset=offset), "HNS.data", "", bag, None))
    for store in STORES:
        path = f"{system.registry.control_set}\\Services\\hns\\State\\HostComputeNetwork\\{store}"
        top = system.registry.key("SYSTEM", path) if system.registry.control_set else None
        for kind in top.subkeys() if top is not None else ():
            for key in (kind, *kind.subkeys()):
                yield from map(system.own, _values(system, store, kind.name, key))


def _values(system: WindowsSystem, store: str, kind: str, key: Key) -> Iterator[HostNetworkObject]:
    for value in key.values():
        source = system.registry.source("SYSTEM").at(f"{key.path}\\{value.name}", value.offset)
        if value.type_name != "REG_BINARY":
            continue
        try:
            yield _object(system, source, store, kind, parse(value.data), key.last_written_at)
        except EvidenceError as error:
            system.problem(error, source, "this object is missing", NAME)


def _object(system: WindowsSystem, source: Source, store: str, kind: str, bag: Bag,
            written_at: int | None) -> HostNetworkObject:
    notices: list[Notice] = []
    started = times.stamp(bag.number("StartTime") or 0, "StartTime", None, notices)
    system.notices(notices, source, NAME)
    addresses = (*bag.all("IpAddress"), *bag.all("IPAddress"))
    return HostNetworkObject(
        source=source, vm_id=bag.text("VirtualMachine"), store=store, kind=kind,
        object_id=bag.text("ID"), name=bag.text("Name"), network_type=bag.text("Type"),
        mac=bag.text("MacAddress"), ip_addresses=addresses, gateway=bag.text("GatewayAddress"),
        network_id=bag.text("VirtualNetwork").upper(), network_name=bag.text("VirtualNetworkName"),
        details=tuple(f"{name}={value}" for name, value in bag.properties[:MOST_DETAILS]),
        object_started_at=started, written_at=written_at)
