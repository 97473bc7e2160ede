"""Drives, network adapters and other devices of machines and snapshots."""

from collections.abc import Iterator

from analyzer.formats.vm_adapters import Adapter
from analyzer.formats.vm_configuration import VmConfiguration
from analyzer.machines import Drive, inventory
from analyzer.machines.model import Configured
from analyzer.plugin import artifact
from analyzer.records import Record, VmDevice, VmDrive, VmNetworkAdapter
from analyzer.source import Source
from analyzer.system import WindowsSystem


@artifact(VmDrive, VmNetworkAdapter, VmDevice)
def hardware(system: WindowsSystem) -> Iterator[Record]:
    """What each configuration holds, drive files looked up in the evidence."""
    for configured in inventory(system).configured():
        for record in _records(configured, configured.file.placed()):
            yield system.own(configured.own(record))


def _records(configured: Configured, source: Source) -> Iterator[Record]:
    for drive in configured.drives:
        yield _drive(drive, source)
    for adapter in configured.configuration.adapters:
        yield _adapter(adapter, source)
    yield from _devices(configured.configuration, source)


def _drive(drive: Drive, source: Source) -> VmDrive:
    qos = drive.qos
    return VmDrive(
        source=source, controller=drive.controller, controller_number=drive.controller_number,
        slot=drive.slot, medium=drive.medium, path=drive.path, state=drive.state,
        state_basis=drive.why, undo_path=drive.undo_path,
        resolved_path=drive.item.source.address if drive.item is not None else "",
        iops_limit=qos.iops_limit if qos else None,
        iops_reservation=qos.iops_reservation if qos else None,
        qos_weight=qos.weight if qos else None,
        is_shared=qos.is_shared if qos else None, qos_policy_id=qos.policy_id if qos else "")


def _adapter(adapter: Adapter, source: Source) -> VmNetworkAdapter:
    return VmNetworkAdapter(
        source=source, name=adapter.name, adapter=adapter.adapter, mac=adapter.mac,
        mac_is_static=adapter.mac_is_static, is_connected=adapter.is_connected,
        switch_id=adapter.switch_id, switch_name=adapter.switch_name, port_name=adapter.port_name,
        channel_id=adapter.channel_id, cluster_monitored=adapter.cluster_monitored,
        prevents_ip_spoofing=adapter.prevents_ip_spoofing, pool_id=adapter.pool_id,
        replica_test_switch=adapter.replica_test_switch)


def _devices(said: VmConfiguration, source: Source) -> Iterator[VmDevice]:
    for port in said.com_ports:
        yield VmDevice(source=source, name=f"COM{port.number}", device="COM port",
                       setting=port.path)
    for component in said.components:
        yield VmDevice(source=source, name=component.name, device="integration component",
                       device_id=component.device_id, instance_id=component.instance,
                       enabled=component.enabled)
    for other in said.devices:
        yield VmDevice(source=source, name=other.name, device="device", device_id=other.device_id,
                       instance_id=other.instance, setting=other.setting,
                       channel_id=other.channel_id)
