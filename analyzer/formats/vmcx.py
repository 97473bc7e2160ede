"""VMCX and VMRS: configurations and run-time state of Windows Server 2016 and later.

The container is HyperVStorage (vmcx_file, vmcx_keys, vmcx_log, vmcx_storage); its keys make the
tree that XML configurations have too (vmcx_tree), which vm_configuration reads. What the file
no longer uses and still holds is in `former` (vmcx_history).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from analyzer.errors import Corrupt, Notice, NotThisFormat
from analyzer.formats import (
    vm_configuration,
    vm_settings,
    vmcx_consistency,
    vmcx_history,
    vmcx_tree,
)
from analyzer.formats.readable import Readable
from analyzer.formats.vm_configuration import VmConfiguration
from analyzer.formats.vm_settings import Node, Setting
from analyzer.formats.vmcx_file import MAGIC, OBJECTS
from analyzer.formats.vmcx_history import FormerValue
from analyzer.formats.vmcx_keys import Place
from analyzer.formats.vmcx_storage import Storage, open_storage

__all__ = ["MAGIC", "OBJECTS", "FormerValue", "Vmcx", "open_vmcx", "parse"]

_ROOT: Final = "configuration"
_OURS: Final = ("properties/global_id", "properties/type_id", "properties/name", "manifest",
                "settings", "global_settings")
"""What the configuration of a machine has, and its run-time state has not."""


@dataclass(eq=False)
class Vmcx:
    """One file. `top` are the containers below its nameless root, mostly one."""

    storage: Storage
    top: tuple[Node, ...]
    settings: tuple[Setting, ...]
    """Every leaf."""
    images: list[vmcx_history.Image]

    @property
    def notices(self) -> list[Notice]:
        """What was noticed so far."""
        return self.storage.notices

    @property
    def partial(self) -> bool:
        """Whether keys are missing, or may be."""
        return self.storage.partial

    @cached_property
    def former(self) -> list[FormerValue]:
        """Values that the file no longer uses."""
        return vmcx_history.former_values(self.storage, self.images)

    @cached_property
    def places(self) -> dict[int, Place]:
        """Offset in the file of each key -> (table, offset in it)."""
        return {table.at + offset: (index, offset)
                for index, table in self.storage.tables.items() for offset in table.entries}

    def root(self, name: str) -> Node | None:
        """The container of this name at the top."""
        return next((node for node in self.top if node.name == name), None)

    def configuration(self) -> VmConfiguration:
        """The machine's or snapshot's.

        Raises NotThisFormat where the file is none of these, Corrupt where that is not known.
        """
        root = self.root(_ROOT)
        if root is None or not any(root.child(path) for path in _OURS):
            if self.partial:
                raise Corrupt("what is left of this file tells of no machine")
            raise NotThisFormat("a HyperVStorage file of something other than a machine")
        return vm_configuration.build(root, self.settings, list(self.notices),
                                      partial=self.partial)


def open_vmcx(blocks: Readable) -> Vmcx:
    """Reads the keys of a file; values in file objects stay where they are.

    Raises NotThisFormat where it is none, Corrupt where nothing of it can be read.
    """
    storage = open_storage(blocks)
    images = vmcx_history.images(storage)
    former = [image.table for image in images]
    vmcx_consistency.check(storage, former)
    root = vmcx_tree.grow(storage, former)
    for node in root.children:
        vm_settings.number(node)
    settings = tuple(leaf for node in root.children for leaf in vm_settings.leaves(node))
    if not settings:
        raise Corrupt("a HyperVStorage file without one setting")
    return Vmcx(storage, tuple(root.children), settings, images)


def parse(blocks: Readable) -> VmConfiguration:
    """The configuration in a VMCX file; see `open_vmcx`, `Vmcx.configuration`."""
    return open_vmcx(blocks).configuration()
