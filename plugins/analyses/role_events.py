"""What the event logs say of the role of a Windows: set-up, hypervisor, management service."""

from collections.abc import Iterator
from typing import Any, Final

from analyzer.formats.event_meanings import VERIFIED
from analyzer.plugin import Tables, analysis
from analyzer.records import Record, RoleEvidence
from analyzer.source import Source

SERVICE: Final = "the management service wrote it, which only a host has"
CLIENT: Final = "clients start the hypervisor too, for virtualisation-based security"
FEATURE: Final = "clients have features of Hyper-V too, and tools alone are one"
TRACES: Final = {
    "role installed: switch created": (True, SERVICE),
    "role installed: default paths set": (True, SERVICE),
    "role installed: migration enabled": (True, SERVICE),
    "management service started": (True, SERVICE),
    "feature turned on": (False, FEATURE), "feature turned off": (False, FEATURE),
    "feature changed state": (False, FEATURE),
    "hypervisor started": (False, CLIENT),
    "hypervisor launch disabled": (False, "the boot settings say so"),
    "virtualization not enabled in the processor": (False, "no hypervisor, so no machine ran")}
"""Meaning of an event -> whether it proves the role, and what it tells."""


@analysis("log_event", yields=(RoleEvidence,))
def role_events(tables: Tables) -> Iterator[Record]:
    """The first event of each such meaning that the logs still have, and how many there are.

    Features are told apart by name.
    """
    first: dict[tuple[str, ...], dict[str, Any]] = {}
    counts: dict[tuple[str, ...], int] = {}
    for row in tables.matching("log_event", "meaning", TRACES.keys()):
        key = row["system_id"], row["snapshot_id"], row["meaning"], row["concerns"]
        counts[key] = counts.get(key, 0) + 1
        known = first.setdefault(key, row)
        if row["logged_at"] is not None and (
                known["logged_at"] is None or row["logged_at"] < known["logged_at"]):
            first[key] = row
    for place, row in first.items():
        is_proof, meaning = TRACES[row["meaning"]]
        is_sure = row["certainty"] == VERIFIED
        yield RoleEvidence(
            source=Source.from_columns(row), system_id=row["system_id"], vm_id=row["vm_id"],
            snapshot_id=row["snapshot_id"], group="event log",
            name=" ".join(filter(None, (row["meaning"], row["concerns"],
                                        f"({row['provider']} {row['event_id']})"))),
            value=f"{counts[place]} in the logs", meaning=meaning, is_proof=is_proof and is_sure,
            certainty="direct" if is_sure else "unsure: the meaning is not certain on this release",
            time_basis="the first that is left; logs forget", traced_at=row["logged_at"])
