"""Files of saved states: of which machine or snapshot, how large, how complete."""

from collections.abc import Iterator

from analyzer.machines import inventory
from analyzer.machines.saved_states import StateFile, completeness, memory_in
from analyzer.plugin import artifact
from analyzer.records import Record, SavedState
from analyzer.system import WindowsSystem


@artifact(SavedState)
def saved_states(system: WindowsSystem) -> Iterator[Record]:
    """Every .bin, .vsv, .vmrs and .vmgs file, deleted ones and those that are only named too."""
    for file in inventory(system).states:
        record = _record(file)
        yield system.own(file.owner.own(record) if file.owner is not None else record)


def _record(file: StateFile) -> SavedState:
    item, owner = file.item, file.owner
    holds_memory, basis = memory_in(file)
    if item is None:
        assert owner is not None  # what is not there was named by somebody
        return SavedState(
            source=owner.file.placed(), path=file.path, kind=file.kind, state="missing",
            state_basis=file.why, is_referenced=True, referenced_by=file.named_by,
            owner_is_known=True)
    times = item.entry.times
    return SavedState(
        source=item.placed(), vm_id="" if owner is not None else file.state_id, path=item.path,
        kind=file.kind, state="present" if item.entry.allocated else "deleted",
        is_referenced=bool(file.named_by), referenced_by=file.named_by,
        owner_is_known=owner is not None, stored_size=item.entry.size, holds_memory=holds_memory,
        memory_basis=basis, completeness=completeness(file), created_at=times.si_created,
        changed_at=times.si_modified)
