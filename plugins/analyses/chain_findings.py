"""Disks that one machine writes to and another one builds upon."""

from collections.abc import Iterator

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record


@analysis("disk_layer", yields=(Finding,))
def chain_findings(tables: Tables) -> Iterator[Record]:
    """A disk that is in use by one machine and is the parent of a disk of another."""
    writers: dict[tuple[str, str], set[str]] = {}
    layers = list(tables.rows("disk_layer"))
    for row in layers:
        if row["depth"] == 0 and row["vm_id"] and not row["snapshot_id"]:
            writers.setdefault((row["system_id"], row["path"]), set()).add(row["vm_id"])
    told: set[tuple[str, str]] = set()
    for row in layers:
        others = writers.get((row["system_id"], row["path"]), set()) - {row["vm_id"]}
        if row["depth"] > 0 and row["vm_id"] and others and (row["path"], row["vm_id"]) not in told:
            told.add((row["path"], row["vm_id"]))
            yield Finding.about(row, "DISK-INUSE", f"{row['path']} is a parent of {row['chain']} "
                                f"and the disk of machine {', '.join(sorted(others))} too: what "
                                "that one writes damages the other",
                                "derived: from all configurations and the ids of all disks")
