"""Findings about services and MAC addresses of a host."""

from typing import Any

from analyzer.records import HostService, HostSetting, VmNetworkAdapter
from plugins.analyses.mac_findings import mac_findings
from plugins.analyses.service_findings import service_findings
from tests.plugins.analyses.test_analyses import OTHER, PLACE, VM, findings


def service(name: str = "vmms", **more: Any) -> HostService:
    path = "C:\\Windows\\system32\\vmms.exe"
    values: dict[str, Any] = {
        "part": "role", "control_set": "ControlSet001", "is_current": True,
        "start_type": "automatic (2)", "image_path": path, "binary_path": path,
        "binary_state": "present"}
    return HostService(source=PLACE, name=name, **values | more)


def test_services() -> None:
    assert findings(service_findings, service(), service("VID", binary_path="x")) == []
    elsewhere = "C:\\Temp\\vmms.exe"
    assert [code for code, _ in findings(service_findings, service(
        start_type="disabled (4)", binary_state="missing", binary_path=elsewhere))] == [
        "SERVICE-DISABLED", "SERVICE-NOFILE", "SERVICE-IMAGE"]
    older = service(control_set="ControlSet002", is_current=False, start_type="manual (3)")
    assert findings(service_findings, service(), older) == [
        ("SERVICE-CHANGED", "vmms starts automatic (2); in ControlSet002 it was manual (3)")]
    assert findings(service_findings, service(is_current=False, start_type="disabled (4)")) == []


def pool(first: str = "00155d0a1500", last: str = "00155d0a15ff") -> list[HostSetting]:
    return [HostSetting(source=PLACE, group="MAC pool", name=name, value_type="REG_BINARY",
                        value=value, key="k")
            for name, value in (("MinimumMacAddress", first), ("MaximumMacAddress", last))]


def adapter(mac: str, **more: Any) -> VmNetworkAdapter:
    values: dict[str, Any] = {"vm_id": VM, "mac_is_static": False}
    return VmNetworkAdapter(source=PLACE, name="n", adapter="synthetic", mac=mac, **values | more)


def test_addresses_of_the_pool_and_others() -> None:
    found = findings(mac_findings, *pool(), adapter("00-15-5D-0A-15-03"),
                     adapter("00-00-00-00-00-00"), adapter("00-15-5D-99-00-00"),
                     adapter("02-00-00-00-00-01", mac_is_static=True))
    assert [code for code, _ in found] == ["MAC-POOL", "MAC-FOREIGN"]
    assert found[0][1].startswith("1 of the 256 MAC addresses 00-15-5D-0A-15-00 to "
                                  "00-15-5D-0A-15-FF")
    assert "00-15-5D-99-00-00" in found[1][1]


def test_an_address_that_two_machines_have() -> None:
    both = [adapter("00-15-5D-0A-15-03"), adapter("00-15-5D-0A-15-03", vm_id=OTHER)]
    assert findings(mac_findings, *both) == [
        ("MAC-TWICE", f"00-15-5D-0A-15-03 is with several machines: {VM}, {OTHER}")]
    assert findings(mac_findings, both[0], adapter("00-15-5D-0A-15-03", snapshot_id=OTHER)) == []


def test_a_pool_that_is_none_is_left_alone() -> None:
    assert findings(mac_findings, *pool("00", "ff"), adapter("odd")) == []
