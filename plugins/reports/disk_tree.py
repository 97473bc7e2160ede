"""The virtual disk files of a machine as a drawing: each once, under its parent."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from plugins.reports.branching import Place, lay_out
from plugins.reports.drawing import Drawing, Node
from plugins.reports.hosts import Parts, Row
from plugins.reports.quantities import clock, file_name, size

DRAWN: Final = 200
"""Files in a drawing."""


@dataclass(frozen=True, slots=True)
class DiskFile:
    """One virtual disk file, and where it stands in the chains that read it."""

    row: Row
    used: list[Row]
    """Its row in each chain that reads it."""


def disk_files(layers: list[Row]) -> list[DiskFile]:
    """Files in order of their first row; rows that say different things stay apart."""
    files: dict[tuple[str, str, int, str], DiskFile] = {}
    for row in layers:
        key = (row["path"].casefold(), row["verdict"], row["unreadable_bytes"],
               row["parent_path"])
        files.setdefault(key, DiskFile(row, [])).used.append(row)
    return list(files.values())


def disk_tree(parts: Parts) -> Drawing:
    """Base disks at the top, what was written later below; the present state's way is straight."""
    layers = parts["disk_layer"].rows
    below = {(row["snapshot_id"], row["chain"], row["depth"]): row for row in layers}
    files: dict[str, Row] = {}
    parents: dict[str, str] = {}
    states: defaultdict[str, list[str]] = defaultdict(list)
    names = {row["snapshot_id"]: row["name"] for row in parts["snapshot"].rows}
    for row in layers:
        key = row["path"].casefold()
        files.setdefault(key, row)
        parent = below.get((row["snapshot_id"], row["chain"], row["depth"] + 1))
        if parent is not None:
            parents[key] = parent["path"].casefold()
        if row["depth"] == 0:
            states[key].append(_state(row, names))
    keys = list(files)[:DRAWN]
    now = next((row["path"].casefold() for row in layers
                if row["depth"] == 0 and not row["snapshot_id"]), "")
    places = lay_out([(key, parents.get(key, "")) for key in keys], now)
    nodes = tuple(_node(place, files[keys[place.node]], states[keys[place.node]])
                  for place in places)
    return Drawing(nodes, parts["disk_layer"].more + len(files) - len(keys))


def _state(row: Row, names: dict[str, str]) -> str:
    if not row["vm_id"]:
        return "a chain that no machine names"
    return names.get(row["snapshot_id"], "") or row["snapshot_id"] or "present state"


def _node(place: Place, row: Row, states: list[str]) -> Node:
    facts = [row["verdict"], f"{row['layer']} {row['format']}",
             f"file {size(row['file_size'])} of a disk of {size(row['size'])}"]
    if row["unreadable_bytes"]:
        facts.append(f"{row['unreadable_bytes']:,} bytes unreadable")
    if place.parent_line is None and row["parent_path"]:
        facts.append(f"wants parent {row['parent_path']}")
    if states:
        facts.append(f"top of {', '.join(dict.fromkeys(states))}")
    whole = row["verdict"] == "complete"
    mark = ("now" if "present state" in states else "plain") if whole else "broken"
    share = min(1.0, row["file_size"] / row["size"]) if row["size"] else None
    return Node(place, file_name(row["path"]), clock(row["created_at"]), tuple(facts), mark, share)
