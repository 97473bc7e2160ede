"""Disks in use by one machine that are the parent of a disk of another."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="DISK-INUSE", severity="low",
    title="A parent that one machine writes to",
    reason="What it writes damages the disks of the other machine that build upon the parent.",
    false_positives="Copied configurations name the disks of the original.",
    reference="docs/disks.md")


@rule(RULE, reads=("disk_layer",))
def disk_inuse(tables: Tables) -> Iterator[Record]:
    """Disks in use by one machine that are the parent of a disk of another."""
    writers: dict[tuple[str, str], set[str]] = {}
    layers = list(tables.rows("disk_layer"))
    for row in layers:
        if row["depth"] == 0 and row["vm_id"] and not row["snapshot_id"]:
            writers.setdefault((row["system_id"], row["path"]), set()).add(row["vm_id"])
    parents = [row for row in layers if row["depth"] > 0 and row["vm_id"]
               and writers.get((row["system_id"], row["path"]), set()) - {row["vm_id"]}]
    for row in once_each(parents, "path", "vm_id"):
        others = writers[row["system_id"], row["path"]] - {row["vm_id"]}
        yield RULE.found(row, f"{row['path']} is a parent of {row['chain']} and the disk of "
                         f"machine {', '.join(sorted(others))} too: what that one writes damages "
                         "the other", "derived: from all configurations and the ids of all disks")
