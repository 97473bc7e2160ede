"""Disks that are named like one that is missing."""

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.plugin import Tables, rule
from analyzer.records import Finding, Record, Rule

RULE = Rule(
    code="DISK-NAMESAKE", severity="low",
    title="A disk that is named like one that is missing",
    reason="It may be the missing disk, moved or copied; nothing was read through it.",
    false_positives="Equal names are usual: every machine may have a disk of its own called C.",
    reference="docs/disks.md")
BASIS = "derived: equal file names; a name proves nothing, so it was not attached"
MOST = 5


@rule(RULE, reads=("disk_layer", "vm_drive"))
def disk_namesake(tables: Tables) -> Iterator[Record]:
    """For each missing disk or parent, the disks of that name that lie elsewhere."""
    layers = list(tables.rows("disk_layer"))
    named: dict[str, dict[str, str]] = {}
    for row in layers:
        named.setdefault(_name(row["path"]), {}).setdefault(row["path"], row["disk_id"])
    told: set[tuple[str, str]] = set()
    for row in tables.rows("vm_drive"):
        found = named.get(_name(row["path"]), {})
        if row["state"] == "missing" and found and (row["vm_id"], row["path"]) not in told:
            told.add((row["vm_id"], row["path"]))
            yield _finding(row, row["path"], found)
    for row in layers:
        found = named.get(_name(row["parent_path"]), {})
        if row["verdict"].startswith(("parent missing", "wrong parent")) and found \
                and ("", row["path"]) not in told:
            told.add(("", row["path"]))
            yield _finding(row, f"{row['parent_path']} (id {row['parent_id'] or 'unknown'}), "
                           f"the parent of {row['path']},", found)


def _name(path: str) -> str:
    return path.rpartition("\\")[2].lower()


def _finding(row: Mapping[str, Any], missing: str, found: Mapping[str, str]) -> Finding:
    places = [f"{path} (id {disk_id or 'unknown'})" for path, disk_id in sorted(found.items())]
    more = f" and {len(places) - MOST} more" if len(places) > MOST else ""
    return RULE.found(row, f"{missing} is not there; of the same name: "
                      f"{', '.join(places[:MOST])}{more}", BASIS)
