"""Every setting of machines and snapshots, and what repeats in them."""

from collections.abc import Iterator
from dataclasses import replace

from analyzer.formats import vm_metrics
from analyzer.formats.vm_adapters import Adapter
from analyzer.formats.vm_configuration import VmConfiguration
from analyzer.formats.vm_firmware import BootEntry
from analyzer.formats.vm_metrics import Metric
from analyzer.machines import inventory
from analyzer.machines.setting_records import setting_record
from analyzer.plugin import artifact
from analyzer.records import Record, VmAdapterFeature, VmBootEntry, VmMetric, VmSetting
from analyzer.source import Source
from analyzer.system import WindowsSystem


@artifact(VmSetting, VmAdapterFeature, VmBootEntry, VmMetric)
def machine_settings(system: WindowsSystem) -> Iterator[Record]:
    """Every leaf of each configuration; features of adapters, EFI boot entries and metrics.

    Leaves of the register and of run-time state are of no machine here: keys may be the same.
    """
    found = inventory(system)
    for configured in found.configured():
        for record in _records(configured.configuration, configured.file.placed()):
            yield system.own(configured.own(record))
    for register in found.registers:
        for setting in register.settings:
            yield system.own(setting_record(setting, register.item.placed(),
                                            understood=setting.key in register.understood))
    for runtime in found.runtimes:
        for setting in runtime.settings:
            yield system.own(setting_record(setting, runtime.item.placed(),
                                            understood=setting.key in runtime.understood))
        for metric in runtime.metrics:
            record = replace(_metric(metric, runtime.item.placed()), vm_id=runtime.state_id)
            yield system.own(runtime.owner.own(record) if runtime.owner is not None else record)


def _records(said: VmConfiguration, source: Source) -> Iterator[Record]:
    for setting in said.settings:
        yield setting_record(setting, source, understood=setting.key in said.understood)
    for adapter in said.adapters:
        yield from _features(adapter, source)
    for entry in said.firmware.entries:
        yield _boot_entry(entry, said, source)
    for metric in said.metrics:
        yield _metric(metric, source)


def _metric(metric: Metric, source: Source) -> VmMetric:
    return VmMetric(source=source, device_id=metric.device_id, instance_id=metric.instance,
                    place=metric.place,
                    definition_id=metric.definition_id,
                    metric=vm_metrics.NAMES.get(metric.definition_id, ""), enabled=metric.enabled,
                    metric_value=metric.value, resource_id=metric.resource_id)


def _features(adapter: Adapter, source: Source) -> Iterator[VmAdapterFeature]:
    for feature in adapter.features:
        yield VmAdapterFeature(
            source=source, adapter_name=adapter.name, mac=adapter.mac, feature=feature.name,
            feature_id=feature.feature_id, setting_id=feature.setting_id,
            data_version=feature.version, meaning=feature.meaning,
            data=feature.data.hex() if feature.data is not None else "")


def _boot_entry(entry: BootEntry, said: VmConfiguration, source: Source) -> VmBootEntry:
    option = entry.option
    names = {device.channel_id: device.name for device in said.devices}
    names |= {adapter.channel_id: adapter.name for adapter in said.adapters}
    owner = names.get(option.channel_id, "") if option.channel_id else ""
    return VmBootEntry(
        source=source.in_detail(entry.key), option_number=entry.number, position=entry.position,
        name=option.description, is_active=option.is_active, device=option.device,
        channel_id=option.channel_id, target="; ".join(filter(None, (owner, option.target))),
        path=option.file_path)
