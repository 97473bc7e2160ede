"""Computers: which disks belong together, and where Windows is on them.

Several images may be the disks of one host, or of several hosts. MountedDevices of each Windows
tells which disks it knew, by disk signature or partition GUID.
"""

from collections.abc import Sequence

from analyzer.errors import EvidenceError
from analyzer.formats.hive import Hive
from analyzer.letters import known_places
from analyzer.registry import CONFIG
from analyzer.volume import Item, Medium


def find_windows(media: Sequence[Medium]) -> list[Item]:
    """The Windows folder of each installation on these disks, in order of volumes."""
    found: list[Item] = []
    for volume in (v for medium in media for v in medium.volumes):
        if volume.filesystem is None:
            continue
        for item in volume.root().children():
            if item.entry.is_directory and item.entry.allocated \
                    and item.child(f"{CONFIG}/SYSTEM") is not None:
                found.append(item)
    return found


def group_by_computer(media: Sequence[Medium]) -> list[list[Medium]]:
    """The disks of each computer, in the order given.

    A disk without Windows goes to the first computer whose MountedDevices names one of its
    partitions, else to the only computer there is; where there are several it stands alone.
    A disk with a Windows of its own begins a computer, unless an earlier one names it and it
    names that one back (two installations on one machine).
    """
    knows = [_places(medium) for medium in media]
    computers: list[list[int]] = []
    for index, places in enumerate(knows):
        if places is None:
            continue
        home = next((c for c in computers for other in c
                     if _named(media[index], knows[other] or set(), media[other])
                     and _named(media[other], places, media[index])), None)
        if home is not None:
            home.append(index)
        else:
            computers.append([index])
    alone: list[list[int]] = []
    for index in (i for i, places in enumerate(knows) if places is None):
        home = next((c for c in computers for other in c
                     if _named(media[index], knows[other] or set(), media[other])), None)
        if home is None and len(computers) == 1:
            home = computers[0]
        if home is not None:
            home.append(index)
        else:
            alone.append([index])
    return [[media[i] for i in sorted(group)] for group in sorted(computers + alone)]


def _places(medium: Medium) -> set[tuple[object, ...]] | None:
    """What the Windows on a disk has in MountedDevices; None where there is no Windows."""
    installations = find_windows([medium])
    places: set[tuple[object, ...]] = set()
    for windows in installations:
        try:
            item = windows.child(f"{CONFIG}/SYSTEM")
            if item is not None:
                places |= known_places(Hive.open(item.read()))
        except EvidenceError:
            continue  # said when the system opens its hive; until then the disk names no other
    return places if installations else None


def _named(medium: Medium, places: set[tuple[object, ...]], by: Medium) -> bool:
    """Whether a partition of the disk is among `places`, and cannot be taken for one of `by`.

    A clone carries the signature of its original: then MountedDevices proves nothing.
    """
    table, own = medium.table, by.table
    if table.disk_signature is not None and table.disk_signature == own.disk_signature:
        return False
    return any((table.disk_signature, partition.offset) in places or (partition.guid,) in places
               for partition in table.partitions)
