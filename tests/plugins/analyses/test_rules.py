"""Each rule fires on its case, in these words, and stays silent on the harmless one beside it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest

from analyzer.records import (
    IN_ACCESS_LOG,
    IN_EVENTS,
    ONCE_REGISTERED,
    SEVERITIES,
    AccessLogMachine,
    Account,
    Finding,
    FindingRule,
    Record,
    Snapshot,
    VmFormerSetting,
)
from analyzer.source import Source
from analyzer.times import TICKS_PER_SECOND, iso
from plugins.analyses.disk_on_host import disk_on_host
from plugins.analyses.finding_rules import finding_rules
from tests.plugins.analyses.rows import (
    GONE,
    OTHER,
    PLACE,
    RULES,
    THIRD,
    VM,
    adapter,
    attached,
    drive,
    entry,
    event,
    guest,
    host,
    layer,
    life,
    machine,
    pool,
    right,
    said,
    service,
)
from tests.plugins.reports.tables import FakeTables


class Case(NamedTuple):
    """Rows on which a rule fires, what it says of them, and rows on which it must not."""

    rule: str
    fires: Sequence[Record]
    words: Sequence[str]
    harmless: Sequence[Record]


T = 130_000_000_000_000_000
HOUR = 3600 * TICKS_PER_SECOND
GUEST = f"h.E01!/p1/{VM}.vhd!/p1"
ADMINS = Account(source=PLACE, sid="S-1-5-32-578", account_name="H", domain="BUILTIN",
                 kind="alias", basis="k", members=("S-1-5-18", "S-1-5-21-1-2-3-9"))
USER = Account(source=PLACE, sid="S-1-5-21-1-2-3-9", account_name="kb", domain="HV", kind="user",
               basis="k")
KNOWN = machine(configuration_path="C:\\a.xml")
COPY = machine(state="unregistered", configuration_path="E:\\out\\a.xml")
SEEN = AccessLogMachine(source=PLACE, vm_id=OTHER, last_seen_at=T)
FORMER = VmFormerSetting(
    source=PLACE, vm_id=VM, key=f"Configurations/VirtualMachines/_{VM}_",
    value_type="string", value="D:\\x.vmcx", is_gone=True, found_in="free space", basis="direct")
PASSED = "\\\\.\\PHYSICALDRIVE2"
MISSING = drive("E:\\VMs\\A.vhd", state="missing")
CHILD = layer("D:\\c.avhd", verdict="wrong parent (unique id)", parent_path="C:\\old\\a.vhd",
              parent_id=OTHER)
BENEATH = layer("D:\\a.vhd", vm_id=OTHER, depth=1, chain="D:\\b.avhd")
OLDER = service(control_set="ControlSet002", is_current=False, start_type="manual (3)")
ELSEWHERE = "C:\\Temp\\vmms.exe"
DIT = entry("C:\\Windows\\NTDS\\ntds.dit", vm_id=VM, system_id=GUEST)
MAC = "00-15-5D-0A-15-03"
STOPPED = [life("turned off", T + n, vm) for n, vm in enumerate((VM, OTHER, THIRD))]
DRIVES = [drive(f"D:\\{n}.vhd", vm_id=vm, system_id="h") for n, vm in enumerate((VM, OTHER, THIRD))]


def written(*at: int) -> list[Record]:
    return [entry(f"D:\\{n}.vhd", system_id="h", si_modified_at=T + one)
            for n, one in enumerate(at)]


CASES = [
    Case("vm_deleted", [machine(state="deleted configuration")],
         ["the configuration of WEB was deleted; it was read from its MFT entry"], [machine()]),
    Case("vm_unregistered", [machine(state="unregistered")], [
        "WEB has a configuration that the service's register does not list"], [machine()]),
    Case("vm_planned", [machine(state="planned")],
         ["WEB is a planned machine: being created or imported"], [machine()]),
    Case("vm_dangling", [machine("", state="dangling link", configuration_path="E:\\{x}.xml")],
         ["the register links to E:\\{x}.xml, which cannot be found"], [machine()]),
    Case("vm_aclonly", [machine("", format="none", state="no configuration, in access lists")],
         [f"machine {VM} has a right to /p1/x and no configuration here"], [machine()]),
    Case("vm_merge", [machine(disk_merge_pending=True)],
         ["a snapshot of WEB was deleted and its disk is not merged yet"],
         [machine(disk_merge_pending=False), machine()]),
    Case("vm_partial", [machine(partial=True)],
         ["the configuration of WEB is damaged; only a part was read"], [machine()]),
    Case("vm_twice", [machine(), machine("COPY")],
         [f"several configurations have the id {VM}"] * 2,
         [machine(), machine(system_id="other host"), machine(vm_id=OTHER)]),
    Case("vm_stategone", [machine(saved_state_path="D:\\x.bin")],
         ["WEB is configured with a saved state, its files were not found"],
         [machine(saved_state_path="D:\\x.bin", has_saved_state=True), machine()]),
    Case("snap_broken", [Snapshot(source=PLACE, vm_id=VM, name="s", state="dangling parent")],
         ["snapshot s: dangling parent"], [Snapshot(source=PLACE, vm_id=VM, name="s")]),
    Case("vm_gone", [machine("", format="none", state=GONE), machine(
        state=GONE, format="vmcx", configuration_path="C:\\x.vmcx")],
         [f"{VM} is registered and its configuration is not there",
          ("WEB is registered and its configuration is not there, it is described by the copy "
          "C:\\x.vmcx")], [machine()]),
    Case("vm_former", [machine("", format="none", state=ONCE_REGISTERED), FORMER, FORMER],
         [f"{VM} was registered once, with D:\\x.vmcx, and has no configuration here"],
         [machine(), FORMER, replace(FORMER, vm_id=OTHER, is_gone=False),
          replace(FORMER, vm_id=OTHER, key=f"Configurations/ResourceTypes/_{OTHER}_")]),
    Case("vm_exported", [machine(state="exported", configuration_path="E:\\a.exp")],
         ["WEB was exported to E:\\a.exp"], [machine()]),
    Case("vm_replica", [machine(replication="4 settings")],
         ["WEB is or was replicated (4 settings): as the primary or the replica"], [machine()]),
    Case("vm_template", [machine("Template 2008")], ["Template 2008 may serve as a template"],
         [machine()]),
    Case("vm_copy", [KNOWN, COPY],
         ["E:\\out\\a.xml has the id of WEB, which is registered with C:\\a.xml"],
         [KNOWN, replace(COPY, vm_id=OTHER), replace(COPY, system_id="other host")]),
    Case("vm_twohosts", [machine(system_id="h1"), machine(system_id="h2")],
         ["WEB is registered on h2 too", "WEB is registered on h1 too"],
         [machine(system_id="h1"), machine(system_id="h2", state="deleted configuration"),
          machine(system_id="h2", vm_id=OTHER)]),
    Case("vm_ualonly", [machine(), SEEN, SEEN],
         [f"{OTHER} ran on this host, last seen at {iso(T)}, and has no configuration here"],
         [machine(), replace(SEEN, vm_id=VM), replace(SEEN, vm_id="")]),
    Case("vm_logonly", [machine("OLD", vm_id=OTHER, format="none", state=IN_EVENTS),
                        event("started", vm_id=OTHER, vm_name="OLD", logged_at=T),
                        event("exported", vm_id=OTHER, vm_name="OLD", logged_at=T + 1)],
         [(f"events name the machine OLD ({OTHER}), the last at {iso(T + 1)} (exported); it has no "
          "configuration here")],
         [machine(), machine("", vm_id=OTHER, format="none", state=IN_ACCESS_LOG),
          event("started", vm_id=VM), event("hypervisor started"),
          event("started", vm_id=OTHER)]),
    Case("disk_orphan", [layer(vm_id=""), layer(vm_id="")],
         ["no configuration that was found and read names D:\\a.vhd"],
         [layer(), layer("D:\\p.vhd", vm_id="", depth=1)]),
    Case("disk_shared", [layer(), layer(vm_id=OTHER)], ["several machines use D:\\a.vhd"],
         [layer(), layer(snapshot_id=OTHER)]),
    Case("disk_shared", [MISSING, replace(MISSING, vm_id=OTHER, path="e:\\vms\\a.vhd"),
                         *(drive(PASSED, vm_id=vm, medium="pass-through", state="")
                           for vm in (VM, OTHER))],
         ["several machines are configured with E:\\VMs\\A.vhd, which was not read",
          f"several machines are configured with {PASSED}, which was not read"],
         [MISSING, replace(MISSING, snapshot_id=OTHER), drive(), drive(vm_id=OTHER),
          replace(MISSING, system_id="other host", vm_id=OTHER),
          *(drive("D:\\x.iso", vm_id=vm, medium="dvd", state="missing") for vm in (VM, OTHER))]),
    Case("disk_broken", [layer(verdict="parent missing", parent_path="E:\\p.vhd",
                               unreadable_bytes=5)],
         ["D:\\a.vhd: parent missing (E:\\p.vhd); 5 bytes cannot be known"], [layer(), CHILD]),
    Case("disk_parent", [CHILD, CHILD],
         [(f"D:\\c.avhd: wrong parent (unique id) (C:\\old\\a.vhd, wanted {OTHER}); 0 bytes cannot "
          "be known")], [layer(), layer(verdict="parent missing")]),
    Case("disk_elsewhere",
         [layer(parent_volume=f"\\\\?\\Volume{{{VM}}} (no volume of this system)")],
         [f"the parent of D:\\a.vhd lay on \\\\?\\Volume{{{VM}}}, which this system does not know"],
         [layer(), layer(parent_volume=f"\\\\?\\Volume{{{VM}}} (C:)")]),
    Case("disk_resized", [layer(original_size=5)],
         ["D:\\a.vhd was made with 5 bytes and has 10 now"],
         [layer(), layer(original_size=None)]),
    Case("disk_creator", [layer(creator="vs")], ["D:\\a.vhd was made by Virtual Server 2005"],
         [layer(creator="win")]),
    Case("disk_inuse", [layer(), layer("D:\\b.avhd", vm_id=OTHER), BENEATH],
         [(f"D:\\a.vhd is a parent of D:\\b.avhd and the disk of machine {VM} too: what that one "
          "writes damages the other")],
         [layer(snapshot_id=OTHER), layer("D:\\b.avhd", vm_id=OTHER), BENEATH]),
    Case("disk_former", [machine(), machine("OLD", vm_id=OTHER), layer(), right(OTHER)],
         ["D:\\a.vhd has an entry for OLD, whose configuration does not name it"],
         [machine(), machine("OLD", vm_id=OTHER), layer(), right(VM),
          right(OTHER, "D:\\", "folder"), machine("", vm_id=THIRD, format="none"), right(THIRD)]),
    Case("drive_missing", [MISSING, MISSING], ["E:\\VMs\\A.vhd (disk) is not in the evidence"],
         [drive()]),
    Case("disk_namesake", [MISSING, layer()],
         [f"E:\\VMs\\A.vhd is not there; of the same name: D:\\a.vhd (id {VM})"],
         [MISSING, layer("D:\\b.vhd")]),
    Case("disk_namesake", [CHILD, CHILD, layer()],
         [(f"C:\\old\\a.vhd (id {OTHER}), the parent of D:\\c.avhd, is not there; of the same "
          f"name: D:\\a.vhd (id {VM})")], [replace(MISSING, state="present"), layer()]),
    Case("disk_namesake", [MISSING, *(layer(f"D:\\{n}\\a.vhd", disk_id="") for n in range(7))],
         ["E:\\VMs\\A.vhd is not there; of the same name: " + ", ".join(
             f"D:\\{n}\\a.vhd (id unknown)" for n in range(5)) + " and 2 more"], []),
    Case("disk_on_host", [event("disk attached to the host", concerns="D:\\dc.vhd"),
                          attached("D:\\b.vhd", drive_letter="F")],
         ["D:\\dc.vhd was attached on the host",
          "D:\\b.vhd was attached on the host, which knows a volume of it as F:"],
         [event("disk detached from the host", concerns="D:\\dc.vhd"), attached("")]),
    Case("dc_exposed", [machine("DC"), layer(), DIT, event("exported", vm_id=VM, vm_name="DC"),
                        event("disk attached to the host", concerns="d:\\A.vhd"),
                        replace(COPY, name="DC"), attached("D:\\a.vhd")],
         ["DC, of a domain controller (it has ntds.dit), was exported",
          "d:\\A.vhd, of a domain controller (it has ntds.dit), was attached to the host",
          "DC, of a domain controller (it has ntds.dit), was copied to E:\\out\\a.xml",
          ("D:\\a.vhd, of a domain controller (it has ntds.dit), was known to the host as a volume "
          "of its own")],
         [machine("DC"), layer(), DIT, event("exported", vm_id=OTHER), machine(state="exported",
          vm_id=OTHER), event("disk attached to the host", concerns="D:\\b.vhd"), attached("")]),
    Case("dc_exposed", [layer("D:\\x.vhd", vm_id="", chain="h.E01!/p1/x.vhd"),
                        replace(DIT, vm_id="", system_id="h.E01!/p1/x.vhd!/p1"),
                        event("disk attached", concerns="\\\\?\\D:\\x.vhd")],
         [("\\\\?\\D:\\x.vhd, of a domain controller (it has ntds.dit), was attached, by the "
          "driver's log, to the host or to a machine that started")],
         [layer(), entry("C:\\Windows\\System32\\ntds.dit", vm_id=VM, system_id=GUEST),
          event("exported", vm_id=VM), event("disk attached", concerns="D:\\a.vhd")]),
    Case("mass_off", [*STOPPED, *DRIVES, *written(HOUR, 0, HOUR)],
         [(f"3 machines stopped between {iso(T)} and {iso(T + 2)} and did not start again; disks "
          f"written after that: 1 ({iso(T + HOUR)}), 3 ({iso(T + HOUR)})")],
         [*STOPPED, *DRIVES, *written(HOUR, 0, 0)]),
    Case("mass_off", [life("started", T - HOUR), *STOPPED, *DRIVES, *written(HOUR, HOUR, 0)],
         [(f"3 machines stopped between {iso(T)} and {iso(T + 2)} and did not start again; disks "
          f"written after that: 1 ({iso(T + HOUR)}), 9 ({iso(T + HOUR)})")],
         [*STOPPED, life("started", T + 5), *DRIVES, *written(HOUR, HOUR, HOUR)]),
    Case("log_cleared", [event("log cleared", concerns="Security")], ["Security was cleared"],
         [event("started")]),
    Case("time_contradictions", [life("created", 1, VM, "clock"), life("created", 1, VM, "clock")],
         ["1, created: clock"], [life("created", 1)]),
    Case("hyperv_admins", [ADMINS, USER], ["H has the members S-1-5-18, HV\\kb"],
         [replace(ADMINS, members=()), USER]),
    Case("guest_orphan", [guest(vm_id="")],
         ["the guest on a disk that no machine names says it was WEB"], [guest()]),
    Case("guest_name", [machine(), guest(vm_name="MAIL")],
         [("the guest of WEB says its machine was called MAIL: renamed since, or another machine's "
          "disk")], [machine(), guest()]),
    Case("guest_id", [machine(), guest(stated_vm_id=OTHER)],
         [f"the guest of WEB says its machine has the id {OTHER}"],
         [machine(), guest(stated_vm_id=VM)]),
    Case("guest_host", [machine(), host(), guest(physical_host="HV9")],
         ["the guest of WEB last ran on HV9, which is not this host"],
         [machine(), host(), host(host_name="HV9"), guest()]),
    Case("service_disabled", [service(start_type="disabled (4)")],
         ["the service vmms is disabled: without it no machine can be managed"],
         [service(), service(is_current=False, start_type="disabled (4)"),
          service("hns", start_type="disabled (4)")]),
    Case("service_nofile", [service(binary_state="missing"), service(binary_state="deleted")],
         ["the program of vmms is not there: C:\\Windows\\system32\\vmms.exe",
          "the program of vmms is deleted: C:\\Windows\\system32\\vmms.exe"],
         [service(), service(binary_state="missing", part="guest")]),
    Case("service_image", [service(binary_path=ELSEWHERE, image_path=ELSEWHERE)],
         ["the service vmms starts C:\\Temp\\vmms.exe, not System32\\vmms.exe"],
         [service(), service("VID", binary_path="x")]),
    Case("service_changed", [service(), OLDER],
         ["vmms starts automatic (2); in ControlSet002 it was manual (3)"],
         [service(), replace(OLDER, start_type="automatic (2)"), replace(OLDER, name="VID")]),
    Case("service_changed", [event(
        "service start type changed", concerns="vmms, auto start, disabled", event_data=(
            "param1=Hyper-V Virtual Machine Management", "param2=auto start", "param3=disabled",
            "param4=vmms"))],
         ["vmms was changed from auto start to disabled"],
         [event("service changed state", concerns="vmms")]),
    Case("mac_twice", [adapter(MAC), adapter(MAC, vm_id=OTHER)],
         [f"{MAC} is with several machines: {VM}, {OTHER}"],
         [adapter(MAC), adapter(MAC, snapshot_id=OTHER),
          adapter(MAC, system_id="h2", vm_id=OTHER)]),
    Case("mac_pool", [*pool(), adapter(MAC), adapter("00-00-00-00-00-00"),
                      adapter("00-15-5D-99-00-00"),
                      adapter("02-00-00-00-00-01", mac_is_static=True)],
         [("1 of the 256 MAC addresses 00-15-5D-0A-15-00 to 00-15-5D-0A-15-FF are with known "
          "machines; how many were given out before is not recorded"),
          ("the dynamic MAC address 00-15-5D-99-00-00 is not of this host's pool: the machine came "
          "from another host, or the pool was changed")], [*pool("00", "ff"), adapter("odd")]),
    Case("silent_logs", [host(version="6.2")],
         [("Windows 6.2 has no event for: created, deleted, imported, exported, snapshot "
          "applied, snapshot deleted; that the logs of HV1 have none proves nothing")],
         [host(version="10.0"), host(version="6.2", role="guest")]),
]
ELSEWHERE_TESTED = {"file_findings"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_rule_fires_on_its_case_and_not_on_the_harmless_one(case: Case) -> None:
    assert [what for _, what in said(case.rule, *case.fires)] == list(case.words)
    assert said(case.rule, *case.harmless) == []


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in CASES} | ELSEWHERE_TESTED == RULES.keys()
    fired = {code for case in CASES for code, _ in said(case.rule, *case.fires)}
    own = {rule.code for name, plugin in RULES.items() if name not in ELSEWHERE_TESTED
           for rule in plugin.rules}
    assert fired == own


def test_a_rule_states_why_it_matters_what_else_looks_so_and_where_to_read() -> None:
    codes = [rule.code for plugin in RULES.values() for rule in plugin.rules]
    assert len(codes) == len(set(codes))
    for plugin in RULES.values():
        assert plugin.yields == (Finding,)
        for rule in plugin.rules:
            assert rule.severity in SEVERITIES
            for text in (rule.reason, rule.false_positives):
                assert text[0].isupper()
                assert text.endswith(".")
            assert rule.title
            assert rule.reference


def test_the_case_keeps_what_its_rules_mean() -> None:
    kept = [row for row in finding_rules(FakeTables([])) if isinstance(row, FindingRule)]
    assert {row.code for row in kept} == {rule.code for plugin in RULES.values()
                                          for rule in plugin.rules}
    assert {row.plugin for row in kept} == RULES.keys()


def test_a_disk_of_the_same_path_on_another_host_and_one_in_a_guest_are_told_apart() -> None:
    attached_there = event("disk attached", concerns="D:\\a.vhd", system_id="h2")
    assert said("dc_exposed", machine("DC"), layer(), DIT, attached_there) == []
    inside = replace(event("disk attached", concerns="D:\\a.vhd"),
                     source=Source("h.E01", "/p1/x.vhd!/p1/System.evtx"))
    row, = disk_on_host(FakeTables([inside]))
    assert isinstance(row, Finding)
    assert row.what == "D:\\a.vhd was attached in the guest"


def test_a_host_without_a_name_may_be_any() -> None:
    assert said("guest_host", machine(), host(host_name=""), guest(physical_host="HV9")) == []


def test_a_machine_that_only_lists_name_is_no_former_user() -> None:
    only = machine("", format="none", state="no configuration, in access lists")
    assert said("disk_former", only, right(VM)) == []
    assert len(said("vm_ualonly", machine(format="none"), SEEN, replace(SEEN, vm_id=VM))) == 2
