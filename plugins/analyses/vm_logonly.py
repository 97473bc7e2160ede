"""Machines that events name by their id and that nothing else on the host knows."""

from collections.abc import Iterator
from typing import Any

from analyzer import times
from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-LOGONLY", severity="medium",
    title="A machine known from event logs alone",
    reason=(
        "The logs of the host name a machine that has neither configuration nor disk here any "
        "more."),
    false_positives="Machines that were migrated away or removed in the ordinary way.",
    reference="MITRE ATT&CK T1070.004; docs/formats/evtx.md")


@rule(RULE, reads=("log_event", "virtual_machine"))
def vm_logonly(tables: Tables) -> Iterator[Record]:
    """Machines that events name by their id and that nothing else on the host knows."""
    known = {row["vm_id"] for row in tables.rows("virtual_machine")}
    lost = {vm_id for vm_id in tables.counts("log_event", "vm_id") if vm_id} - known
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in tables.matching("log_event", "vm_id", lost):
        if not row["meaning"]:
            continue  # an id of something else may stand where that of a machine does
        kept = last.setdefault((row["system_id"], row["vm_id"]), row)
        if (row["logged_at"] or 0) > (kept["logged_at"] or 0):
            last[row["system_id"], row["vm_id"]] = row
    for row in last.values():
        name = f"{row['vm_name']} ({row['vm_id']})" if row["vm_name"] else row["vm_id"]
        when = times.iso(row["logged_at"]) or "a time that is not known"
        yield RULE.found(row, f"events name the machine {name}, the last at {when} "
                         f"({row['meaning']}); it has no configuration here",
                         "derived: ids of events against all configurations")
