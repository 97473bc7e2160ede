"""What configurations, disk headers, saved states and guests' registries say happened."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from analyzer.plugin import Tables
from analyzer.records import IN_ACCESS_LOG, IN_EVENTS, IN_JOURNAL
from plugins.story.happening import (
    DERIVED,
    DIRECT,
    INFERRED,
    SNAPSHOT_DISKS,
    WINDOW,
    Happening,
    Row,
    told,
)
from plugins.story.owners import Owners

MACHINE: Final = (
    ("created_at", "created", DIRECT, "creation time in the configuration"),
    ("powered_on_at", "started", DIRECT, "last power-on time in the configuration"),
    ("powered_off_at", "stopped", DIRECT, ("last power-off time in the configuration, which does "
     "not say whether it was turned off, shut down or saved")),
    ("state_changed_at", "state changed", DIRECT, "time of the last state in the configuration"),
    ("firmware_changed_at", "firmware variables written", DERIVED,
     "last write of its EFI variables"))
GUEST: Final = (("installed_at", "guest installed"), ("shutdown_at", "guest shut down"))
NO_TIME: Final = "something names the machine, and no time stands with it"


def from_machines(tables: Tables, owners: Owners) -> Iterator[Happening]:
    """Times of configurations, snapshots and saved states; machines without any time."""
    for row in owners.machines:
        teller = owners.of_machine(row)
        for column, what, certainty, basis in MACHINE:
            if row[column] is not None:
                yield told(row, "virtual_machine", column, teller, what, certainty=certainty,
                           basis=basis)
        if row["format"] == "none" and row["created_at"] is None and row["vm_id"] \
                and row["state"] not in (IN_EVENTS, IN_ACCESS_LOG, IN_JOURNAL):  # dated
            yield told(row, "virtual_machine", "created_at", teller, "known", certainty=DIRECT,
                       subject=row["state"], thing=row["state"], basis=NO_TIME)
    for row in tables.rows("snapshot"):
        if row["created_at"] is not None:
            yield told(row, "snapshot", "created_at", owners.machine(row["vm_id"]),
                       "snapshot taken", thing=row["snapshot_id"], certainty=DIRECT,
                       subject=row["name"] or row["snapshot_id"],
                       basis="creation time in the snapshot's configuration")
    for row in tables.rows("saved_state"):
        if row["changed_at"] is not None and row["vm_id"] and row["holds_memory"] is not False \
                and row["kind"] != "guest state":  # firmware variables, no memory
            yield _saved(row, owners)


def _saved(row: Row, owners: Owners) -> Happening:
    teller = owners.machine(row["vm_id"])
    if row["snapshot_id"]:
        column = "changed_at" if row["created_at"] is None else "created_at"
        return told(row, "saved_state", column, teller, "snapshot taken", certainty=DERIVED,
                    thing=row["snapshot_id"], subject=row["snapshot_id"],
                    alone="saved-state file made",
                    basis="the snapshot's saved-state files were made then")
    holds = row["holds_memory"] is True
    return told(row, "saved_state", "changed_at", teller, "saved",
                certainty=DERIVED if holds else INFERRED,
                basis=f"last write of a file that holds memory: {row['memory_basis']}" if holds else
                "last write of the saved-state files; up to 2012 R2 a machine that starts makes "
                "them too")


def from_disks(tables: Tables, owners: Owners) -> Iterator[Happening]:
    """Creation times in the headers of virtual disks."""
    taken: defaultdict[str, list[Row]] = defaultdict(list)
    for row in tables.rows("snapshot"):
        if row["created_at"] is not None:
            taken[row["vm_id"]].append(row)
    frozen = {(row["vm_id"], row["path"].casefold()): row["snapshot_id"] for row in owners.layers
              if row["depth"] == 0 and row["snapshot_id"]}
    under = {(row["chain"], row["depth"]): row["path"].casefold() for row in owners.layers}
    names = {row["snapshot_id"]: row["name"] for rows in taken.values() for row in rows}
    for row in owners.layers:
        if row["created_at"] is None:
            continue
        for teller in owners.of_file(row["system_id"], row["path"]):
            parent = under.get((row["chain"], row["depth"] + 1), "")
            back_to = frozen.get((teller.vm_id, parent), "")
            yield _made(row, teller.vm_id, owners, taken[teller.vm_id],
                        (back_to, names.get(back_to, ""))) if teller.vm_id else \
                told(row, "disk_layer", "created_at", teller, "disk created",
                     thing=row["path"].casefold(), subject=row["path"], certainty=DIRECT,
                     basis="creation time in the disk's footer or header")


def _made(row: Row, vm_id: str, owners: Owners, taken: list[Row],
          back_to: tuple[str, str]) -> Happening:
    """A new disk, or the one that a snapshot, or applying one, makes."""
    teller = owners.machine(vm_id)
    if not row["path"].lower().endswith(SNAPSHOT_DISKS):
        return told(row, "disk_layer", "created_at", teller, "disk created", certainty=DIRECT,
                    thing=row["path"].casefold(), subject=row["path"],
                    basis="creation time in the disk's footer or header")
    near = min(taken, key=lambda s: abs(s["created_at"] - row["created_at"]), default=None)
    if near is not None and abs(near["created_at"] - row["created_at"]) <= WINDOW:
        return told(row, "disk_layer", "created_at", teller, "snapshot taken", certainty=DERIVED,
                    thing=near["snapshot_id"], subject=near["name"] or near["snapshot_id"],
                    basis="a snapshot disk was made then")
    if back_to[0]:
        return told(row, "disk_layer", "created_at", teller, "snapshot applied", certainty=INFERRED,
                    thing=back_to[0], subject=back_to[1] or back_to[0],
                    basis="a snapshot disk was made on the disk of this snapshot when no snapshot "
                          "that is left was taken; a snapshot deleted since would look alike")
    return told(row, "disk_layer", "created_at", teller, "disk created", certainty=DIRECT,
                thing=row["path"].casefold(), subject=row["path"],
                basis="creation time in the header of a snapshot disk; no snapshot of that time "
                      "is left")


def from_guests(tables: Tables, owners: Owners) -> Iterator[Happening]:
    """Installation and shutdown of Windows inside, and when the host last wrote to it."""
    for row in tables.rows("system"):
        teller = owners.of_guest(row)
        for column, what in GUEST:
            if teller is not None and row[column] is not None:
                yield told(row, "system", column, teller, what, subject=row["host_name"],
                           certainty=DIRECT, basis="the guest's registry")
    for row in tables.rows("guest_identity"):
        teller = owners.of_guest(row)
        if teller is not None and row["written_at"] is not None:
            yield told(row, "guest_identity", "written_at", teller, "guest booted",
                       subject=row["vm_name"], certainty=DERIVED,
                       basis="the host writes Guest\\Parameters when the guest starts; also after "
                             "a migration or a new name")
