"""What a host holds: files and links to put on its volumes, machines, and disk chains.

Recipes fill a `World`; `ws2008` writes it to the host's volumes and `truth` tells it. Paths are
Windows paths with a drive letter, times FILETIME ticks, GUIDs upper case without braces.
"""

from __future__ import annotations

import ntpath
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from corpus.make import vhd
from corpus.make.guest import State
from corpus.make.times import Stamp, born, spread, vhd_seconds
from corpus.make.vm_xml import Drive, Machine, Snapshot
from corpus.make.windows import guid


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file for a host volume; `owner` is the machine whose SID its ACL names."""

    path: str
    data: bytes
    stamp: Stamp
    owner: str = ""
    fragmented: bool = False


@dataclass(frozen=True, slots=True)
class HostLink:
    """A symbolic link on a host volume."""

    path: str
    target: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Layer:
    """One virtual disk file; `parent` is the layer below, `media` what the guest sees."""

    path: str
    kind: str
    unique_id: bytes
    created: int
    media: bytes
    data: bytes
    parent: Layer | None = None
    link_id: str = ""
    """Of a VHDX: what its children call it."""

    def chain(self) -> list[Layer]:
        """This layer and those below, newest first."""
        return [self, *(self.parent.chain() if self.parent is not None else [])]


@dataclass(frozen=True, slots=True)
class Chain:
    """What a machine sees through one drive in one state ("now" or a snapshot's GUID)."""

    machine: str
    state: str
    drive: Drive | None
    top: Layer
    guest: State | None
    missing_parent: str = ""
    present: bytes | None = None
    """With a missing parent: which sectors can be read, one byte each."""


@dataclass(frozen=True, slots=True)
class KnownMachine:
    """A machine of the corpus, where its configuration lies, and how one finds it."""

    machine: Machine
    config: str
    registered_by: str
    snapshots: tuple[tuple[Snapshot, str], ...] = ()
    """Each snapshot and the path of its configuration."""
    flaw: str = ""
    link: str = ""
    more: Mapping[str, object] = field(default_factory=dict)
    """Further rows of its truth."""


@dataclass(slots=True)
class World:
    """Everything a recipe adds."""

    files: list[HostFile] = field(default_factory=list)
    links: list[HostLink] = field(default_factory=list)
    machines: list[KnownMachine] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    deleted: dict[str, int] = field(default_factory=dict)
    """Paths written and then deleted, and when."""
    applied: list[tuple[str, int, str]] = field(default_factory=list)
    """Machine, time and name of each snapshot that was gone back to."""
    findings: list[Mapping[str, str]] = field(default_factory=list)

    def add_layer(
        self, layer: Layer, owner: str, written: int, *, fragmented: bool = False
    ) -> Layer:
        """Puts a virtual disk on the host, made at its creation and last written at `written`."""
        stamp = born(layer.created, written, key=layer.path)
        self.files.append(HostFile(layer.path, layer.data, stamp, owner, fragmented))
        return layer


def unique_id(path: str) -> bytes:
    """A repeatable identifier for the virtual disk at `path`."""
    return uuid.UUID(guid(f"vhd {path}")).bytes


def dynamic(
    path: str, media: bytes, created: int, *, seed: int = 0, original_size: int | None = None
) -> Layer:
    """A dynamic disk made by Hyper-V, blocks in the order they came to be written."""
    identity = unique_id(path)
    data = vhd.dynamic(
        media,
        unique_id=identity,
        created=vhd_seconds(created),
        order=block_order(len(media), path, seed),
        original_size=original_size,
        align=4096,
    )
    return Layer(path, "dynamic", identity, created, media, data)


def fixed_by_virtual_server(path: str, media: bytes, created: int) -> Layer:
    """A fixed disk made by Virtual Server 2005, its saved-state flag set since by Hyper-V."""
    identity = unique_id(path)
    data = vhd.fixed(
        media,
        unique_id=identity,
        created=vhd_seconds(created),
        creator=b"vs  ",
        creator_version=0x00010000,
        saved_state=True,
    )
    return Layer(path, "fixed", identity, created, media, data)


def differencing(
    path: str, parent: Layer, media: bytes, created: int, *, by_virtual_server: bool = False
) -> Layer:
    """A differencing disk over `parent`, as a snapshot makes it."""
    present = presence(parent.media, media, path)
    identity = unique_id(path)
    locators = [(b"W2ku", parent.path)]
    if ntpath.splitdrive(path)[0] == ntpath.splitdrive(parent.path)[0]:
        relative = ntpath.relpath(parent.path, ntpath.dirname(path))
        locators.append((b"W2ru", relative if relative.startswith("..") else f".\\{relative}"))
    data = vhd.differencing(
        media,
        present,
        unique_id=identity,
        created=vhd_seconds(created),
        parent_id=parent.unique_id,
        parent_name=parent.path,
        locators=locators,
        order=block_order(len(media), path, 1),
        align=4096,
        creator=b"vs  " if by_virtual_server else b"win ",
        creator_version=0x00010000 if by_virtual_server else 0x00060000,
    )
    return Layer(path, "differencing", identity, created, media, data, parent)


def presence(parent: bytes, media: bytes, path: str) -> bytes:
    """Sectors that differ, and here and there a neighbour rewritten with the same content."""
    present = bytearray(vhd.diff(parent, media))
    for sector in [at for at, here in enumerate(present[:-1]) if here]:
        if spread(f"{path}{sector}", 5) == 0:
            present[sector + 1] = 1
    return bytes(present)


def vm_sid(machine: str) -> bytes:
    """S-1-5-83-1-..., the SID of a virtual machine (field guide 7)."""
    parts = struct.unpack("<4I", uuid.UUID(machine).bytes_le)
    return struct.pack("<BB6s6I", 1, 6, b"\0\0\0\0\0\x05", 83, 1, *parts)


def serial_number(key: str) -> str:
    """A BIOS serial number in the form Hyper-V gives."""
    digits = f"{spread(key, 10**18):018}{spread(key + '+', 10**8):08}"
    return "-".join([digits[at : at + 4] for at in range(0, 24, 4)] + [digits[24:26]])


def block_order(size: int, path: str, seed: int, block_size: int = 2 << 20) -> list[int]:
    """A repeatable disorder of the blocks; block 0 comes last, so it is never in order."""
    blocks = range(1, -(-size // block_size))
    return [*sorted(blocks, key=lambda index: spread(f"{path}{seed}{index}", 1 << 32)), 0]
