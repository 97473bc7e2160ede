"""What the change journals of volumes say was done to files of machines."""

from collections.abc import Iterator
from typing import Final

from analyzer.plugin import Tables
from plugins.story.happening import (
    DERIVED,
    DIRECT,
    SNAPSHOT_DISKS,
    Happening,
    Row,
    Teller,
    told,
)
from plugins.story.owners import Owners

RENAMED: Final = {"rename: old name": "had this name until then",
                  "rename: new name": "has this name since then"}
MADE: Final = {"virtual disk": ("disk created", "disk file made"),
               "snapshot disk": ("snapshot taken", "disk file made"),
               "configuration": ("created", "configuration file made")}
"""What a new file tells with other witnesses, and alone; as from_files.py has it."""


def from_journal(tables: Tables, owners: Owners) -> Iterator[Happening]:
    """Files made, renamed and deleted; each as the journal has it."""
    for row in tables.rows("journal_entry"):
        if row["changed_at"] is None or row["note"]:
            continue
        for teller in _tellers(row, owners):
            yield from _of(row, teller)


def _tellers(row: Row, owners: Owners) -> list[Teller]:
    found = owners.of_file(row["system_id"], row["path"])
    if not found and row["vm_id"] and "!/" not in row["system_id"]:
        return [owners.machine(row["vm_id"])]
    if not found and row["subject"] == "virtual disk":
        return [Teller(f"disk {row['path']}")]
    return found


def _of(row: Row, teller: Teller) -> Iterator[Happening]:
    path, reasons = row["path"], row["reasons"]
    if "file delete" in reasons:
        yield told(row, "journal_entry", "changed_at", teller, "deleted", certainty=DIRECT,
                   thing=path.casefold(), subject=path, basis="change journal: file delete")
    if "close" in reasons:
        return  # tells again what was done since the file was opened
    for reason, basis in RENAMED.items():
        if reason in reasons:
            yield told(row, "journal_entry", "changed_at", teller, "file renamed",
                       certainty=DIRECT, thing=path.casefold(), subject=path,
                       basis=f"change journal: {basis}")
    if "file create" in reasons and row["subject"] in MADE:
        is_disk = row["subject"] == "virtual disk"
        is_snapshot = is_disk and path.lower().endswith(SNAPSHOT_DISKS)
        what, alone = MADE["snapshot disk" if is_snapshot else row["subject"]]
        yield told(row, "journal_entry", "changed_at", teller, what, certainty=DERIVED,
                   alone=alone, basis="change journal: file create",
                   thing=path.casefold() if is_disk else "", subject=path if is_disk else "")
