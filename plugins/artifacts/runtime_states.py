"""Run-time state files (VMRS) of machines and snapshots: is a saved state in them, and how much."""

from collections.abc import Iterator
from dataclasses import replace

from analyzer.machines import inventory
from analyzer.machines.runtimes import Runtime
from analyzer.plugin import artifact
from analyzer.records import Record, VmRuntimeState
from analyzer.system import WindowsSystem


@artifact(VmRuntimeState)
def runtime_states(system: WindowsSystem) -> Iterator[Record]:
    """Every VMRS file with what it says of saved memory; the memory itself is not read."""
    for runtime in inventory(system).runtimes:
        record = _record(runtime)
        yield system.own(runtime.owner.own(record) if runtime.owner is not None else record)


def _record(runtime: Runtime) -> VmRuntimeState:
    facts, entry = runtime.facts, runtime.item.entry
    record = VmRuntimeState(
        source=runtime.item.placed(), vm_id=runtime.state_id, path=runtime.item.path,
        has_saved_state=facts is not None, size=entry.size, partial=runtime.partial,
        owner_is_known=runtime.owner is not None, changed_at=entry.times.si_modified)
    if facts is None:
        return record
    return replace(record, saved_state_type=facts.type, saved_version=facts.version,
                   partition_state_size=facts.partition_state_size,
                   memory_size=facts.memory_size, ram_blocks=facts.ram_blocks,
                   ram_blocks_compressed=facts.ram_blocks_compressed,
                   ram_blocks_size=facts.ram_blocks_size)
