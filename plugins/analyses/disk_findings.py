"""What is remarkable about drives and virtual disks."""

from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record

OLD_CREATORS = {"vs": "Virtual Server 2005", "vpc": "Virtual PC"}


@analysis("disk_layer", "vm_drive", yields=(Finding,))
def disk_findings(tables: Tables) -> Iterator[Record]:
    """Missing files, disks that no machine names, broken chains, resized and shared disks."""
    missing: set[tuple[str, str]] = set()
    for row in tables.rows("vm_drive"):
        if row["state"] == "missing" and (row["vm_id"], row["path"]) not in missing:
            missing.add((row["vm_id"], row["path"]))
            what = f"{row['path']} ({row['medium']}) is not in the evidence"
            basis = f"derived: {row['state_basis'] or 'no such file'}"
            yield Finding.about(row, "DRIVE-MISSING", what, basis)
    layers = list(tables.rows("disk_layer"))
    machines: dict[str, set[str]] = {}
    for row in layers:
        if row["depth"] == 0 and row["vm_id"]:
            machines.setdefault(row["chain"], set()).add(row["vm_id"])
    told: set[tuple[str, str]] = set()
    for row in layers:
        for code, what, basis in _judge(row, machines):
            if (code, row["path"]) not in told:
                told.add((code, row["path"]))
                yield Finding.about(row, code, what, basis)


def _judge(row: dict[str, Any], machines: dict[str, set[str]]) -> Iterator[tuple[str, str, str]]:
    path = row["path"]
    if row["depth"] == 0 and not row["vm_id"]:
        yield ("DISK-ORPHAN", f"no configuration that was found and read names {path}",
               "derived: from all configurations")
    if row["depth"] == 0 and len(machines.get(row["chain"], ())) > 1:
        yield "DISK-SHARED", f"several machines use {path}", "derived: from all configurations"
    if "parent" in row["verdict"] or "cyclic" in row["verdict"]:
        lost = f"{row['unreadable_bytes']} bytes cannot be known"
        yield ("DISK-BROKEN", f"{path}: {row['verdict']} ({row['parent_path']}); {lost}",
               "derived: unique ids of all disks found")
    if row["original_size"] is not None and row["original_size"] != row["size"]:
        what = f"{path} was made with {row['original_size']} bytes and has {row['size']} now"
        yield "DISK-RESIZED", what, "direct: footer"
    if row["creator"] in OLD_CREATORS:
        yield ("DISK-CREATOR", f"{path} was made by {OLD_CREATORS[row['creator']]}",
               "direct: creator application in the footer")
