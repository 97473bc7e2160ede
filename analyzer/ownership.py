"""Whose disk is whose: a decision from plain values, without the disks.

Several images may be the disks of one host, or of several hosts. MountedDevices of each Windows
tells which disks it knew, by disk signature or partition GUID.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

Place = tuple[object, ...]
"""(disk signature, byte offset) of a partition, or (its GUID,)."""
MAX_PLACES: Final = 20_000
_VOLUME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """What tells whose disk an image is, as plain values.

    signature  of its MBR
    places     of its partitions, as MountedDevices would name them
    windows    volume ids (`p1`) with a Windows on them, in order of volumes
    known      places that MountedDevices of those Windows name
    left_out   places that are not in `known`, which is bounded
    """

    signature: int | None = None
    places: tuple[Place, ...] = ()
    windows: tuple[str, ...] = ()
    known: tuple[Place, ...] = ()
    left_out: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> "DiskFacts":
        """The reverse; raises ValueError for what `to_json` does not give."""
        if not isinstance(data, dict) or not isinstance(data.get("signature"), int | None):
            raise ValueError("facts of a disk")
        windows = data.get("windows")
        if not isinstance(windows, list) or not all(
                isinstance(w, str) and _VOLUME.fullmatch(w) for w in windows):
            raise ValueError("volumes of a disk")
        return cls(data["signature"], _places_from(data.get("places")), tuple(windows),
                   _places_from(data.get("known")))


def _places_from(data: Any) -> tuple[Place, ...]:
    if not isinstance(data, list) or len(data) > MAX_PLACES or not all(
            isinstance(place, list) and 1 <= len(place) <= 2
            and all(isinstance(part, int | str) for part in place) for place in data):
        raise ValueError("places of a disk")
    return tuple(tuple(place) for place in data)


def group_by_computer(disks: Sequence[DiskFacts], *, are_all: bool = True) -> list[list[int]]:
    """The disks of each computer by their index, in the order given.

    A disk without Windows goes to the first computer whose MountedDevices names one of its
    partitions, else to the only computer there is (`are_all` false: there may be others, whose
    images could not be read); where there are several it stands alone. A disk with a Windows of
    its own begins a computer, unless an earlier one names it and it names that one back (two
    installations on one machine).
    """
    known = [frozenset(disk.known) for disk in disks]

    def named(disk: int, by: int) -> bool:
        return _named(disks[disk], known[by], disks[by])

    computers: list[list[int]] = []
    for index in (i for i, disk in enumerate(disks) if disk.windows):
        home = next((c for c in computers if any(
            named(index, other) and named(other, index) for other in c)), None)
        if home is not None:
            home.append(index)
        else:
            computers.append([index])
    alone: list[list[int]] = []
    for index in (i for i, disk in enumerate(disks) if not disk.windows):
        home = next((c for c in computers if any(named(index, other) for other in c)), None)
        if home is None and are_all and len(computers) == 1:
            home = computers[0]
        if home is not None:
            home.append(index)
        else:
            alone.append([index])
    return [sorted(group) for group in sorted(computers + alone)]


def _named(disk: DiskFacts, known: frozenset[Place], by: DiskFacts) -> bool:
    """Whether a partition of the disk is `known` to `by`, and cannot be taken for one of its own.

    A clone carries the signature of its original: then MountedDevices proves nothing.
    """
    if disk.signature is not None and disk.signature == by.signature:
        return False
    return any(place in known for place in disk.places)
