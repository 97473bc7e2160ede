"""The snapshot tree of one machine.

The name of the setting that holds a snapshot's parent is not known for certain (FIELD-GUIDE 3),
so two witnesses are heard: any GUID setting whose name speaks of a parent, and the disks: the
disk of a snapshot descends from that of its parent. Settings win; disagreement is said.
"""

from collections.abc import Iterator, Mapping, Sequence

from analyzer.errors import Notice
from analyzer.formats.vm_xml import VmConfiguration
from analyzer.machines.model import Configured, Machine, Node

NIL = "00000000-0000-0000-0000-000000000000"


def plant(machine: Machine, nodes: Sequence[Node]) -> Iterator[Notice]:
    """Set parents, states and the current node; put the nodes on the machine in tree order."""
    by_id = {node.snapshot_id: node for node in reversed(nodes)}
    owners = _owners(nodes)
    for node in nodes:
        yield from _set_parent(node, machine.vm_id, by_id, owners)
    yield from _cut_cycles(by_id)
    for node in nodes:
        if node.configuration.partial and node.state == "complete":
            node.state = "partial"
    current, doubt = _current(machine, by_id, owners)
    if current:
        by_id[current].is_current = True
    if doubt and nodes:
        yield Notice("SNAP-CURRENT", doubt, f"{current} is marked as current, unproven" if current
                     else "no node of the tree is marked as current")
    machine.nodes = list(_in_order(nodes))


def adopt(machines: Sequence[Machine], nodes: Sequence[Node]) -> Iterator[tuple[Node, Notice]]:
    """Give snapshots that do not say whose they are to the machine that others tie them to.

    Those are configurations that name one as parent or rest on its disks, and snapshots that it
    names or rests on. All must be of one machine.
    """
    lost = {node.snapshot_id: node for node in nodes if not node.vm_id and node.snapshot_id}
    if not lost:
        return
    ties: dict[str, dict[str, str]] = {identity: {} for identity in lost}
    owners = _owners(list(lost.values()))
    for other in (other for other in (*machines, *nodes) if other.vm_id):
        for identity, how in _rests_on(other, lost, owners):
            ties[identity].setdefault(other.vm_id, f"{other.file.path} {how}")
    known = {node.snapshot_id: node for node in nodes if node.vm_id}
    owners = _owners(list(known.values()))
    for node in lost.values():
        for identity, how in _rests_on(node, known, owners):
            ties[node.snapshot_id].setdefault(known[identity].vm_id, f"it {how}")
    for identity, found in ties.items():
        if len(found) == 1:
            node, (vm_id, how) = lost[identity], *found.items()
            node.vm_id = vm_id
            yield node, Notice("SNAP-MACHINE", f"snapshot {identity} does not say whose it is: "
                               f"{how}", f"it is told as one of machine {vm_id}")


def _rests_on(configured: Configured, nodes: Mapping[str, Node],
              owners: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Those of `nodes` that a configuration names, or whose disks its disks rest on, and how."""
    for _, guid in _pointers(configured.configuration, ("applied", "parent", "antecedent")):
        if guid in nodes:
            yield guid, f"names {guid} as its parent"
    for drive in configured.drives:
        for file in drive.chain.files[1:] if drive.chain is not None else ():
            if file.path in owners:
                yield owners[file.path], f"has a disk that rests on {file.path}"


def _owners(nodes: Sequence[Node]) -> dict[str, str]:
    """Path of each disk file that a snapshot's configuration names -> that snapshot."""
    return {drive.file.path: node.snapshot_id
            for node in nodes for drive in node.drives if drive.file is not None}


def _pointers(configuration: VmConfiguration, words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key, guid in configuration.parent_candidates:
        name = key.rpartition("/")[2].lower()
        if guid != NIL and any(word in name for word in words):
            yield key, guid


def _by_disks(configured: Configured, owners: dict[str, str]) -> tuple[str, str]:
    """The nearest snapshot that owns a disk beneath this one's, and that disk in words.

    Each disk between them was one's of a snapshot too, whose configuration is not there.
    """
    for drive in configured.drives:
        for between, file in enumerate(drive.chain.files[1:] if drive.chain is not None else ()):
            if file.path in owners:
                gap = f", beyond {between} that no snapshot names" if between else ""
                return owners[file.path], f"disk {file.path}{gap}"
    return "", ""


def _set_parent(node: Node, vm_id: str, by_id: dict[str, Node],
                owners: dict[str, str]) -> Iterator[Notice]:
    pointers = [(key, guid) for key, guid in
                _pointers(node.configuration, ("parent", "antecedent"))
                if guid not in (node.snapshot_id, vm_id)]
    known = [pair for pair in pointers if pair[1] in by_id]
    by_disks, path = _by_disks(node, owners)
    if by_disks == node.snapshot_id:
        by_disks = ""
    if known or pointers:
        key, node.parent_id = (known or pointers)[0]
        node.parent_basis = f"setting {key}"
        if not known:
            node.state = "dangling parent"
            yield Notice("SNAP-PARENT", f"snapshot {node.snapshot_id} has parent {node.parent_id}, "
                         "which is not there", "it stands in the tree without its parent")
        elif by_disks and by_disks != node.parent_id:
            yield Notice("SNAP-DISKS", f"snapshot {node.snapshot_id} has parent {node.parent_id} "
                         f"by its settings and {by_disks} by its disk",
                         "the settings were followed")
    elif by_disks:
        node.parent_id, node.parent_basis = by_disks, path


def _cut_cycles(by_id: dict[str, Node]) -> Iterator[Notice]:
    done: set[str] = set()
    for start in by_id.values():
        way: dict[str, Node] = {}
        step: Node | None = start
        while step is not None and step.snapshot_id not in done and step.snapshot_id not in way:
            way[step.snapshot_id] = step
            step = by_id.get(step.parent_id)
        done.update(way)
        members = list(way.values())
        loop = members[members.index(step):] if step is not None and step in members else []
        for node in loop:
            node.state = "cyclic"
            yield Notice("SNAP-CYCLE", f"snapshot {node.snapshot_id} is its own ancestor",
                         "it is shown as a root")


def _current(machine: Machine, by_id: dict[str, Node],
             owners: dict[str, str]) -> tuple[str, str]:
    """The node that the present state grew from, and why that is in doubt."""
    pointers = [pair for pair in _pointers(
        machine.configuration, ("applied", "parent", "antecedent")) if pair[1] != machine.vm_id]
    for _, guid in pointers:
        if guid in by_id:
            return guid, ""
    if pointers:
        return "", f"the machine grew from snapshot {pointers[0][1]}, which is not there"
    by_disks, path = _by_disks(machine, owners)
    if not by_disks:
        return "", "no setting and no disk tells which snapshot the present state grew from"
    return by_disks, f"only a disk tells what the present state grew from: {path}" \
        if "beyond" in path else ""


def _in_order(nodes: Sequence[Node]) -> Iterator[Node]:
    """Parents before children, siblings by time of creation, then id."""
    def age(node: Node) -> tuple[int, str]:
        return node.configuration.created_at or 0, node.snapshot_id

    ids = {node.snapshot_id for node in nodes}
    children: dict[str, list[Node]] = {}
    for node in sorted(nodes, key=age):
        root = node.parent_id not in ids or node.state == "cyclic"
        children.setdefault("" if root else node.parent_id, []).append(node)
    stack = children.get("", [])[::-1]
    while stack:
        node = stack.pop()
        yield node
        stack += children.pop(node.snapshot_id, [])[::-1]
