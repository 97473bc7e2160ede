"""What is remarkable about machines and snapshots."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record

STATES = {
    "deleted configuration": (
        "VM-DELETED", "the configuration of {name} was deleted; it was read from its MFT entry",
        "direct: the entry is not allocated; its content is still a whole configuration"),
    "unregistered": (
        "VM-UNREGISTERED", "{name} has a configuration that the service's register does not list",
        "derived: neither the file nor a link to it lies in the register"),
    "planned": ("VM-PLANNED", "{name} is a planned machine: being created or imported",
                "direct: type_id of the configuration"),
    "dangling link": (
        "VM-DANGLING", "the register links to {configuration_path}, which cannot be found",
        "direct: the target of the link"),
    "known from ACLs only": (
        "VM-ACLONLY", "machine {vm_id} has a right to {source_path} and no configuration here",
        "direct: its SID, S-1-5-83-1-..., is in the access list"),
}


@analysis("virtual_machine", "snapshot", yields=(Finding,))
def machine_findings(tables: Tables) -> Iterator[Record]:
    """Deleted, unregistered, planned, doubled and torn configurations; broken snapshot trees."""
    machines = list(tables.rows("virtual_machine"))
    counts = Counter((row["system_id"], row["vm_id"]) for row in machines)
    for row in machines:
        for code, what, basis in _judge(row, counts[row["system_id"], row["vm_id"]]):
            yield Finding.about(row, code, what, basis)
    for row in tables.rows("snapshot"):
        if row["state"] != "complete":
            what = f"snapshot {row['name'] or row['snapshot_id']}: {row['state']}"
            yield Finding.about(row, "SNAP-BROKEN", what, "derived: from the configurations")


def _judge(row: dict[str, Any], copies: int) -> Iterator[tuple[str, str, str]]:
    name = row["name"] or row["vm_id"]
    if row["state"] in STATES:
        code, what, basis = STATES[row["state"]]
        yield code, what.format_map({**row, "name": name}), basis
    if row["partial"]:
        yield ("VM-PARTIAL", f"the configuration of {name} is damaged; only a part was read",
               "direct: the file is torn")
    if copies > 1:
        yield ("VM-TWICE", f"several configurations have the id {row['vm_id']}",
               "derived: from all configurations found")
    if row["saved_state_path"] and not row["has_saved_state"]:
        yield ("VM-STATEGONE", f"{name} is configured with a saved state, its files were not found",
               "derived: paths of the configuration")
