"""Where the structures of a host lie in its image: what to damage, and what damage can hurt.

Read here byte by byte, not by the decoders under test.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from analyzer.blocks import Blocks, Kind
from analyzer.machines import guest_states, open_guest
from analyzer.system import WindowsSystem
from analyzer.volume import Item, MountedVolume

Span = tuple[int, int]
"""(offset, length) in the image."""
_REGISTER: Final = (".xml", "vhd", "hyper-v", "machines", "snapshots", "config", "system")
_HIVES: Final = ("system", "software")
_HOLDER: Final = "/$MFT"
_INDEX_ROOT, _INDEX, _BITMAP, _REPARSE = 0x90, 0xA0, 0xB0, 0xC0


@dataclass
class Surface:
    """Spans by kind, records by path (`/p1/Windows`), and who owns which bytes.

    vital  spans on which everything rests: boot sectors, partition tables, $MFT's own record
    """

    spots: dict[str, list[Span]] = field(default_factory=dict)
    records: dict[str, Span] = field(default_factory=dict)
    owners: list[tuple[int, int, str]] = field(default_factory=list)
    vital: list[Span] = field(default_factory=list)

    def add(self, kind: str, spans: Iterable[Span]) -> None:
        self.spots.setdefault(kind, []).extend(spans)

    def own(self, path: str, spans: Iterable[Span]) -> None:
        self.owners += [(at, at + length, path) for at, length in spans]

    @cached_property
    def _by_start(self) -> tuple[list[int], list[tuple[int, int, str]]]:
        rows = sorted(self.owners)
        return [row[0] for row in rows], rows

    def hurt(self, start: int, end: int) -> set[str]:
        """Who owns a byte of [start, end); "" where everything rests on one."""
        starts, rows = self._by_start
        found = {path for low, high, path in rows[:bisect_right(starts, end - 1)] if high > start}
        if any(at < end and start < at + length for at, length in self.vital):
            found.add("")
        return found


def survey(systems: Iterable[WindowsSystem]) -> Surface:
    """The structures of undamaged hosts."""
    found = Surface()
    for system in systems:
        for medium in system.media:
            _table(medium.blocks, found)
        for volume in system.volumes:
            if volume.filesystem is not None:
                _volume(volume, found)
        for state in guest_states(system):
            for guest in open_guest(system, state):
                _guest(guest, found)
    return found


def _table(disk: Blocks, found: Surface) -> None:
    """MBR, and a GPT where there is one."""
    found.vital += [(0, 512)]
    found.add("mbr", [(446, 66)])
    if disk.read_at(512, 8) == b"EFI PART":
        end = disk.size
        places = [(512, 92), (1024, 512), (end - 512, 92), (end - 33 * 512, 512)]
        found.add("gpt", places)
        found.vital += [(512, 33 * 512), (end - 33 * 512, 33 * 512)]


def _volume(volume: MountedVolume, found: Surface) -> None:
    ntfs, base = volume.filesystem, volume.partition.offset
    assert ntfs is not None
    boots = [(base, 512), (base + volume.partition.size - 512, 512)]
    found.add("boot", boots)
    found.vital += boots
    items = [volume.root(), *volume.walk()]
    for item in items:
        _entry(item, base, found)
    mft = f"/{volume.volume_id}{_HOLDER}"
    if mft in found.records:
        found.vital.append(found.records[mft])


def _entry(item: Item, base: int, found: Surface) -> None:
    """One name: its record, all that its attributes map, and what is worth damaging there."""
    volume, ntfs = item.volume, item.volume.filesystem
    at = volume.record_place(item.entry.inode)[1]
    if ntfs is None or at is None:
        return
    path = f"/{volume.volume_id}{item.entry.path}".rstrip("/")
    span = at, ntfs.record_size
    raw = volume.medium.blocks.read_at(*span)
    found.own(path, [span])
    if item.entry.allocated:
        found.records[path] = span
    for place, length in attributes(raw):
        kind, is_out = struct.unpack_from("<I4xB", raw, place)
        pieces = list(_runs(raw[place:place + length], base, ntfs.cluster_size)) if is_out else []
        found.own(path, pieces)
        if item.entry.allocated:
            _attribute(kind, at + place, raw[place:place + length], pieces, found)
    if item.entry.allocated and not item.entry.is_directory:
        _file(item, found)


def attributes(raw: bytes) -> Iterator[Span]:
    """(offset, length) of each attribute of an MFT record."""
    place = struct.unpack_from("<H", raw, 20)[0]
    while place + 24 <= len(raw):
        kind, length = struct.unpack_from("<II", raw, place)
        if kind == 0xFFFFFFFF or length < 24 or place + length > len(raw):
            return
        yield place, length
        place += length


def _attribute(kind: int, at: int, raw: bytes, pieces: list[Span], found: Surface) -> None:
    if raw[8]:
        runs = struct.unpack_from("<H", raw, 32)[0]
        found.add("runs", [(at + runs, max(1, len(raw) - runs))])
    elif kind == _REPARSE:
        found.add("reparse", [(at + 24, len(raw) - 24)])
    elif kind == _INDEX_ROOT:
        found.add("index root", [(at + 24, len(raw) - 24)])
    if kind == _INDEX:
        found.add("index", pieces)
    if kind == _BITMAP:
        found.add("bitmap", pieces)


def _runs(raw: bytes, base: int, cluster: int) -> Iterator[Span]:
    """What the run list of an attribute maps, in the image."""
    place, first = struct.unpack_from("<H", raw, 32)[0], 0
    while place < len(raw) and raw[place]:
        size, step = raw[place] & 15, raw[place] >> 4
        count = int.from_bytes(raw[place + 1:place + 1 + size], "little")
        first += int.from_bytes(raw[place + 1 + size:place + 1 + size + step], "little",
                                signed=True)
        if step:
            yield base + first * cluster, count * cluster
        place += 1 + size + step


def _file(item: Item, found: Surface) -> None:
    name = item.name.lower()
    kind = ("hive" if name in _HIVES and item.folder.lower() == "config"
            else "xml" if name.endswith(".xml")
            else "vmcx" if name.endswith((".vmcx", ".vmrs"))
            else "vhdx" if name.endswith("vhdx")
            else "vhd" if name.endswith(("vhd", "vud")) else "")
    map_ = item.blocks().extents() if kind else None
    if map_ is None:
        return
    pieces = [(extent.at, extent.length) for extent in map_ if extent.kind == Kind.DATA]
    if kind not in ("vhd", "vhdx"):
        found.add(kind, pieces)
        found.vital += pieces if kind == "hive" else []
        return
    for start in (_vhd_places if kind == "vhd" else _vhdx_places)(item.blocks()):
        found.add(kind, [(p.at, p.length) for p in map_.find(start, 512) if p.kind == Kind.DATA])


def _vhd_places(file: Blocks) -> Iterator[int]:
    """Footers, header, block table, and the bitmap of each stored block."""
    yield from (0, 512, 1536, 2048, file.size - 512)
    table = file.read_at(512, 1024)
    if not table.startswith(b"cxsparse"):
        return
    at, count = struct.unpack_from(">QxxxxI", table, 16)
    for number in range(min(count, 64)):
        entry = int.from_bytes(file.read_at(at + 4 * number, 4), "big")
        if entry != 0xFFFFFFFF:
            yield entry * 512


def _vhdx_places(file: Blocks) -> Iterator[int]:
    """File identifier, headers, region tables, and the beginning of each region and of the log."""
    yield from (0, 65_536, 131_072, 196_608, 262_144)
    log, table = file.read_at(65_536 + 72, 8), file.read_at(196_608, 16 + 32 * 8)
    yield int.from_bytes(log, "little")
    count = struct.unpack_from("<I", table, 8)[0]
    for number in range(min(count, 8)):
        at, length = struct.unpack_from("<QI", table, 16 + 32 * number + 16)
        yield from range(at, at + min(length, 2048), 512)
        if length > 65_536:  # what the entries of the metadata lead to
            yield at + 65_536


def _guest(guest: WindowsSystem, found: Surface) -> None:
    """Boot sectors, MFT records and hives of a guest: where they lie in the image."""
    for volume in guest.volumes:
        places = [(volume.partition.offset, 512)]
        for item in volume.walk():
            at = volume.record_place(item.entry.inode)[1]
            if at is not None:
                found.add("guest", [(at, 1024)])
            if item.name.lower() in _HIVES and not item.entry.is_directory:
                map_ = item.blocks().extents()
                places += [(extent.at, 512) for extent in map_ or () if extent.kind == Kind.DATA]
        for offset, length in places:
            at = volume.medium.locate(offset)[1]
            if at is not None:
                found.add("guest", [(at, length)])


def register_records(found: Surface) -> list[Span]:
    """The records of what a host's inventory rests on."""
    return [span for path, span in sorted(found.records.items())
            if path.lower().endswith(_REGISTER)]
