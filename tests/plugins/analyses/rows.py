"""Rows that rules are tried on, and the one way to ask a rule."""

from typing import Any

from analyzer.formats.sid import machine_sid
from analyzer.plugin import discover
from analyzer.records import (
    AttachedDisk,
    DiskLayer,
    FileAccess,
    FileEntry,
    Finding,
    GuestIdentity,
    HostService,
    HostSetting,
    LifeEvent,
    LogEvent,
    Record,
    System,
    VirtualMachine,
    VmDrive,
    VmNetworkAdapter,
)
from analyzer.source import Source
from tests.plugins.reports.tables import FakeTables

PLACE = Source("h.E01", "/p1/x", "key", 5, 7, 9, "layer")
VM, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
THIRD = "33333333-2222-3333-4444-555555555555"
GONE = "registered, configuration missing"
RULES = {plugin.name: plugin for plugin in discover() if plugin.rules}


def said(rule: str, *records: Record) -> list[tuple[str, str]]:
    """Code and words of each finding of a rule, which must say what its rule declares."""
    plugin, found = RULES[rule], []
    for finding in plugin.function(FakeTables(records)):
        assert isinstance(finding, Finding)
        assert finding.source == PLACE
        assert finding.basis.startswith(("direct:", "derived:", "inferred:"))
        assert (finding.code, finding.severity, finding.title) in {
            (one.code, one.severity, one.title) for one in plugin.rules}
        found.append((finding.code, finding.what))
    return found


def machine(name: str = "WEB", **more: Any) -> VirtualMachine:
    values: dict[str, Any] = {"vm_id": VM, "format": "xml", "state": "registered"}
    return VirtualMachine(source=PLACE, name=name, **values | more)


def layer(path: str = "D:\\a.vhd", **more: Any) -> DiskLayer:
    values: dict[str, Any] = {
        "vm_id": VM, "disk_id": VM, "chain": path, "depth": 0, "layer": "dynamic",
        "format": "VHD", "size": 10, "file_size": 10, "original_size": 10,
        "verdict": "complete"}
    return DiskLayer(source=PLACE, path=path, **values | more)


def drive(path: str = "D:\\a.vhd", **more: Any) -> VmDrive:
    values: dict[str, Any] = {"vm_id": VM, "controller": "IDE", "controller_number": 0, "slot": 0,
                              "medium": "disk", "state": "present"}
    return VmDrive(source=PLACE, path=path, **values | more)


def entry(path: str, **more: Any) -> FileEntry:
    values: dict[str, Any] = {"entry": 40, "sequence": 1, "size": 0, "allocated": True,
                              "is_directory": False, "volume_id": "p1", "seen_by": "index+mft"}
    return FileEntry(source=PLACE, path=path, **values | more)


def right(vm_id: str, path: str = "D:\\a.vhd", subject: str = "virtual disk") -> FileAccess:
    return FileAccess(source=PLACE, vm_id=vm_id, path=path, subject=subject, owner_sid="",
                      sid=machine_sid(vm_id), ace="allowed")


def guest(**more: str) -> GuestIdentity:
    values: dict[str, Any] = {"vm_id": VM, "vm_name": "WEB", "physical_host": "hv1"}
    return GuestIdentity(source=PLACE, **values | more)


def host(**more: Any) -> System:
    values: dict[str, Any] = {"host_name": "HV1", "role": "Hyper-V host"}
    return System(source=PLACE, **values | more)


def service(name: str = "vmms", **more: Any) -> HostService:
    path = "C:\\Windows\\system32\\vmms.exe"
    values: dict[str, Any] = {
        "part": "role", "control_set": "ControlSet001", "is_current": True,
        "start_type": "automatic (2)", "image_path": path, "binary_path": path,
        "binary_state": "present"}
    return HostService(source=PLACE, name=name, **values | more)


def pool(first: str = "00155d0a1500", last: str = "00155d0a15ff") -> list[HostSetting]:
    return [HostSetting(source=PLACE, group="MAC pool", name=name, value_type="REG_BINARY",
                        value=value, key="k")
            for name, value in (("MinimumMacAddress", first), ("MaximumMacAddress", last))]


def adapter(mac: str, **more: Any) -> VmNetworkAdapter:
    values: dict[str, Any] = {"vm_id": VM, "mac_is_static": False}
    return VmNetworkAdapter(source=PLACE, name="n", adapter="synthetic", mac=mac, **values | more)


def event(meaning: str, **more: Any) -> LogEvent:
    return LogEvent(source=PLACE, channel="System", provider="P", event_id=1, event_record_id=7,
                    meaning=meaning, **more)


def attached(path: str, **more: Any) -> AttachedDisk:
    return AttachedDisk(source=PLACE, basis="MountedDevices", device="d", path=path, **more)


def life(what: str, at: int, vm_id: str = VM, *doubts: str) -> LifeEvent:
    return LifeEvent(source=PLACE, system_id="h", vm_id=vm_id, story=vm_id, vm_name=vm_id[:1],
                     happened_at=at, last_at=at, what=what, subject="", certainty="direct",
                     basis="b", sources=("x",), contradictions=doubts)
