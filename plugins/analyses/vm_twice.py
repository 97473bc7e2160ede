"""Ids that more than one configuration of a host has."""

from collections import Counter
from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-TWICE", severity="low",
    title="Several configurations with one machine id",
    reason=(
        "Which of them ran has to be told from times and the register; disks may belong to "
        "either."),
    false_positives="Exports, backups and copied folders keep the id of their machine.",
    reference="docs/formats/vm-xml.md")


@rule(RULE, reads=("virtual_machine",))
def vm_twice(tables: Tables) -> Iterator[Record]:
    """Ids that more than one configuration of a host has."""
    machines = list(tables.rows("virtual_machine"))
    counts = Counter((row["system_id"], row["vm_id"]) for row in machines)
    for row in machines:
        if counts[row["system_id"], row["vm_id"]] > 1:
            yield RULE.found(row, f"several configurations have the id {row['vm_id']}",
                             "derived: from all configurations found")
