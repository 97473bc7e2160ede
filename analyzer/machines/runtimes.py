"""Run-time state files of machines and snapshots (`<GUID>.vmrs`, 2016 and later)."""

from collections.abc import Iterable
from dataclasses import dataclass

from analyzer.errors import EvidenceError
from analyzer.formats import vm_saved_state, vmcx
from analyzer.formats.vm_saved_state import SavedStateFacts
from analyzer.machines.configurations import GUID
from analyzer.machines.model import Configured, Node
from analyzer.system import WindowsSystem
from analyzer.volume import Item


@dataclass(frozen=True, slots=True, eq=False)
class Runtime:
    """One file; `facts` None where it holds no saved state, as that of a machine that is off."""

    item: Item
    state_id: str
    """GUID of the machine or snapshot, by the name."""
    owner: Configured | None
    facts: SavedStateFacts | None
    partial: bool


def is_runtime(item: Item) -> bool:
    """Whether a file's name says that it is one."""
    entry = item.entry
    return (entry.allocated and not entry.is_directory
            and entry.name.lower().endswith(".vmrs") and GUID.fullmatch(entry.name) is not None)


def runtimes(system: WindowsSystem, items: Iterable[Item],
             configured: Iterable[Configured]) -> list[Runtime]:
    """Each file read and tied to its owner, which learns that it has a saved state."""
    owners = {(owner.snapshot_id if isinstance(owner, Node) else owner.vm_id): owner
              for owner in configured}
    rows = []
    for item in items:
        match = GUID.fullmatch(item.name)
        state_id = match[1].upper() if match else ""
        owner = owners.get(state_id)
        try:
            file = vmcx.open_vmcx(item.blocks())
        except EvidenceError as error:
            system.problem(error, item.source, "whether it holds a saved state is not known")
            continue
        for notice in file.notices:
            system.notice(notice, item.source)
        facts = vm_saved_state.saved_state(file)
        if owner is not None and facts is not None:
            owner.saved_state.append(item)
        rows.append(Runtime(item, state_id, owner, facts, file.partial))
    return rows
