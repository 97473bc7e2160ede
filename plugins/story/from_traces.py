"""What users, counters and deleted registry keys tell of machines."""

import re
from collections.abc import Iterator
from typing import Final

from analyzer.plugin import Tables
from plugins.story.happening import DERIVED, DIRECT, Happening, Row, told
from plugins.story.owners import Owners

_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
SEEN: Final = (("made_at", DERIVED, ("when User Access Logging first saw it, unsure whether it ran "
                "before")),
               ("last_seen_at", DIRECT, "when User Access Logging last saw it running"))


def from_users(tables: Tables, owners: Owners) -> Iterator[Happening]:
    """What users did: consoles opened, files moved to the Recycle Bin."""
    for row in tables.rows("user_trace"):
        who = row["account_name"] or row["user_sid"] or "an unknown user"
        for column in ("made_at", "first_used_at", "last_used_at"):
            if row["vm_id"] and row[column] is not None:
                yield told(row, "user_trace", column, owners.machine(row["vm_id"], row["vm_name"]),
                           "opened by a user", thing=who, subject=who, certainty=DERIVED,
                           basis=f"trace: {row['trace']}")
    for row in tables.rows("recycled_file"):
        if row["deleted_at"] is not None:
            for teller in owners.of_file(row["system_id"], row["path"]) or \
                    owners.of_file(row["system_id"], row["content_path"]):
                yield told(row, "recycled_file", "deleted_at", teller, "deleted", certainty=DIRECT,
                           thing=row["path"].casefold(), subject=row["path"],
                           basis="moved to the Recycle Bin")


def from_access_log(tables: Tables, owners: Owners) -> Iterator[Happening]:
    """When User Access Logging saw a machine; its rows outlive the machine."""
    by_bios = {row["bios_guid"]: row["vm_id"] for row in owners.machines if row["bios_guid"]}
    for row in tables.rows("access_log_machine"):
        vm_id = row["vm_id"] or by_bios.get(row["bios_guid"], "")
        for column, certainty, basis in SEEN if vm_id else ():
            if row[column] is not None:
                yield told(row, "access_log_machine", column, owners.machine(vm_id), "seen running",
                           certainty=certainty, basis=basis)


def from_deleted_keys(tables: Tables, owners: Owners) -> Iterator[Happening]:
    """Deleted registry keys that name a machine, or that the host wrote into its guest."""
    for row in tables.rows("deleted_registry_key"):
        if row["written_at"] is None:
            continue
        for vm_id in _named(row, owners):
            yield told(row, "deleted_registry_key", "written_at", owners.machine(vm_id),
                       "named in a deleted registry key", thing=row["key"], subject=row["key"],
                       certainty=DERIVED, basis="last write of the key; when it was deleted is not "
                       "recorded")


def _named(row: Row, owners: Owners) -> list[str]:
    texts = "\n".join((row["key"], *row["values"])).upper()
    found = {vm_id for vm_id in _GUID.findall(texts) if vm_id in owners.names}
    inside = owners.of_guest(row) if "!/" in row["system_id"] else None
    if inside is not None and inside.vm_id and "VIRTUAL MACHINE\\GUEST" in texts:
        found.add(inside.vm_id)
    return sorted(found)
