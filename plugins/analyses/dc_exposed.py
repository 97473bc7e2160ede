"""Domain controllers whose disks or snapshots left their machine."""

from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, event_cited

RULE = Rule(
    code="DC-EXPOSED", severity="high",
    title="A domain controller was exported, copied, or its disk attached on the host",
    reason=(
        "Its database has every password hash of the domain, and is read from a disk without any "
        "trace in the domain controller itself."),
    false_positives=(
        "Backups and migrations; a database kept for recovery on a machine that is no domain "
        "controller."),
    reference="MITRE ATT&CK T1003.003")
TAKEN = {"exported": "exported", "disk attached to the host": "attached to the host",
         "disk attached": "attached, by the driver's log, to the host or to a machine that started"}


@rule(RULE, reads=("attached_disk", "disk_layer", "file_entry", "log_event", "virtual_machine"))
def dc_exposed(tables: Tables) -> Iterator[Record]:
    """Exports and copies of machines with an ntds.dit, and their disks on the host."""
    machines, disks = _controllers(tables)
    if not machines and not disks:
        return
    for row in tables.matching("log_event", "meaning", TAKEN.keys()):
        path = row["concerns"].removeprefix("\\\\?\\").lower()
        if (row["meaning"] == "exported" and row["vm_id"] in machines) \
                or (row["system_id"], path) in disks:
            yield _found(row, row["concerns"] or row["vm_name"] or row["vm_id"],
                         TAKEN[row["meaning"]], f"direct: {event_cited(row)}")
    registered = {row["vm_id"] for row in tables.rows("virtual_machine")
                  if row["state"].startswith("registered")}
    for row in tables.rows("virtual_machine"):
        is_copy = row["state"] == "unregistered" and row["vm_id"] in registered
        if row["vm_id"] in machines and (row["state"] == "exported" or is_copy):
            yield _found(row, row["name"] or row["vm_id"],
                         f"{'copied' if is_copy else 'exported'} to {row['configuration_path']}",
                         "derived: another configuration with its id")
    for row in tables.rows("attached_disk"):
        if (row["system_id"], row["path"].lower()) in disks:
            yield _found(row, row["path"], "known to the host as a volume of its own",
                         "derived: MountedDevices has its partition")


def _controllers(tables: Tables) -> tuple[set[str], set[tuple[str, str]]]:
    """Machines with a directory database, and system and path of all disks that it lies on."""
    rows = [row for row in tables.matching("file_entry", "path", {"ntds.dit"})
            if row["path"].lower().endswith("\\ntds\\ntds.dit") and "!/" in row["system_id"]]
    machines = {row["vm_id"] for row in rows if row["vm_id"]}
    chains = {row["system_id"].rpartition("!/")[0] for row in rows}
    disks = {(row["system_id"], row["path"].lower()) for row in tables.rows("disk_layer")
             if row["vm_id"] in machines or row["chain"] in chains}
    return machines, disks


def _found(row: dict[str, Any], name: str, what: str, basis: str) -> Record:
    return RULE.found(row, f"{name}, of a domain controller (it has ntds.dit), was {what}", basis)
