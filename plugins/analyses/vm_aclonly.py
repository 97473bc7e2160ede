"""Machines that have a right to a file here and no configuration."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-ACLONLY", severity="medium",
    title="A machine without configuration that access lists name",
    reason=(
        "A machine's SID is its GUID, so a list that lets it in is a trace of a machine that is "
        "gone."),
    false_positives="Disks that were copied here from another host bring its lists along.",
    reference="docs/formats/security.md")


@rule(RULE, reads=("virtual_machine",))
def vm_aclonly(tables: Tables) -> Iterator[Record]:
    """Machines that have a right to a file here and no configuration."""
    for row in tables.rows("virtual_machine"):
        if row["state"] == "no configuration, in access lists":
            file = row["access_path"] or row["source_path"]
            yield RULE.found(row, f"machine {row['vm_id']} has a right to {file} and no "
                             "configuration here",
                             "direct: its SID, S-1-5-83-1-..., is in the access list")
