"""Disks made by Virtual Server 2005 or Virtual PC, once each."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="DISK-CREATOR", severity="info",
    title="A disk that an older product made",
    reason="The machine lived on Virtual Server or Virtual PC before; its history begins there.",
    false_positives="Migrations from Virtual Server were usual in 2008.",
    reference="docs/formats/vhd.md")
OLD = {"vs": "Virtual Server 2005", "vpc": "Virtual PC"}


@rule(RULE, reads=("disk_layer",))
def disk_creator(tables: Tables) -> Iterator[Record]:
    """Disks made by Virtual Server 2005 or Virtual PC, once each."""
    old = (row for row in tables.rows("disk_layer") if row["creator"] in OLD)
    for row in once_each(old, "path"):
        yield RULE.found(row, f"{row['path']} was made by {OLD[row['creator']]}",
                         "direct: creator application in the footer")
