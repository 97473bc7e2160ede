"""Damage to the media of the bundled host, aimed at its structures; never to the file itself."""

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from analyzer.blocks import Blocks, ExtentMap, Kind
from analyzer.errors import Unreadable
from analyzer.filesystem.attributes import AttributeType
from analyzer.filesystem.ntfs import Entry
from analyzer.machines import guest_states, open_guest
from analyzer.system import WindowsSystem
from analyzer.volume import Item, MountedVolume


@dataclass(frozen=True)
class Patch:
    """`data` at `offset`; None for `length` bytes that cannot be read."""

    offset: int
    length: int
    data: bytes | None


@dataclass(frozen=True)
class Mutant:
    """What was done, and where in the image."""

    name: str
    patches: tuple[Patch, ...]
    size: int | None = None


@dataclass(frozen=True)
class Damaged:
    """`whole` with the patches of a mutant over it."""

    whole: Blocks
    mutant: Mutant

    @property
    def size(self) -> int:
        return self.whole.size if self.mutant.size is None else self.mutant.size

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        if end <= offset:
            return b""
        data = bytearray(self.whole.read_at(offset, end - offset))
        for patch in self.mutant.patches:
            low, high = max(offset, patch.offset), min(end, patch.offset + patch.length)
            if low >= high:
                continue
            if patch.data is None:
                raise Unreadable("bad sector", low, high - low)
            data[low - offset:high - offset] = \
                patch.data[low - patch.offset:high - patch.offset]
        return bytes(data)

    def extents(self) -> ExtentMap | None:
        return None


@dataclass
class Structures:
    """Where the structures of the host lie in the image, as (offset, length)."""

    records: dict[str, tuple[int, int]] = field(default_factory=dict)
    indexes: list[tuple[int, int]] = field(default_factory=list)
    runs: list[tuple[int, int]] = field(default_factory=list)
    reparse: list[tuple[int, int]] = field(default_factory=list)
    bitmaps: list[tuple[int, int]] = field(default_factory=list)
    boots: list[tuple[int, int]] = field(default_factory=list)
    hives: list[tuple[int, int]] = field(default_factory=list)
    xml: list[tuple[int, int]] = field(default_factory=list)
    vhd: list[tuple[int, int]] = field(default_factory=list)
    guests: list[tuple[int, int]] = field(default_factory=list)


def survey(system: WindowsSystem) -> Structures:
    """Find the structures of an undamaged host."""
    found = Structures()
    for volume in system.volumes:
        base = volume.partition.offset
        found.boots += [(base, 512), (base + volume.partition.size - 512, 512)]
        _volume(volume, found)
        for item in volume.walk():
            if item.entry.allocated and not item.entry.is_directory:
                _file(item, found)
    for state in guest_states(system):
        for guest in open_guest(system, state):
            _guest(guest, found)
    return found


def _guest(guest: WindowsSystem, found: Structures) -> None:
    """Boot sectors, MFT records and hives of a guest: where they lie in the image."""
    for volume in guest.volumes:
        places = [(volume.partition.offset, 512)]
        for item in volume.walk():
            at = volume.record_place(item.entry.inode)[1]
            if at is not None:
                found.guests.append((at, 1024))
            if item.name.lower() in ("system", "software") and not item.entry.is_directory:
                map_ = item.blocks().extents()
                places += [(extent.at, 512) for extent in map_ or () if extent.kind == Kind.DATA]
        for offset, length in places:
            at = volume.medium.locate(offset)[1]
            if at is not None:
                found.guests.append((at, length))


def _volume(volume: MountedVolume, found: Structures) -> None:
    ntfs, base = volume.filesystem, volume.partition.offset
    assert ntfs is not None
    entries: list[Entry] = [ntfs.root(), *ntfs.walk(deleted=False)]
    for entry in entries:
        at = volume.record_place(entry.inode)[1]
        assert at is not None
        found.records[f"{volume.volume_id}{entry.path}"] = at, ntfs.record_size
        raw = volume.medium.blocks.read_at(at, ntfs.record_size)
        _attributes(raw, at, base, ntfs.cluster_size, found)


def _attributes(raw: bytes, at: int, base: int, cluster: int, found: Structures) -> None:
    place = struct.unpack_from("<H", raw, 20)[0]
    while place + 24 <= len(raw):
        kind, length, is_out = struct.unpack_from("<IIB", raw, place)
        if kind == 0xFFFFFFFF or length < 24:
            return
        if kind == AttributeType.REPARSE_POINT and not is_out:
            found.reparse.append((at + place + 24, length - 24))
        if is_out:
            runs = place + struct.unpack_from("<H", raw, place + 32)[0]
            found.runs.append((at + runs, max(1, place + length - runs)))
            size, step = raw[runs] & 15, raw[runs] >> 4
            count = int.from_bytes(raw[runs + 1:runs + 1 + size], "little")
            first = int.from_bytes(raw[runs + 1 + size:runs + 1 + size + step], "little")
            if kind == 0xA0:
                found.indexes.append((base + first * cluster, count * cluster))
            if kind == 0xB0:
                found.bitmaps.append((base + first * cluster, count * cluster))
        place += length


def _file(item: Item, found: Structures) -> None:
    name = item.name.lower()
    kind = (found.hives if name in ("system", "software") and item.folder == "config"
            else found.xml if name.endswith(".xml")
            else found.vhd if name.endswith(("vhd", "vud")) else None)
    map_ = item.blocks().extents() if kind is not None else None
    if kind is None or map_ is None:
        return
    pieces = [(extent.at, extent.length) for extent in map_ if extent.kind == Kind.DATA]
    if kind is not found.vhd:
        kind += pieces
        return
    starts = [0, 512, 1536, 1536 + 512, item.entry.size - 512]
    for start in starts:
        for piece in map_.find(start, 512):
            if piece.kind == Kind.DATA:
                kind.append((piece.at, piece.length))
    _bitmaps_of(item, map_, found)


def _bitmaps_of(item: Item, map_: ExtentMap, found: Structures) -> None:
    blocks = item.blocks()
    table = blocks.read_at(512, 1024)
    if not table.startswith(b"cxsparse"):
        return
    at, count = struct.unpack_from(">QxxxxI", table, 16)
    for number in range(min(count, 64)):
        entry = int.from_bytes(blocks.read_at(at + 4 * number, 4), "big")
        if entry != 0xFFFFFFFF:
            found.vhd += [(p.at, p.length) for p in map_.find(entry * 512, 512)
                          if p.kind == Kind.DATA]


def mutants(found: Structures, whole: Blocks, seed: int, count: int) -> list[Mutant]:
    """`count` mutants, the kinds taking turns; the same for the same seed."""
    kinds: Sequence[tuple[str, Callable[[random.Random], tuple[int, int]]]] = [
        ("record", lambda r: r.choice(sorted(found.records.values()))),
        ("register record", lambda r: r.choice(sorted(
            at for path, at in found.records.items() if path.lower().endswith(
                (".xml", "vhd", "hyper-v", "machines", "snapshots", "config", "system"))))),
        ("index", lambda r: r.choice(found.indexes)),
        ("runs", lambda r: r.choice(found.runs)),
        ("reparse", lambda r: r.choice(found.reparse)),
        ("bitmap", lambda r: r.choice(found.bitmaps)),
        ("boot", lambda r: r.choice(found.boots)),
        ("mbr", lambda r: (446, 66)),
        ("vhd", lambda r: r.choice(found.vhd)),
        ("hive", lambda r: r.choice(found.hives)),
        ("xml", lambda r: r.choice(found.xml)),
        ("guest", lambda r: r.choice(found.guests)),
    ]
    made: list[Mutant] = []
    for number in range(count):
        chance = random.Random(seed * 1_000_003 + number)
        kind, pick = kinds[number % len(kinds)]
        if chance.random() < 0.04:
            made.append(Mutant(f"{number} cut", (), _cut(chance, found)))
            continue
        made.append(_mutant(f"{number} {kind}", pick(chance), whole, chance))
    return made


def _cut(chance: random.Random, found: Structures) -> int:
    at, length = chance.choice([*found.vhd, *found.hives, *found.xml, *found.boots])
    return (at + chance.randrange(length)) & ~511


def _mutant(name: str, span: tuple[int, int], whole: Blocks, chance: random.Random) -> Mutant:
    at, length = span
    how = chance.choice(["flip", "flip", "word", "zero", "ff", "noise", "unreadable", "all zero"])
    if how == "unreadable":
        sector = (at + chance.randrange(length)) & ~511
        return Mutant(f"{name} {how}", (Patch(sector, 512 * chance.choice([1, 1, 8]), None),))
    if how == "flip":
        patches = []
        for _ in range(chance.choice([1, 1, 2, 4])):
            place = at + chance.randrange(length)
            old = whole.read_at(place, 1)[0]
            patches.append(Patch(place, 1, bytes([old ^ (1 << chance.randrange(8))])))
        return Mutant(f"{name} {how}", tuple(patches))
    if how == "all zero":
        return Mutant(f"{name} {how}", (Patch(at, length, bytes(length)),))
    start = chance.randrange(length)
    size = min(length - start, chance.choice([2, 4, 8, 64, 512]) if how != "word" else 4)
    data = {"zero": bytes(size), "ff": b"\xff" * size}.get(how, chance.randbytes(size))
    if how == "word":
        data = struct.pack("<I", chance.choice([0, 1, 0x7fffffff, 0xffffffff, 4096]))[:size]
    return Mutant(f"{name} {how}", (Patch(at + start, size, data),))
