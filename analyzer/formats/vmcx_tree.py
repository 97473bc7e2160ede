"""The keys of a HyperVStorage file as the tree of settings that XML configurations have too.

Keys name their parent by table and offset; siblings stand in the order of their insertion. A key
whose container is lost is kept: below an older copy of the container, a repaired one, one known
by what it holds, or, if there is none, one called `_lost_<table>_<offset>`. All that is said.
"""

import base64
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from analyzer.errors import EvidenceError, Notice
from analyzer.formats import vmcx_salvage
from analyzer.formats.vm_settings import Node
from analyzer.formats.vmcx_keys import (
    ARRAY,
    BOOL,
    DOUBLE,
    INT,
    NODE,
    STRING,
    UINT,
    Entry,
    Place,
    Table,
)
from analyzer.formats.vmcx_storage import Storage

MOST_DEPTH: Final = 128
LARGEST_VALUE: Final = 64 << 10
"""Bytes of a value in a file object that is read; of larger ones size and place are given."""
MOST_VALUES: Final = 16 << 20
"""Bytes of all such values together."""
FILE_OBJECT: Final = "file object"
"""Type of a leaf whose value is not read."""
ROOT: Final = (0, 0)
_TYPES: Final = {INT: "integer", UINT: "integer", DOUBLE: "double", STRING: "string",
                 ARRAY: "bytes", BOOL: "bool", NODE: ""}
_KNOWN_BY: Final[Mapping[str, frozenset[str]]] = {
    "configuration": frozenset(("properties", "settings", "manifest", "global_settings")),
    "properties": frozenset(("global_id", "type_id", "creation_time", "name")),
    "manifest": frozenset(("vdev001", "vdev002", "vdev003")),
    "settings": frozenset(("memory", "processors", "topology", "vnuma")),
    "global_settings": frozenset(("power", "owner", "snapshots", "critical_error", "devices")),
}
"""Containers that are known by two of what they hold; all but the first lie in the first."""
_MOST_NOTICES: Final = 100
_MOST_REPAIRS: Final = 1000


@dataclass(slots=True)
class _Growth:
    storage: Storage
    copies: Iterable[Table]
    children: dict[Place, list[tuple[Place, Entry]]] = field(default_factory=dict)
    nodes: dict[Place, Node] = field(default_factory=dict)
    left: int = MOST_VALUES
    stood_in: int = 0


def grow(storage: Storage, copies: Iterable[Table]) -> Node:
    """The tree below a root without a name; `copies` are older images of tables, newest first."""
    growth = _Growth(storage, copies)
    for index, table in storage.tables.items():
        for offset, entry in table.entries.items():
            parent = entry.parent if entry.parent[1] else ROOT
            growth.children.setdefault(parent, []).append(((index, offset), entry))
    for keys in growth.children.values():
        keys.sort(key=lambda key: (key[1].sequence, key[0]))
    root = Node("")
    _fill(growth, ROOT, root, 0)
    _adopt(growth, root)
    if storage.partial:
        for node in growth.nodes.values():
            node.whole = False
    return root


def _fill(growth: _Growth, place: Place, node: Node, depth: int) -> None:
    """Hangs the keys below `place` into `node`, and theirs below them; each key once."""
    pending = [(place, node, depth)]
    while pending:
        place, node, depth = pending.pop()
        growth.nodes[place] = node
        if depth >= MOST_DEPTH:
            continue  # what it holds is put apart
        for where, entry in growth.children.pop(place, []):
            below = _node(growth, where, entry)
            node.children.append(below)
            if entry.is_node:
                pending.append((where, below, depth + 1))


def _node(growth: _Growth, place: Place, entry: Entry) -> Node:
    at = growth.storage.tables[place[0]].at + entry.offset
    kind, text = _TYPES[entry.type], ""
    if entry.in_file_object:
        kind, text = _from_file_object(growth, entry, at)
    elif not entry.is_node:
        text = text_of(entry.type, entry.data)
    return Node(entry.name, kind, text, at=at)


def text_of(kind: int, data: bytes) -> str:
    """A value as an XML configuration would have it."""
    if kind == STRING:
        return data.decode("utf-16-le", "surrogatepass" if len(data) % 2 == 0 else "replace"
                           ).removesuffix("\0")
    if kind == ARRAY:
        return base64.b64encode(data).decode("ascii")
    if kind == BOOL:
        return "True" if any(data) else "False"
    return str(struct.unpack({INT: "<q", UINT: "<Q", DOUBLE: "<d"}[kind], data)[0])


def value(entry: Entry) -> tuple[str, str]:
    """(type, text) of a key whose value is not looked for outside its entry."""
    if entry.in_file_object:
        size, at = struct.unpack("<IQ", entry.data)
        return FILE_OBJECT, f"{size} bytes at {at:#x}"
    return _TYPES[entry.type], text_of(entry.type, entry.data)


def _from_file_object(growth: _Growth, entry: Entry, at: int) -> tuple[str, str]:
    """(type, text) of a large value; where it is not read, its size and place are the text."""
    size, where = struct.unpack("<IQ", entry.data)
    told = value(entry)
    if size > min(LARGEST_VALUE, growth.left) or entry.type not in (STRING, ARRAY):
        return told
    growth.left -= size
    try:
        data = growth.storage.pages.exact(where, size)
    except EvidenceError as error:
        growth.storage.partial = True
        growth.storage.notices.append(Notice("VMCX-VALUE", f"value of {entry.name[:80]!a}: {error}",
                                             "its size and place are given instead", at))
        return told
    return _TYPES[entry.type], text_of(entry.type, data)


def _adopt(growth: _Growth, root: Node) -> None:
    """Gives every key a place whose container is lost, or whose ancestors run in a circle."""
    lost = _lost(growth)
    for _ in range(MOST_DEPTH):
        ready = [place for place, found in lost.items() if _can_hang(growth, found, lost)]
        for place in ready:
            _stand_in(growth, place, lost.pop(place), root)
    for place, found in lost.items():
        _stand_in(growth, place, found, root)
    for place in sorted(growth.children):
        if place in growth.children:
            _stand_in(growth, place, _APART, root)


@dataclass(frozen=True, slots=True)
class _Found:
    """A lost container as far as it is known, and from what."""

    entry: Entry | None
    basis: str


_APART: Final = _Found(None, "its containers run in a circle or too deep")


def _lost(growth: _Growth) -> dict[Place, _Found]:
    """Every place that keys name as their container and where there is none."""
    copies = {(table.index, offset): entry for table in reversed(list(growth.copies))
              for offset, entry in table.entries.items() if entry.is_node}
    present = {where for keys in growth.children.values() for where, _ in keys}
    pending = sorted((place for place in growth.children if place not in present), reverse=True)
    lost: dict[Place, _Found] = {}
    while pending:
        place = pending.pop()
        if place in lost:
            continue
        lost[place] = found = _container(growth, place, copies.get(place), len(lost))
        above = found.entry.parent if found.entry is not None else ROOT
        if above[1] and above not in present and above not in growth.nodes:
            pending.append(above)
    return lost


def _container(growth: _Growth, place: Place, copy: Entry | None, attempt: int) -> _Found:
    if growth.storage.entry(place) is not None:
        return _Found(None, "")  # a value, which holds nothing
    if copy is not None:
        return _Found(copy, "its name is that of an older copy")
    table = growth.storage.tables.get(place[0])
    if table is not None and attempt < _MOST_REPAIRS:
        entry = vmcx_salvage.repaired_node(table.data, place[1])
        if entry is not None:
            return _Found(entry, "one byte of it was wrong; its checksum tells which")
    return _Found(None, "")


def _can_hang(growth: _Growth, found: _Found, lost: Mapping[Place, _Found]) -> bool:
    """Whether the container of this one has its place in the tree already."""
    if found.entry is None or not found.entry.parent[1]:
        return True
    above = found.entry.parent
    return above in growth.nodes or (above not in lost and growth.storage.entry(above) is None)


def _stand_in(growth: _Growth, place: Place, found: _Found, root: Node) -> None:
    """Puts a node where the lost one was, and what it held below it."""
    keys = growth.children.get(place, [])
    above, name, what = _position(growth, place, found, root)
    node = Node(name)
    above.children.append(node)
    growth.storage.partial = True
    growth.stood_in += 1
    if growth.stood_in <= _MOST_NOTICES:
        where = f"the container of {len(keys)} keys, at {place[1]:#x} of table {place[0]}"
        state = "runs in a circle or too deep" if found is _APART else "is lost"
        growth.storage.notices.append(Notice("VMCX-NODE", f"{where}, {state}", what))
    _fill(growth, place, node, 1)


def _position(growth: _Growth, place: Place, found: _Found, root: Node) -> tuple[Node, str, str]:
    """(container, name, what to say) of the node that stands in."""
    if found.entry is not None:
        above = growth.nodes.get(found.entry.parent, root) if found.entry.parent[1] else root
        return above, found.entry.name, f"{found.basis}: {found.entry.name!a}"
    if found is _APART:
        name = f"_apart_{place[0]}_{place[1]:#x}"
        return root, name, f"they stand below {name!a}"
    names = {entry.name for _, entry in growth.children.get(place, [])}
    for name, known in _KNOWN_BY.items():
        if len(known & names) >= 2:
            above = root if name == "configuration" else root.child("configuration") or root
            return above, name, f"taken for {name!a}, by what it holds"
    name = f"_lost_{place[0]}_{place[1]:#x}"
    return root, name, f"they stand below {name!a}"
