"""Guests: the disks of each machine, now and at each snapshot, opened as a computer.

A GuestState names files by volume and MFT entry, so that a task in another process opens just
those, without searching the host again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from analyzer.disks.chain import Chain
from analyzer.disks.disk import Disk
from analyzer.disks.open import open_layer
from analyzer.errors import Corrupt, EvidenceError, Exhausted, Refused
from analyzer.machines.inventory import inventory
from analyzer.machines.model import Configured, Node
from analyzer.source import Source, split_address
from analyzer.system import WindowsSystem, build_systems
from analyzer.volume import Item, LayerPlace, Medium

DEEPEST = 8
"""Levels of guests inside guests."""


@dataclass(frozen=True, slots=True)
class LayerFile:
    """One file of a chain: address of its volume, MFT entry, and path for people."""

    volume: str
    entry: int
    path: str

    @property
    def source(self) -> Source:
        """Where it lies."""
        evidence, levels = split_address(self.volume)
        path = self.path.partition(":")[2].replace("!\\", "%21\\").replace("\\", "/")
        return Source(evidence, "!".join(levels) + path, entry=self.entry)


@dataclass(frozen=True, slots=True)
class GuestState:
    """The disks of one machine at one state; `disks` are chains of files, top first."""

    key: str
    label: str
    vm_id: str
    snapshot_id: str
    disks: tuple[tuple[LayerFile, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"key": self.key, "label": self.label, "vm_id": self.vm_id,
                "snapshot_id": self.snapshot_id,
                "disks": [[[f.volume, f.entry, f.path] for f in chain] for chain in self.disks]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "GuestState":
        """The reverse of `to_json`."""
        disks = tuple(tuple(LayerFile(str(v), int(e), str(p)) for v, e, p in chain)
                      for chain in value["disks"])
        return cls(str(value["key"]), str(value["label"]), str(value["vm_id"]),
                   str(value["snapshot_id"]), disks)


def guest_states(system: WindowsSystem) -> list[GuestState]:
    """Every state whose disks are there: machines now, their snapshots, and loose disks."""
    if system.depth >= DEEPEST:
        return []
    found = inventory(system)
    names = {machine.vm_id: machine.configuration.name for machine in found.machines}
    states: list[GuestState] = []
    for configured in found.configured():
        chains = list(_chains(configured))
        if chains:
            name = names.get(configured.vm_id, configured.vm_id)
            states.append(_state(configured, name, chains, len(states)))
    for chain in found.loose:
        states.append(GuestState(f"disk{len(states):04d}", f"loose disk {chain.files[0].path}", "",
                                 "", (_files(chain),)))
    return states


def _chains(configured: Configured) -> Iterator[Chain]:
    for drive in configured.drives:
        if drive.chain is not None:
            yield drive.chain


def _state(configured: Configured, name: str, chains: list[Chain], number: int) -> GuestState:
    snapshot_id, state = "", "now"
    if isinstance(configured, Node):
        snapshot_id = configured.snapshot_id
        state = configured.configuration.name or snapshot_id
    return GuestState(f"guest{number:04d}", f"{name} @ {state}", configured.vm_id, snapshot_id,
                      tuple(_files(chain) for chain in chains))


def _files(chain: Chain) -> tuple[LayerFile, ...]:
    return tuple(LayerFile(file.volume, file.source.entry or 0, file.path)
                 for file in chain.files)


def open_guest(system: WindowsSystem, state: GuestState) -> list[WindowsSystem]:
    """The guest's installation or installations, on the disks of that state.

    A disk that cannot be opened is said, and left out; raises EvidenceError where all are.
    """
    media: list[Medium] = []
    lost: list[tuple[LayerFile, EvidenceError]] = []
    for files in state.disks:
        try:
            media.append(open_disk(system, files))
        except (Refused, Exhausted):
            raise
        except EvidenceError as error:
            lost.append((files[0], error))
    if lost and not media:
        raise lost[0][1]
    guests = build_systems(media, vm_id=state.vm_id, snapshot_id=state.snapshot_id,
                           depth=system.depth + 1)
    for file, failure in lost:
        guests[0].problem(failure, file.source, "this disk of the machine is not opened: what is "
                          "on it is missing")
    return guests


def open_disk(system: WindowsSystem, files: tuple[LayerFile, ...]) -> Medium:
    """One chain as a medium of the guest."""
    items = [system.item_at(file.volume, file.entry) for file in files]
    layers = [open_layer(item.blocks(), item.source.address) for item in items]
    for child, parent in pairwise(layers):
        if child.parent is None or parent.link_id not in child.parent.wanted:
            raise Corrupt(f"{items[0].path}: the chain changed since it was planned")
    return chain_medium(Disk(layers), items)


def chain_medium(disk: Disk, items: Sequence[Item]) -> Medium:
    """A chain as a medium; `items` are the files of its layers."""
    places = tuple(LayerPlace(item.source, item.volume.medium, len(layer.notices))
                   for item, layer in zip(items, disk.layers, strict=True))
    return Medium(replace(items[0].source, entry=None, layer=places[0].address), disk,
                  places=places)
