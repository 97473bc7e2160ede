"""Many machines stopped at once, whose disks were written afterwards."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from analyzer.plugin import Tables, rule
from analyzer.records import Record, Rule
from analyzer.times import TICKS_PER_SECOND, iso

RULE = Rule(
    code="MASS-OFF", severity="high",
    title="Machines were stopped together and their disks written afterwards",
    reason=(
        "Ransomware stops the machines of a host because their disks cannot be encrypted while "
        "they run, then writes the disks."),
    false_positives=(
        "Merging, compacting, converting, restoring and backing up disks while all machines are "
        "stopped; starts that no log has."),
    reference="MITRE ATT&CK T1486, T1489, T1529")
STOPS: Final = {"turned off", "shut down", "saved", "stopped"}
STARTS: Final = {"started", "restored", "resumed", "guest booted"}
MACHINES: Final = 3
TOGETHER: Final = 600 * TICKS_PER_SECOND
LATER: Final = 120 * TICKS_PER_SECOND
"""A machine that stops goes on writing its disks for a moment."""
Row = dict[str, Any]


@rule(RULE, reads=("file_entry", "life_event", "vm_drive"))
def mass_off(tables: Tables) -> Iterator[Record]:
    """Three or more machines of a host stopped within ten minutes, two with later writes."""
    stopped: defaultdict[str, list[Row]] = defaultdict(list)
    for row in _last_stops(tables):
        stopped[row["system_id"]].append(row)
    groups = [group for rows in stopped.values() for group in _together(rows)]
    written = _written(tables) if groups else {}
    for group in groups:
        rewritten = [(row, written[row["vm_id"]]) for row in group
                     if written.get(row["vm_id"], 0) > row["happened_at"] + LATER]
        if len(rewritten) >= 2:
            names = ", ".join(f"{row['vm_name'] or row['vm_id']} ({iso(at)})"
                              for row, at in rewritten)
            yield RULE.found(group[0], f"{len(group)} machines stopped between "
                             f"{iso(group[0]['happened_at'])} and {iso(group[-1]['happened_at'])} "
                             f"and did not start again; disks written after that: {names}",
                             "derived: stops of the life story against times of the disk files")


def _last_stops(tables: Tables) -> list[Row]:
    """The last stop of each machine that did not start again, in order of time."""
    last: dict[str, Row] = {}
    for row in tables.rows("life_event"):
        if row["vm_id"] and row["happened_at"] is not None and row["what"] in STOPS | STARTS:
            known = last.get(row["vm_id"])
            if known is None or row["happened_at"] >= known["happened_at"]:
                last[row["vm_id"]] = row
    return sorted((row for row in last.values() if row["what"] in STOPS),
                  key=lambda row: (row["happened_at"], row["vm_id"]))


def _together(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Groups of machines that stopped within the time, of machines enough."""
    group: list[Row] = []
    for row in [*rows, None]:
        if row is not None and (not group or
                                row["happened_at"] - group[0]["happened_at"] <= TOGETHER):
            group.append(row)
            continue
        if len(group) >= MACHINES:
            yield group
        group = [row] if row is not None else []


def _written(tables: Tables) -> dict[str, int]:
    """Machine -> when the last of its disk files was written."""
    users: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for row in tables.rows("vm_drive"):
        if row["medium"] == "disk" and row["path"] and not row["snapshot_id"]:
            users[row["system_id"], row["path"].lower()].add(row["vm_id"])
    found: dict[str, int] = {}
    names = {path.rpartition("\\")[2] for _, path in users}
    for row in tables.matching("file_entry", "path", names):
        if row["si_modified_at"] is not None and not row["stream"]:
            for vm_id in users.get((row["system_id"], row["path"].lower()), ()):
                found[vm_id] = max(found.get(vm_id, 0), row["si_modified_at"])
    return found
