"""Event logs of a system: which events of its log files (log_files.py) matter here.

Every event of a Hyper-V or VHDMP channel counts; of the general logs those that
event_meanings.csv names, and of these only what has to do with virtual machines or with when the
machine ran. What damages a log is said; its other events are read. Where a deleted log lay can
lie pieces of others by now: of its events those are taken that would be from any log.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.errors import EvidenceError, Notice, NotThisFormat
from analyzer.formats.event_meanings import RELEASES, meaning_of, short
from analyzer.formats.evtx import EventLog, EventRecord, Unread
from analyzer.formats.powershell_history import COMMANDS
from analyzer.formats.setup_log import HYPERV
from analyzer.log_files import OWN, LogFile, log_files
from analyzer.system import WINDOWS_NT, WindowsSystem
from analyzer.volume import Item

_SERVICES: Final = re.compile(
    r"vmms|vhdsvc|nvspwmi|vmcompute|hvhost|\b(?:hns|vmsmp|vmsp|storvsp|vmbusr|vid|hvservice|"
    r"vpcivsp|vhdmp)\b|vmicheart|vmickvp|vmicshut|vmictime|vmicvss|"
    r"hyper-v|virtual server|virtual machine|virtualization|virtuali[sz]ation", re.IGNORECASE)
_NAMED: Final = re.compile(r"\bHyper-V\b|\bvmwp\b", re.IGNORECASE)
_LOGONS: Final = ("2", "7", "10", "11")
_HERE: Final = ("", "-", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Logged:
    """One event, the file it stands in, and the channel whose log that is."""

    file: Item
    channel: str
    event: EventRecord | Unread


def release_of(system: WindowsSystem) -> str:
    """The release of Windows as event_meanings.csv calls it; "" where that is not known."""
    if system.registry.integer("SOFTWARE", WINDOWS_NT, "CurrentMajorVersionNumber") == 10:
        return "10"
    return RELEASES.get(system.registry.text("SOFTWARE", WINDOWS_NT, "CurrentVersion"), "")


def logged(system: WindowsSystem) -> Iterator[Logged]:
    """The events that matter, log by log in order of name."""
    release = release_of(system)
    for log in log_files(system):
        yield from _read(system, log, release)


def _read(system: WindowsSystem, file: LogFile, release: str) -> Iterator[Logged]:
    item, is_deleted = file.item, not file.item.entry.allocated
    place = f"{item.path} (deleted, entry {item.entry.inode})" if is_deleted else item.path
    try:
        log = EventLog.open(item.blocks())
        for event in log.records():
            if _is_kept(event, file, release):
                yield Logged(item, file.channel, event)
    except NotThisFormat as error:
        system.cover(place, "unreadable")
        system.problem(error, item.source, "the events of this log are missing")
    except EvidenceError as error:
        system.cover(place, "partial")
        system.problem(error, item.source, "the rest of this log is missing")
    else:
        losses = [notice for notice in log.notices if notice.code != "EVTX-DIRTY"]
        system.notices(_in_short(losses) if is_deleted else log.notices, item.source)
        system.cover(place, "partial" if losses else "read")


def _in_short(losses: list[Notice]) -> list[Notice]:
    """One notice for all of a deleted log, of which any part can be another file's now."""
    return [Notice("EVTX-DELETED", f"a deleted log is not whole: {len(losses)} places or ranges "
                   f"of ids, the first: {losses[0].what}", "events of it are missing",
                   losses[0].start, losses[0].length)] if losses else []


def _is_kept(event: EventRecord | Unread, file: LogFile, release: str) -> bool:
    is_own = OWN.search(file.channel) is not None
    if isinstance(event, Unread):
        return is_own
    return (is_own and file.item.entry.allocated) or _matters(event, release)


def _matters(event: EventRecord, release: str) -> bool:
    """Whether an event of a general log has to do with virtual machines or with their host."""
    provider = short(event.provider)
    if OWN.search(provider):
        return True
    if meaning_of(event.provider, event.event_id, release) is None:
        return False
    if provider == "Service Control Manager":
        return any(_SERVICES.search(f"{name} {service_text(value)}") for name, value in event.data)
    if provider == "Servicing":
        return any(HYPERV.search(value) for _, value in event.data)
    if provider == "PowerShell":
        return any(COMMANDS.search(value) or _NAMED.search(value) for _, value in event.data)
    if event.event_id == 4624:
        return _is_of_a_person(event)
    return True


def _is_of_a_person(event: EventRecord) -> bool:
    """A logon at the console or by remote desktop, or of a user over the network from elsewhere."""
    kind, name = event.value("LogonType"), event.value("TargetUserName")
    is_remote = kind == "3" and event.value("IpAddress") not in _HERE and not name.endswith("$")
    return (kind in _LOGONS or is_remote) and event.value("TargetUserSid").startswith("S-1-5-21-")


def service_text(value: str) -> str:
    """A value as it is; hex of UTF-16, as the service control manager adds it, as text."""
    if len(value) >= 8 and re.fullmatch(r"(?:[0-9A-Fa-f]{2}00)+", value):
        return bytes.fromhex(value).decode("utf-16-le").rstrip("\0")
    return value
