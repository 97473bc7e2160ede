"""What a mounted disk shows: `disk.raw`, and a folder for each volume that can be read.

    disk.raw            the disk as its computer sees it
    C/  p2/             a volume, by drive letter or number; allocated files and folders
    p2.problem.txt      in the place of a volume that cannot be read: why
    file:stream         a named stream, beside its file or folder
"""

import posixpath
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from analyzer.blocks import Blocks, Memory
from analyzer.errors import Corrupt, EvidenceError
from analyzer.filesystem.ntfs import Times
from analyzer.links import is_link, link_target
from analyzer.mounting.names import distinct, shown_name, unresolved_text
from analyzer.source import unescape_name
from analyzer.system import WindowsSystem
from analyzer.volume import Item, MountedVolume

DISK: Final = "disk.raw"
_FOLDERS_KEPT: Final = 256
"""Folders whose names are kept; the others are read again."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One thing shown. `item` is None for what is in no volume, `parent` for the top folder.

    blocks  the content of what is in no volume
    """

    kind: Literal["directory", "file", "link"]
    parent: "Node | None" = None
    item: Item | None = None
    size: int = 0
    blocks: Blocks | None = None

    @property
    def times(self) -> Times:
        """Those of its MFT entry; none for what is in no volume."""
        return self.item.entry.times if self.item is not None else Times()


class Tree:
    """The folders shown for one disk. Paths begin with `/` and use the names shown.

    Not for use by several threads at once.
    """

    def __init__(self, system: WindowsSystem) -> None:
        self._system = system
        self._root = Node("directory")
        self._folders: OrderedDict[str, dict[str, Node]] = OrderedDict()

    def node(self, path: str) -> Node | None:
        """What is shown at a path; None where nothing is.

        Raises EvidenceError where a folder on the way cannot be read.
        """
        node, folder = self._root, "/"
        for name in path.split("/"):
            if not name:
                continue
            below = self._children(folder, node).get(name) if node.kind == "directory" else None
            if below is None:
                return None
            node, folder = below, posixpath.join(folder, name)
        return node

    def children(self, path: str) -> dict[str, Node]:
        """What is in the folder at a path, by name; empty where there is no such folder.

        Raises EvidenceError where it cannot be read.
        """
        node = self.node(path)
        if node is None or node.kind != "directory":
            return {}
        return self._children(posixpath.normpath(path), node)

    def open(self, node: Node) -> Blocks:
        """The content of a file; raises EvidenceError where it cannot be opened."""
        if node.blocks is not None:
            return node.blocks
        assert node.item is not None
        return node.item.blocks()

    def link_text(self, path: str, node: Node) -> str:
        """Where the link at a path leads: relative, inside the mounted disk, or nowhere.

        The text is worked out from where Windows would go; what the link says is never handed
        to the examiner's system as a path.
        """
        assert node.item is not None
        try:
            target = self._system.find(node.item.path)
            shown = self._shown_path(target) if target is not None else None
        except EvidenceError:
            shown = None
        if shown is not None:
            return posixpath.relpath(shown, posixpath.dirname(path))
        reparse = node.item.entry.reparse
        return unresolved_text(link_target(reparse) if reparse is not None else "")

    def _shown_path(self, target: Item) -> str | None:
        """The path at which an item is shown; None where another or none is shown there."""
        parts = [part for part in target.entry.path.split("/") if part]
        for spelled in (parts, [unescape_name(part) for part in parts]):
            path = "/".join(["", _folder_name(target.volume), *map(shown_name, spelled)])
            node = self.node(path)
            if node is not None and node.item is not None \
                    and node.item.entry.inode == target.entry.inode:
                return path
        return None

    def _children(self, path: str, node: Node) -> dict[str, Node]:
        known = self._folders.get(path)
        if known is None:
            known = {}
            for name, child in self._top() if node.item is None else _inside(node, node.item):
                known[distinct(name, known)] = child
            self._folders[path] = known
            if len(self._folders) > _FOLDERS_KEPT:
                self._folders.popitem(last=False)
        self._folders.move_to_end(path)
        return known

    def _top(self) -> Iterator[tuple[str, Node]]:
        disk = self._system.media[0].blocks
        yield DISK, Node("file", self._root, size=disk.size, blocks=disk)
        for volume in self._system.volumes:
            name = _folder_name(volume)
            if volume.filesystem is not None:
                yield from _shown(name, volume.root(), self._root)
            else:
                text = Memory(f"{_problem(volume)}\n".encode(errors="backslashreplace"))
                yield f"{name}.problem.txt", Node("file", self._root, size=text.size, blocks=text)


def _folder_name(volume: MountedVolume) -> str:
    return volume.name.removesuffix(":")


def _problem(volume: MountedVolume) -> str:
    why = volume.failure or volume.partition.unsupported or \
        f"a volume of format {volume.partition.format} is not decoded"
    place = f"{volume.partition.size} bytes at byte {volume.partition.offset} of {DISK}"
    return f"{volume.source.address}: {place}: {why}"


def _inside(node: Node, item: Item) -> Iterator[tuple[str, Node]]:
    """What is in a directory; raises Corrupt for one that is inside itself."""
    above = node.parent
    while above is not None and above.item is not None:
        if above.item.entry.inode == item.entry.inode:
            raise Corrupt(f"{item.path} is a directory inside itself")
        above = above.parent
    for child in item.children():
        if child.entry.allocated:
            yield from _shown(shown_name(child.name), child, node)


def _shown(name: str, item: Item, parent: Node) -> Iterator[tuple[str, Node]]:
    """An item and its named streams."""
    entry, make = item.entry, partial(Node, parent=parent)
    if is_link(entry):
        yield name, make("link", item=item)
    elif entry.is_directory:
        yield name, make("directory", item=item)
    else:
        yield name, make("file", item=item, size=entry.size)
    for stream in entry.streams:
        yield shown_name(f"{name}:{stream.name}"), make(
            "file", item=Item(item.volume, entry, stream.name), size=stream.size)
