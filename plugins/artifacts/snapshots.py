"""Snapshots of a host's machines."""

from collections.abc import Iterator

from analyzer.machines import Node, inventory
from analyzer.machines.configurations import GUID
from analyzer.machines.snapshot_types import snapshot_type, type_settings
from analyzer.plugin import artifact
from analyzer.records import Record, Snapshot
from analyzer.system import WindowsSystem


@artifact(Snapshot)
def snapshots(system: WindowsSystem) -> Iterator[Record]:
    """Every snapshot with its parent, in the order of its machine's tree; orphans at the end."""
    found = inventory(system)
    for machine in found.machines:
        for node in machine.nodes:
            yield system.own(_record(node))
    for node in found.orphans:
        yield system.own(_record(node))
    for link in found.dangling:
        if link.item.folder.lower() == "snapshots":
            match = GUID.fullmatch(link.item.name)
            yield system.own(Snapshot(
                source=link.item.entry_source(), snapshot_id=match[1].upper() if match else "",
                name="", state="dangling link", configuration_path=link.target))


def _record(node: Node) -> Snapshot:
    said = node.configuration
    kind, basis = snapshot_type(node)
    return Snapshot(
        source=node.file.placed(), vm_id=node.vm_id, snapshot_id=node.snapshot_id,
        name=said.name, notes=said.notes, parent_id=node.parent_id,
        parent_basis=node.parent_basis, state=node.state, snapshot_type=kind, type_basis=basis,
        type_id=said.type_id, type_settings=type_settings(said), is_current=node.is_current,
        configuration_path=node.file.path, has_saved_state=bool(node.saved_state),
        created_at=said.created_at)
