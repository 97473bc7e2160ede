"""What the HTML page shows: the inventory, cut to what a page can hold, with its drawings."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from analyzer.plugin import Tables
from plugins.reports.disk_tree import DiskFile, disk_files, disk_tree
from plugins.reports.drawing import Drawing
from plugins.reports.hosts import Host, Inventory, Listing, Machine, Row, inventory
from plugins.reports.lifeline import Lifeline, Marker, Moment, lifelines, markers, span
from plugins.reports.snapshot_tree import snapshot_tree
from plugins.reports.topology import topologies

MACHINES: Final = 300
"""Machines with a section of their own."""
ROWS: Final = 200
"""Rows of one table on the page."""
_LAST: Final = {"read": 1, "absent": 2}


@dataclass(frozen=True, slots=True)
class Section:
    """One machine on the page."""

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
    def title(self) -> str:
        """Name, or what stands for it."""
        return self.machine.row["name"] or f"(no name) {self.machine.row['vm_id']}"

    def state_name(self, row: Row) -> str:
        """At which state a row was read."""
        snapshot = row["snapshot_id"]
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


def page(tables: Tables) -> dict[str, Any]:
    """Values for the template."""
    case = inventory(tables)
    lines, others = lifelines(tables, case.homes)
    pairs = [(host, machine) for host in case.hosts for machine in host.machines][:MACHINES]
    told = {id(machine): lines.get(id(machine), Lifeline()) for _, machine in pairs}
    moments = {vm: line.moments for vm, line in told.items()}
    first, last = span(moment for some in moments.values() for moment in some)
    sections = [Section(number, host, machine, snapshot_tree(machine), disk_tree(machine.parts),
                        told[id(machine)], moments[id(machine)],
                        markers(moments[id(machine)], *span(moments[id(machine)])),
                        markers(moments[id(machine)], first, last, stacked=False))
                for number, (host, machine) in enumerate(pairs, 1)]
    return {"case": case, "sections": sections, "first": first, "last": last,
            "more_machines": len(case.machines) - len(sections), "rows": ROWS,
            "files": tables.counts("file_entry", "allocated"),
            "events": tables.counts("event", "topic"),
            "other_stories": others[:ROWS], "more_stories": len(others[ROWS:]),
            "other_disks": disk_tree(case.others),
            "other_files": disk_files(case.others["disk_layer"].rows),
            "networks": topologies(tables), "totals": _totals(case),
            "silent": [row for row in case.others["finding"].rows if row["code"] == "LOG-SILENT"],
            "findings": _gathered(case, "finding"), "problems": _gathered(case, "problem"),
            "coverage": _gathered(case, "coverage"), "volumes": _gathered(case, "volume"),
            "names": {m.row["vm_id"]: m.row["name"] for m in case.machines}}


def _totals(case: Inventory) -> dict[str, int]:
    layers = [row for listing in case.listings("disk_layer") for row in listing.rows]
    tops = {row["chain"]: row["unreadable_bytes"] for row in layers
            if row["depth"] == 0 and not row["snapshot_id"]}
    return {"hosts": len(case.hosts), "machines": len(case.machines),
            "snapshots": case.total("snapshot"),
            "guests": sum(machine.parts["system"].total > 0 for machine in case.machines),
            "disks": len({row["path"].casefold() for row in layers}),
            "findings": case.total("finding"), "problems": case.total("problem"),
            "unreadable": sum(tops.values())}


def _gathered(case: Inventory, table: str) -> Listing:
    """Rows of all machines and of none, as one listing."""
    whole = Listing(kinds=case.kinds(table), total=case.total(table))
    rows: Iterable[Row] = (row for listing in case.listings(table) for row in listing.rows)
    if table == "coverage":  # what was not read first, what is not there last
        rows = sorted(rows, key=lambda row: _LAST.get(row["state"], 0))
    whole.rows.extend(islice(rows, ROWS))
    return whole
