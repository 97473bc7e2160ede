"""Records of event logs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from analyzer.records.record import Record, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent(Record):
    """One event of a log; `vm_id` is the machine it is about, where it says so."""

    channel: str
    provider: str
    event_id: int | None
    """None where the content of the record cannot be decoded."""
    event_record_id: int
    computer: str = ""
    user_sid: str = ""
    meaning: str = ""
    """What it means by event_meanings.csv; "" for events that are not in it."""
    certainty: str = ""
    """verified, unsure; "" without a meaning."""
    vm_name: str = ""
    """As the event has it; machines are renamed."""
    concerns: str = ""
    """The disk, switch, service or device it is about."""
    event_data: tuple[str, ...] = ()
    """`name=value` in order."""
    note: str = ""
    """Why the content is not known; that the log is deleted."""
    logged_at: int | None = moment("Event logged")

    TOPIC: ClassVar[str] = "log"
    NEVER_SEEN: ClassVar[str] = (
        "Channels of Hyper-V on a real host: what events mean comes from message tables of "
        "real Windows, single published records, and documents.")

    def describe(self) -> str:
        number = "record" if self.event_id is None else str(self.event_id)
        about = " ".join(filter(None, (self.vm_name, self.concerns)))
        what = f"{self.meaning}: {about}" if self.meaning and about else self.meaning or about
        return f"{what} ({self.provider or self.channel} {number})".strip()


def event_values(row: Mapping[str, Any]) -> dict[str, str]:
    """The `event_data` of a stored LogEvent by name."""
    return dict(line.split("=", 1) for line in row["event_data"] if "=" in line)


def event_cited(row: Mapping[str, Any]) -> str:
    """`Microsoft-Windows-Eventlog 1102, record 2`, of a stored LogEvent."""
    return f"{row['provider']} {row['event_id']}, record {row['event_record_id']}"


def last_events(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """(system, machine) -> the last of the stored LogEvents about it that have a meaning.

    Where the meaning is not known, an id of something else may stand where a machine's does.
    """
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if row["meaning"]:
            kept = last.setdefault((row["system_id"], row["vm_id"]), row)
            if (row["logged_at"] or 0) > (kept["logged_at"] or 0):
                last[row["system_id"], row["vm_id"]] = row
    return last


@dataclass(frozen=True, slots=True, kw_only=True)
class EventActor(Record):
    """Whose account an event of `log_event` was written under, if that is a person's or machine's.

    It is joined by `source` and `event_record_id`. The account is that of the process that wrote
    the event; the service of Hyper-V writes most events as SYSTEM, which are not listed here.
    """

    channel: str
    provider: str
    event_id: int | None
    event_record_id: int
    meaning: str = ""
    vm_name: str = ""
    logged_at: int | None = None
    user_sid: str
    account_name: str = ""
    basis: str
    """What names the account: registry key, or why there is no name."""
    logon_type: str = ""
    """Of the logon below: 2 at the console, 7 unlocked, 10 remote desktop, 11 cached."""
    logon_host: str = ""
    """Computer that the user had logged on from, as Security 4624 has it."""
    logon_address: str = ""
    logon_at: int | None = None
    logon_basis: str = ""
    """How the logon was found; events do not name their session."""
    network_host: str = ""
    """Computer that the user last reached this one from over the network (logon type 3)."""
    network_address: str = ""
    """Its address."""
    network_at: int | None = None
    """When that was."""
    network_basis: str = ""
    """How that logon was found."""
