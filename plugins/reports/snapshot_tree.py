"""The snapshot tree of a machine as a drawing, with the present state hung on its node."""

from typing import Final

from plugins.reports.branching import Place, lay_out
from plugins.reports.drawing import Drawing, Node
from plugins.reports.hosts import Machine, Row
from plugins.reports.quantities import clock, file_name

DRAWN: Final = 200
"""Nodes in a drawing; a machine may have 50 snapshots, evidence may claim more."""
_NOW: Final = "\0now"
"""Id of the present state; no snapshot can have it."""


def snapshot_tree(machine: Machine) -> Drawing:
    """Snapshots from the roots on, and the present state; empty where there are none."""
    listing = machine.parts["snapshot"]
    rows = listing.rows[:DRAWN]
    if not rows:
        return Drawing((), 0)
    current = next((row["snapshot_id"] for row in rows if row["is_current"]), "")
    tree = [(row["snapshot_id"], row["parent_id"]) for row in rows]
    places = lay_out([*tree, (_NOW, current)], _NOW)
    layers = machine.parts["disk_layer"].rows
    nodes = tuple(_now(place, layers, bool(current)) if place.node == len(rows)
                  else _snapshot(place, rows[place.node], layers) for place in places)
    return Drawing(nodes, listing.total - len(rows))


def _snapshot(place: Place, row: Row, layers: list[Row]) -> Node:
    facts = [row["state"]]
    if place.trouble == "parent missing":
        facts.append(f"parent {row['parent_id']} is not there")
    elif place.trouble:
        facts.append("its parents form a loop")
    if row["has_saved_state"]:
        facts.append("with saved state")
    facts += _tops(layers, row["snapshot_id"])
    mark = "broken" if place.trouble or row["state"] != "complete" else "plain"
    return Node(place, row["name"] or f"({row['snapshot_id']})", clock(row["created_at"]),
                tuple(facts), "current" if row["is_current"] else mark)


def _now(place: Place, layers: list[Row], known: bool) -> Node:
    basis = "grew from the node above" if known else "which snapshot it grew from is not known"
    return Node(place, "Present state", "", (basis, *_tops(layers, "")), "now")


def _tops(layers: list[Row], snapshot_id: str) -> list[str]:
    """Which files are the tops of the disk chains at a state."""
    tops = [file_name(layer["path"]) for layer in layers
            if layer["depth"] == 0 and layer["snapshot_id"] == snapshot_id]
    return [f"reads {', '.join(dict.fromkeys(tops))}"] if tops else []
