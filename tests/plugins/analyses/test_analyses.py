"""Each analysis plugin on tables made of records."""

from typing import Any

from analyzer.formats.sid import machine_sid
from analyzer.plugin import Tables
from analyzer.records import (
    AccessLogMachine,
    Account,
    DiskLayer,
    FileAccess,
    Finding,
    GuestIdentity,
    Record,
    Snapshot,
    System,
    VirtualMachine,
    VmDrive,
)
from analyzer.source import Source
from plugins.analyses.access_findings import access_findings
from plugins.analyses.access_log_findings import access_log_findings
from plugins.analyses.disk_findings import disk_findings
from plugins.analyses.guest_findings import guest_findings
from plugins.analyses.machine_findings import machine_findings
from tests.plugins.reports.tables import FakeTables

PLACE = Source("h.E01", "/p1/x", "key", 5, 7, 9, "layer")
VM, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"


def machine(name: str = "WEB", **more: Any) -> VirtualMachine:
    values: dict[str, Any] = {"vm_id": VM, "format": "xml", "state": "registered"}
    return VirtualMachine(source=PLACE, name=name, **values | more)


def layer(path: str = "D:\\a.vhd", **more: Any) -> DiskLayer:
    values: dict[str, Any] = {
        "vm_id": VM, "disk_id": VM, "chain": path, "depth": 0, "layer": "dynamic",
        "format": "VHD", "size": 10, "file_size": 10, "original_size": 10,
        "verdict": "complete"}
    return DiskLayer(source=PLACE, path=path, **values | more)


def findings(analysis: Any, *records: Record) -> list[tuple[str, str]]:
    tables: Tables = FakeTables(records)
    found = list(analysis(tables))
    for finding in found:
        assert isinstance(finding, Finding)
        assert finding.source == PLACE
        assert finding.basis.startswith(("direct:", "derived:", "inferred:"))
    return [(finding.code, finding.what) for finding in found]


def test_nothing_remarkable_gives_nothing() -> None:
    records = [machine(), layer(), Snapshot(source=PLACE, vm_id=VM, name="s")]
    for analysis in (machine_findings, disk_findings, guest_findings):
        assert findings(analysis, *records) == []


def test_machine_findings() -> None:
    assert findings(machine_findings, machine(state="deleted configuration")) == [
        ("VM-DELETED", "the configuration of WEB was deleted; it was read from its MFT entry")]
    assert [code for code, _ in findings(
        machine_findings, machine(state="unregistered", partial=True),
        machine(name="", state="dangling link", vm_id=OTHER, configuration_path="E:\\{x}.xml"),
    )] == ["VM-UNREGISTERED", "VM-PARTIAL", "VM-DANGLING"]
    assert [code for code, _ in findings(machine_findings, machine(), machine("COPY"))] == [
        "VM-TWICE", "VM-TWICE"]
    assert [code for code, _ in findings(
        machine_findings, machine(saved_state_path="D:\\x.bin"),
        Snapshot(source=PLACE, vm_id=VM, name="s", state="dangling parent"))] == [
        "VM-STATEGONE", "SNAP-BROKEN"]


def test_disk_findings() -> None:
    drive = VmDrive(source=PLACE, vm_id=VM, controller="IDE", controller_number=0, slot=0,
                    medium="dvd", path="D:\\gone.iso", state="missing")
    assert findings(disk_findings, drive) == [
        ("DRIVE-MISSING", "D:\\gone.iso (dvd) is not in the evidence")]
    assert [c for c, _ in findings(disk_findings, layer(vm_id=""))] == ["DISK-ORPHAN"]
    assert [c for c, _ in findings(disk_findings, layer(), layer(vm_id=OTHER))] == ["DISK-SHARED"]
    assert [c for c, _ in findings(disk_findings, layer(), layer(snapshot_id=OTHER))] == []
    assert [c for c, _ in findings(disk_findings, layer(
        verdict="parent missing", original_size=5, creator="vs"))] == [
        "DISK-BROKEN", "DISK-RESIZED", "DISK-CREATOR"]


def test_guest_findings() -> None:
    host = System(source=PLACE, host_name="HV1", role="Hyper-V host")

    def said(**more: str) -> GuestIdentity:
        values: dict[str, Any] = {"vm_id": VM, "vm_name": "WEB", "physical_host": "hv1"}
        return GuestIdentity(source=PLACE, **values | more)

    assert findings(guest_findings, machine(), host, said()) == []
    assert findings(guest_findings, machine(), host, said(vm_name="MAIL")) == [
        ("GUEST-NAME", ("the guest of WEB says its machine was called MAIL: renamed since, or "
                        "another machine's disk"))]
    assert [c for c, _ in findings(guest_findings, machine(), host, said(vm_id=""))] == [
        "GUEST-ORPHAN"]
    assert [c for c, _ in findings(
        guest_findings, machine(), host, said(stated_vm_id=OTHER, physical_host="HV9"))] == [
        "GUEST-ID", "GUEST-HOST"]


def test_a_host_without_a_name_may_be_any() -> None:
    host = System(source=PLACE, host_name="", role="Hyper-V host")
    guest = GuestIdentity(source=PLACE, vm_id=VM, vm_name="WEB", physical_host="HV9")
    assert findings(guest_findings, machine(), host, guest) == []


def test_access_findings() -> None:
    def entry(vm_id: str, path: str = "D:\\a.vhd", subject: str = "virtual disk") -> FileAccess:
        return FileAccess(source=PLACE, vm_id=vm_id, path=path, subject=subject, owner_sid="",
                          sid=machine_sid(vm_id), ace="allowed")

    known = [machine(), machine("OLD", vm_id=OTHER), layer()]
    assert findings(access_findings, *known, entry(VM), entry(OTHER, "D:\\", "folder")) == []
    assert findings(access_findings, *known, entry(OTHER)) == [
        ("DISK-FORMER", "D:\\a.vhd has an entry for OLD, whose configuration does not name it")]
    only = machine("", format="none", state="known from ACLs only")
    assert findings(access_findings, only, entry(VM)) == []
    admins = Account(source=PLACE, sid="S-1-5-32-578", account_name="H", domain="BUILTIN",
                     kind="alias", basis="k", members=("S-1-5-18", "S-1-5-21-1-2-3-9"))
    user = Account(source=PLACE, sid="S-1-5-21-1-2-3-9", account_name="kb", domain="HV",
                   kind="user", basis="k")
    assert findings(access_findings, admins, user) == [
        ("HYPERV-ADMINS", "H has the members S-1-5-18, HV\\kb")]


def test_a_machine_that_only_lists_name() -> None:
    only = machine("", format="none", state="known from ACLs only")
    assert findings(machine_findings, only) == [
        ("VM-ACLONLY", f"machine {VM} has a right to /p1/x and no configuration here")]


def test_machines_that_only_access_logging_knows() -> None:
    def seen(vm_id: str) -> AccessLogMachine:
        return AccessLogMachine(source=PLACE, vm_id=vm_id, last_seen_at=130_000_000_000_000_000)

    rows = [seen(VM), seen(OTHER), seen(OTHER), seen("")]
    assert findings(access_log_findings, machine(), *rows) == [
        ("VM-UALONLY", (f"{OTHER} ran on this host, last seen at 2012-12-14T23:06:40.0000000Z, "
                        "and has no configuration here"))]
    assert len(findings(access_log_findings, machine(format="none", state="in lists only"),
                        *rows)) == 2
