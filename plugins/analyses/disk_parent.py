"""Disks where a file lies at the parent's place and has another id, once each."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="DISK-PARENT", severity="high",
    title="A disk whose parent is another disk than it says",
    reason=(
        "Somebody put another file in the place of the parent, or the parent was made anew: what "
        "the chain showed before cannot be had from it."),
    false_positives=(
        "Restoring a parent from a backup; converting or compacting it with tools that change its "
        "id."),
    reference="docs/formats/vhd.md, docs/formats/vhdx.md")


@rule(RULE, reads=("disk_layer",))
def disk_parent(tables: Tables) -> Iterator[Record]:
    """Disks where a file lies at the parent's place and has another id, once each."""
    wrong = (row for row in tables.rows("disk_layer") if "wrong parent" in row["verdict"])
    for row in once_each(wrong, "path"):
        yield RULE.found(row, f"{row['path']}: {row['verdict']} ({row['parent_path']}, wanted "
                         f"{row['parent_id'] or 'an unknown id'}); "
                         f"{row['unreadable_bytes']} bytes cannot be known",
                         "derived: unique ids of all disks found")
