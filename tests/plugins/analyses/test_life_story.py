"""The life story: witnesses joined, certainty, contradictions; machines that only traces know."""

from dataclasses import replace
from typing import Any

from analyzer.formats.sid import machine_sid
from analyzer.records import (
    IN_EVENTS,
    AccessLogMachine,
    DeletedRegistryKey,
    DiskLayer,
    FileAccess,
    FileEntry,
    GuestIdentity,
    JournalEntry,
    LifeEvent,
    LogEvent,
    Record,
    RecycledFile,
    SavedState,
    Snapshot,
    System,
    UserTrace,
    VirtualMachine,
)
from analyzer.source import Source
from analyzer.times import TICKS_PER_SECOND, iso, parse_iso
from plugins.analyses.life_story import life_story
from tests.plugins.reports.tables import FakeTables

VM = "11111111-2222-3333-4444-555555555555"
LOST = "99999999-2222-3333-4444-555555555555"
T = parse_iso("2014-03-01T10:00:00.5000000")
MINUTE, DAY = 60 * TICKS_PER_SECOND, 86_400 * TICKS_PER_SECOND
XML, LINK, DISK = "D:\\vm\\web.xml", "C:\\reg\\web.xml", "D:\\vm\\web.vhdx"
IN_LISTS = "no configuration, in access lists"


def machine(**more: Any) -> VirtualMachine:
    values: dict[str, Any] = {"vm_id": VM, "name": "WEB", "format": "xml", "state": "registered",
                              "configuration_path": XML, "registration_path": LINK}
    return VirtualMachine(source=Source("h.E01", "/p1/web.xml"), system_id="h", **values | more)


def file(path: str, made: int, written: int | None = None, **more: Any) -> FileEntry:
    values: dict[str, Any] = {"allocated": True, "si_created_at": made, "fn_created_at": made,
                              "si_modified_at": made if written is None else written,
                              "si_changed_at": made if written is None else written}
    return FileEntry(source=Source("h.E01", f"/p1/{path[-8:]}"), system_id="h", volume_id="p1",
                     path=path, entry=40, sequence=1, size=10, is_directory=False,
                     **values | more)


def layer(path: str = DISK, depth: int = 0, made: int | None = T, **more: Any) -> DiskLayer:
    values: dict[str, Any] = {"vm_id": VM, "chain": f"h.E01!/p1/{DISK[-8:]}"}
    return DiskLayer(source=Source("h.E01", f"/p1/{path[-8:]}"), system_id="h", path=path,
                     disk_id="D", depth=depth, layer="dynamic", format="VHDX", size=1, file_size=1,
                     verdict="complete", created_at=made, **values | more)


def event(meaning: str, at: int, record: int = 1, **more: Any) -> LogEvent:
    values: dict[str, Any] = {"provider": "VMMS", "channel": "VMMS", "event_id": 13002,
                              "certainty": "verified", "system_id": "h",
                              "source": Source("h.E01", "/p1/log.evtx", offset=record)}
    return LogEvent(event_record_id=record, meaning=meaning, logged_at=at, **values | more)


def story(*records: Record) -> list[LifeEvent]:
    return [row for row in life_story(FakeTables(records)) if isinstance(row, LifeEvent)]


def told(*records: Record) -> list[tuple[str, str, str]]:
    return [(line.what, line.subject, line.certainty) for line in story(*records)]


def test_witnesses_of_one_happening_are_one_line() -> None:
    line, = story(machine(created_at=T), file(XML, T + MINUTE),
                  event("created", T + 1, vm_id=VM))
    assert (line.what, line.happened_at, line.last_at) == ("created", T, T + MINUTE)
    assert line.certainty == "direct"
    assert line.source.path == "/p1/web.xml"
    assert [cited.partition(":")[0] for cited in line.sources] == [
        "virtual_machine", "log_event", "file_entry"]
    assert "log_event: h.E01!/p1/log.evtx@0x1 (logged_at, 2014-03-01T10:00:00.5000001Z)" \
        in line.sources


def test_a_file_that_is_younger_than_its_machine_is_told_apart() -> None:
    rows = told(machine(created_at=T), file(XML, T + DAY), file(DISK, T + DAY), layer())
    assert rows == [("created", "", "direct"), ("disk created", DISK, "direct"),
                    ("configuration file made", "", "derived"), ("disk file made", DISK, "derived")]


def test_snapshot_disks_tell_of_snapshots_taken_and_applied() -> None:
    taken = Snapshot(source=Source("h.E01", "/p1/s.xml"), system_id="h", vm_id=VM,
                     snapshot_id=LOST, name="before", created_at=T)
    first, second = "D:\\vm\\web_1.avhdx", "D:\\vm\\web_2.avhdx"
    rows = story(machine(), taken, layer(snapshot_id=LOST, made=None), layer(first, 0, T + 1),
                 layer(second, 0, T + DAY, chain="c2"), layer(DISK, 1, None, chain="c2"))
    assert [(r.what, r.subject, r.certainty, len(r.sources)) for r in rows] == [
        ("snapshot taken", "before", "direct", 2), ("snapshot applied", "before", "inferred", 1)]


def test_machines_that_only_traces_know() -> None:
    rows = story(event("deleted", T, vm_id=LOST, vm_name="OLD"),
                 event("exported", T, 2, vm_name="NOID"),
                 event("disk attached to the host", T, 3, concerns="E:\\x.vhd"),
                 UserTrace(source=Source("h.E01", "/p1/ntuser"), trace="vmconnect", user_sid="S",
                           target="h", vm_id=LOST, account_name="kb", last_used_at=T - 1),
                 machine(vm_id=LOST, format="none", state=IN_EVENTS, name="OLD"),
                 machine(vm_id=VM, format="none", state=IN_LISTS, name=""))
    assert [(r.story, r.vm_name, r.what, r.subject) for r in rows] == [
        (VM, "", "known", IN_LISTS), (LOST, "OLD", "opened by a user", "kb"),
        (LOST, "OLD", "deleted", ""),
        ("disk E:\\x.vhd", "", "disk attached to the host", "E:\\x.vhd"),
        ("name NOID", "NOID", "exported", "")]
    assert rows[0].happened_at is None


def test_events_without_an_id_go_to_the_only_machine_of_that_name() -> None:
    rows = story(machine(), event("started", T, vm_name="web", certainty="unsure"))
    assert [(r.vm_id, r.what, r.certainty) for r in rows] == [(VM, "started", "derived")]
    both = story(machine(), machine(vm_id=LOST), event("started", T, vm_name="web"))
    assert [r.story for r in both] == ["name web"]


def test_an_orphan_disk_tells_of_the_guest_on_it() -> None:
    guest = Source("h.E01", f"/p1/{DISK[-8:]}!/p1/SOFTWARE")
    inside: dict[str, Any] = {"source": guest, "system_id": f"h.E01!/p1/{DISK[-8:]}!/p1"}
    rows = story(layer(vm_id=""), System(**inside, host_name="WEB", installed_at=T + DAY),
                 GuestIdentity(**inside, vm_name="OLDWEB", written_at=T + 2 * DAY))
    assert [(r.story[:5], r.vm_name, r.what) for r in rows] == [
        ("disk ", "OLDWEB", "disk created"), ("disk ", "OLDWEB", "guest installed"),
        ("disk ", "OLDWEB", "guest booted")]


def test_a_guests_own_log_tells_boots_and_the_hosts_does_not() -> None:
    place = Source("h.E01", f"/p1/{DISK[-8:]}!/p1/System.evtx", offset=1)
    rows = story(machine(), layer(made=None), event("Windows started", T, vm_id=VM, source=place),
                 event("Windows started", T, 2))
    assert [(r.vm_id, r.what) for r in rows] == [(VM, "guest booted")]


def test_what_else_a_guests_own_log_tells_is_no_statement_of_the_host() -> None:
    """A disk that was attached within the guest, and a machine that the guest itself hosts."""
    guest = f"h.E01!/p1/{DISK[-8:]}!/p1"
    inside: dict[str, Any] = {"system_id": guest, "source": Source(
        "h.E01", f"/p1/{DISK[-8:]}!/p1/System.evtx", offset=1)}
    rows = story(machine(), layer(made=None), System(**inside, vm_id=VM),
                 event("disk attached", T, vm_id=VM, concerns="E:\\tools.vhd", **inside),
                 event("log cleared", T + DAY, 2, vm_id=VM, concerns="Security", **inside),
                 event("started", T, 3, vm_id=LOST, **inside))
    assert [(r.story, r.what, r.subject) for r in rows] == [
        (VM, "guest: disk attached", "E:\\tools.vhd"), (VM, "guest: log cleared", "Security"),
        (LOST, "started", "")]
    assert rows[0].basis.startswith("the guest's own log: ")


def test_what_comes_after_a_machine_was_deleted_is_doubted_until_it_comes_again() -> None:
    rows = story(event("deleted", T, vm_id=LOST), event("shut down by the guest", T, 2, vm_id=LOST),
                 event("started", T + DAY, 3, vm_id=LOST),
                 event("started", T + DAY, 4, vm_id=LOST, system_id="other"),
                 event("imported", T + 2 * DAY, 5, vm_id=LOST),
                 event("exported", T + 3 * DAY, 6, vm_id=LOST))
    doubted, = (row for row in rows if row.contradictions)
    assert (doubted.what, doubted.happened_at, doubted.system_id) == ("started", T + DAY, "h")
    assert doubted.contradictions[0].startswith(
        "after the machine was deleted here (2014-03-01T10:00:00.5")


def test_that_a_configuration_was_written_is_not_that_a_setting_was_changed() -> None:
    rows = told(machine(firmware_changed_at=T + DAY), file(XML, T, T + 2 * DAY))
    assert rows[1:] == [("firmware variables written", "", "derived"),
                        ("configuration written", "", "derived")]


def test_deletions() -> None:
    gone = file(XML, T, T + DAY, allocated=False)
    bin_ = RecycledFile(source=Source("h.E01", "/p1/$I1"), system_id="h", path=DISK,
                        subject="virtual disk", user_sid="S", size=1, format="$I 2",
                        deleted_at=T + 2 * DAY)
    rows = told(machine(), layer(made=None), gone, bin_)
    assert ("deleted", XML, "inferred") in rows
    assert ("deleted", DISK, "direct") in rows


def doubts(*records: Record) -> list[str]:
    return [doubt for line in story(*records) for doubt in line.contradictions]


def test_contradictions() -> None:
    said = doubts(machine(created_at=T), file(XML, T, T, si_created_at=T - DAY))
    assert len(said) == 1
    assert "$FILE_NAME" in said[0]
    whole = T - T % TICKS_PER_SECOND
    said = doubts(machine(), file(XML, T, si_created_at=whole, si_modified_at=whole))
    assert len(said) == 1
    assert "whole seconds" in said[0]
    said = doubts(machine(), file(LINK, T), file(XML, T + DAY))
    assert len(said) == 1
    assert "younger than the link" in said[0]
    child = layer("D:\\vm\\child.vhdx", 0, T + DAY)
    said = doubts(machine(), child, layer(depth=1), file(DISK, T, T + 2 * DAY))
    assert len(said) == 1
    assert "child.vhdx was made on it" in said[0]
    said = doubts(machine(created_at=T), event("started", T - DAY, vm_id=VM))
    assert len(said) == 1
    assert "before the machine was created" in said[0]


def test_nothing_contradicts_itself_where_all_is_well() -> None:
    child = layer("D:\\vm\\child.vhdx", 0, T + DAY)
    assert doubts(machine(created_at=T), file(LINK, T + 1), file(XML, T, T + 2 * DAY), child,
                  layer(depth=1), file(DISK, T, T + DAY), event("started", T + DAY, vm_id=VM),
                  event("turned off", T + 2 * DAY, 2, vm_id=VM)) == []


def test_a_clock_that_went_back_is_said_on_the_lines_between() -> None:
    rows = story(machine(), event("started", T + DAY, 1, vm_id=VM),
                 event("turned off", T + 10 * MINUTE, 2, vm_id=VM),
                 event("started", T + 3 * DAY, 3, vm_id=VM))
    assert [(r.what, len(r.contradictions)) for r in rows] == [
        ("turned off", 1), ("started", 1), ("started", 0)]
    assert "record 2 of VMMS" in rows[0].contradictions[0]


def test_an_event_of_a_snapshot_goes_to_the_one_taken_then() -> None:
    taken = Snapshot(
        source=Source("h.E01", "/p1/s.xml"),
        system_id="h",
        vm_id=VM,
        snapshot_id=LOST,
        name="before",
        created_at=T,
    )
    rows = story(
        machine(),
        taken,
        event("snapshot taken", T + MINUTE, vm_id=VM),
        event("snapshot taken", T + DAY, 2, vm_id=VM),
    )
    assert [(r.subject, len(r.sources)) for r in rows] == [("before", 2), ("", 1)]


def test_a_disk_in_the_recycle_bin_and_one_that_only_its_list_ascribes() -> None:
    here = "C:\\$Recycle.Bin\\S\\$R1.vhdx"
    binned = RecycledFile(source=Source("h.E01", "/p1/$I1"), system_id="h", path=DISK,
                          subject="virtual disk", user_sid="S", size=1, format="$I 2",
                          content_path=here, deleted_at=T)
    right = FileAccess(source=Source("h.E01", "/p1/$R1"), system_id="h", path=here,
                       subject="virtual disk", owner_sid="", sid=machine_sid(LOST), ace="allowed")
    loose = layer(here, vm_id="", made=T - DAY)
    assert [(r.story, r.what, r.subject) for r in story(machine(), loose, right, binned)] == [
        (LOST, "disk created", here), (LOST, "deleted", DISK)]
    both = replace(right, sid=machine_sid(VM))
    assert [r.story[:4] for r in story(loose, right, both)] == ["disk"]


def test_a_stop_is_told_as_its_event_tells_it() -> None:
    off = machine(powered_on_at=T - DAY, powered_off_at=T, state_changed_at=T)
    assert told(off, event("shut down by the guest", T - MINUTE, vm_id=VM)) == [
        ("started", "", "direct"), ("shut down", "", "direct")]
    rows = story(off)
    assert [(r.what, len(r.sources)) for r in rows] == [("started", 1), ("stopped", 2)]
    assert "does not say whether" in rows[1].basis
    assert [what for what, _, _ in told(machine(state_changed_at=T))] == ["state changed"]


def test_the_register_of_all_machines_is_no_registration_and_a_guest_state_no_saved_state() -> None:
    register = "C:\\ProgramData\\Microsoft\\Windows\\Hyper-V\\data.vmcx"
    firmware = SavedState(source=Source("h.E01", "/p1/x.vmgs"), system_id="h", vm_id=VM,
                          path="C:\\x.vmgs", kind="guest state", state="present", changed_at=T,
                          is_referenced=True, owner_is_known=True)
    assert told(machine(registration_path=register), file(register, T), firmware) == []
    assert told(machine(), file(LINK, T), replace(firmware, kind="saved state")) == [
        ("registered", "", "derived"), ("saved", "", "inferred")]


def test_a_machine_without_an_id_is_called_by_its_configuration() -> None:
    lost = machine(vm_id="", name="", format="none", state="dangling link")
    assert [(r.story, r.what) for r in story(lost, file(LINK, T))] == [
        (f"configuration {XML}", "registered")]


def test_the_name_of_a_registered_machine_goes_before_that_of_a_copy() -> None:
    copy = machine(name="A copy", state="unregistered", registration_path="", created_at=T)
    assert {r.vm_name for r in story(machine(created_at=T), copy)} == {"WEB"}


def journal(path: str, at: int, *reasons: str, **more: Any) -> JournalEntry:
    values: dict[str, Any] = {"subject": "virtual disk"}
    return JournalEntry(source=Source("h.E01", "/p1/$UsnJrnl", offset=at % 999), system_id="h",
                        volume_id="p1", path=path, entry=40, sequence=1, usn=at % 999,
                        reasons=reasons, is_directory=False, changed_at=at, **values | more)


def test_what_a_change_journal_tells() -> None:
    lost = f"D:\\Virtual Machines\\{LOST}.xml"
    rows = story(
        machine(), layer(made=T), journal(DISK, T + MINUTE, "file create"),
        journal(DISK, T + DAY, "file create", "data extend", "close"),
        journal(DISK, T + 2 * DAY, "rename: old name"),
        journal(DISK, T + 3 * DAY, "file delete", "close"),
        journal(DISK, T + 4 * DAY, "file delete", "close", note="left over"),
        journal(lost, T, "file create", subject="configuration", vm_id=LOST),
        journal("E:\\x.vhd", T, "file delete", "close"), journal("y.bin", T, subject="saved state"))
    assert [(r.story, r.what, r.subject, r.certainty, len(r.sources)) for r in rows] == [
        (VM, "disk created", DISK, "direct", 2), (VM, "file renamed", DISK, "direct", 1),
        (VM, "deleted", DISK, "direct", 1),
        (LOST, "configuration file made", "", "derived", 1),
        ("disk E:\\x.vhd", "deleted", "E:\\x.vhd", "direct", 1)]


def test_user_access_logging_by_id_or_by_the_bios() -> None:
    seen = AccessLogMachine(source=Source("h.E01", "/p1/Current.mdb"), system_id="h", vm_id=LOST,
                            made_at=T, last_seen_at=T + DAY)
    by_bios = replace(seen, vm_id="", bios_guid="B", made_at=None)
    assert [(r.story, r.what, r.certainty) for r in story(machine(bios_guid="B"), seen, by_bios,
                                                          replace(by_bios, bios_guid="C"))] == [
        (VM, "seen running", "direct"), (LOST, "seen running", "derived"),
        (LOST, "seen running", "direct")]


def test_deleted_registry_keys_that_name_a_machine() -> None:
    def key(path: str, **more: Any) -> DeletedRegistryKey:
        values: dict[str, Any] = {"source": Source("h.E01", "/p1/SYSTEM"), "system_id": "h",
                                  "hive": "SYSTEM", "values": (), "lost_values": 0}
        return DeletedRegistryKey(key=path, written_at=T, **values | more)

    port = key("vmsmp\\SwitchList\\X", values=(f"Name (REG_SZ) = {VM.lower()}",))
    other = key(f"vmsmp\\{LOST}")
    assert told(machine(), port, other) == [
        ("named in a deleted registry key", "vmsmp\\SwitchList\\X", "derived")]
    inside = {"system_id": f"h.E01!/p1/{DISK[-8:]}!/p1"}
    guest = key("Microsoft\\Virtual Machine\\Guest\\Parameters", vm_id=VM, **inside)
    assert len(told(machine(), layer(made=None), guest)) == 1


def test_a_clock_that_an_event_says_was_set_back_is_said_once() -> None:
    def set_back(record: int, *data: str) -> LogEvent:
        return event("clock changed", T, record, event_data=data)

    lines = story(machine(), event("started", T + DAY, 1, vm_id=VM),
                  set_back(2, f"NewTime={iso(T)}", f"OldTime={iso(T + 2 * DAY)}"),
                  event("turned off", T + MINUTE, 3, vm_id=VM))
    assert [(r.what, len(r.contradictions)) for r in lines] == [("turned off", 1), ("started", 1)]
    assert "said by record 2 of VMMS" in lines[0].contradictions[0]
    security = ("PreviousTime=2014-03-03 10:00:00.5 UTC", f"NewTime={iso(T)}")
    harmless = (f"NewTime={iso(T)}", f"OldTime={iso(T + 1)}")
    old = ("PreviousDate=03/03/2014", "PreviousTime=10:00:00", "NewDate=03/01/2014",
           "NewTime=10:00:00")
    for data, count in ((security, 1), (harmless, 0), (old, 0)):
        (line,) = story(machine(), set_back(1, *data), event("started", T + DAY, 2, vm_id=VM))
        assert len(line.contradictions) == count
