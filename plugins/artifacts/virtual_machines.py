"""Virtual machines of a host."""

from collections.abc import Iterator
from dataclasses import replace

from analyzer.accounts import accounts
from analyzer.formats import vmc
from analyzer.formats.vm_configuration import VmConfiguration
from analyzer.formats.vmcx import FormerValue
from analyzer.machines import Machine, inventory
from analyzer.machines.access import Subject, only_in_lists
from analyzer.machines.configurations import GUID
from analyzer.machines.inventory import places_looked_at
from analyzer.machines.model import DanglingLink, MissingConfiguration, RegisterFile
from analyzer.machines.traits import traits
from analyzer.plugin import artifact
from analyzer.records import ONCE_REGISTERED, Record, VirtualMachine
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
    listed = only_in_lists(system)
    for vm_id, subject in listed.items():
        yield system.own(_only_in_list(vm_id, subject))
    for vm_id, (register, value) in found.once_registered().items():
        if vm_id not in listed:
            yield system.own(_once_registered(vm_id, register, value))
    if not found.machines and system.windows is not None:
        for place in places_looked_at(system):
            system.cover(f"{place}: configurations of machines", "absent")


def _record(machine: Machine, owner_name: str) -> VirtualMachine:
    said, saved = machine.configuration, machine.configuration.saved_state
    host, program = said.host, vmc.traits(said)
    record = VirtualMachine(
        source=machine.file.placed(), vm_id=machine.vm_id, name=said.name, notes=said.notes,
        configuration_version=said.version, format=machine.format, state=machine.state,
        start_action=said.start_action, stop_action=said.stop_action,
        crash_action=host.crash_action, stopped_at_host_shutdown=host.stopped_at_host_shutdown,
        critical_error_action=host.critical_error_action, highly_available=host.highly_available,
        replication=host.replication, security=host.security,
        checkpoint_type=host.checkpoint_type, automatic_checkpoints=host.automatic_checkpoints,
        recorded_snapshots=host.snapshot_count, disk_merge_pending=said.disk_merge_pending,
        generation_id=host.generation_id, made_with=program.creator,
        changed_with=program.modifier, guest_os=program.guest_os, guest_clock=program.clock,
        data_root=said.data_root, snapshot_root=said.snapshot_root,
        smart_paging_root=host.smart_paging_root, owner_sid=said.owner_sid,
        owner_name=owner_name, configuration_path=machine.file.path,
        registration_path=machine.link.path if machine.link else "",
        saved_state_path=saved.memory_path or saved.state_path if saved else "",
        saved_state_type=saved.type if saved else "",
        has_saved_state=bool(machine.saved_state), partial=said.partial,
        created_at=said.created_at, powered_on_at=said.powered_on_at,
        powered_off_at=said.powered_off_at, state_changed_at=said.state_changed_at)
    return _with_hardware(record, said)


def _with_hardware(record: VirtualMachine, said: VmConfiguration) -> VirtualMachine:
    """The record with processors, memory and firmware."""
    memory, processors, firmware = said.memory, said.processors, said.firmware
    return replace(
        record, generation=said.generation, memory_mb=memory.size_mb,
        memory_minimum_mb=memory.minimum_mb, memory_maximum_mb=memory.maximum_mb,
        memory_buffer_percent=memory.buffer_percent, memory_weight=memory.weight,
        processor_count=processors.count, processor_reservation=processors.reservation,
        processor_limit=processors.limit, processor_weight=processors.weight,
        processor_limits_features=processors.limits_features,
        processor_limits_cpuid=processors.limits_cpuid,
        nested_virtualization=processors.nested_virtualization,
        low_mmio_mb=memory.low_mmio_mb, high_mmio_mb=memory.high_mmio_mb,
        numa_enabled=memory.numa_enabled, numa_node_memory_mb=memory.numa_node_mb,
        numa_node_processors=processors.per_numa_node,
        numa_socket_nodes=processors.numa_nodes_per_socket, boot_order=said.boot_order,
        secure_boot=firmware.secure_boot, secure_boot_template=firmware.secure_boot_template,
        firmware_changed_at=firmware.updated_at, bios_guid=said.bios_guid,
        bios_serial=said.bios_serial, board_serial=firmware.board_serial,
        chassis_serial=firmware.chassis_serial, asset_tag=firmware.asset_tag)


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


def _once_registered(vm_id: str, register: RegisterFile, value: FormerValue) -> VirtualMachine:
    return VirtualMachine(
        source=register.item.placed().at(value.key, value.at), vm_id=vm_id, name="",
        format="none", state=ONCE_REGISTERED, configuration_path=value.text,
        registration_path=register.item.path)


def _only_in_list(vm_id: str, subject: Subject) -> VirtualMachine:
    return VirtualMachine(source=subject.source, vm_id=vm_id, name="", format="none",
                          state="no configuration, in access lists", access_path=subject.path)
