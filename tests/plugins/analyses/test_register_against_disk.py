"""The register against the configurations, and configurations against the disks."""

from dataclasses import replace

from analyzer.records import VmDrive
from plugins.analyses.chain_findings import chain_findings
from plugins.analyses.namesake_findings import namesake_findings
from plugins.analyses.register_findings import register_findings
from tests.plugins.analyses.test_analyses import OTHER, PLACE, VM, findings, layer, machine

GONE = "registered, configuration missing"


def test_a_registered_machine_without_configuration() -> None:
    lone = machine("", format="none", state=GONE, configuration_path="D:\\x.vmcx")
    assert findings(register_findings, lone) == [
        ("VM-GONE", f"{VM} is registered and its configuration is not there")]
    assert findings(register_findings, machine(state=GONE, format="vmcx")) == [
        ("VM-GONE", ("WEB is registered and its configuration is not there, it is described by "
         "the copy /p1/x"))]


def test_a_copy_of_a_registered_machine_is_told_from_one_that_only_left_the_register() -> None:
    known = machine(configuration_path="C:\\a.xml")
    copy = machine(state="unregistered", configuration_path="E:\\out\\a.xml")
    assert findings(register_findings, known, copy) == [
        ("VM-COPY", "E:\\out\\a.xml has the id of WEB, which is registered with C:\\a.xml")]
    assert findings(register_findings, known, replace(copy, vm_id=OTHER)) == []
    assert findings(register_findings, known, replace(copy, system_id="other host")) == []


def test_one_machine_on_two_hosts() -> None:
    rows = [machine(system_id="h1"), machine(system_id="h2"), machine("X", vm_id=OTHER)]
    assert findings(register_findings, *rows) == [
        ("VM-TWOHOSTS", "WEB is registered on h2 too"),
        ("VM-TWOHOSTS", "WEB is registered on h1 too")]
    removed = machine(system_id="h2", state="deleted configuration")
    assert findings(register_findings, rows[0], removed) == []


def test_exported_replica_and_template() -> None:
    assert [code for code, _ in findings(
        register_findings, machine(state="exported"), machine(replication="4 settings"),
        machine("Template 2008"))] == ["VM-EXPORTED", "VM-REPLICA", "VM-TEMPLATE"]


def test_a_missing_disk_has_namesakes_and_none_is_attached() -> None:
    gone = VmDrive(source=PLACE, vm_id=VM, controller="IDE", controller_number=0, slot=0,
                   medium="disk", path="E:\\VMs\\A.vhd", state="missing")
    assert findings(namesake_findings, gone, layer("D:\\a.vhd")) == [
        ("DISK-NAMESAKE", f"E:\\VMs\\A.vhd is not there; of the same name: D:\\a.vhd (id {VM})")]
    assert findings(namesake_findings, gone, layer("D:\\b.vhd")) == []
    assert findings(namesake_findings, replace(gone, state="present"), layer()) == []
    child = layer("D:\\c.avhd", verdict="wrong parent (unique id)", parent_path="C:\\old\\a.vhd",
                  parent_id=OTHER)
    assert [code for code, _ in findings(namesake_findings, child, child, layer("D:\\a.vhd"))] == [
        "DISK-NAMESAKE"]
    many = [layer(f"D:\\{n}\\a.vhd", disk_id="") for n in range(7)]
    ((_, what),) = findings(namesake_findings, gone, *many)
    assert what.endswith("D:\\4\\a.vhd (id unknown) and 2 more")


def test_a_disk_in_use_that_another_machine_builds_upon() -> None:
    base, child = layer("D:\\a.vhd"), layer("D:\\b.avhd", vm_id=OTHER)
    beneath = layer("D:\\a.vhd", vm_id=OTHER, depth=1, chain="D:\\b.avhd")
    assert findings(chain_findings, base, child, beneath) == [
        ("DISK-INUSE", (f"D:\\a.vhd is a parent of D:\\b.avhd and the disk of machine {VM} too: "
         "what that one writes damages the other"))]
    assert findings(chain_findings, child, beneath) == []
    assert findings(chain_findings, replace(base, snapshot_id=OTHER), child, beneath) == []
    assert findings(chain_findings, base, replace(beneath, vm_id=VM)) == []
