"""The estate: which hosts there are, and what several of them have in common.

A machine that was moved, copied or restored leaves the same ids on two hosts. That an id is on
both is a fact; which of these it was, the rows behind it have to tell.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from analyzer.plugin import Tables
from analyzer.source import Source

_IDS: Final = (("machine id", "virtual_machine", "vm_id"),
               ("BIOS GUID", "virtual_machine", "bios_guid"),
               ("disk id", "disk_layer", "disk_id"),
               ("MAC address", "vm_network_adapter", "mac"))


@dataclass(frozen=True, slots=True)
class Host:
    """One Windows installation that machines were found on.

    `installed_at` in ticks. The same name and time of installation, in two cases, is one host
    acquired twice; where either is not known, every case has hosts of its own.
    """

    case: str
    system_id: str
    name: str = ""
    installed_at: int | None = None

    @property
    def identity(self) -> tuple[str, str | int]:
        """What tells this host from others."""
        if self.name and self.installed_at is not None:
            return self.name.casefold(), self.installed_at
        return self.case, self.system_id

    def __str__(self) -> str:
        return self.name or self.system_id


@dataclass(frozen=True, slots=True)
class Sighting:
    """One place where an id stands."""

    host: Host
    vm_id: str
    vm_name: str
    source: Source


@dataclass(frozen=True, slots=True)
class Shared:
    """An id that more than one host has; the first sighting of it for each host and machine."""

    kind: str
    value: str
    sightings: tuple[Sighting, ...]


def hosts(case: str, tables: Tables) -> dict[str, Host]:
    """System id -> host, for every installation and everything that machines were found on."""
    found: dict[str, Host] = {}
    for row in tables.rows("system"):
        if row["system_id"] not in found or not row["snapshot_id"]:
            found[row["system_id"]] = Host(case, row["system_id"], row["host_name"],
                                           row["installed_at"])
    for _, table, _ in _IDS:
        for system_id in tables.counts(table, "system_id"):
            found.setdefault(system_id, Host(case, system_id))
    return found


def shared(cases: Mapping[str, Tables]) -> list[Shared]:
    """Ids found on more than one host, by kind and value; `cases` are named as on output."""
    known = {case: (hosts(case, tables), _names(tables)) for case, tables in cases.items()}
    found: list[Shared] = []
    for kind, table, column in _IDS:
        seen: defaultdict[str, dict[tuple[Any, str], Sighting]] = defaultdict(dict)
        for case, tables in cases.items():
            homes, names = known[case]
            for row in _with_id(tables, table, column):
                host, vm_id = homes[row["system_id"]], row["vm_id"]
                name = names.get((row["system_id"], vm_id), "")
                seen[row[column].upper()].setdefault(
                    (host.identity, vm_id), Sighting(host, vm_id, name, Source.from_columns(row)))
        found += [Shared(kind, value, tuple(places.values()))
                  for value, places in sorted(seen.items())
                  if len({one.host.identity for one in places.values()}) > 1]
    return found


def _with_id(tables: Tables, table: str, column: str) -> Iterator[dict[str, Any]]:
    """Rows with an id; all zeros are what is written where there is none."""
    for row in tables.rows(table):
        if row[column].strip("0-"):
            yield row


def _names(tables: Tables) -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    for row in tables.rows("virtual_machine"):
        names[row["system_id"], row["vm_id"]] = \
            names.get((row["system_id"], row["vm_id"]), "") or row["name"]
    return names
