"""Which addresses the Windows inside a machine had on which adapter of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.plugin import Tables, analysis
from analyzer.records import Record, VmAddress
from analyzer.source import Source

Row = Mapping[str, Any]


@analysis("network_interface", "vm_network_adapter", yields=(VmAddress,))
def vm_addresses(tables: Tables) -> Iterator[Record]:
    """Adapters joined to interfaces: by MAC, as the only pair, or by order, and which of these."""
    adapters: dict[tuple[str, str], list[Row]] = {}
    for row in tables.rows("vm_network_adapter"):
        adapters.setdefault((row["vm_id"], row["snapshot_id"]), []).append(row)
    guests: dict[tuple[str, str, str], list[Row]] = {}
    for row in tables.rows("network_interface"):
        if row["vm_id"] and row["description"]:
            guests.setdefault((row["vm_id"], row["snapshot_id"], row["system_id"]), []).append(row)
    for (vm_id, snapshot_id, _), rows in guests.items():
        for adapter, interface, basis in _pairs(adapters.get((vm_id, snapshot_id), []), rows):
            yield VmAddress(
                source=Source.from_columns(interface), system_id=interface["system_id"],
                vm_id=vm_id, snapshot_id=snapshot_id, mac=adapter["mac"],
                adapter_name=adapter["name"], interface_id=interface["interface_id"],
                switch_id=adapter["switch_id"], addresses=tuple(interface["addresses"]),
                basis=basis)


def _pairs(adapters: list[Row], interfaces: list[Row]) -> Iterator[tuple[Row, Row, str]]:
    left, rest = list(adapters), []
    for interface in interfaces:
        same = [one for one in left if interface["mac"] and one["mac"] == interface["mac"]]
        if len(same) == 1:
            left.remove(same[0])
            yield same[0], interface, "direct: the MAC address set in the guest"
        else:
            rest.append(interface)
    if len(left) == len(rest) == 1:
        yield left[0], rest[0], "derived: the only adapter and the only interface"
    elif len(left) == len(rest):
        for adapter, interface in zip(left, rest, strict=True):
            yield adapter, interface, f"inferred: by order, {len(left)} on both sides"
