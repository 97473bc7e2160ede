"""Machines that the register of the service listed once and that have no configuration here."""

from collections.abc import Iterator
from typing import Final

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

_MACHINES: Final = "Configurations/VirtualMachines/"
RULE = Rule(
    code="VM-FORMER", severity="medium",
    title="A machine that the register listed once",
    reason=(
        "Space that data.vmcx does not use keeps the paths of machines that were taken off it: "
        "the last trace of a machine that was deleted."),
    false_positives="Machines that were moved to another host or removed in the ordinary way.",
    reference="docs/formats/vmcx.md")


@rule(RULE, reads=("virtual_machine", "vm_former_setting"))
def vm_former(tables: Tables) -> Iterator[Record]:
    """Machines that the register of the service listed once and that have no configuration here."""
    known = {(row["system_id"], row["vm_id"]) for row in tables.rows("virtual_machine")
             if row["format"] != "none"}
    gone = (row for row in tables.rows("vm_former_setting")
            if row["vm_id"] and row["is_gone"] and row["key"].startswith(_MACHINES)
            and (row["system_id"], row["vm_id"]) not in known)
    for row in once_each(gone, "system_id", "vm_id"):
        yield RULE.found(row, f"{row['vm_id']} was registered once, with {row['value']}, and has "
                         "no configuration here", f"{row['basis']}: {row['found_in']} of data.vmcx")
