"""What happened to each machine, as the recipe made it happen: the story an analysis should tell.

A line is [time, what, thing]: ticks, the word for it, and the snapshot or disk concerned. Times are
those that the evidence keeps: of a deletion there is none, so its line has the true one.
"""

from __future__ import annotations

from collections.abc import Iterator

from corpus.make.times import DAY, TICKS, Stamp, spread
from corpus.make.windows import Windows
from corpus.make.world import KnownMachine, World

Line = tuple[int, str, str]
TOGETHER = 120 * TICKS
"""What lies this near to the making of a file is part of it."""


def stories(world: World) -> dict[str, list[Line]]:
    """Id of each machine -> its lines in order of time."""
    told: dict[str, set[Line]] = {}
    for known in world.machines:
        lines = told.setdefault(known.machine.guid, set())
        lines.update(_configured(known, world))
    for machine, made in _disks(world):
        told.setdefault(machine, set()).update(made)
    for link in world.links:
        folder, _, name = link.path.rpartition("\\")
        if folder.endswith("Virtual Machines"):
            machine = name.partition(".")[0]
            told.setdefault(machine, set()).add((link.stamp.fn_created, "registered", ""))
    for machine, at, snapshot in world.applied:
        told[machine].add((at, "snapshot applied", snapshot))
    return {machine: sorted(lines) for machine, lines in told.items()}


def _configured(known: KnownMachine, world: World) -> Iterator[Line]:
    stamps = {file.path: file.stamp for file in world.files}
    machine = known.machine
    yield machine.created, "created", ""
    yield from _written(stamps[known.config], "settings changed", "")
    for snapshot, _ in known.snapshots:
        yield snapshot.created, "snapshot taken", snapshot.name
    if machine.saved:
        yield min(stamps[path].modified for path in machine.saved), "saved", ""
    if known.config in world.deleted:
        yield world.deleted[known.config], "deleted", known.config


def _disks(world: World) -> Iterator[tuple[str, list[Line]]]:
    """Owner and lines of each disk file, and of Windows on it."""
    files = {file.path: file for file in world.files}
    for chain in world.chains:
        for layer in chain.top.chain():
            if layer.path in files:
                file, made = files[layer.path], layer.created // TICKS * TICKS
                lines = list(_written(file.stamp, "disk last written", layer.path))
                if layer.path.endswith(".vhd"):
                    lines.append((made, "disk created", layer.path))
                    if file.stamp.fn_created > made + TOGETHER:
                        lines.append((file.stamp.fn_created, "disk file made", layer.path))
                yield file.owner, lines
        if chain.guest is not None and chain.guest.windows is not None:
            yield files[chain.top.path].owner, list(_inside(chain.guest.windows))


def _inside(windows: Windows) -> Iterator[Line]:
    last = windows.last_written
    yield windows.installed // TICKS * TICKS, "guest installed", ""
    yield last - 7 * DAY, "guest shut down", ""
    if windows.guest_of is not None:
        yield last - DAY + spread(windows.guest_of[1], DAY), "guest booted", ""


def _written(stamp: Stamp, what: str, thing: str) -> Iterator[Line]:
    if stamp.modified > stamp.fn_created + TOGETHER:
        yield stamp.modified, what, thing
