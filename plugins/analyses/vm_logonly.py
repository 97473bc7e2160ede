"""Machines that events name by their id and that nothing else on the host knows."""

from collections.abc import Iterator

from analyzer import times
from analyzer.plugin import Tables, rule
from analyzer.records import IN_EVENTS, Record, Rule, last_events

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
    lost = {row["vm_id"] for row in tables.rows("virtual_machine") if row["state"] == IN_EVENTS}
    for row in last_events(tables.matching("log_event", "vm_id", lost)).values():
        name = f"{row['vm_name']} ({row['vm_id']})" if row["vm_name"] else row["vm_id"]
        when = times.iso(row["logged_at"]) or "a time that is not known"
        yield RULE.found(row, f"events name the machine {name}, the last at {when} "
                         f"({row['meaning']}); it has no configuration here",
                         "derived: ids of events against all configurations")
