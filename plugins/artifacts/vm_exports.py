"""Exports of Server 2008 and 2008 R2 that were not imported."""

from collections.abc import Iterator

from analyzer.machines import inventory
from analyzer.machines.exports import Export
from analyzer.machines.setting_records import setting_record
from analyzer.plugin import artifact
from analyzer.records import Record, VmExport, VmSetting
from analyzer.system import WindowsSystem


@artifact(VmExport, VmSetting)
def vm_exports(system: WindowsSystem) -> Iterator[Record]:
    """Whose export each is, its disks, and every leaf of its config.xml."""
    for export in inventory(system).exports:
        for record in _records(export):
            yield system.own(export.machine.own(record))


def _records(export: Export) -> Iterator[Record]:
    machine, said, folder = export.machine, export.description, export.folder
    yield VmExport(
        source=machine.file.placed(), name=machine.configuration.name,
        path=folder.path if folder is not None else "", configuration_path=machine.file.path,
        description_path=said.item.path if said is not None else "",
        description=said.state if said is not None else "absent",
        named_disks=said.named_disks() if said is not None else (),
        disks=tuple(item.path for item in export.disks),
        created_at=folder.entry.times.si_created if folder is not None else None)
    if said is not None:
        for setting in said.settings:
            yield setting_record(setting, said.item.placed(), understood=False)
