"""What happened to each machine, as the recipe made it happen: the story an analysis should tell.

A line is [time, what, thing]: ticks, the word for it, and the snapshot or disk concerned. Times are
those that the evidence keeps: of a deletion there is none, so its line has the true one. What two
of them tell within two minutes is one line, at the earlier time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from corpus.make.journal import Journal
from corpus.make.times import DAY, TICKS, Stamp, spread
from corpus.make.windows import Windows
from corpus.make.world import Chain, HostFile, KnownMachine, Layer, World

Line = tuple[int, str, str]
TOGETHER: Final = 120 * TICKS
"""What lies this near to the making of a file is part of it."""
MILLISECOND: Final = TICKS // 1000
WORDS: Final = {"shut down by the host": "shut down", "shut down by the guest": "shut down",
                "reset by the host": "reset"}
"""What the events of a recipe are called, where a story has a shorter word."""
HOST_ONLY: Final = {"log cleared", "service changed state", "service start type changed", "logon",
                    "switch created", "management service started"}
STOPS: Final = {"turned off", "shut down", "saved"}
_PATH: Final = re.compile(r"[A-Z]:\\.*\.(a?vhdx?|vmcx)", re.IGNORECASE)


def stories(world: World, journal: Journal | None = None,
            more: Mapping[str, Iterable[Line]] | None = None) -> dict[str, list[Line]]:
    """Id of each machine -> its lines in order of time.

    more  lines that the recipe itself has to tell; a machine of which there is a trace without
          a time has none
    """
    told: dict[str, set[Line]] = {machine: set(lines) for machine, lines in (more or {}).items()}
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
    for machine, line in _logged(world, journal):
        told.setdefault(machine, set()).add(line)
    return {machine: _joined(lines) for machine, lines in told.items()}


def _joined(lines: Iterable[Line]) -> list[Line]:
    """One line for what is told twice; a stop of unknown kind, and a snapshot, by its event."""
    kept: list[Line] = []
    for line in _named(lines):
        at, what, thing = line
        if any(one[1:] == (what, thing) and at - one[0] <= TOGETHER for one in kept):
            continue
        kept.append(line)
    stops = [at for at, what, _ in kept if what in STOPS]
    return [line for line in kept if line[1] != "stopped"
            or not any(abs(line[0] - at) <= TOGETHER for at in stops)]


def _named(lines: Iterable[Line]) -> list[Line]:
    """In order of time; an event says that a snapshot was taken and not which."""
    rows = set(lines)
    named = [line for line in rows if line[1] == "snapshot taken" and line[2]]

    def name(line: Line) -> Line:
        near = [one[2] for one in named if abs(one[0] - line[0]) <= TOGETHER]
        return (*line[:2], near[0]) if line[1] == "snapshot taken" and near else line

    return sorted(map(name, rows))


def _configured(known: KnownMachine, world: World) -> Iterator[Line]:
    stamps = {file.path: file.stamp for file in world.files}
    machine, more = known.machine, known.more
    yield machine.created, "created", ""
    yield from _written(stamps[known.config], "configuration written", "")
    for snapshot, _ in known.snapshots:
        yield snapshot.created, "snapshot taken", snapshot.name
    saved = machine.saved or more.get("saved_state")
    if isinstance(saved, list | tuple):
        yield min(stamps[path].modified for path in saved), "saved", ""
    if known.config in world.deleted:
        yield world.deleted[known.config], "deleted", known.config
    for key, what in (("powered_on", "started"), ("powered_off", "stopped")):
        at = more.get(key)
        if isinstance(at, int) and at:
            yield at, what, ""
    if more.get("generation") == 2:  # its EFI variables were written a day after
        yield (machine.created + DAY) // MILLISECOND * MILLISECOND, "firmware variables written", ""


def _disks(world: World) -> Iterator[tuple[str, list[Line]]]:
    """Owner and lines of each disk file, and of Windows on it."""
    files = {file.path: file for file in world.files}
    taken = {known.machine.guid: [snapshot.created for snapshot, _ in known.snapshots]
             for known in world.machines}
    for chain in world.chains:
        for layer in chain.top.chain():
            if layer.path in files:
                file = files[layer.path]
                yield file.owner, list(_of_disk(layer, file, taken.get(file.owner, [])))
        if chain.guest is not None and chain.guest.windows is not None:
            yield files[chain.top.path].owner, list(_inside(chain, chain.guest.windows))


def _of_disk(layer: Layer, file: HostFile, taken: list[int]) -> Iterator[Line]:
    """A VHD knows when it was made; of a VHDX the file does, where no snapshot made it."""
    yield from _written(file.stamp, "disk last written", layer.path)
    at, is_vhdx = file.stamp.fn_created, bool(layer.link_id)
    made = layer.created // TICKS * TICKS
    if layer.path.endswith((".vhd", ".vud")) and not is_vhdx:
        yield made, "disk created", layer.path
    if (layer.path.endswith(".vhd") and at > made + TOGETHER) or (is_vhdx and not any(
            abs(at - one) <= TOGETHER for one in taken if layer.path.endswith(".avhdx"))):
        yield at, "disk file made", layer.path


def _inside(chain: Chain, windows: Windows) -> Iterator[Line]:
    last = windows.last_written
    yield windows.installed // TICKS * TICKS, "guest installed", ""
    yield last - 7 * DAY, "guest shut down", ""
    if windows.guest_of is not None:
        yield last - DAY + spread(windows.guest_of[1], DAY), "guest booted", ""
    for at in chain.guest.boots if chain.guest is not None else ():
        yield at, "guest booted", ""


def _written(stamp: Stamp, what: str, thing: str) -> Iterator[Line]:
    if stamp.modified > stamp.fn_created + TOGETHER:
        yield stamp.modified, what, thing


def _logged(world: World, journal: Journal | None) -> Iterator[tuple[str, Line]]:
    """Machine and line of each event that can be read and is about a machine or its disk."""
    owners = {file.path: file.owner for file in world.files}
    for row in journal.readable() if journal is not None else ():
        thing = next((value for _, value in row.event.data if _PATH.fullmatch(value)), "")
        machine = row.vm_id or owners.get(thing, "")
        if machine and row.meaning not in HOST_ONLY:
            yield machine, (row.event.at, WORDS.get(row.meaning, row.meaning), thing)

