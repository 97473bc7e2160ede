"""Drives, network adapters and other devices of machines and snapshots."""

from collections.abc import Iterator

from analyzer.machines import Drive, Node, inventory
from analyzer.machines.model import Configured
from analyzer.plugin import artifact
from analyzer.records import Record, VmDevice, VmDrive, VmNetworkAdapter
from analyzer.source import Source
from analyzer.system import WindowsSystem


@artifact(VmDrive, VmNetworkAdapter, VmDevice)
def hardware(system: WindowsSystem) -> Iterator[Record]:
    """What each configuration holds, drive files looked up in the evidence."""
    for configured in inventory(system).configured():
        source, vm_id = configured.file.placed(), configured.vm_id
        snapshot_id = configured.snapshot_id if isinstance(configured, Node) else ""
        for drive in configured.drives:
            yield system.own(_drive(drive, source, vm_id, snapshot_id))
        for adapter in configured.configuration.adapters:
            yield system.own(VmNetworkAdapter(
                source=source, vm_id=vm_id, snapshot_id=snapshot_id, name=adapter.name,
                adapter=adapter.adapter, mac=adapter.mac, mac_is_static=adapter.mac_is_static,
                is_connected=adapter.is_connected, switch_id=adapter.switch_id,
                switch_name=adapter.switch_name, port_name=adapter.port_name))
        for device in _devices(configured, source, snapshot_id):
            yield system.own(device)


def _drive(drive: Drive, source: Source, vm_id: str, snapshot_id: str) -> VmDrive:
    return VmDrive(
        source=source, vm_id=vm_id, snapshot_id=snapshot_id, controller=drive.controller,
        controller_number=drive.controller_number, slot=drive.slot, medium=drive.medium,
        path=drive.path, state=drive.state, state_basis=drive.why,
        resolved_path=drive.item.source.address if drive.item is not None else "")


def _devices(configured: Configured, source: Source, snapshot_id: str) -> Iterator[VmDevice]:
    said, vm_id = configured.configuration, configured.vm_id
    for port in said.com_ports:
        yield VmDevice(source=source, vm_id=vm_id, snapshot_id=snapshot_id,
                       name=f"COM{port.number}", device="COM port", setting=port.path)
    for component in said.components:
        yield VmDevice(source=source, vm_id=vm_id, snapshot_id=snapshot_id,
                       name=component.name, device="integration component",
                       device_id=component.device_id, enabled=component.enabled)
    for other in said.devices:
        yield VmDevice(source=source, vm_id=vm_id, snapshot_id=snapshot_id, name=other.name,
                       device="device", device_id=other.device_id)
