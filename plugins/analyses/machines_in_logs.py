"""Machines of which the logs of a host are all that is left, as rows of `virtual_machine`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from analyzer.plugin import Tables, analysis
from analyzer.records import IN_ACCESS_LOG, IN_EVENTS, Record, VirtualMachine, last_events
from analyzer.source import Source


@analysis("access_log_machine", "log_event", "virtual_machine", yields=(VirtualMachine,))
def machines_in_logs(tables: Tables) -> Iterator[Record]:
    """Machines that event logs or User Access Logging name by id, and no file of the case does.

    The place is the last event that has a meaning, or the row of the counter; the name is that
    of this event.
    """
    known = {row["vm_id"] for row in tables.rows("virtual_machine")}
    lost = {vm_id for vm_id in tables.counts("log_event", "vm_id") if vm_id} - known
    found = last_events(tables.matching("log_event", "vm_id", lost))
    for row in found.values():
        yield _machine(row, row["vm_name"], IN_EVENTS)
    known |= {vm_id for _, vm_id in found}
    for row in tables.rows("access_log_machine"):
        place = row["system_id"], row["vm_id"]
        if row["vm_id"] and row["vm_id"] not in known and found.setdefault(place, row) is row:
            yield replace(_machine(row, "", IN_ACCESS_LOG), bios_guid=row["bios_guid"],
                          bios_serial=row["serial_number"])


def _machine(row: dict[str, Any], name: str, state: str) -> VirtualMachine:
    return VirtualMachine(source=Source.from_columns(row), system_id=row["system_id"],
                          vm_id=row["vm_id"], snapshot_id=row["snapshot_id"], name=name,
                          format="none", state=state)
