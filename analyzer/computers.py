"""Where Windows is on the disks of a computer, and what tells whose disk an image is."""

from collections.abc import Sequence

from analyzer.errors import EvidenceError
from analyzer.formats.hive import Hive
from analyzer.letters import known_places
from analyzer.ownership import MAX_PLACES, DiskFacts, Place
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


def disk_facts(medium: Medium) -> DiskFacts:
    """The facts of one disk; raises EvidenceError where its folders cannot be read."""
    table = medium.table
    places: list[Place] = []
    for partition in table.partitions:
        if table.disk_signature is not None:
            places.append((table.disk_signature, partition.offset))
        if partition.guid:
            places.append((partition.guid,))
    installations = find_windows([medium])
    known: set[Place] = set()
    for windows in installations:
        try:
            item = windows.child(f"{CONFIG}/SYSTEM")
            if item is not None:
                known |= known_places(Hive.open(item.read()))
        except EvidenceError:
            continue  # said when the system opens its hive; until then the disk names no other
    volumes = dict.fromkeys(windows.volume.volume_id for windows in installations)
    return DiskFacts(table.disk_signature, tuple(places[:MAX_PLACES]), tuple(volumes),
                     tuple(sorted(known, key=repr)[:MAX_PLACES]), max(0, len(known) - MAX_PLACES))
