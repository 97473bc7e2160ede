"""The inventory as text for a terminal."""

from collections import ChainMap
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from rich.cells import cell_len, set_cell_size

from analyzer.plugin import Tables, report
from analyzer.text import show
from plugins.reports.branching import lay_out
from plugins.reports.hosts import Host, Inventory, Machine, inventory
from plugins.reports.quantities import clock, counted

_WIDEST = 38
"""An id in brackets, which stands for the name of a machine without one."""


@report("inventory", "table", "inventory.txt", zoned=True)
def inventory_table(tables: Tables, out: BinaryIO) -> None:
    """Hosts, machines and snapshot trees on a terminal; no evidence text can drive it.

    Long names are cut with `…`; inventory.json and inventory.csv have them whole.
    """
    for line in _lines(inventory(tables), tables.zone):
        out.write(f"{show(line).rstrip()}\n".encode())


def _lines(case: Inventory, zone: str) -> Iterator[str]:
    for host in case.hosts:
        yield from _host(host, zone)
    if not case.machines:
        yield f"No virtual machine was found in what could be read: {_looked_at(case)}."
        yield ""
    yield (f"{counted(len(case.hosts), 'host')}, {counted(len(case.machines), 'machine')}, "
           f"{counted(case.total('snapshot'), 'snapshot')}, "
           f"{counted(case.total('finding'), 'finding')}, "
           f"{counted(case.total('problem'), 'problem')}")
    yield f"Looked at: {_looked_at(case)}"
    yield from _problems(case)


def _host(host: Host, zone: str) -> Iterator[str]:
    row = host.row
    if row is None:
        yield f"Host {host.system_id or '(unknown)'}: its Windows could not be read"
    else:
        product = row["product"] or "Windows"
        yield (f"{row['role']} {row['host_name'] or '(no name)'}: {product}, "
               f"build {row['build'] or '?'}, time zone {row['time_zone'] or '?'}")
        yield f"  {host.system_id}"
    yield ""
    if host.machines:
        header = ("MACHINE", "STATE", f"CREATED ({zone})", "SNAPSHOTS", "DISKS", "GUEST",
                  "PROBLEMS")
        yield from _grid([header, *(_cells(machine, zone) for machine in host.machines)])
        yield ""
    for machine in host.machines:
        yield from _tree(machine, zone)


def _cells(machine: Machine, zone: str) -> tuple[str, ...]:
    row, parts = machine.row, machine.parts
    disks = {layer["path"].casefold() for layer in parts["disk_layer"].rows}
    guests = dict.fromkeys(guest["host_name"] for guest in parts["system"].rows)
    return (row["name"] or f"({row['vm_id']})", ", ".join((row["state"], *row["traits"])),
            clock(row["created_at"], zone), str(parts["snapshot"].total), str(len(disks)),
            ", ".join(guests), str(parts["problem"].total))


def _grid(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Left-aligned columns; a column is as wide as its widest cell, at most _WIDEST."""
    shown = [[_cut(show(cell)) for cell in row] for row in rows]
    widths = [max(cell_len(row[i]) for row in shown) for i in range(len(shown[0]))]
    for row in shown:
        yield "  " + "  ".join(set_cell_size(cell, width)
                               for cell, width in zip(row, widths, strict=True))


def _cut(text: str, width: int = _WIDEST) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _tree(machine: Machine, zone: str) -> Iterator[str]:
    rows = machine.parts["snapshot"].rows
    if not rows:
        return
    yield f"  Snapshots of {_cut(show(machine.row['name']), 60)}"
    current = next((row["snapshot_id"] for row in rows if row["is_current"]), "")
    for place in lay_out([(row["snapshot_id"], row["parent_id"]) for row in rows], current):
        row = rows[place.node]
        notes = [row["state"] if row["state"] != "complete" else "",
                 "the present grew from here" if row["is_current"] else ""]
        told = "".join(f", {note}" for note in notes if note)
        turned = place.parent_line is not None and place.parent_lane != place.lane
        branch = "│ " * (place.lane - 1) + "├─" if turned else "│ " * place.lane
        yield f"    {branch}● {_cut(show(row['name']), 60)}  {clock(row['created_at'], zone)}{told}"
    if machine.parts["snapshot"].more:
        yield f"    {counted(machine.parts['snapshot'].more, 'more snapshot')} not listed"
    yield ""


def _looked_at(case: Inventory) -> str:
    """Places by state; "not found" is only said together with this."""
    states = sorted(case.kinds("coverage").items())
    return (", ".join(f"{counted(n, 'place')} {state}" for state, n in states)
            or "no place is on record")


def _problems(case: Inventory) -> Iterator[str]:
    first = ChainMap(*(listing.first for listing in case.listings("problem")))
    for code, number in sorted(case.kinds("problem").items()):
        example = _cut(show(f"{first[code]['what']}: {first[code]['effect']}"), 90)
        yield f"  {number:>6,} x {code}  {example}"
