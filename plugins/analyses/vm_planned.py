"""Machines that were being created or imported."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-PLANNED", severity="info",
    title="A machine that is being created or imported",
    reason="A planned machine was never realized: an import or a migration that stopped half-way.",
    false_positives="An import was running, or failed, when the image was taken.",
    reference="Microsoft, Msvm_PlannedComputerSystem")


@rule(RULE, reads=("virtual_machine",))
def vm_planned(tables: Tables) -> Iterator[Record]:
    """Machines that were being created or imported."""
    for row in tables.rows("virtual_machine"):
        if row["state"] == "planned":
            name = row["name"] or row["vm_id"]
            yield RULE.found(row, f"{name} is a planned machine: being created or imported",
                             "direct: type_id of the configuration")
