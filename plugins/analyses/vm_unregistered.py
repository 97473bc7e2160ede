"""Configurations that the register of the service does not have."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="VM-UNREGISTERED", severity="medium",
    title="A machine that the host does not list",
    reason=(
        "Hyper-V Manager does not show it: it was hidden, removed, copied here, or prepared "
        "elsewhere."),
    false_positives=(
        "Exports, backups and templates lie on hosts unregistered; a cluster registers machines "
        "on one node only."),
    reference="MITRE ATT&CK T1564.006; docs/formats/vm-xml.md")


@rule(RULE, reads=("virtual_machine",))
def vm_unregistered(tables: Tables) -> Iterator[Record]:
    """Configurations that the register of the service does not have."""
    for row in tables.rows("virtual_machine"):
        if row["state"] == "unregistered":
            name = row["name"] or row["vm_id"]
            yield RULE.found(row, f"{name} has a configuration that the service's register "
                             "does not list",
                             "derived: neither the file nor a link to it lies in the register")
