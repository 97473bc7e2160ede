"""The inventory as one tree: hosts, their machines, and what belongs to each machine.

Read from the tables row by row; lists are cut at LISTED rows and keep their true total, so that
a report over hostile evidence stays bounded and can say how many rows it does not show.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import takewhile
from operator import eq
from typing import Any, Final

from analyzer.plugin import Tables
from analyzer.records import IN_ACCESS_LOG, IN_EVENTS, IN_JOURNAL

Row = dict[str, Any]

LISTED: Final = 1000
"""Rows kept of one table for one machine."""
PARTS: Final = ("snapshot", "vm_drive", "vm_network_adapter", "vm_device", "disk_layer", "system",
                "guest_identity", "volume", "file_access", "finding", "problem", "coverage")
"""Tables whose rows belong to a machine where they carry its id."""


@dataclass(slots=True)
class Listing:
    """The first LISTED rows of something, and how many there are."""

    rows: list[Row] = field(default_factory=list)
    total: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    """All of them by `code`, or by `state` in tables that have no code."""
    first: dict[str, Row] = field(default_factory=dict)
    """The first row of each kind."""

    def add(self, row: Row) -> None:
        """Count the row, and keep it while there is room."""
        kind = row.get("code") or row.get("state") or ""
        self.total += 1
        self.kinds[kind] += 1
        self.first.setdefault(kind, row)
        if len(self.rows) < LISTED:
            self.rows.append(row)

    @property
    def more(self) -> int:
        """Rows that were counted and not kept."""
        return self.total - len(self.rows)


Parts = dict[str, Listing]


def _parts() -> Parts:
    return {table: Listing() for table in PARTS}


@dataclass(frozen=True, slots=True)
class Machine:
    """One virtual machine and the rows about it, by table."""

    row: Row
    parts: Parts = field(default_factory=_parts)


@dataclass(frozen=True, slots=True)
class Host:
    """One Windows installation that has machines, or is said to be a host."""

    system_id: str
    row: Row | None
    """Its row in `system`; None where that installation could not be read."""
    machines: list[Machine] = field(default_factory=list)


class Homes:
    """Finds the machine that a row is about."""

    def __init__(self, machines: list[Machine]) -> None:
        self._by_id: defaultdict[str, list[Machine]] = defaultdict(list)
        self._by_file: dict[tuple[str, str], Machine] = {}
        for machine in machines:
            self._by_id[machine.row["vm_id"]].append(machine)
            if not _tells_of_many(machine.row):
                self.describes(machine.row, machine)

    def describes(self, row: Row, machine: Machine) -> None:
        """Take it that the file a row comes from describes the machine."""
        self._by_file.setdefault((row["source_evidence"], row["source_path"]), machine)

    def of(self, row: Row) -> Machine | None:
        """Of machines with the same id: same host, then same file, then nearest address.

        A row without an id is about the machine that its very file describes.
        """
        if not row["vm_id"]:
            return self._by_file.get((row["source_evidence"], row["source_path"]))
        found = self._by_id.get(row["vm_id"], [])
        return max(found, key=lambda machine: _nearness(machine.row, row), default=None)


def _tells_of_many(row: Row) -> bool:
    """Whether the file that a machine's row comes from is a log, or the register of machines."""
    return row["state"] in (IN_EVENTS, IN_ACCESS_LOG, IN_JOURNAL) \
        or (row["format"] == "none" and row["registration_path"].endswith("data.vmcx"))


def _by_name(machine: Machine) -> tuple[bool, str]:
    return not machine.row["name"], machine.row["name"].casefold()


def _nearness(machine: Row, row: Row) -> tuple[bool, bool, int]:
    return (machine["system_id"] == row["system_id"],
            machine["source_path"] == row["source_path"],
            sum(takewhile(bool, map(eq, machine["system_id"], row["system_id"]))))


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything but files and events."""

    hosts: list[Host]
    evidence: Listing
    runs: Listing
    others: Parts
    """Rows that belong to no machine that is known, by table."""
    homes: Homes
    """Finds the machine of any other row."""

    @property
    def other_systems(self) -> Listing:
        """Windows installations that are neither a host nor inside a known machine."""
        hosts = {host.system_id for host in self.hosts}
        found = self.others["system"]
        rows = [row for row in found.rows if row["system_id"] not in hosts]
        return Listing(rows, len(rows) + found.more)

    @property
    def machines(self) -> list[Machine]:
        """Machines of all hosts, in order."""
        return [machine for host in self.hosts for machine in host.machines]

    def listings(self, table: str) -> list[Listing]:
        """All listings of one of PARTS: first that of no machine, then those of the machines."""
        return [self.others[table], *(machine.parts[table] for machine in self.machines)]

    def total(self, table: str) -> int:
        """How many rows of one of PARTS there are in the case."""
        return sum(listing.total for listing in self.listings(table))

    def kinds(self, table: str) -> Counter[str]:
        """How many rows of one of PARTS there are, by code or state."""
        return sum((listing.kinds for listing in self.listings(table)), Counter[str]())


def inventory(tables: Tables) -> Inventory:
    """The inventory of a case; machines by name, all else in the order of its table."""
    machines = sorted((Machine(row) for row in tables.rows("virtual_machine")), key=_by_name)
    homes = Homes(machines)
    others = _parts()
    host_rows: dict[str, Row | None] = {}
    has_machines = {machine.row["system_id"] for machine in machines}
    for table in PARTS:
        for row in tables.rows(table):
            home = homes.of(row)
            (others if home is None else home.parts)[table].add(row)
            if home is not None and table == "snapshot":
                homes.describes(row, home)
            if table == "system" and (row["role"].endswith("host")
                                      or row["system_id"] in has_machines):
                host_rows[row["system_id"]] = row
    for machine in machines:
        host_rows.setdefault(machine.row["system_id"], None)
    hosts = [Host(system_id, row, [m for m in machines if m.row["system_id"] == system_id])
             for system_id, row in host_rows.items()]
    return Inventory(hosts, _all(tables, "evidence"), _all(tables, "run"), others, homes)


def _all(tables: Tables, table: str) -> Listing:
    listing = Listing()
    for row in tables.rows(table):
        listing.add(row)
    return listing
