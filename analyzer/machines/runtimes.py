"""Run-time state files of machines and snapshots (`<GUID>.vmrs`, 2016 and later)."""

from collections.abc import Iterable
from dataclasses import dataclass

from analyzer.errors import EvidenceError
from analyzer.formats import vm_metrics, vm_saved_state, vm_settings, vmcx
from analyzer.formats.vm_configuration import ROOT
from analyzer.formats.vm_metrics import Metric
from analyzer.formats.vm_saved_state import SavedStateFacts
from analyzer.formats.vm_settings import Setting
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
    settings: tuple[Setting, ...]
    """Its leaves but for blocks of memory, which are counted."""
    understood: frozenset[str]
    metrics: tuple[Metric, ...]


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
        system.notices(file.notices, item.source)
        facts = vm_saved_state.saved_state(file)
        if owner is not None and facts is not None:
            owner.saved_state.append(item)
        rows.append(_runtime(item, state_id, owner, facts, file))
    return rows


def _runtime(item: Item, state_id: str, owner: Configured | None, facts: SavedStateFacts | None,
             file: vmcx.Vmcx) -> Runtime:
    """Since 2016 the metrics of a machine stand here, not in its configuration."""
    root = file.root(ROOT)
    metrics = vm_metrics.metrics(root) if root is not None else ()
    settings = tuple(leaf for leaf in file.settings if not vm_saved_state.is_memory(leaf.key))
    understood = frozenset(leaf.key for leaf in settings if vm_saved_state.is_understood(leaf.key))
    if root is not None:
        understood |= vm_settings.understood(root)
    return Runtime(item, state_id, owner, facts, file.partial, settings, understood, metrics)
