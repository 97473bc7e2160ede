"""Guests whose registry has another name for their machine than its configuration."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="GUEST-NAME", severity="low",
    title="A guest that knows its machine by another name",
    reason="The machine was renamed, or the disk is that of another machine.",
    false_positives="Machines are renamed; the guest learns of it at its next start.",
    reference="Microsoft, Hyper-V data exchange (key-value pairs)")
BASIS = "derived: Virtual Machine\\Guest\\Parameters against the configurations"


@rule(RULE, reads=("guest_identity", "virtual_machine"))
def guest_name(tables: Tables) -> Iterator[Record]:
    """Guests whose registry has another name for their machine than its configuration."""
    names = {row["vm_id"]: row["name"] for row in tables.rows("virtual_machine") if row["name"]}
    for row in tables.rows("guest_identity"):
        name, said = names.get(row["vm_id"], "") if row["vm_id"] else "", row["vm_name"]
        if name and said and name != said:
            yield RULE.found(row, f"the guest of {name} says its machine was called {said}: "
                             "renamed since, or another machine's disk", BASIS)
