"""Files of virtual machines in the change journal of each volume."""

from collections.abc import Iterator

from analyzer.change_journal import Changed, changed
from analyzer.formats.guid import normalise
from analyzer.formats.machine_files import kind_of
from analyzer.plugin import artifact
from analyzer.records import JournalEntry, Record
from analyzer.system import WindowsSystem

MACHINES = ("virtual machines", "planned virtual machines")
"""Folders in which a GUID is that of a machine; below `Snapshots` it is that of a snapshot."""
UNSURE = "possible configuration"


@artifact(JournalEntry)
def change_journal(system: WindowsSystem) -> Iterator[Record]:
    """What was done to disks, configurations, saved states of machines, since deleted or not.

    Where the folder is not there any more, a file has its bare name.
    """
    for one in changed(system):
        record = _record(one)
        if record is not None:
            yield system.own(record)


def _record(one: Changed) -> JournalEntry | None:
    change = one.change
    folder = one.folder.rstrip("\\")
    path = f"{folder}\\{change.name}" if folder else change.name
    subject = "" if change.is_directory else kind_of(path)
    in_folder = folder.rpartition("\\")[2].casefold()
    vm_id = normalise(change.name.partition(".")[0]) if in_folder in MACHINES else ""
    if subject in ("", UNSURE) and not vm_id:
        return None
    number, sequence = change.entry
    return JournalEntry(
        source=one.journal.source.at(f"USN {change.usn}", change.offset), vm_id=vm_id,
        volume_id=one.journal.volume.volume_id, path=path, subject=subject or "folder",
        entry=number, sequence=sequence, usn=change.usn, reasons=change.reasons,
        is_directory=change.is_directory, changed_at=change.changed_at,
        note="" if change.usn == change.offset else
        "left over: its number is not its place in the journal")
