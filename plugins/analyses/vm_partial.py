"""Configurations of which only a part was read."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-PARTIAL", severity="low",
    title="A configuration that is damaged",
    reason=(
        "What it does not tell any more (disks, snapshots, owner) is missing in every other "
        "statement."),
    false_positives=(
        "Power cuts and full disks tear files; so does an image that was taken while the host "
        "ran."),
    reference="docs/formats/vmcx.md, docs/formats/vm-xml.md")


@rule(RULE, reads=("virtual_machine",))
def vm_partial(tables: Tables) -> Iterator[Record]:
    """Configurations of which only a part was read."""
    for row in tables.rows("virtual_machine"):
        if row["partial"]:
            yield RULE.found(row, f"the configuration of {row['name'] or row['vm_id']} is damaged; "
                             "only a part was read", "direct: the file is torn")
