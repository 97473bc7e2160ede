"""Guests whose registry names a host that is none of the case."""

from collections.abc import Iterator

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="GUEST-HOST", severity="medium",
    title="A guest that last ran on another host",
    reason="The disk or the machine came from there, after its last start.",
    false_positives="Migrations; a guest without integration components does not notice.",
    reference="Microsoft, Hyper-V data exchange (key-value pairs)")
BASIS = "derived: Virtual Machine\\Guest\\Parameters against the configurations"


@rule(RULE, reads=("guest_identity", "system", "virtual_machine"))
def guest_host(tables: Tables) -> Iterator[Record]:
    """Guests whose registry names a host that is none of the case."""
    names = {row["vm_id"]: row["name"] for row in tables.rows("virtual_machine") if row["name"]}
    hosts = {row["host_name"].upper() for row in tables.rows("system")
             if row["role"] == "Hyper-V host"}
    if "" in hosts:
        return  # the name of a host could not be read: it may be any
    for row in tables.rows("guest_identity"):
        if hosts and row["physical_host"] and row["physical_host"].upper() not in hosts:
            name = names.get(row["vm_id"], "") or row["vm_name"]
            yield RULE.found(row, f"the guest of {name} last ran on {row['physical_host']}, "
                             "which is not this host", BASIS)
