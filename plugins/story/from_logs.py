"""What event logs of hosts and guests say happened to machines."""

from collections.abc import Iterator
from typing import Final

from analyzer.formats.event_meanings import VERIFIED, meanings
from analyzer.plugin import Tables
from plugins.story.happening import DERIVED, DIRECT, Happening, Row, Teller, told
from plugins.story.owners import Owners

WORDS: Final = {
    "shut down by the host": "shut down",
    "shut down by the guest": "shut down", "reset by the host": "reset",
    "reset by the guest": "reset", "merge finished": "merged", "disk merged": "merged",
    "live migration completed": "migrated", "offline migration completed": "migrated",
    "migrated here": "migrated", "migrated away": "migrated",
    "settings changed: device added": "settings changed",
    "settings changed: device removed": "settings changed",
    "operating system booted": "guest booted",
}
INSIDE: Final = {"Windows started": "guest booted", "event log service started": "guest booted",
                 "Windows shut down": "guest shut down",
                 "event log service stopped": "guest shut down",
                 "Windows started after no clean shutdown": "guest booted",
                 "last shutdown was unexpected": "guest stopped without shutdown"}
"""Of a guest's own log; its other events are told as "guest: ..."."""
ASIDE: Final = {"logon", "service changed state", "service start type changed",
                "service installed", "service ended with an error", "service ended unexpectedly",
                "service failed to start", "service was sent a control",
                "WMI provider started", "WMI provider shut down", "clock changed",
                "PowerShell pipeline with Hyper-V commands", "PowerShell command with Hyper-V",
                "PowerShell script block with Hyper-V commands"}
"""Meanings that concern no machine."""


def from_logs(tables: Tables, owners: Owners) -> Iterator[Happening]:
    """Events with a meaning, by machine: its id, its name, or the disk concerned."""
    wanted = {meaning.what for meaning in meanings()} - ASIDE
    for row in tables.matching("log_event", "meaning", wanted):
        if row["logged_at"] is None:
            continue
        if row["meaning"] in INSIDE or (owners.is_inside(row) and not row["vm_name"]):
            yield from _inside(row, owners)
            continue
        for teller in _tellers(row, owners):
            what = WORDS.get(row["meaning"], row["meaning"])
            yield told(row, "log_event", "logged_at", teller, what, subject=row["concerns"],
                       thing=row["concerns"].casefold(), certainty=_certainty(row),
                       basis=_basis(row))


def _inside(row: Row, owners: Owners) -> Iterator[Happening]:
    teller = owners.of_guest(row) if "!/" in row["source_path"] else None
    if teller is not None:
        what, about = INSIDE.get(row["meaning"], ""), row["concerns"]
        yield told(row, "log_event", "logged_at", teller, what or f"guest: {row['meaning']}",
                   subject=row["computer"] if what else about,
                   thing="" if what else about.casefold(), certainty=_certainty(row),
                   basis=f"the guest's own log: {_basis(row)}")


def _tellers(row: Row, owners: Owners) -> list[Teller]:
    if row["vm_id"]:
        return [owners.machine(row["vm_id"], row["vm_name"])]
    if row["vm_name"]:
        return [owners.named(row["system_id"], row["vm_name"])]
    path = row["concerns"].removeprefix("\\\\?\\")
    if not path.lower().endswith((".vhd", ".vhdx", ".avhd", ".avhdx", ".vhds")):
        return []
    return owners.of_file(row["system_id"], path) or [Teller(f"disk {path}")]


def _certainty(row: Row) -> str:
    return DIRECT if row["certainty"] == VERIFIED else DERIVED


def _basis(row: Row) -> str:
    doubt = "" if row["certainty"] == VERIFIED else "; what it means on this release is not certain"
    return f"{row['provider']} {row['event_id']}: {row['meaning']}{doubt}"
