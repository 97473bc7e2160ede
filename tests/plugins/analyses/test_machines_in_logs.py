"""Machines of which logs alone are left are in the inventory; an id of anything else is not."""

from dataclasses import replace
from io import BytesIO

from analyzer.records import (
    IN_ACCESS_LOG,
    IN_EVENTS,
    IN_JOURNAL,
    AccessLogMachine,
    JournalEntry,
    Problem,
    Record,
    VirtualMachine,
)
from analyzer.source import Source
from plugins.analyses.machines_in_logs import machines_in_logs
from plugins.reports.inventory_table import inventory_table
from tests.plugins.analyses.rows import OTHER, PLACE, THIRD, VM, event, host, machine
from tests.plugins.reports.tables import FakeTables

T = 130_000_000_000_000_000
LOG = Source("h.E01", "/p1/vmms.evtx", offset=0x1200)
SEEN = AccessLogMachine(source=PLACE, system_id="h", vm_id=OTHER, bios_guid="B",
                        serial_number="7", last_seen_at=T)


def found(*records: Record) -> list[VirtualMachine]:
    rows = list(machines_in_logs(FakeTables(records)))
    assert all(isinstance(row, VirtualMachine) for row in rows)
    return [row for row in rows if isinstance(row, VirtualMachine)]


def test_the_last_event_names_the_machine() -> None:
    last = replace(event("deleted", vm_id=OTHER, vm_name="NEW", logged_at=T + 1), source=LOG)
    lost, = found(machine(), event("created", vm_id=OTHER, vm_name="OLD", logged_at=T), last,
                  event("", vm_id=OTHER, vm_name="NEWER", logged_at=T + 2), SEEN)
    assert (lost.vm_id, lost.name, lost.format, lost.state) == (OTHER, "NEW", "none", IN_EVENTS)
    assert lost.source == LOG


def test_user_access_logging_names_it_once_for_each_host() -> None:
    lost = found(machine(), SEEN, SEEN, replace(SEEN, system_id="h2"), replace(SEEN, vm_id=""),
                 replace(SEEN, vm_id=VM))
    assert [(row.system_id, row.vm_id, row.state) for row in lost] == [
        ("h", OTHER, IN_ACCESS_LOG), ("h2", OTHER, IN_ACCESS_LOG)]
    assert {(row.bios_guid, row.bios_serial) for row in lost} == {("B", "7")}


def test_a_configuration_that_only_the_change_journal_names() -> None:
    first = JournalEntry(
        source=LOG, system_id="h", vm_id=OTHER, volume_id="p1", subject="configuration",
        path=f"C:\\Virtual Machines\\{OTHER}.xml", entry=9, sequence=1, usn=4, reasons=(),
        is_directory=False, changed_at=T)
    lost, = found(first, replace(first, usn=80), replace(first, vm_id=VM), machine())
    assert (lost.vm_id, lost.state, lost.source) == (OTHER, IN_JOURNAL, LOG)
    assert [row.state for row in found(first, SEEN)] == [IN_ACCESS_LOG]


def test_what_is_known_or_has_no_meaning_is_no_machine_of_logs() -> None:
    assert found(machine(), event("started", vm_id=VM), event("", vm_id=THIRD),
                 event("hypervisor started")) == []
    assert found(machine("", format="none", state="no configuration, in access lists"),
                 event("started", vm_id=VM)) == []


def test_what_damages_a_log_is_no_problem_of_the_machine_it_names() -> None:
    lost = machine("OLD", format="none", state=IN_EVENTS, system_id="h")
    told = BytesIO()
    inventory_table(FakeTables([host(system_id="h"), lost, Problem(
        source=PLACE, code="EVTX-GAP", what="w", effect="e")]), told)
    line, = (line for line in told.getvalue().decode().splitlines() if "OLD" in line)
    assert line.split() == ["OLD", *IN_EVENTS.split(), "0", "0", "0"]
