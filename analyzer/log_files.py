r"""Files of event logs: those of the log folder, and those that the registry put elsewhere.

Where a log lies is the value `File`, REG_EXPAND_SZ, of a key with the name of the log or channel:

    SYSTEM\<control set>\Services\EventLog              the classic ones; seen on real hives
    SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels        channels
    SOFTWARE\Policies\Microsoft\Windows\EventLog                     by policy

No real hive with one of the latter two was seen. Without the value a log is in the log folder;
where several name a place, each is looked at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from analyzer.errors import EvidenceError
from analyzer.formats.hive import Key
from analyzer.profiles import expand
from analyzer.system import WindowsSystem
from analyzer.volume import Item

FOLDER: Final = "System32\\winevt\\Logs"
GENERAL: Final = ("system", "security", "windows powershell", "setup",
                  "microsoft-windows-powershell/operational")
"""Logs without "Hyper-V" in their name that are looked into, also as Windows archives them."""
OWN: Final = re.compile("hyper-v|vhdmp", re.IGNORECASE)
_ARCHIVED: Final = re.compile(r"archive-(.+)-\d{4}(?:-\d\d){5}-\d{3}", re.IGNORECASE)
"""What Windows calls a log that was full (AutoBackupLogFiles)."""
_OLD: Final = re.compile(r"system32\\config\\[^\\]+\.evt")
_KEYS: Final = (("SOFTWARE", "Microsoft\\Windows\\CurrentVersion\\WINEVT\\Channels"),
                ("SOFTWARE", "Policies\\Microsoft\\Windows\\EventLog"))
_LOST: Final = "the events logged there are missing"


@dataclass(frozen=True, slots=True, eq=False)
class LogFile:
    """A file, and the channel whose log it is by its name or by the registry."""

    item: Item
    channel: str


def log_files(system: WindowsSystem) -> Iterator[LogFile]:
    """Those that are looked into, archived and deleted ones too: the log folder's first."""
    if system.windows is None:
        return
    given = set()
    for log in chain(_usual(system), _moved(system)):
        if log.item.source not in given and not log.item.entry.is_directory:
            given.add(log.item.source)
            yield log


def _usual(system: WindowsSystem) -> Iterator[LogFile]:
    assert system.windows is not None
    _, items = _look(system, f"{system.windows.path}\\{FOLDER}")
    for item in sorted(items, key=lambda i: (i.name.casefold(), i.entry.inode)):
        name, _, kind = _unarchived(item.name).rpartition(".")
        channel = name.replace("%4", "/")
        if kind.casefold() == "evtx" and _is_wanted(channel):
            yield LogFile(item, channel)


def _moved(system: WindowsSystem) -> Iterator[LogFile]:
    """The log of today where the registry puts it, and the former ones beside it."""
    for path, channel in sorted(_elsewhere(system).items()):
        above, _, name = path.rpartition("\\")
        current, items = _look(system, path, above)
        for item in (current, *items):
            if item is not None and (
                    item is current or _unarchived(item.name).casefold() == name.casefold()):
                yield LogFile(item, channel)


def _look(system: WindowsSystem, path: str, folder: str = "") -> tuple[Item | None, list[Item]]:
    """What lies at a path, and in the folder, which is the path itself where none is given.

    How far that went is said of the path.
    """
    try:
        item = system.find(path)
        above = system.find(folder) if folder else item
        below = above.children() if above is not None else []
    except EvidenceError as error:
        system.cover(path, "unreadable")
        system.problem(error, system.source.at(path), _LOST)
        return None, []
    is_there = item is not None and item.entry.allocated
    system.cover(item.path if item is not None and is_there else path,
                 "read" if is_there else "absent")
    return item, below


def _elsewhere(system: WindowsSystem) -> dict[str, str]:
    """Path -> channel of those that the registry does not leave in the log folder."""
    assert system.windows is not None
    found: dict[str, str] = {}
    keys = (("SYSTEM", f"{system.registry.control_set}\\Services\\EventLog"), *_KEYS)
    for hive, above in keys:
        key = system.registry.key(hive, above)
        for log in key.subkeys() if key is not None else ():
            path = _said(system, hive, log) if _is_wanted(log.name) else ""
            if path and not _is_usual(path, log.name, system.windows):
                found.setdefault(path, log.name)
    return found


def _said(system: WindowsSystem, hive: str, log: Key) -> str:
    """The path in a key's value `File`; "" without one. One that cannot be read is said."""
    try:
        value = log.value("File")
        return expand(system, value.text()).replace("/", "\\") if value is not None else ""
    except EvidenceError as error:
        system.problem(error, system.registry.source(hive).at(log.path),
                       "where this log lies is not known")
        return ""


def _is_usual(path: str, channel: str, windows: Item) -> bool:
    """Whether a log lies where Windows puts it; up to 2003 that is beside the hives."""
    below = path.casefold().removeprefix(f"{windows.path}\\".casefold())
    name = channel.replace("/", "%4")
    return below == f"{FOLDER}\\{name}.evtx".casefold() or _OLD.fullmatch(below) is not None


def _unarchived(name: str) -> str:
    """`System.evtx` for `Archive-System-2015-03-04-05-06-07-890.evtx`; others as they are."""
    stem, dot, kind = name.rpartition(".")
    match = _ARCHIVED.fullmatch(stem)
    return f"{match[1]}{dot}{kind}" if match else name


def _is_wanted(channel: str) -> bool:
    return OWN.search(channel) is not None or channel.casefold() in GENERAL
