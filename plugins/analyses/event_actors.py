"""Whose account an event was written under, and where that user had logged on from."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from analyzer.formats.sid import LOCAL_SYSTEM, machine_id, name_by_rid, well_known_name
from analyzer.plugin import Tables, analysis
from analyzer.records import EventActor, Record, event_values
from analyzer.source import Source

SERVICES = {LOCAL_SYSTEM, "S-1-5-19", "S-1-5-20", ""}
"""Nobody in person: most events of the service are written as SYSTEM, whoever asked for it."""
STARTS = {("eventlog", 6005), ("eventlog", 6009), ("microsoft-windows-kernel-general", 12)}
"""Events at the start of Windows, which ends every logon session."""
NETWORK = "3"
"""Logon type."""
Row = dict[str, Any]


@analysis("account", "log_event", yields=(EventActor,))
def event_actors(tables: Tables) -> Iterator[Record]:
    """Names the user of each event, and the last logon of that user since Windows started."""
    names = _names(tables)
    logons, starts = _sessions(tables)
    for row in tables.rows("log_event"):
        sid, system, at = row["user_sid"], row["system_id"], row["logged_at"]
        if sid in SERVICES or row["event_id"] is None:
            continue
        name, basis = names.get((system, sid), ("", ""))
        if not name and well_known_name(sid):
            name, basis = well_known_name(sid), "a SID that is the same everywhere"
        if not name and name_by_rid(sid):
            name, basis = name_by_rid(sid), "its RID, which is the same in every domain; renamed?"
        last = [_last(logons[system, sid, kind], starts[system], at) if at is not None else None
                for kind in ("", NETWORK)]
        yield _actor(row, name, basis or "no account of this system has this SID", *last)


def _names(tables: Tables) -> dict[tuple[str, str], tuple[str, str]]:
    """(system, SID) -> name and what says so; SAM before ProfileList."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for row in tables.rows("account"):
        if not row["account_name"]:
            continue
        if row["kind"] == "profile":
            found.setdefault((row["system_id"], row["sid"]), (row["account_name"], row["basis"]))
        else:
            found[row["system_id"], row["sid"]] = (f"{row['domain']}\\{row['account_name']}",
                                                   row["basis"])
    return found


def _sessions(tables: Tables) -> tuple[defaultdict[tuple[str, str, str], list[tuple[int, Row]]],
                                       defaultdict[str, list[int]]]:
    """Logons of each user, those over the network apart, and starts of each system, by time."""
    logons: defaultdict[tuple[str, str, str], list[tuple[int, Row]]] = defaultdict(list)
    starts: defaultdict[str, list[int]] = defaultdict(list)
    for row in tables.rows("log_event"):
        if row["logged_at"] is None:
            continue
        if row["event_id"] == 4624:
            data = event_values(row)
            kind = NETWORK if data.get("LogonType") == NETWORK else ""
            logons[row["system_id"], data.get("TargetUserSid", ""), kind].append(
                (row["logged_at"], {**data, "record": row["event_record_id"]}))
        elif (row["provider"].casefold(), row["event_id"]) in STARTS:
            starts[row["system_id"]].append(row["logged_at"])
    for found in logons.values():
        found.sort(key=lambda logon: (logon[0], logon[1]["record"]))
    for times in starts.values():
        times.sort()
    return logons, starts


def _last(logons: list[tuple[int, Row]], starts: list[int], at: int) -> tuple[int, Row] | None:
    """The last logon at or before `at`, where Windows has not started since."""
    number = bisect_right(logons, at, key=lambda logon: logon[0])
    if number == 0:
        return None
    logon = logons[number - 1]
    started = bisect_right(starts, at)
    return logon if started == 0 or starts[started - 1] <= logon[0] else None


def _said(logon: tuple[int, Row] | None, field: str) -> str:
    text = str(logon[1].get(field, "")) if logon else ""
    return "" if text == "-" else text


def _actor(row: Row, name: str, basis: str, logon: tuple[int, Row] | None,
           network: tuple[int, Row] | None) -> EventActor:
    return EventActor(
        source=Source.from_columns(row), system_id=row["system_id"],
        vm_id=row["vm_id"] or machine_id(row["user_sid"]), snapshot_id=row["snapshot_id"],
        channel=row["channel"], provider=row["provider"], event_id=row["event_id"],
        event_record_id=row["event_record_id"], meaning=row["meaning"], vm_name=row["vm_name"],
        logged_at=row["logged_at"], user_sid=row["user_sid"], account_name=name, basis=basis,
        logon_type=_said(logon, "LogonType"), logon_host=_said(logon, "WorkstationName"),
        logon_address=_said(logon, "IpAddress"), logon_at=logon[0] if logon else None,
        logon_basis="inferred: the user's last logon before the event, record "
        f"{logon[1]['record']}" if logon else "",
        network_host=_said(network, "WorkstationName"),
        network_address=_said(network, "IpAddress"), network_at=network[0] if network else None,
        network_basis="inferred: the user's last logon over the network before the event, record "
        f"{network[1]['record']}; remote management logs on so, and so does every other access"
        if network else "")
