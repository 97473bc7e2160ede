"""What the pages show that are ready to print: the case, and each machine with its drawings."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from analyzer.plugin import Tables
from analyzer.records import gravity
from plugins.reports.disk_tree import DiskFile, disk_files, disk_tree
from plugins.reports.drawing import Drawing
from plugins.reports.hosts import Host, Inventory, Listing, Machine, Row
from plugins.reports.lifeline import Lifeline, Marker, Moment, lifelines, markers, span
from plugins.reports.snapshot_tree import snapshot_tree

ROWS: Final = 200
"""Rows of one list on a page that prints; the rest stands on the page of the table."""
_LAST: Final = {"read": 1, "absent": 2}


@dataclass(frozen=True, slots=True)
class Section:
    """One machine."""

    number: int
    host: Host
    machine: Machine
    snapshots: Drawing
    disks: Drawing
    lifeline: Lifeline
    moments: list[Moment]
    markers: list[Marker]
    strip: list[Marker]
    """Its moments on the axis that all machines share."""

    @property
    def file(self) -> str:
        """Its page."""
        return f"machines/{self.number:04}.html"

    @property
    def title(self) -> str:
        """Name, or what stands for it."""
        return self.machine.row["name"] or f"(no name) {self.machine.row['vm_id']}"

    @property
    def host_name(self) -> str:
        """Name of its host, or the host's address."""
        row = self.host.row
        return (row["host_name"] if row else "") or self.host.system_id

    def state_name(self, snapshot: str) -> str:
        """What a state is called."""
        names = (s["name"] for s in self.machine.parts["snapshot"].rows
                 if s["snapshot_id"] == snapshot)
        return (next(names, "") or snapshot) if snapshot else "present"

    @property
    def disk_files(self) -> list[DiskFile]:
        """Virtual disk files; those that the present state reads first."""
        layers = self.machine.parts["disk_layer"].rows
        return disk_files(sorted(layers, key=lambda row: (row["snapshot_id"] != "",
                                                          row["chain"], row["depth"])))

    @property
    def file_count(self) -> int:
        """Distinct virtual disk files."""
        return len({row["path"].casefold() for row in self.machine.parts["disk_layer"].rows})

    @property
    def snapshot_rows(self) -> list[Row]:
        """Snapshots in the order in which they are drawn."""
        rows = self.machine.parts["snapshot"].rows
        places = (node.place for node in self.snapshots.nodes if node.mark != "now")
        return [rows[place.node] for place in places]

    @property
    def guests(self) -> list[str]:
        """Names of the Windows inside, each once."""
        rows = self.machine.parts["system"].rows
        return list(dict.fromkeys(row["host_name"] for row in rows if row["host_name"]))


@dataclass(frozen=True, slots=True)
class Sections:
    """All machines, the axis that they share, and stories of what is no machine here."""

    machines: list[Section]
    first: int
    last: int
    other_stories: Listing
    traces: list[tuple[str, list[Marker]]]
    """Name of each of these stories, and its moments on the same axis."""


def sections(tables: Tables, case: Inventory) -> Sections:
    """The machines of a case in the order of its hosts."""
    lines, others, traces = lifelines(tables, case.homes)
    pairs = [(host, machine) for host in case.hosts for machine in host.machines]
    told = [lines.get(id(machine), Lifeline()) for _, machine in pairs]
    moments = [line.moments for line in told]
    strange = [(line.name, line.moments) for line in islice(traces.values(), ROWS)]
    first, last = span(moment for some in (*moments, *(own for _, own in strange))
                       for moment in some)
    return Sections([
        Section(number, host, machine, snapshot_tree(machine), disk_tree(machine.parts),
                told[number - 1], own, markers(own, *span(own)),
                markers(own, first, last, stacked=False))
        for number, ((host, machine), own) in enumerate(zip(pairs, moments, strict=True), 1)],
        first, last, others,
        [(name, markers(own, first, last, stacked=False)) for name, own in strange])


def totals(case: Inventory) -> dict[str, int]:
    """The numbers of the summary."""
    layers = [row for listing in case.listings("disk_layer") for row in listing.rows]
    tops = {row["chain"]: row["unreadable_bytes"] for row in layers
            if row["depth"] == 0 and not row["snapshot_id"]}
    return {"hosts": len(case.hosts), "machines": len(case.machines),
            "snapshots": case.total("snapshot"),
            "guests": sum(machine.parts["system"].total > 0 for machine in case.machines),
            "disks": len({row["path"].casefold() for row in layers}),
            "findings": case.total("finding"), "problems": case.total("problem"),
            "unreadable": sum(tops.values())}


def gathered(case: Inventory, table: str) -> Listing:
    """Rows of all machines and of none, as one listing; the grave ones first."""
    whole = Listing(kinds=case.kinds(table), total=case.total(table))
    rows: Iterable[Row] = (row for listing in case.listings(table) for row in listing.rows)
    if table == "coverage":  # what was not read first, what is not there last
        rows = sorted(rows, key=lambda row: _LAST.get(row["state"], 0))
    elif table == "finding":
        rows = sorted(rows, key=gravity)
    whole.rows.extend(islice(rows, ROWS))
    return whole
