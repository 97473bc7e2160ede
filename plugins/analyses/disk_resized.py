"""Disks that have another size than they were made with, once each."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="DISK-RESIZED", severity="info",
    title="A disk that was resized",
    reason="Its partitions may be younger than the disk, and old content may lie behind them.",
    false_positives="Disks are enlarged when they are full.",
    reference="docs/formats/vhd.md")


@rule(RULE, reads=("disk_layer",))
def disk_resized(tables: Tables) -> Iterator[Record]:
    """Disks that have another size than they were made with, once each."""
    resized = (row for row in tables.rows("disk_layer")
               if row["original_size"] not in (None, row["size"]))
    for row in once_each(resized, "path"):
        yield RULE.found(row, f"{row['path']} was made with {row['original_size']} bytes and has "
                         f"{row['size']} now", "direct: footer")
