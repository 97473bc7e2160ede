"""Disks whose parent is missing, cyclic, or too deep below, once each."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="DISK-BROKEN", severity="medium",
    title="A chain of disks that cannot be read whole",
    reason=(
        "Sectors that only the missing parent has are not known, and no zeros are shown for them."),
    false_positives="The parent lies on a volume that was not acquired.",
    reference="docs/formats/vhd.md, docs/formats/vhdx.md")


@rule(RULE, reads=("disk_layer",))
def disk_broken(tables: Tables) -> Iterator[Record]:
    """Disks whose parent is missing, cyclic, or too deep below, once each."""
    broken = (row for row in tables.rows("disk_layer")
              if any(word in row["verdict"] for word in ("parent missing", "cyclic", "too deep")))
    for row in once_each(broken, "path"):
        yield RULE.found(row, f"{row['path']}: {row['verdict']} ({row['parent_path']}); "
                         f"{row['unreadable_bytes']} bytes cannot be known",
                         "derived: unique ids of all disks found")
