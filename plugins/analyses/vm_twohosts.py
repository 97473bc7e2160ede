"""Ids that are registered on more than one host of the case."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-TWOHOSTS", severity="high",
    title="One machine id on two hosts",
    reason=(
        "Two hosts that run the same machine: a copy was carried to the other one and registered "
        "there."),
    false_positives="Migrations, restored backups and replicas keep the id.",
    reference="MITRE ATT&CK T1564.006")


@rule(RULE, reads=("virtual_machine",))
def vm_twohosts(tables: Tables) -> Iterator[Record]:
    """Ids that are registered on more than one host of the case."""
    machines = [row for row in tables.rows("virtual_machine")
                if row["vm_id"] and row["state"].startswith("registered")]
    hosts: dict[str, set[str]] = {}
    for row in machines:
        hosts.setdefault(row["vm_id"], set()).add(row["system_id"])
    for row in machines:
        others = sorted(hosts[row["vm_id"]] - {row["system_id"]})
        if others:
            yield RULE.found(row, f"{row['name'] or row['vm_id']} is registered on "
                             f"{', '.join(others)} too", "derived: equal ids; a migrated, "
                             "restored, replicated or copied machine")
