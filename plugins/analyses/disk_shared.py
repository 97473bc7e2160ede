"""Disks that several machines use, once each."""

from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule, once_each

RULE = Rule(
    code="DISK-SHARED", severity="low",
    title="A disk that several machines use",
    reason="What is on it may have been written by either machine.",
    false_positives=(
        "Guest clusters share disks; copied configurations name the disk of the original."),
    reference="docs/disks.md")


@rule(RULE, reads=("disk_layer", "vm_drive"))
def disk_shared(tables: Tables) -> Iterator[Record]:
    """Disks at the top of the chains of several machines, and paths of several, once each."""
    machines: dict[str, set[str]] = {}
    tops = [row for row in tables.rows("disk_layer") if row["depth"] == 0]
    for row in tops:
        if row["vm_id"]:
            machines.setdefault(row["chain"], set()).add(row["vm_id"])
    shared = (row for row in tops if len(machines.get(row["chain"], ())) > 1)
    for row in once_each(shared, "path"):
        yield RULE.found(row, f"several machines use {row['path']}",
                         "derived: from all configurations")
    yield from _not_opened(tables)


def _not_opened(tables: Tables) -> Iterator[Record]:
    """Disks that are not in the evidence, and those of the host that are passed through."""
    users: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in tables.rows("vm_drive"):
        if row["path"] and row["state"] != "present" and row["medium"] in ("disk", "pass-through"):
            place = row["system_id"], row["path"].lower()
            users.setdefault(place, {}).setdefault(row["vm_id"], row)
    for rows in users.values():
        if len(rows) > 1:
            row = next(iter(rows.values()))
            yield RULE.found(row, f"several machines are configured with {row['path']}, which was "
                             "not read", "derived: equal paths in their configurations")
