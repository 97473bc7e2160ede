"""Disks at the top of the chains of several machines, once each."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="DISK-SHARED", severity="low",
    title="A disk that several machines use",
    reason="What is on it may have been written by either machine.",
    false_positives=(
        "Guest clusters share disks; copied configurations name the disk of the original."),
    reference="docs/disks.md")


@rule(RULE, reads=("disk_layer",))
def disk_shared(tables: Tables) -> Iterator[Record]:
    """Disks at the top of the chains of several machines, once each."""
    machines: dict[str, set[str]] = {}
    tops = [row for row in tables.rows("disk_layer") if row["depth"] == 0]
    for row in tops:
        if row["vm_id"]:
            machines.setdefault(row["chain"], set()).add(row["vm_id"])
    shared = (row for row in tops if len(machines.get(row["chain"], ())) > 1)
    for row in once_each(shared, "path"):
        yield RULE.found(row, f"several machines use {row['path']}",
                         "derived: from all configurations")
