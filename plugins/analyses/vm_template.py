"""Machines that are called templates."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-TEMPLATE", severity="info",
    title="A machine that may be a template",
    reason="Machines made from it share its disk, its SIDs and what was done before.",
    false_positives="A name is only a name.",
    reference="docs/formats/vm-xml.md")


@rule(RULE, reads=("virtual_machine",))
def vm_template(tables: Tables) -> Iterator[Record]:
    """Machines that are called templates."""
    for row in tables.rows("virtual_machine"):
        if "template" in f"{row['name']} {row['configuration_path']}".lower():
            yield RULE.found(row, f"{row['name'] or row['vm_id']} may serve as a template",
                             "inferred: from its name or folder only; a configuration has no such "
                             "mark")
