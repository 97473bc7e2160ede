"""Who is behind an event: names, and logons in order of time."""

from typing import Any

from analyzer.formats.sid import machine_sid
from analyzer.records import Account, EventActor, LogEvent
from analyzer.source import Source
from plugins.analyses.event_actors import event_actors
from tests.plugins.reports.tables import FakeTables

VM = "11111111-2222-3333-4444-555555555555"
KB, ANNA = "S-1-5-21-1-2-3-1001", "S-1-5-21-9-9-9-1117"
PLACE = Source("h.E01", "/p1/x.evtx", offset=64)


def event(at: int, sid: str = KB, **more: Any) -> LogEvent:
    values: dict[str, Any] = {"channel": "VMMS", "provider": "VMMS", "event_id": 13002,
                              "event_record_id": at, "vm_id": VM, "meaning": "created"}
    return LogEvent(source=PLACE, system_id="h", user_sid=sid, logged_at=at, **values | more)


def logon(at: int, sid: str = KB, host: str = "WS01", address: str = "10.0.0.7") -> LogEvent:
    return event(at, "S-1-5-18", channel="Security", event_id=4624, vm_id="", meaning="logon",
                 event_data=(f"TargetUserSid={sid}", "LogonType=10", f"WorkstationName={host}",
                             f"IpAddress={address}"))


def reached(at: int, address: str) -> LogEvent:
    return event(at, "S-1-5-18", channel="Security", event_id=4624, vm_id="", meaning="logon",
                 event_data=(f"TargetUserSid={KB}", "LogonType=3", "WorkstationName=ADMIN-PC",
                             f"IpAddress={address}"))


def start(at: int) -> LogEvent:
    return event(at, "", provider="EventLog", event_id=6005)


ACCOUNTS = (
    Account(source=PLACE, system_id="h", sid=KB, account_name="kb", domain="HV", kind="user",
            basis="SAM\\1"),
    Account(source=PLACE, system_id="h", sid=KB, account_name="other", domain="", kind="profile",
            basis="ProfileList\\1"),
    Account(source=PLACE, system_id="h", sid=ANNA, account_name="anna (by its profile folder)",
            domain="", kind="profile", basis="ProfileList\\2"))


def actors(*events: LogEvent) -> list[EventActor]:
    found = list(event_actors(FakeTables((*ACCOUNTS, *events))))
    return [row for row in found if isinstance(row, EventActor)]


def test_names_and_what_they_rest_on() -> None:
    rows = actors(event(5), event(6, ANNA), event(7, "S-1-5-21-4-4-4-500"),
                  event(7, "S-1-5-21-4-4-4-1500"), event(8, machine_sid(VM), vm_id=""),
                  event(9, "S-1-5-18"), event(10, ""), event(11, KB, event_id=None))
    assert [(r.account_name, r.basis, r.vm_id) for r in rows] == [
        ("HV\\kb", "SAM\\1", VM), ("anna (by its profile folder)", "ProfileList\\2", VM),
        ("Administrator (by its RID, of an unknown domain)",
         "its RID, which is the same in every domain; renamed?", VM),
        ("", "no account of this system has this SID", VM),
        (f"NT VIRTUAL MACHINE\\{VM}", "a SID that is the same everywhere", VM)]
    assert rows[0].source == PLACE
    assert (rows[0].event_id, rows[0].event_record_id, rows[0].logged_at) == (13002, 5, 5)


def test_the_last_logon_before_the_event() -> None:
    rows = actors(logon(10, host="-"), logon(20), logon(40, host="WS09"), logon(25, ANNA),
                  event(5), event(15), event(30), event(40))
    assert [(r.logon_at, r.logon_host) for r in rows] == [
        (None, ""), (10, ""), (20, "WS01"), (40, "WS09")]
    assert (rows[2].logon_type, rows[2].logon_address) == ("10", "10.0.0.7")
    assert rows[2].logon_basis.startswith("inferred: ")
    assert rows[0].logon_basis == ""


def test_a_start_of_windows_ends_sessions() -> None:
    rows = actors(logon(10), start(20), event(15), event(30), logon(40), event(50))
    assert [r.logon_at for r in rows] == [10, None, 40]


def test_other_systems_are_other_people() -> None:
    row = event(30)
    elsewhere = LogEvent(source=PLACE, system_id="guest", user_sid=KB, logged_at=30, channel="c",
                         provider="p", event_id=1, event_record_id=1)
    rows = actors(logon(10), row, elsewhere)
    assert {(r.system_id, r.account_name, r.logon_at) for r in rows} == {
        ("h", "HV\\kb", 10), ("guest", "", None)}


def test_a_logon_over_the_network_is_told_beside_the_one_at_the_console() -> None:
    rows = actors(logon(10), reached(20, "10.0.0.9"), reached(40, "10.0.0.10"), event(15),
                  event(30), start(50), event(60))
    assert [(r.logon_at, r.network_at, r.network_host, r.network_address) for r in rows] == [
        (10, None, "", ""), (10, 20, "ADMIN-PC", "10.0.0.9"), (None, None, "", "")]
    assert rows[1].network_basis.startswith("inferred: ")
    assert rows[0].network_basis == rows[2].network_basis == ""
