"""`data.vmcx`: the register of machines that a host of 2016 and later keeps.

    Configurations / VirtualMachines / _<GUID>_ = path of the configuration in use
                   / VirtualMachinesCache / _<GUID>_ = path of the service's own copy of it
                   / ResourceTypes / _<GUID>_ = path
                   / FormatVersion, RegID

Source: FIELD-GUIDE 4, from one real register; docs/formats/vmcx.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.errors import NotThisFormat
from analyzer.formats import guid
from analyzer.formats.vm_settings import Node
from analyzer.formats.vmcx import Vmcx

_ROOT: Final = "Configurations"


@dataclass(frozen=True, slots=True)
class Registration:
    """One machine of the register; `cache_path` is "" where it has no copy."""

    vm_id: str
    path: str
    cache_path: str
    at: int | None
    """Byte offset of the key in the file."""


def registrations(file: Vmcx) -> list[Registration]:
    """Every registered machine, one that is named twice twice.

    Raises NotThisFormat for any other HyperVStorage file.
    """
    root = file.root(_ROOT)
    if root is None:
        raise NotThisFormat("a HyperVStorage file without Configurations")
    machines, copies = (list(_paths(root.child(name))) for name in
                        ("VirtualMachines", "VirtualMachinesCache"))
    cache = {vm_id: path for vm_id, path, _ in reversed(copies)}
    return [Registration(vm_id, path, cache.get(vm_id, ""), at) for vm_id, path, at in machines]


def vm_id_of(key: str) -> str:
    """The GUID that the last part of a key is, `_<GUID>_`; "" for others."""
    return guid.normalise(key.rpartition("/")[2].partition("[")[0].strip("_"))


def is_machine(key: str) -> bool:
    """Whether the key of a former value is that of a machine: not of a copy or a resource type.

    One whose containers are lost is taken for none.
    """
    return key.startswith(f"{_ROOT}/VirtualMachines/")


def _paths(node: Node | None) -> Iterator[tuple[str, str, int | None]]:
    """(GUID, path, offset)."""
    for child in node.children if node is not None else ():
        if vm_id := vm_id_of(child.name):
            yield vm_id, child.own_text(), child.at
