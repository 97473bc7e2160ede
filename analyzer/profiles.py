"""Profiles of users: which files lie in them, and whose each is.

Profiles are looked for where Windows puts them (places.py), and wherever else ProfileList says.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.accounts import Accounts, accounts
from analyzer.errors import EvidenceError, NotInEvidence
from analyzer.places import PLACES, there
from analyzer.system import WindowsSystem
from analyzer.volume import Item

_USUAL: Final = ("\\users\\", "\\documents and settings\\")
_VARIABLE: Final = re.compile(r"%(systemroot|windir|systemdrive)%", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose profile it is. `sid` is "" where ProfileList does not name the folder."""

    sid: str
    name: str


def in_profiles(system: WindowsSystem, reader: str) -> Iterator[tuple[Owner, Item]]:
    """What is at the places of a reader, those outside C:\\Users too, with whose each is."""
    for item in there(system, reader):
        yield owner(system, item), item
    rests = [place.path.split("\\*\\", 1)[1] for place in PLACES
             if place.reader == reader and "\\*\\" in place.path]
    for folder in _elsewhere(system):
        for rest in rests:
            found = folder.child(rest)
            if found is not None:
                system.cover(found.path, "read", reader)
                yield owner(system, found), found


def owner(system: WindowsSystem, item: Item) -> Owner:
    """Whose profile an item lies in, by ProfileList; else by the name of its folder."""
    known, path = accounts(system), item.path.casefold()
    for sid, profile in sorted(known.profiles.items()):
        folder = expand(system, profile.path).rstrip("\\").casefold()
        if folder and path.startswith(f"{folder}\\"):
            return Owner(sid, known.name(sid))
    parts = item.path.split("\\")
    return Owner("", f"{parts[2]} (by its profile folder)" if len(parts) > 3 else "")


def _elsewhere(system: WindowsSystem) -> Iterator[Item]:
    """Folders of ProfileList that are not below `Users` or `Documents and Settings`."""
    known: Accounts = accounts(system)
    for profile in known.profiles.values():
        path = expand(system, profile.path)
        if path[1:2] != ":" or path[2:].casefold().startswith(_USUAL):
            continue
        source = system.registry.source("SOFTWARE").at(profile.key)
        try:
            folder = system.find(path)
        except NotInEvidence as error:
            system.problem(error, source, "the traces in this profile are missing")
            continue
        except EvidenceError as error:
            system.problem(error, source, "the traces in this profile cannot be read")
            continue
        if folder is not None and folder.entry.is_directory:
            yield folder


def expand(system: WindowsSystem, path: str) -> str:
    """The path with the variables that name the folder or the volume of Windows worked out."""
    if system.windows is None:
        return path
    values = {"systemdrive": system.windows.volume.name}
    return _VARIABLE.sub(lambda m: values.get(m[1].casefold(), system.windows.path)
                         if system.windows else "", path)
