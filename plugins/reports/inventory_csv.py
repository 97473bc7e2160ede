"""The inventory as CSV."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from analyzer.plugin import Tables, report
from analyzer.times import iso
from plugins.reports import csv_cells
from plugins.reports.hosts import Host, Machine, inventory
from plugins.reports.source_line import address

_COUNTED = {"snapshots": "snapshot", "drives": "vm_drive", "adapters": "vm_network_adapter",
            "disk_layers": "disk_layer", "guest_systems": "system", "findings": "finding",
            "problems": "problem"}
COLUMNS = ("host_name", "system_id", "vm_id", "name", "state", "format", "configuration_version",
           "partial", "created_at", "powered_on_at", "powered_off_at", "state_changed_at",
           "memory_mb", "processor_count", "has_saved_state", *_COUNTED, "current_snapshot",
           "disk_paths", "disk_verdicts", "unreadable_bytes", "mac_addresses", "guest_names",
           "guest_products", "notes", "configuration_path", "registration_path",
           "saved_state_path", "owner_sid", "owner_name", "bios_guid", "source")


@report("inventory", "csv", "inventory.csv")
def inventory_csv(tables: Tables, out: BinaryIO) -> None:
    """One line for each virtual machine, with counts of what belongs to it.

    Comma separated after RFC 4180, UTF-8, times in UTC. Several values in a cell are separated
    by `; `. Disks are those of the current state, from the top of each chain. Cells that a
    spreadsheet would run as a formula start with `'`, and the column `escaped` names them.
    """
    case = inventory(tables)
    rows = (tuple(_row(host, machine)) for host in case.hosts for machine in host.machines)
    csv_cells.write(out, COLUMNS, rows)


def _row(host: Host, machine: Machine) -> Iterator[Any]:
    row, parts = machine.row, machine.parts
    tops = [layer for layer in parts["disk_layer"].rows
            if layer["depth"] == 0 and not layer["snapshot_id"]]
    guests = parts["system"].rows
    special = {
        "host_name": host.row["host_name"] if host.row else "",
        "current_snapshot": _joined(s["name"] for s in parts["snapshot"].rows if s["is_current"]),
        "disk_paths": _joined(layer["path"] for layer in tops),
        "disk_verdicts": _joined(layer["verdict"] for layer in tops),
        "unreadable_bytes": sum(layer["unreadable_bytes"] for layer in tops),
        "mac_addresses": _joined(a["mac"] for a in parts["vm_network_adapter"].rows
                                 if not a["snapshot_id"]),
        "guest_names": _joined(guest["host_name"] for guest in guests),
        "guest_products": _joined(guest["product"] for guest in guests),
        "source": address(row),
    } | {column: parts[table].total for column, table in _COUNTED.items()}
    for name in COLUMNS:
        value = special[name] if name in special else row[name]
        yield iso(value) if name.endswith("_at") else value


def _joined(values: Iterator[str]) -> str:
    """Distinct values that are not empty, in order."""
    return "; ".join(dict.fromkeys(value for value in values if value))
