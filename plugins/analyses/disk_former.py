"""Disks that let in machines whose configurations do not name them."""

from collections.abc import Iterator

from analyzer.formats.sid import machine_id
from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule

RULE = Rule(
    code="DISK-FORMER", severity="low",
    title="A disk that a machine has a right to and does not name",
    reason=(
        "The disk was attached to that machine before: it was taken out, or given to another one."),
    false_positives="Removing a disk from a machine leaves its entry in the list.",
    reference="docs/formats/security.md")


@rule(RULE, reads=("disk_layer", "file_access", "virtual_machine"))
def disk_former(tables: Tables) -> Iterator[Record]:
    """Disks that let in machines whose configurations do not name them."""
    known = {(row["system_id"], row["vm_id"]): row for row in tables.rows("virtual_machine")}
    users = {(row["system_id"], row["path"], row["vm_id"]) for row in tables.rows("disk_layer")}
    for row in tables.rows("file_access"):
        vm_id, path = machine_id(row["sid"]), row["path"]
        machine = known.get((row["system_id"], vm_id))
        if row["subject"] != "virtual disk" or machine is None or machine["format"] == "none":
            continue
        if (row["system_id"], path, vm_id) not in users:
            yield RULE.found(row, f"{path} has an entry for {machine['name'] or vm_id}, whose "
                             "configuration does not name it",
                             "direct: its SID, S-1-5-83-1-..., is in the access list")
