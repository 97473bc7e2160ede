"""Unregistered configurations with the id of a registered machine of the host."""

from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-COPY", severity="medium",
    title="A second configuration of a registered machine",
    reason="A copy can be started elsewhere with all that is in the machine.",
    false_positives="Exports and backups are such copies.",
    reference="MITRE ATT&CK T1005; docs/formats/vm-xml.md")


@rule(RULE, reads=("virtual_machine",))
def vm_copy(tables: Tables) -> Iterator[Record]:
    """Unregistered configurations with the id of a registered machine of the host."""
    machines = list(tables.rows("virtual_machine"))
    holders: dict[tuple[str, str], dict[str, Any]] = {}
    for row in machines:
        if row["vm_id"] and row["state"].startswith("registered"):
            holders.setdefault((row["system_id"], row["vm_id"]), row)
    for row in machines:
        holder = holders.get((row["system_id"], row["vm_id"]))
        if row["state"] == "unregistered" and holder is not None:
            yield RULE.found(row, f"{row['configuration_path']} has the id of "
                             f"{holder['name'] or row['name'] or row['vm_id']}, which is "
                             f"registered with {holder['configuration_path']}",
                             "derived: equal ids; exports, backups and copied folders look alike")
