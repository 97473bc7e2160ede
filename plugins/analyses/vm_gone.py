"""Machines that data.vmcx lists and whose configuration is not there."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-GONE", severity="medium",
    title="A registered machine without its configuration",
    reason=(
        "The service knew the machine when it was last written; its configuration was deleted or "
        "moved."),
    false_positives="Volumes that were not acquired, cluster disks; a file that a crash lost.",
    reference="docs/formats/vmcx.md")


@rule(RULE, reads=("virtual_machine",))
def vm_gone(tables: Tables) -> Iterator[Record]:
    """Machines that data.vmcx lists and whose configuration is not there."""
    for row in tables.rows("virtual_machine"):
        if row["state"] == "registered, configuration missing":
            found = f", it is described by the copy {row['configuration_path']}" \
                if row["name"] else ""
            yield RULE.found(row, f"{row['name'] or row['vm_id']} is registered and its "
                             f"configuration is not there{found}",
                             "direct: data.vmcx names the file")
