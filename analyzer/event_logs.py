"""Event logs of a system: the files of its log folder, and which of their events matter here.

Every event of a Hyper-V or VHDMP channel counts; of the general logs those that
event_meanings.csv names, and of these only what has to do with virtual machines or with when the
machine ran. What damages a log is said; its other events are read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.errors import EvidenceError, NotThisFormat
from analyzer.formats.event_meanings import RELEASES, meaning_of, short
from analyzer.formats.evtx import EventLog, EventRecord, Unread
from analyzer.formats.setup_log import HYPERV
from analyzer.system import WINDOWS_NT, WindowsSystem
from analyzer.volume import Item

FOLDER: Final = "System32/winevt/Logs"
GENERAL: Final = ("system", "security", "windows powershell", "setup",
                  "microsoft-windows-powershell%4operational")
"""Logs without "Hyper-V" in their name that are looked into, also as Windows archives them."""
_ARCHIVED: Final = re.compile(r"archive-(.+)-\d{4}(?:-\d\d){5}-\d{3}")
"""What Windows calls a log that was full (AutoBackupLogFiles)."""
_OWN: Final = re.compile("hyper-v|vhdmp", re.IGNORECASE)
_SERVICES: Final = re.compile(
    r"vmms|vhdsvc|nvspwmi|vmcompute|hvhost|\bhns\b|vmicheart|vmickvp|vmicshut|vmictime|vmicvss|"
    r"hyper-v|virtual server|virtual machine|virtualization|virtuali[sz]ation", re.IGNORECASE)
_CMDLETS: Final = re.compile(
    r"\b[A-Z][a-z]+-(?:VM(?!ware)|VHD|VFD)[A-Za-z]*\b|\bHyper-V\b|virtualizationv?2?\b.{0,40}Msvm_",
    re.IGNORECASE)
_LOGONS: Final = ("2", "7", "10", "11")
_HERE: Final = ("", "-", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Logged:
    """One event and the file it stands in."""

    file: Item
    event: EventRecord | Unread


def release_of(system: WindowsSystem) -> str:
    """The release of Windows as event_meanings.csv calls it; "" where that is not known."""
    if system.registry.integer("SOFTWARE", WINDOWS_NT, "CurrentMajorVersionNumber") == 10:
        return "10"
    return RELEASES.get(system.registry.text("SOFTWARE", WINDOWS_NT, "CurrentVersion"), "")


def logged(system: WindowsSystem) -> Iterator[Logged]:
    """The events that matter, log by log in order of name."""
    if system.windows is None:
        return
    place = f"{system.windows.path}\\{FOLDER}".replace("/", "\\")
    folder = system.windows.child(FOLDER)
    if folder is None:
        system.cover(place, "absent")
        return
    system.cover(place, "read")
    release = release_of(system)
    for item in sorted(folder.children(), key=lambda i: (i.name.casefold(), i.entry.inode)):
        name, _, kind = item.name.casefold().rpartition(".")
        archived = _ARCHIVED.fullmatch(name)
        if item.entry.allocated and kind == "evtx" and (
                _OWN.search(name) or (archived[1] if archived else name) in GENERAL):
            yield from _read(system, item, release)


def _read(system: WindowsSystem, item: Item, release: str) -> Iterator[Logged]:
    is_own = _OWN.search(item.name) is not None
    try:
        log = EventLog.open(item.blocks())
        for event in log.records():
            if is_own or (isinstance(event, EventRecord) and _matters(event, release)):
                yield Logged(item, event)
    except NotThisFormat as error:
        system.cover(item.path, "unreadable")
        system.problem(error, item.source, "the events of this log are missing")
    except EvidenceError as error:
        system.cover(item.path, "partial")
        system.problem(error, item.source, "the rest of this log is missing")
    else:
        for notice in log.notices:
            system.notice(notice, item.source)
        losses = {notice.code for notice in log.notices} - {"EVTX-DIRTY"}
        system.cover(item.path, "partial" if losses else "read")


def _matters(event: EventRecord, release: str) -> bool:
    """Whether an event of a general log has to do with virtual machines or with their host."""
    provider = short(event.provider)
    if _OWN.search(provider):
        return True
    if meaning_of(event.provider, event.event_id, release) is None:
        return False
    if provider == "Service Control Manager":
        return any(_SERVICES.search(f"{name} {service_text(value)}") for name, value in event.data)
    if provider == "Servicing":
        return any(HYPERV.search(value) for _, value in event.data)
    if provider == "PowerShell":
        return any(_CMDLETS.search(value) for _, value in event.data)
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
