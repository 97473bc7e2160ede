"""Exports of 2008 and 2008 R2 that were not imported."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-EXPORTED", severity="medium",
    title="The export of a machine",
    reason="A whole machine, ready to be carried away and started elsewhere.",
    false_positives="Backups, migrations and templates are made by exporting.",
    reference="docs/formats/vm-xml.md")


@rule(RULE, reads=("virtual_machine",))
def vm_exported(tables: Tables) -> Iterator[Record]:
    """Exports of 2008 and 2008 R2 that were not imported."""
    for row in tables.rows("virtual_machine"):
        if row["state"] == "exported":
            yield RULE.found(row, f"{row['name'] or row['vm_id']} was exported to "
                             f"{row['configuration_path']}", "direct: an export of 2008 or 2008 R2 "
                             "that was not imported has .exp for .xml")
