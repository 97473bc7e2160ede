"""Adapters of machines joined to interfaces of the Windows in them."""

from typing import Any

from analyzer.records import NetworkInterface, Record, System, VirtualSwitch, VmAddress
from analyzer.records import VmNetworkAdapter as Adapter
from plugins.analyses.vm_addresses import vm_addresses
from plugins.reports.topology import topologies
from tests.plugins.analyses.rows import OTHER, PLACE, VM, machine
from tests.plugins.reports.tables import FakeTables

LAN = "A1111111-2222-3333-4444-555555555555"


def adapter(name: str, mac: str = "00-15-5D-0A-15-03", **more: Any) -> Adapter:
    values: dict[str, Any] = {"vm_id": VM, "switch_id": LAN, "system_id": "h"}
    return Adapter(source=PLACE, name=name, adapter="synthetic", mac=mac, **values | more)


def interface(identity: str, *addresses: str, **more: Any) -> NetworkInterface:
    values: dict[str, Any] = {"vm_id": VM, "description": "netvsc", "system_id": "h!g"}
    return NetworkInterface(source=PLACE, interface_id=identity, addresses=addresses,
                            **values | more)


def joined(*records: Record) -> list[tuple[str, str, str]]:
    rows = vm_addresses(FakeTables(records))
    return [(r.adapter_name, r.interface_id, r.basis.partition(":")[0]) for r in rows
            if isinstance(r, VmAddress)]


def test_by_mac_then_the_only_pair() -> None:
    assert joined(adapter("a", "00-15-5D-0A-15-03"), adapter("b", "00-15-5D-0A-15-04"),
                  interface("1"), interface("2", mac="00-15-5D-0A-15-03")) == [
        ("a", "2", "direct"), ("b", "1", "derived")]


def test_by_order_only_where_the_counts_agree() -> None:
    two = [adapter("a"), adapter("b")]
    assert joined(*two, interface("1"), interface("2")) == [
        ("a", "1", "inferred"), ("b", "2", "inferred")]
    assert joined(*two, interface("1")) == []
    assert joined(adapter("a"), interface("1", description="")) == []
    assert joined(adapter("a"), interface("1", vm_id=OTHER)) == []
    assert joined(adapter("a"), interface("1", snapshot_id=OTHER)) == []


def test_the_drawing_hangs_adapters_on_their_switch() -> None:
    switch = VirtualSwitch(source=PLACE, system_id="h", switch_id=LAN, name="LAN", kind="external",
                           certainty="unsure", is_current=True, uplink="Intel (1)",
                           host_adapter="vNIC (OWN)")
    host = System(source=PLACE, system_id="h", host_name="HV1")
    address = VmAddress(source=PLACE, vm_id=VM, mac="00-15-5D-0A-15-03", adapter_name="a",
                        interface_id="1", addresses=("10.0.0.7",), basis="direct: MAC")
    own = interface("OWN", "10.0.0.1", vm_id="", system_id="h")
    (drawn,) = topologies(FakeTables([
        host, switch, machine(system_id="h"), adapter("a"), adapter("x", switch_id=OTHER),
        address, own]))
    assert drawn.name == "HV1"
    assert [(node.name, node.facts, node.place.depth) for node in drawn.drawing.nodes] == [
        ("LAN", ("external", LAN), 0), ("Intel (1)", ("uplink of the host",), 1),
        ("vNIC (OWN)", ("adapter of the host", "10.0.0.1"), 1),
        ("WEB", ("a", "00-15-5D-0A-15-03", "10.0.0.7", "direct"), 1)]
    assert topologies(FakeTables([host, adapter("a")])) == []
