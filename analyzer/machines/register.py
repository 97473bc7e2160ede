"""The register of hosts of 2016 and later, `data.vmcx`, and what it leads to.

A registered machine whose configuration is gone is stated as such; the service's own copy of the
configuration (`Virtual Machines Cache`) is used in its place, and that is said.
"""

from analyzer.errors import EvidenceError, Notice, NotInEvidence
from analyzer.formats import vm_register, vm_settings, vmcx
from analyzer.formats.vm_register import Registration
from analyzer.machines.configurations import Found, look_into
from analyzer.machines.model import MissingConfiguration, RegisterFile
from analyzer.system import REGISTER, WindowsSystem
from analyzer.volume import Item


def search(system: WindowsSystem, found: Found) -> None:
    """Reads `data.vmcx`, if there is one, and every configuration that it names."""
    if system.windows is None:
        return
    place = f"{system.windows.volume.windows_path('/')}{REGISTER}\\data.vmcx"
    try:
        item = system.find(place)
    except EvidenceError as error:
        system.cover(place, "unreadable")
        system.problem(error, system.source.at(place), "which machines are registered is not known")
        return
    if item is None:
        system.cover(place, "absent")  # a host before 2016 has none
        return
    found.seen.add((item.volume.source.address, item.entry.inode))
    try:
        file = vmcx.open_vmcx(item.blocks())
        rows = vm_register.registrations(file)
    except EvidenceError as error:
        system.cover(place, "unreadable")
        system.problem(error, item.source, "which machines are registered is not known")
        return
    system.cover(place, "partial" if file.partial else "read")
    system.notices(file.notices, item.source)
    found.registers.append(RegisterFile(
        item, tuple(file.former), file.settings,
        frozenset(key for node in file.top for key in vm_settings.understood(node))))
    for row in rows:
        _follow(system, found, item, row)
    if not file.partial:
        named = {row.vm_id for row in rows}
        for machine in found.machines:
            if machine.format == "vmcx" and machine.vm_id not in named:
                machine.registered = False  # its folder alone registers no machine any more


def _follow(system: WindowsSystem, found: Found, register: Item, row: Registration) -> None:
    """Takes the configuration of one registered machine, or its copy, or states that it is gone."""
    original, why = _find(system, row.path)
    copy, _ = _find(system, row.cache_path) if row.cache_path else (None, "")
    held = None
    if original is not None and _take(system, found, original):
        held = _held(found, original)
    if held in ("", row.vm_id):
        if copy is not None:  # of a machine that is here: no other one
            found.seen.add((copy.volume.source.address, copy.entry.inode))
        return
    if held is not None:
        why = f"the file holds the configuration of {held}"
    missing = MissingConfiguration(register, row.vm_id, row.path, why or "it cannot be read",
                                   row.at)
    found.missing.append(missing)
    before = len(found.machines)
    if copy is not None and _take(system, found, copy):
        for machine in found.machines[before:]:
            machine.stands_for = row.path
            missing.copies.append(machine)
    effect = f"described by the copy {row.cache_path}" if missing.copies else "it is not described"
    what = f"machine {row.vm_id} is registered with {row.path or 'no path'}: {missing.why}"
    system.notice(Notice("VM-REGISTER", what, effect, row.at), register.source)


def _held(found: Found, item: Item) -> str | None:
    """Id of the machine or a snapshot's machine whose configuration the file is; None for none."""
    place = item.volume.source.address, item.entry.inode
    return next((one.vm_id for one in (*found.machines, *found.nodes)
                 if (one.file.volume.source.address, one.file.entry.inode) == place), None)


def _take(system: WindowsSystem, found: Found, item: Item) -> bool:
    """Whether the file is a configuration, taken now or before."""
    known = len(found.machines) + len(found.nodes)
    if (item.volume.source.address, item.entry.inode) in found.seen:
        return True
    look_into(system, item, found, registered=True)
    return len(found.machines) + len(found.nodes) > known


def _find(system: WindowsSystem, path: str) -> tuple[Item | None, str]:
    """(item, why there is none)."""
    try:
        item = system.find(path)
    except NotInEvidence as error:
        return None, error.what
    except EvidenceError as error:
        return None, str(error)
    return item, "" if item is not None else "there is no such file"
