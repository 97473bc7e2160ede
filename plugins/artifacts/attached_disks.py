"""Virtual disks that were attached to a system itself, by its own registry."""

from collections.abc import Iterator

from analyzer.errors import EvidenceError
from analyzer.filesystem.volumes import read_partitions
from analyzer.formats.device_properties import times_of
from analyzer.formats.hive import Key
from analyzer.letters import Mounted, mounted_volumes
from analyzer.machines import inventory
from analyzer.plugin import artifact
from analyzer.records import AttachedDisk, Record
from analyzer.system import WindowsSystem

NAME = "attached_disks"
DEVICE = "disk&ven_msft&prod_virtual_disk"
IN_GUEST = "the machine's own SCSI disks are called so too"


@artifact(AttachedDisk)
def attached_disks(system: WindowsSystem) -> Iterator[Record]:
    """Virtual disks mounted on the host: devices of Enum\\SCSI, and volumes of MountedDevices."""
    try:
        yield from map(system.own, _devices(system))
        yield from map(system.own, _volumes(system))
    except EvidenceError as error:
        system.problem(error, system.registry.source("SYSTEM"),
                       "which virtual disks were attached here is not known whole", NAME)


def _devices(system: WindowsSystem) -> Iterator[AttachedDisk]:
    path = f"{system.registry.control_set}\\Enum\\SCSI"
    top = system.registry.key("SYSTEM", path) if system.registry.control_set else None
    for kind in top.subkeys() if top is not None else ():
        for key in kind.subkeys() if kind.name.casefold() == DEVICE else ():
            yield _device(system, key)


def _device(system: WindowsSystem, key: Key) -> AttachedDisk:
    times, failures, notices = times_of(key)
    source = system.registry.source("SYSTEM").at(key.path, key.offset)
    for failure in failures:
        system.problem(failure, source, "this time is missing", NAME)
    system.notices(notices, source, NAME)
    return AttachedDisk(
        source=source, basis="Enum\\SCSI", device=key.name, installed_at=times.get("installed"),
        attached_at=times.get("arrived"), detached_at=times.get("removed"),
        written_at=key.last_written_at, note=IN_GUEST if system.depth else "")


def _volumes(system: WindowsSystem) -> Iterator[AttachedDisk]:
    """Volumes of virtual disks in the evidence that MountedDevices of this system names."""
    hive = system.registry.hive("SYSTEM")
    known = mounted_volumes(hive) if hive is not None else {}
    if not known:
        return
    own = {place for volume in system.volumes for place in volume.places}
    for path, vm_id, places in _disks(system):
        for place in places:
            if place[0] == 0:
                continue  # a disk without signature
            for mounted in known.get(place, ()):
                note = "a volume of this system itself is called the same: a copy of it?" \
                    if place in own else ""
                yield _volume(system, mounted, path, vm_id, note)


def _volume(system: WindowsSystem, mounted: Mounted, path: str, vm_id: str,
            note: str) -> AttachedDisk:
    detail = f"MountedDevices\\{mounted.name}"
    return AttachedDisk(
        source=system.registry.source("SYSTEM").at(detail, mounted.offset), vm_id=vm_id,
        basis="MountedDevices", device=mounted.place_text, path=path,
        drive_letter=mounted.letter, volume_guid=mounted.guid, note=note)


def _disks(system: WindowsSystem) -> Iterator[tuple[str, str, tuple[tuple[object, ...], ...]]]:
    """(path, machine, places of its volumes) of each chain of virtual disks, once."""
    found = inventory(system)
    chains = [(drive.chain, configured.vm_id) for configured in found.configured()
              for drive in configured.drives if drive.chain is not None]
    seen = set()
    for chain, vm_id in [*chains, *((chain, "") for chain in found.loose)]:
        top = chain.files[0]
        if top.source.address in seen:
            continue
        seen.add(top.source.address)
        try:
            table = read_partitions(chain.disk)
        except EvidenceError as error:
            system.problem(error, top.source, "whether this disk was mounted on the host is not "
                           "known", NAME)
            continue
        yield top.path, vm_id, tuple(place for partition in table.partitions
                                     for place in partition.places(table.disk_signature))
