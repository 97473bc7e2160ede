"""Virtual switches and network interfaces on computers made of a dict."""

import pytest

from analyzer import times
from analyzer.records import NetworkInterface, SwitchPort, VirtualSwitch
from corpus.make import hive, vm_xml
from corpus.make.host_windows import Switch, add_switches
from plugins.artifacts.network_interfaces import network_interfaces
from plugins.artifacts.virtual_switches import ONLY_NAMED, virtual_switches
from tests.dict_system import AT, Content, mounted
from tests.plugins.artifacts.test_artifacts import REGISTER, VM, of
from tests.plugins.artifacts.test_host_setup import computer

A, B, C, D, PORT, CARD, OWN = (f"{n}1111111-2222-3333-4444-555555555555" for n in "1234567")
CLASS = "ControlSet001\\Control\\Class\\{4d36e972-e325-11ce-bfc1-08002be10318}"


def adapter(root: hive.Key, number: int, identity: str, text: str, component: str) -> hive.Key:
    return root.key(f"{CLASS}\\{number:04}").set(
        hive.sz("NetCfgInstanceId", f"{{{identity.lower()}}}"), hive.sz("DriverDesc", text),
        hive.sz("ComponentId", component))


def registry() -> hive.Key:
    root = mounted("C")
    adapter(root, 1, CARD, "Intel", "pci\\x")
    adapter(root, 2, OWN, "Host only", "vms_mp")
    add_switches(root, (
        Switch(A, "LAN", "external", CARD, AT + 1, ((PORT, "WEB - Net"),)),
        Switch(B, "Host only", "internal", OWN, AT + 2), Switch(C, "Lab", "private", "", AT + 3)))
    return root


def test_external_internal_and_private_switches() -> None:
    rows = of(VirtualSwitch, virtual_switches(computer(registry())))
    assert [(r.name, r.kind, r.switch_id, r.uplink, r.host_adapter, r.written_at)
            for r in rows if r.is_current] == [
        ("LAN", "external", A, f"Intel ({CARD})", "", AT + 1),
        ("Host only", "internal", B, "", f"Host only ({OWN})", AT + 2),
        ("Lab", "private", C, "", "", AT + 3)]
    assert {r.control_set for r in rows} == {"ControlSet001", "ControlSet002"}
    assert all("unsure" in r.certainty and r.kind_basis.startswith("derived") for r in rows)


def test_ports_and_adapters_with_their_raw_values() -> None:
    root = registry()
    root.key(f"ControlSet001\\Services\\VMSMP\\Parameters\\SwitchList\\{A}\\{PORT}").set(
        hive.binary("VlanId", b"\x05\0"))
    rows = of(SwitchPort, virtual_switches(computer(root)))
    port = next(r for r in rows if r.kind == "port" and r.is_current)
    assert (port.switch_id, port.port_id, port.name, port.settings) == (
        A, PORT, "WEB - Net", ("FriendlyName=WEB - Net", "VlanId=0500"))
    assert [(r.port_id, r.switch_id, r.adapter) for r in rows
            if r.kind == "adapter" and r.is_current] == [(CARD, A, "Intel"), (OWN, B, "Host only")]


def test_an_adapter_of_a_machine_is_called_after_the_machine() -> None:
    root = registry()
    root.key(f"ControlSet001\\Services\\VMSMP\\Parameters\\NicList\\{VM}--{PORT}").set(
        hive.sz("SwitchName", A))
    rows = of(SwitchPort, virtual_switches(computer(root)))
    assert [(r.vm_id, r.port_id) for r in rows if r.kind == "adapter" and r.is_current] == [
        ("", CARD), ("", OWN), (VM, PORT)]


def test_a_switch_that_only_a_machine_names() -> None:
    nic = vm_xml.Nic(PORT, "Net", "00-15-5D-01-02-03", switch=D)
    machine = vm_xml.machine_xml(vm_xml.Machine(VM, "WEB", AT, nics=(nic,)))
    files: dict[str, Content] = {f"{REGISTER}/Virtual Machines/{VM}.xml": machine}
    rows = of(VirtualSwitch, virtual_switches(computer(registry(), files=files)))
    (row,) = [r for r in rows if r.switch_id == D]
    assert (row.certainty, row.kind, row.control_set) == (ONLY_NAMED, "", "")
    assert row.source.path.endswith(f"{VM}.xml")


def test_a_flood_of_ports_is_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.artifacts.virtual_switches.MOST", 2)
    system = computer(registry())
    assert len([r for r in of(VirtualSwitch, virtual_switches(system)) if r.is_current]) == 2
    assert "SWITCH-MANY" in {p.code for p in system.problems()}


def interface(root: hive.Key, identity: str, *values: hive.Value) -> None:
    root.key(f"ControlSet001\\Services\\Tcpip\\Parameters\\Interfaces\\{{{identity}}}",
             AT + 5).set(*values)


def test_interfaces_with_fixed_and_leased_addresses() -> None:
    root = registry()
    root.key(f"{CLASS}\\0001").set(hive.sz("NetworkAddress", "00155D010203"))
    root.key("ControlSet001\\Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}\\"
             f"{{{CARD}}}\\Connection").set(hive.sz("Name", "LAN 1"))
    interface(root, CARD, hive.dword("EnableDHCP", 0), hive.multi_sz("IPAddress", ["10.0.0.2"]),
              hive.multi_sz("SubnetMask", ["255.0.0.0"]),
              hive.multi_sz("DefaultGateway", ["10.0.0.1"]), hive.sz("NameServer", "10.0.0.9"))
    interface(root, OWN, hive.dword("EnableDHCP", 1), hive.sz("DhcpIPAddress", "10.1.0.7"),
              hive.multi_sz("IPAddress", ["0.0.0.0"]), hive.sz("DhcpServer", "10.1.0.1"),
              hive.dword("LeaseObtainedTime", 1_250_000_000),
              hive.dword("LeaseTerminatesTime", 0x7FFFFFFF))
    interface(root, A, hive.dword("EnableDHCP", 1), hive.sz("DhcpIPAddress", "0.0.0.0"))
    rows = {r.interface_id: r for r in of(NetworkInterface, network_interfaces(computer(root)))}
    assert [row.former_lease for row in rows.values()] == ["", "", ""]
    card, own, gone = rows[CARD], rows[OWN], rows[A]
    assert (card.name, card.mac, card.addresses, card.gateways, card.name_servers) == (
        "LAN 1", "00-15-5D-01-02-03", ("10.0.0.2",), ("10.0.0.1",), "10.0.0.9")
    assert (own.addresses, own.dhcp_server, own.has_dhcp) == (("10.1.0.7",), "10.1.0.1", True)
    assert own.lease_obtained_at == times.from_unix(1_250_000_000)
    assert own.lease_ends_at is None
    assert (gone.addresses, gone.description, gone.written_at) == ((), "", AT + 5)


def test_a_lease_that_a_fixed_address_took_the_place_of_is_told() -> None:
    root = registry()
    interface(root, CARD, hive.dword("EnableDHCP", 0), hive.multi_sz("IPAddress", ["10.0.0.2"]),
              hive.sz("DhcpIPAddress", "10.1.0.7"), hive.dword("LeaseObtainedTime", 1_250_000_000))
    (row,) = of(NetworkInterface, network_interfaces(computer(root)))
    assert (row.addresses, row.former_lease) == (("10.0.0.2",), "10.1.0.7")


def test_addresses_of_the_wrong_type_are_a_problem() -> None:
    root = registry()
    interface(root, CARD, hive.dword("EnableDHCP", 0), hive.sz("IPAddress", "10.0.0.2"))
    system = computer(root)
    (row,) = of(NetworkInterface, network_interfaces(system))
    assert row.addresses == ()
    assert any("addresses are missing" in p.effect for p in system.problems())
