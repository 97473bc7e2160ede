"""What an event means: by provider, number and release of Windows, from event_meanings.csv.

A number means nothing without its provider, and some were given another meaning by a later
release, so each row names the releases it was seen in. Elsewhere a number with one meaning only
keeps it, as unsure; one with several has none.

Columns of the file: provider without "Microsoft-Windows-", event_id, releases (RELEASES, "10"
for all since Windows 10 and Server 2016), meaning, where the machine's name, its id and the thing
concerned stand (names of fields or positions from 1, alternatives separated by "|"; "a+b": both,
"a--": of a network adapter's name, which begins with its machine's id and "--"), certainty
(verified, unsure), source. "WELM" is a public extract of message tables (docs/formats/evtx.md).
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Final

from analyzer.formats import guid

RELEASES: Final = {"6.0": "2008", "6.1": "2008r2", "6.2": "2012", "6.3": "2012r2", "10.0": "10"}
"""NT version -> release, as the file calls it."""
VERIFIED, UNSURE = "verified", "unsure"
_NAMES: Final = ("VmName", "VMName", "VirtualMachineName")
_IDS: Final = ("VmId", "VMId", "VirtualMachineId", "VmGuid")
Data = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the file. `certainty` is lowered where the release is not among the row's."""

    provider: str
    event_id: int
    releases: tuple[str, ...]
    what: str
    name_at: tuple[str, ...]
    id_at: tuple[str, ...]
    object_at: tuple[str, ...]
    certainty: str
    source: str


def short(provider: str) -> str:
    """`Hyper-V-VMMS` of `Microsoft-Windows-Hyper-V-VMMS`."""
    return provider.removeprefix("Microsoft-Windows-")


@cache
def meanings() -> tuple[Meaning, ...]:
    """Every row of the file."""
    with (files("analyzer.formats") / "event_meanings.csv").open(encoding="utf-8") as file:
        return tuple(_meaning(row) for row in csv.DictReader(file))


def meaning_of(provider: str, event_id: int, release: str) -> Meaning | None:
    """What an event means on a host of this release ("" where that is not known)."""
    rows = _by_event().get((short(provider).casefold(), event_id), ())
    for row in rows:
        if release in row.releases:
            return row
    return replace(rows[0], certainty=UNSURE) if len(rows) == 1 else None


def machine_of(data: Data, meaning: Meaning | None) -> tuple[str, str]:
    """(name, id) of the machine an event is about, "" where it does not say.

    Newer hosts name the fields; older ones number them, and nearly all their texts begin with
    the name and the id.
    """
    name, vm_id = _value(data, _NAMES), guid.normalise(_value(data, _IDS))
    if vm_id or name:
        return name, "" if vm_id == guid.ZERO else vm_id
    if meaning is None:
        vm_id = guid.normalise(_value(data, ("2",)))
        return (_value(data, ("1",)), vm_id) if vm_id else ("", "")
    return _value(data, meaning.name_at), _machine_id(data, meaning.id_at)


def object_of(data: Data, meaning: Meaning | None) -> str:
    """The disk, switch, service or device that an event is about, and more that is said of it."""
    for place in meaning.object_at if meaning is not None else ():
        texts = [_value(data, (one,)) for one in place.split("+")]
        if texts[0]:
            return ", ".join(filter(None, texts))
    return ""


def _machine_id(data: Data, places: Iterable[str]) -> str:
    """The id in one of these fields; of a place that ends in `--`, what stands before that."""
    for place in places:
        field, is_adapter, _ = place.partition("--")
        text = _value(data, (field,))
        before, mark, _ = text.partition("--") if is_adapter else (text, "--", "")
        if mark and guid.normalise(before):
            return guid.normalise(before)
    return ""


def _value(data: Data, places: Iterable[str]) -> str:
    """The first of these fields that has a text; a place in digits counts from 1."""
    for place in places:
        if place.isdigit():
            number = int(place) - 1
            text = data[number][1] if number < len(data) else ""
        else:
            text = next((value for name, value in data if name.casefold() == place.casefold()), "")
        if text:
            return text
    return ""


@cache
def _by_event() -> dict[tuple[str, int], tuple[Meaning, ...]]:
    found: dict[tuple[str, int], tuple[Meaning, ...]] = {}
    for row in meanings():
        key = row.provider.casefold(), row.event_id
        found[key] = (*found.get(key, ()), row)
    return found


def _meaning(row: dict[str, str]) -> Meaning:
    name_at, id_at, object_at = (tuple(filter(None, row[key].split("|")))
                                 for key in ("name_at", "id_at", "object_at"))
    return Meaning(row["provider"], int(row["event_id"]), tuple(row["releases"].split()),
                   row["meaning"], name_at, id_at, object_at, row["certainty"], row["source"])
