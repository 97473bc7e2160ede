"""Disks that no configuration names, once each."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="DISK-ORPHAN", severity="medium",
    title="A virtual disk that no machine names",
    reason=(
        "A disk of a deleted or hidden machine, a copy, or one that is kept for attaching to the "
        "host."),
    false_positives="Backups, templates and data disks that are attached when needed.",
    reference="docs/disks.md")


@rule(RULE, reads=("disk_layer",))
def disk_orphan(tables: Tables) -> Iterator[Record]:
    """Disks that no configuration names, once each."""
    orphans = (row for row in tables.rows("disk_layer") if row["depth"] == 0 and not row["vm_id"])
    for row in once_each(orphans, "path"):
        yield RULE.found(row, f"no configuration that was found and read names {row['path']}",
                         "derived: from all configurations")
