"""Guests whose registry has another id for their machine than its configuration."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="GUEST-ID", severity="medium",
    title="A guest that knows its machine by another id",
    reason=(
        "The disk ran in another machine before: it was moved, copied, or the machine was made "
        "anew."),
    false_positives="Imports with a new id; machines that were made anew around an old disk.",
    reference="Microsoft, Hyper-V data exchange (key-value pairs)")
BASIS = "derived: Virtual Machine\\Guest\\Parameters against the configurations"


@rule(RULE, reads=("guest_identity", "virtual_machine"))
def guest_id(tables: Tables) -> Iterator[Record]:
    """Guests whose registry has another id for their machine than its configuration."""
    names = {row["vm_id"]: row["name"] for row in tables.rows("virtual_machine") if row["name"]}
    for row in tables.rows("guest_identity"):
        if row["stated_vm_id"] and row["vm_id"] and row["stated_vm_id"] != row["vm_id"]:
            yield RULE.found(row, f"the guest of {names.get(row['vm_id'], row['vm_id'])} says its "
                             f"machine has the id {row['stated_vm_id']}", BASIS)
