"""Virtual machines of a host."""

from collections.abc import Iterator
from dataclasses import replace

from analyzer.accounts import accounts
from analyzer.formats import vmc
from analyzer.machines import Machine, inventory
from analyzer.machines.access import Subject, only_in_lists
from analyzer.machines.configurations import GUID
from analyzer.machines.inventory import places_looked_at
from analyzer.machines.model import DanglingLink, MissingConfiguration
from analyzer.machines.traits import traits
from analyzer.plugin import artifact
from analyzer.records import Record, VirtualMachine
from analyzer.system import WindowsSystem


@artifact(VirtualMachine)
def virtual_machines(system: WindowsSystem) -> Iterator[Record]:
    """Every machine that has, or had, a configuration or a right to files on the volumes."""
    found = inventory(system)
    for machine, words in zip(found.machines, traits(system, found.machines), strict=True):
        owner = accounts(system).name(machine.configuration.owner_sid)
        yield system.own(replace(_record(machine, owner), traits=words))
    for link in found.dangling:
        if link.item.folder.lower() == "virtual machines":
            yield system.own(_dangling(link))
    for missing in found.missing:
        if not missing.copies:
            yield system.own(_missing(missing))
    for vm_id, subject in only_in_lists(system).items():
        yield system.own(_only_in_list(vm_id, subject))
    if not found.machines and system.windows is not None:
        for place in places_looked_at(system):
            system.cover(f"{place}: configurations of machines", "absent")


def _record(machine: Machine, owner_name: str) -> VirtualMachine:
    said, saved = machine.configuration, machine.configuration.saved_state
    memory, processors = said.memory, said.processors
    program = vmc.traits(said)
    return VirtualMachine(
        source=machine.file.placed(), vm_id=machine.vm_id, name=said.name, notes=said.notes,
        configuration_version=said.version, format=machine.format, state=machine.state,
        generation=said.generation, memory_mb=memory.size_mb, memory_minimum_mb=memory.minimum_mb,
        memory_maximum_mb=memory.maximum_mb, memory_buffer_percent=memory.buffer_percent,
        memory_weight=memory.weight, processor_count=processors.count,
        processor_reservation=processors.reservation, processor_limit=processors.limit,
        processor_weight=processors.weight, numa_enabled=memory.numa_enabled,
        numa_node_memory_mb=memory.numa_node_mb, numa_node_processors=processors.per_numa_node,
        numa_socket_nodes=processors.numa_nodes_per_socket, boot_order=said.boot_order,
        start_action=said.start_action, stop_action=said.stop_action,
        crash_action=said.host.crash_action,
        critical_error_action=said.host.critical_error_action,
        highly_available=said.host.highly_available,
        replication=said.host.replication, checkpoint_type=said.host.checkpoint_type,
        automatic_checkpoints=said.host.automatic_checkpoints,
        disk_merge_pending=said.disk_merge_pending,
        secure_boot=said.firmware.secure_boot,
        secure_boot_template=said.firmware.secure_boot_template,
        generation_id=said.host.generation_id, made_with=program.creator,
        changed_with=program.modifier, guest_os=program.guest_os, guest_clock=program.clock,
        data_root=said.data_root,
        snapshot_root=said.snapshot_root, smart_paging_root=said.host.smart_paging_root,
        firmware_changed_at=said.firmware.updated_at, bios_guid=said.bios_guid,
        bios_serial=said.bios_serial, owner_sid=said.owner_sid,
        owner_name=owner_name, configuration_path=machine.file.path,
        registration_path=machine.link.path if machine.link else "",
        saved_state_path=saved.memory_path or saved.state_path if saved else "",
        has_saved_state=bool(machine.saved_state), partial=said.partial,
        created_at=said.created_at, powered_on_at=said.powered_on_at,
        powered_off_at=said.powered_off_at, state_changed_at=said.state_changed_at)


def _dangling(link: DanglingLink) -> VirtualMachine:
    match = GUID.fullmatch(link.item.name)
    return VirtualMachine(
        source=link.item.entry_source(), vm_id=match[1].upper() if match else "", name="",
        format="none", state="dangling link", configuration_path=link.target,
        registration_path=link.item.path)


def _missing(missing: MissingConfiguration) -> VirtualMachine:
    key = f"Configurations/VirtualMachines/_{missing.vm_id}_"
    return VirtualMachine(
        source=missing.item.source.at(key, missing.at), vm_id=missing.vm_id, name="",
        format="none", state="registered, configuration missing",
        configuration_path=missing.path, registration_path=missing.item.path)


def _only_in_list(vm_id: str, subject: Subject) -> VirtualMachine:
    return VirtualMachine(source=subject.source, vm_id=vm_id, name="", format="none",
                          state="no configuration, in access lists", access_path=subject.path)
