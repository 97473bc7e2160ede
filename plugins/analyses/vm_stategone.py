"""Saved states that a configuration names and nobody found."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-STATEGONE", severity="low",
    title="A saved state that is not there",
    reason=(
        "The memory of the machine was kept and its files are gone: discarded, deleted or "
        "elsewhere."),
    false_positives=(
        "A configuration keeps the path after the state was used; volumes that were not acquired."),
    reference="docs/formats/vm-xml.md")


@rule(RULE, reads=("virtual_machine",))
def vm_stategone(tables: Tables) -> Iterator[Record]:
    """Saved states that a configuration names and nobody found."""
    for row in tables.rows("virtual_machine"):
        if row["saved_state_path"] and not row["has_saved_state"]:
            yield RULE.found(row, f"{row['name'] or row['vm_id']} is configured with a "
                             "saved state, its files were not found",
                             "derived: paths of the configuration")
