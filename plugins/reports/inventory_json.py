"""The inventory as JSON."""

import json
from typing import Any, BinaryIO, Final

from analyzer.plugin import Tables, report
from analyzer.times import iso
from plugins.reports.branching import lay_out
from plugins.reports.hosts import Host, Inventory, Listing, Machine, Row, inventory
from plugins.reports.source_line import address

SCHEMA: Final = "urn:vmtrail:schema:inventory:1"
"""`$id` of schemas/inventory-1.json. The number rises where a key goes or changes its meaning;
keys may be added."""
LISTS: Final = {
    "snapshots": "snapshot", "drives": "vm_drive", "adapters": "vm_network_adapter",
    "devices": "vm_device", "disks": "disk_layer", "volumes": "volume", "guests": "system",
    "guest_identities": "guest_identity", "access": "file_access", "findings": "finding",
    "problems": "problem", "coverage": "coverage",
}
"""Key of a machine -> table of the rows listed there."""
_SOURCE = ("source_evidence", "source_path", "source_detail", "source_entry", "source_offset",
           "source_image_offset", "source_layer")


@report("inventory", "json", "inventory.json")
def inventory_json(tables: Tables, out: BinaryIO) -> None:
    """Hosts, their machines, and of each machine its snapshots, drives, disks, guests, problems.

    Keys stand in the order of docs/tables.md, times are ISO 8601 in UTC ("" for none). Snapshots
    are listed from the roots on, with `depth` and `children`. Text is as in the evidence (ASCII
    with JSON escapes). Where more rows exist than are listed, `total` says how many. `$schema`
    names the JSON Schema that describes each key: `vmtrail inventory CASE --format schema`.
    """
    text = json.JSONEncoder(indent=1).iterencode(_case(inventory(tables)))
    for piece in text:
        out.write(piece.encode("ascii"))
    out.write(b"\n")


def _case(case: Inventory) -> dict[str, Any]:
    others = case.others | {"system": case.other_systems}
    return {
        "$schema": SCHEMA,
        "schema": "vmtrail inventory 1",
        "run": _listing(case.runs),
        "evidence": _listing(case.evidence),
        "hosts": [_host(host) for host in case.hosts],
        "not_of_a_machine": {table: _listing(listing) for table, listing in others.items()},
    }


def _host(host: Host) -> dict[str, Any]:
    return {
        "system_id": host.system_id,
        "system": None if host.row is None else _plain(host.row),
        "machines": [_machine(machine) for machine in host.machines],
    }


def _machine(machine: Machine) -> dict[str, Any]:
    return _plain(machine.row) | {
        key: (_snapshots if table == "snapshot" else _listing)(machine.parts[table])
        for key, table in LISTS.items()}


def _snapshots(listing: Listing) -> dict[str, Any]:
    rows = listing.rows
    places = lay_out([(row["snapshot_id"], row["parent_id"]) for row in rows])
    nodes = []
    for place in places:
        row = rows[place.node]
        children = [rows[p.node]["snapshot_id"] for p in places if p.parent_line == place.line]
        nodes.append(_plain(row) | {"depth": place.depth, "children": children})
    return {"total": listing.total, "rows": nodes}


def _listing(listing: Listing) -> dict[str, Any]:
    return {"total": listing.total, "rows": [_plain(row) for row in listing.rows]}


def _plain(row: Row) -> dict[str, Any]:
    """A row with its source as one object and its times as text."""
    source = {name.removeprefix("source_"): row[name] for name in _SOURCE}
    fields = {name: iso(value) if name.endswith("_at") else value
              for name, value in row.items() if name not in _SOURCE}
    return fields | {"source": {"address": address(row)} | source}
