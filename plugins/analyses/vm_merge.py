"""Machines of which a deleted snapshot is not merged yet."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-MERGE", severity="low",
    title="A deleted snapshot whose disk is not merged yet",
    reason=(
        "The snapshot is gone from the configuration, and what was written since it was taken "
        "still lies in a disk of its own: the state at the snapshot can be had from its parent."),
    false_positives=(
        "Up to 2008 R2 every deletion waits for the machine to be turned off; a merge may have "
        "been under way when the image was taken."),
    reference="docs/formats/vm-xml.md; VMMS events 16390, 19070 to 19100")


@rule(RULE, reads=("virtual_machine",))
def vm_merge(tables: Tables) -> Iterator[Record]:
    """Machines of which a deleted snapshot is not merged yet."""
    for row in tables.rows("virtual_machine"):
        if row["disk_merge_pending"]:
            name = row["name"] or row["vm_id"]
            yield RULE.found(row, f"a snapshot of {name} was deleted and its disk is not merged "
                             "yet", "direct: global_settings/disk_merge_pending")
