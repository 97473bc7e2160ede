"""Machines of which logs and journals are all that is left, as rows of `virtual_machine`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from analyzer.plugin import Tables, analysis
from analyzer.records import (
    IN_ACCESS_LOG,
    IN_EVENTS,
    IN_JOURNAL,
    Record,
    VirtualMachine,
    last_events,
)
from analyzer.source import Source

Row = dict[str, Any]


@analysis("access_log_machine", "journal_entry", "log_event", "virtual_machine",
          yields=(VirtualMachine,))
def machines_in_logs(tables: Tables) -> Iterator[Record]:
    """Machines that a log, a counter or a change journal names by id, and no file of the case does.

    The place is the last event that has a meaning, the row of User Access Logging, or the first
    of the journal's records; the name is that of the event.
    """
    known = {row["vm_id"] for row in tables.rows("virtual_machine")}
    lost = {vm_id for vm_id in tables.counts("log_event", "vm_id") if vm_id} - known
    found = last_events(tables.matching("log_event", "vm_id", lost))
    for row in found.values():
        yield _machine(row, row["vm_name"], IN_EVENTS)
    known |= {vm_id for _, vm_id in found}
    for row in _new(tables.rows("access_log_machine"), known, found):
        yield replace(_machine(row, "", IN_ACCESS_LOG), bios_guid=row["bios_guid"],
                      bios_serial=row["serial_number"])
    known |= {vm_id for _, vm_id in found}
    for row in _new(tables.rows("journal_entry"), known, found):
        yield _machine(row, "", IN_JOURNAL)


def _new(rows: Iterator[Row], known: set[str], found: dict[tuple[str, str], Row]) -> Iterator[Row]:
    """The first row of each machine that is not known, for each system; adds them to `found`."""
    for row in rows:
        if row["vm_id"] and row["vm_id"] not in known \
                and found.setdefault((row["system_id"], row["vm_id"]), row) is row:
            yield row


def _machine(row: Row, name: str, state: str) -> VirtualMachine:
    return VirtualMachine(source=Source.from_columns(row), system_id=row["system_id"],
                          vm_id=row["vm_id"], snapshot_id=row["snapshot_id"], name=name,
                          format="none", state=state)
