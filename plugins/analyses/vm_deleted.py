"""Machines whose configuration was deleted."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-DELETED", severity="medium",
    title="The configuration of a machine was deleted",
    reason=(
        "A machine that was removed from the host; its content tells what it was and which disks "
        "it had."),
    false_positives=(
        "Administrators remove machines; an upgrade or a move deletes the old file too."),
    reference="MITRE ATT&CK T1070.004; docs/formats/ntfs.md")


@rule(RULE, reads=("virtual_machine",))
def vm_deleted(tables: Tables) -> Iterator[Record]:
    """Machines whose configuration was deleted."""
    for row in tables.rows("virtual_machine"):
        if row["state"] == "deleted configuration":
            name = row["name"] or row["vm_id"]
            yield RULE.found(row, f"the configuration of {name} was deleted; it was read "
                             "from its MFT entry",
                             "direct: the entry is not allocated; its content is a configuration")
