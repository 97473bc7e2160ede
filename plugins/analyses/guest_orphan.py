"""Names that guests of orphan disks had."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="GUEST-ORPHAN", severity="medium",
    title="A guest on a disk that no machine names",
    reason=(
        "Its registry tells which machine it was, though the host does not know that one any "
        "more."),
    false_positives="Backups and templates have a guest on them too.",
    reference="Microsoft, Hyper-V data exchange (key-value pairs)")


@rule(RULE, reads=("guest_identity",))
def guest_orphan(tables: Tables) -> Iterator[Record]:
    """Names that guests of orphan disks had."""
    for row in tables.rows("guest_identity"):
        if not row["vm_id"]:
            yield RULE.found(row, "the guest on a disk that no machine names says it was "
                             f"{row['vm_name']}",
                             "direct: Virtual Machine\\Guest\\Parameters of its registry")
