"""What the file system says of configurations, links and virtual disks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from analyzer.plugin import Tables
from analyzer.times import TICKS_PER_SECOND, iso
from plugins.story.happening import (
    DERIVED,
    INFERRED,
    SNAPSHOT_DISKS,
    WINDOW,
    Happening,
    Row,
    Teller,
    told,
)
from plugins.story.owners import File, Owners

MADE: Final = {
    "configuration": ("created", "configuration file made", "its configuration file was made",
                      "imported, restored, copied or written anew"),
    "snapshot": ("snapshot taken", "snapshot file made", "its configuration file was made",
                 "imported, restored, copied or written anew"),
    "disk": ("disk created", "disk file made", "its file was made there",
             "copied, moved or restored: the disk inside is of another time"),
    "disk without a time": ("disk created", "disk file made", "its file was made there",
                            ("the disk inside has no time of its own; copied or moved files look "
                            "alike")),
    "snapshot disk": ("snapshot taken", "disk file made", "the file of a snapshot disk was made",
                      "no snapshot of that time is left: applied, deleted since, or copied"),
    "link": ("registered", "", "its link in the register was made", ""),
}
WRITTEN: Final = {
    "configuration": ("configuration written", (
        "last write of the configuration; whether a setting or only the machine's state changed "
        "is not recorded")),
    "snapshot": ("configuration written", "last write of the snapshot's configuration"),
    "disk": ("disk last written", "last write of the file")}


@dataclass(frozen=True, slots=True)
class Part:
    """What a file is to a machine. `thing` tells snapshots and disks apart."""

    kind: str
    teller: Teller
    thing: str = ""
    subject: str = ""


def from_files(tables: Tables, owners: Owners) -> Iterator[Happening]:
    """Made, last written and deleted: times of the files that configurations and disks lie in."""
    parts = _parts(tables, owners)
    children = _children(owners)
    links: dict[str, int] = {}
    rows = [row for row in tables.matching("file_entry", "path", {_last(path) for _, path in parts})
            if not row["stream"] and not row["is_directory"]]
    for row in rows:
        for part in parts.get((row["system_id"], row["path"].lower()), ()):
            if part.kind == "link" and row["fn_created_at"] is not None:
                links[part.teller.story] = row["fn_created_at"]
    for row in rows:
        for part in parts.get((row["system_id"], row["path"].lower()), ()):
            younger = children.get((row["system_id"], row["path"].lower()))
            yield from _of_file(row, part, younger, links.get(part.teller.story))


def _parts(tables: Tables, owners: Owners) -> dict[File, list[Part]]:
    parts: defaultdict[File, list[Part]] = defaultdict(list)
    for row in owners.machines:
        teller, register = owners.of_machine(row), row["registration_path"]
        if register and not register.lower().endswith("\\data.vmcx"):  # is of all machines
            _add(parts, row, register, Part("link", teller))
        if row["format"] != "none":
            _add(parts, row, row["configuration_path"], Part("configuration", teller))
    for row in tables.rows("snapshot"):
        _add(parts, row, row["configuration_path"],
             Part("snapshot", owners.machine(row["vm_id"]), row["snapshot_id"],
                  row["name"] or row["snapshot_id"]))
    for row in owners.layers:
        for teller in owners.of_file(row["system_id"], row["path"]):
            _add(parts, row, row["path"],
                 Part("disk" if row["created_at"] is not None else "disk without a time", teller,
                      row["path"].casefold(), row["path"]))
    return parts


def _add(parts: dict[File, list[Part]], row: Row, path: str, part: Part) -> None:
    here = parts[row["system_id"], path.lower()]
    if part not in here:
        here.append(part)


def _children(owners: Owners) -> dict[File, Row]:
    """Parent disk -> the first of the disks made on it."""
    rows = {(row["chain"], row["depth"]): row for row in owners.layers}
    found: dict[File, Row] = {}
    for (chain, depth), child in rows.items():
        parent = rows.get((chain, depth + 1))
        if parent is not None and child["created_at"] is not None:
            key = parent["system_id"], parent["path"].lower()
            known = found.setdefault(key, child)
            if child["created_at"] < known["created_at"]:
                found[key] = child
    return found


def _of_file(row: Row, part: Part, child: Row | None, linked: int | None) -> Iterator[Happening]:
    odd = (*_stamped(row), *_younger(row, part, linked))
    more = {"thing": part.thing, "subject": part.subject}
    is_snapshot = part.kind.startswith("disk") and part.subject.lower().endswith(SNAPSHOT_DISKS)
    if row["fn_created_at"] is not None and row["allocated"]:
        what, alone, basis, alone_basis = MADE[
            "snapshot disk" if is_snapshot and part.kind != "disk" else part.kind]
        if not is_snapshot or part.kind != "disk":  # where its header tells what it means
            yield told(row, "file_entry", "fn_created_at", part.teller, what, certainty=DERIVED,
                       alone=alone, basis=basis, alone_basis=alone_basis, doubts=odd, **more)
    made, written = row["fn_created_at"], row["si_modified_at"]
    kind = part.kind.partition(" ")[0]
    if kind in WRITTEN and written is not None and (made is None or written > made + WINDOW):
        what, basis = WRITTEN[kind]
        yield told(row, "file_entry", "si_modified_at", part.teller, what, certainty=DERIVED,
                   basis=basis, doubts=(*odd, *_behind(row, child)), **more)
    if not row["allocated"] and row["si_changed_at"] is not None:
        yield told(row, "file_entry", "si_changed_at", part.teller, "deleted", certainty=INFERRED,
                   basis="its MFT entry is free; when it was deleted is not recorded, not before "
                         "this last change", thing=row["path"].casefold(), subject=row["path"])


def _stamped(row: Row) -> Iterator[str]:
    """Times of $STANDARD_INFORMATION can be set by any program, those of $FILE_NAME cannot."""
    si, fn = row["si_created_at"], row["fn_created_at"]
    if si is not None and fn is not None and si < fn - WINDOW:
        yield (f"{row['path']}: created {iso(si)} by $STANDARD_INFORMATION and {iso(fn)} by "
               "$FILE_NAME: set back, or moved here with its times")
    times = [row[f"si_{name}_at"] for name in ("created", "modified")]
    if fn is not None and fn % TICKS_PER_SECOND and \
            all(at is not None and at % TICKS_PER_SECOND == 0 for at in times):
        yield f"{row['path']}: its times are whole seconds, as programs set them"


def _younger(row: Row, part: Part, linked: int | None) -> Iterator[str]:
    made = row["fn_created_at"]
    if part.kind == "configuration" and linked is not None and made is not None \
            and made > linked + WINDOW:
        yield (f"the configuration file (made {iso(made)}) is younger than the link that registers "
               f"it ({iso(linked)})")


def _behind(row: Row, child: Row | None) -> Sequence[str]:
    """A parent that was written after a disk was made on it."""
    if child is None or row["si_modified_at"] <= child["created_at"] + WINDOW:
        return ()
    when = iso(child["created_at"])
    return [f"written after {child['path']} was made on it ({when}): that disk may show other data"]


def _last(path: str) -> str:
    return path.rpartition("\\")[2]
