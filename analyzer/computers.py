"""Where Windows is on the disks of a computer, and what tells whose disk an image is."""

from collections.abc import Sequence

from analyzer.errors import EvidenceError, Notice
from analyzer.formats.hive import Hive
from analyzer.letters import known_places
from analyzer.ownership import MAX_PLACES, DiskFacts, Place
from analyzer.registry import CONFIG
from analyzer.volume import Item, Medium, MountedVolume


def find_windows(media: Sequence[Medium]) -> list[Item]:
    """The Windows folder of each installation on these disks, in order of volumes.

    A volume that cannot be looked through is noticed on its disk, and costs that volume only.
    """
    found: list[Item] = []
    for medium in media:
        for volume in medium.volumes:
            try:
                found += _installations(volume)
            except EvidenceError as error:
                medium.notices.append(Notice(
                    "WIN-FIND", f"{volume.source.address}: Windows is not looked for: {error}",
                    "an installation there is not seen as one", error.at))
    return found


def _installations(volume: MountedVolume) -> list[Item]:
    """The folders of a volume that hold a Windows."""
    if volume.filesystem is None:
        return []
    return [item for item in volume.root().children()
            if item.entry.is_directory and item.entry.allocated
            and item.child(f"{CONFIG}/SYSTEM") is not None]


def disk_facts(medium: Medium) -> DiskFacts:
    """The facts of one disk."""
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
