"""From what `vmtrail disk` is given to a chain of disk files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analyzer.address import chain_at, open_address
from analyzer.disks.chain import Chain, DiskFile, Shelf, build_chain
from analyzer.disks.open import open_layer
from analyzer.errors import NotThisFormat, UsageError
from analyzer.evidence.grouping import group
from analyzer.evidence.segment import look
from analyzer.machines.guests import chain_medium
from analyzer.machines.inventory import inventory
from analyzer.machines.model import Configured, Node
from analyzer.source import Source
from analyzer.system import WindowsSystem
from analyzer.times import UNIX_EPOCH
from analyzer.volume import Item, Medium


@dataclass(frozen=True, slots=True)
class Opened:
    """A chain, the files that are evidence for it, and the disk as a medium of its guest.

    unused  what was given as a parent and is none
    """

    chain: Chain
    evidence: tuple[Path, ...]
    medium: Medium
    unused: frozenset[str] = frozenset()


def open_disk_address(address: str, parents: Sequence[str], snapshot: str = "") -> Opened:
    """The chain at an address, or of a file on this computer; at `snapshot` if one is named.

    Raises UsageError, EvidenceError.
    """
    opened = open_either(address, parents, snapshot)
    refuse_unused(opened.unused)
    return opened


def open_either(address: str, parents: Sequence[str], snapshot: str = "") -> Opened:
    """The same; parents that are none are only told."""
    if "!/" in address:
        return _in_image(address, snapshot)
    if snapshot:
        raise UsageError("--snapshot needs an address inside an image, IMAGE!PATH")
    return _on_this_computer([address, *parents])


def _in_image(address: str, snapshot: str) -> Opened:
    located = open_address(address)
    system, item = located.system, located.item
    if item is None or located.kind != "file":
        raise UsageError(f"{address} is no file; vmtrail ls lists what is there")
    chain = _at_snapshot(system, item, snapshot) if snapshot else chain_at(system, item)
    items = [system.item_at(file.volume, file.source.entry or 0) for file in chain.files]
    groups = group([Path(address.split("!/", 1)[0])])
    files = tuple(segment.real for one in groups for segment in one.segments.values())
    return Opened(chain, files, chain_medium(chain.disk, items))


def _on_this_computer(paths: Sequence[str]) -> Opened:
    """The first file on top; the others are taken as parents where their ids fit."""
    files = {look(Path(path)).real: _disk_file(Path(path)) for path in reversed(paths)}
    top = files[look(Path(paths[0])).real]
    chain = build_chain(top, Shelf(tuple(files.values())))
    unused = frozenset(file.path for file in files.values() if file not in chain.files)
    return Opened(chain, tuple(files), Medium(top.source, chain.disk), unused)


def refuse_unused(unused: frozenset[str]) -> None:
    """Raises UsageError where a file that was given as a parent is none."""
    if unused:
        raise UsageError(f"{', '.join(sorted(unused))} is no parent here: its id is not the one "
                         "that is needed; vmtrail disk info shows both")


def _disk_file(path: Path) -> DiskFile:
    segment = look(path)
    try:
        layer = open_layer(segment)
    except NotThisFormat as error:
        raise UsageError(f"{path} is no virtual disk; the address of one inside an image is "
                         "IMAGE!/C:/path") from error
    changed = UNIX_EPOCH + segment.identity.modified_ns // 100
    return DiskFile(Source(str(segment.real)), str(path), layer, "", changed)


def _at_snapshot(system: WindowsSystem, item: Item, wanted: str) -> Chain:
    """The chain of the machine's disk at a snapshot, where the file is part of that chain."""
    place = item.volume.source.address, item.entry.inode
    states: dict[str, Configured] = {}
    chains: dict[str, Chain] = {}
    for configured in inventory(system).configured():
        for drive in configured.drives:
            files = drive.chain.files if drive.chain is not None else ()
            if drive.chain is None or place not in [(f.volume, f.source.entry) for f in files]:
                continue
            states[_state_name(configured)] = configured
            if _is_meant(configured, wanted):
                chains[files[0].source.address] = drive.chain
    if len(chains) == 1:
        return next(iter(chains.values()))
    known = ", ".join(states) or "none"
    if chains:
        raise UsageError(f"several snapshots are called {wanted!r}; give the id: {known}")
    raise UsageError(f"{item.path} is no part of a disk at {wanted!r}; the states are: {known}")


def _is_meant(configured: Configured, wanted: str) -> bool:
    if not isinstance(configured, Node):
        return wanted.lower() == "now"
    names = configured.configuration.name.lower(), configured.snapshot_id.lower()
    return wanted.lower().strip("{}") in names


def _state_name(configured: Configured) -> str:
    if not isinstance(configured, Node):
        return f"now ({configured.configuration.name})"
    return f"{configured.snapshot_id} ({configured.configuration.name})"
