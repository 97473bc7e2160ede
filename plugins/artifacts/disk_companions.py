"""Change tracking, replica logs and other files that accompany virtual disks."""

from collections.abc import Iterator

from analyzer.machines import inventory
from analyzer.plugin import artifact
from analyzer.records import DiskCompanion, Record
from analyzer.system import WindowsSystem


@artifact(DiskCompanion)
def disk_companions(system: WindowsSystem) -> Iterator[Record]:
    """Files beside virtual disks that tell of backup, replication, VHD Sets or resumed merges."""
    for one in inventory(system).companions:
        entry = one.item.entry
        yield system.own(DiskCompanion(
            source=one.item.placed(), path=one.item.path, companion=one.kind,
            disk_path=one.disk_path, basis=one.basis, size=entry.size,
            changed_at=entry.times.si_modified))
