"""The map of a chain down to the acquired image against a model that knows each sector.

The files of the layers lie in pieces, in odd places, of one image or of several; some of their
sectors are sparse or not initialized, some lost, and some bytes of the image are bad.
"""

import os
import random
import struct
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.blocks import Blocks, Extent, ExtentMap, Kind, Mapped, Memory, Slice, read_known
from analyzer.disks import disk as disk_module
from analyzer.disks import places as places_module
from analyzer.disks.disk import Disk
from analyzer.disks.vhd import Vhd
from analyzer.errors import MissingParent, Unreadable
from analyzer.evidence.segment import look
from corpus.make import vhd as make
from tests.unit.filesystem.faulty import Faulty

SECTOR = 512
IDS = [uuid.UUID(int=0x2000 + i).bytes for i in range(8)]
BASES = ("memory", "faulty", "file", "no map", "slice", "in a slice")


@contextmanager
def small_chunks(size: int) -> Iterator[None]:
    """Chunks of a few sectors, of which few are kept."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (disk_module, places_module):
            patch.setattr(module, "CHUNK", size)
        patch.setattr(places_module, "ROWS_KEPT", 40)
        yield


@dataclass
class Scene:
    """A chain, the value of each sector (None where it cannot be known), what to close."""

    disk: Disk
    sectors: list[int | None]
    folder: "tempfile.TemporaryDirectory[str]"


def data_sectors(content: bytes, block_size: int) -> dict[int, int]:
    """Sector of the disk -> offset in the VHD, for all blocks stored."""
    table, = struct.unpack_from(">Q", content, 512 + 16)
    entries, = struct.unpack_from(">I", content, 512 + 28)
    per_block = block_size // SECTOR
    bitmap = -(-per_block // 4096) * SECTOR
    places = {}
    for block, sector in enumerate(struct.unpack_from(f">{entries}I", content, table)):
        if sector != make.ABSENT:
            for i in range(per_block):
                places[block * per_block + i] = sector * SECTOR + bitmap + i * SECTOR
    return places


def build(rng: random.Random, depth: int, block_size: int, kinds: list[str]) -> Scene:
    folder = tempfile.TemporaryDirectory()
    below: list[int | None] = []
    layers = []
    shared = bytearray()
    for level in range(depth):
        count = rng.randrange(1, 90)
        own = [rng.randrange(1, 256) for _ in range(count)]
        media = b"".join(bytes([value]) * SECTOR for value in own)
        present = [level == 0 or rng.random() < 0.4 for _ in range(count)]
        content = make.dynamic(media, unique_id=IDS[0], created=1, block_size=block_size) \
            if level == 0 else make.differencing(
                media, present, unique_id=IDS[level], created=1, parent_id=IDS[level - 1],
                parent_name="x", block_size=block_size)
        places = data_sectors(content, block_size)
        mapped = kinds[level] != "no map"
        holes = {places[i]: rng.choice((Kind.ZERO, Kind.UNREADABLE)) for i in range(count)
                 if mapped and present[i] and rng.random() < 0.1}
        bad = [places[i] for i in range(count)
               if kinds[level] == "faulty" and present[i] and rng.random() < 0.1]
        container = scatter(rng, kinds[level], content, holes, bad, Path(folder.name, str(level)),
                            shared)
        layers.append(container)
        lower = [*below, *[0] * count][:count]
        below = [lower[i] if not present[i] else
                 0 if holes.get(places[i]) == Kind.ZERO else
                 None if places[i] in holes or places[i] in bad else own[i] for i in range(count)]
    return Scene(Disk([Vhd(layer) for layer in reversed(layers)]), below, folder)


def scatter(rng: random.Random, kind: str, content: bytes, holes: dict[int, Kind],
            bad: list[int], path: Path, shared: bytearray) -> Blocks:
    """The bytes of a file put in pieces all over an image, which is of the kind named."""
    if kind == "no map":
        return Memory(content)
    image = shared if kind == "memory" else bytearray()
    rows: list[Extent] = []
    faults: list[tuple[int, int]] = []
    special = [*holes, *bad]
    anywhere = [rng.randrange(len(content)) for _ in range(12)]
    cuts = {0, len(content), *special, *(at + SECTOR for at in special),
            *(cut for cut in anywhere if not any(at < cut < at + SECTOR for at in special))}
    for start, end in pairwise(sorted(cuts)):
        state = holes.get(start, Kind.DATA)
        if state != Kind.DATA:
            rows.append(Extent(start, end - start, state))
            continue
        if rng.random() < 0.6:
            image += rng.randbytes(rng.randrange(1, 700))
        if start in bad:
            faults.append((len(image), end - start))
        rows.append(Extent(start, end - start, Kind.DATA, len(image)))
        image += content[start:end]
    image += bytes(100)
    map_ = ExtentMap.build(rows)
    if kind == "memory":
        return Mapped(Shared(shared), map_)
    if kind == "faulty":
        return Mapped(Faulty(bytes(image), tuple(faults)), map_)
    if kind == "file":
        path.write_bytes(image)
        return Mapped(look(path), map_)
    if kind == "slice":
        whole = Mapped(Memory(bytes(image)), map_)
        return Slice(Mapped(whole, ExtentMap.build([Extent(0, len(content), Kind.DATA, 0)])), 0,
                     len(content))
    return Mapped(Slice(Memory(b"pre" + bytes(image)), 3, len(image)), map_)


class Shared:
    """One growing image under several layers; the same object for all that share it."""

    _known: "dict[int, Shared]" = {}  # noqa: RUF012  # one for each bytearray

    def __new__(cls, data: bytearray) -> "Shared":
        known = cls._known.get(id(data))
        if known is None or known.data is not data:
            known = super().__new__(cls)
            known.data = data
            cls._known = {id(data): known}
        return known

    data: bytearray

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset:offset + length])

    def extents(self) -> None:
        return None


def check(scene: Scene, offset: int, length: int) -> None:
    wanted = [value for value in scene.sectors for _ in range(SECTOR)][offset:offset + length]
    if None in wanted:
        with pytest.raises(Unreadable) as caught:
            scene.disk.read_at(offset, length)
        start = caught.value.start
        assert start == offset + wanted.index(None)
        assert set(wanted[start - offset:start - offset + caught.value.length]) == {None}
    else:
        assert scene.disk.read_at(offset, length) == bytes(v for v in wanted if v is not None)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 4), st.sampled_from([512, 1024, 4096, 16384]),
       st.lists(st.sampled_from(BASES), min_size=4, max_size=4),
       st.sampled_from([512, 4096, 2 << 20]))
def test_reads_are_what_the_layers_hold(seed: int, depth: int, block_size: int, kinds: list[str],
                                        chunk: int) -> None:
    rng = random.Random(seed)
    with small_chunks(chunk):
        scene = build(rng, depth, block_size, kinds)
        size = len(scene.sectors) * SECTOR
        assert scene.disk.size == size
        lost: list[Unreadable] = []
        whole = b"".join(bytes([value or 0]) * SECTOR for value in scene.sectors)
        assert read_known(scene.disk, 0, size, lost.append) == whole
        assert sum(error.length for error in lost) == scene.sectors.count(None) * SECTOR
        for _ in range(12):
            check(scene, rng.randrange(size), rng.choice((1, 512, 700, 4096, size)))
        for offset in range(0, size, 1500):  # in sequence: hints, and chunks built ahead
            check(scene, offset, 1500)
        assert scene.disk.read_at(size, 10) == b""
        scene.folder.cleanup()


def file_disk(path: Path) -> tuple[Disk, bytes]:
    media = b"".join(bytes([i]) * SECTOR for i in range(1, 65))
    path.write_bytes(make.dynamic(media, unique_id=IDS[0], created=1, block_size=8192))
    return Disk([Vhd(look(path))]), media


def test_a_file_that_becomes_shorter_is_unreadable_not_short(tmp_path: Path) -> None:
    disk, media = file_disk(tmp_path / "a.vhd")
    assert disk.read_at(0, len(media)) == media
    os.truncate(tmp_path / "a.vhd", 16384)
    with pytest.raises(Unreadable, match="became shorter"):
        disk.read_at(len(media) - 512, 512)


class Failing:
    """A file whose descriptor cannot be read, but whose Blocks know how."""

    def __init__(self, data: bytes, number: int) -> None:
        self.data, self.size, self.number = data, len(data), number

    def open_file(self) -> "Failing":
        return self

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset:offset + length]

    def extents(self) -> None:
        return None


def test_a_file_that_fails_is_read_by_its_blocks_from_then_on(tmp_path: Path) -> None:
    media = b"".join(bytes([i]) * SECTOR for i in range(1, 65))
    content = make.dynamic(media, unique_id=IDS[0], created=1, block_size=8192)
    number = os.open(tmp_path, os.O_RDONLY)  # of a folder: pread fails
    try:
        disk = Disk([Vhd(Failing(content, number))])
        for _ in range(2):
            assert disk.read_at(700, 20_000) == media[700:20_700]
            assert disk.read_at(512, 512) == media[512:1024]
    finally:
        os.close(number)


def test_a_missing_parent_is_named_whatever_the_map() -> None:
    media = bytes([9]) * SECTOR * 40
    content = make.differencing(media, [i != 7 for i in range(40)], unique_id=IDS[1], created=1,
                                parent_id=IDS[0], parent_name="x", block_size=4096)
    disk = Disk([Vhd(Mapped(Memory(content), ExtentMap.build(
        [Extent(0, len(content), Kind.DATA, 0)])))])
    assert disk.read_at(0, 7 * SECTOR) == media[:7 * SECTOR]
    for _ in range(2):
        with pytest.raises(MissingParent) as caught:
            disk.read_at(0, len(media))
        assert (caught.value.start, caught.value.length) == (7 * SECTOR, SECTOR)


def test_each_extent_keeps_its_layer() -> None:
    scene = build(random.Random(5), 3, 4096, ["memory", "memory", "memory", "memory"])
    extents = list(scene.disk.resolve(0, scene.disk.size))
    assert [e.start for e in extents[1:]] == [e.end for e in extents[:-1]]
    for extent in extents:
        if extent.kind == Kind.DATA:
            container = scene.disk.layers[extent.layer].container
            value = scene.sectors[extent.start // SECTOR]
            if value is not None:
                assert scene.disk.owner_of(extent.start, 1) == (extent.layer,)
                assert container.read_at(extent.at, 1) == bytes([value])
    scene.folder.cleanup()


class Counted:
    """Memory that counts how often it is asked."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size, self.asked = data, len(data), 0

    def read_at(self, offset: int, length: int) -> bytes:
        self.asked += 1
        return self.data[offset:offset + length]

    def extents(self) -> None:
        return None


def test_a_disk_is_opened_without_looking_at_its_blocks() -> None:
    media = bytes([3]) * (4096 * 512)
    file = Counted(make.differencing(media, [i % 2 for i in range(4096)], unique_id=IDS[1],
                                     created=1, parent_id=IDS[0], parent_name="x",
                                     block_size=4096))
    with small_chunks(8192):
        disk = Disk([Vhd(file)])
        opened = file.asked
        assert opened < 12
        assert disk.read_at(1 << 20 | 512, 512) == media[:512]
        assert file.asked <= opened + 3  # two bitmaps, one sector
        assert disk.read_at(1 << 20 | 512, 512) == media[:512]
        assert file.asked <= opened + 4


@pytest.mark.parametrize("block_size", [4096, 1 << 20, 2 << 20, 4 << 20, 16 << 20])
def test_a_bitmap_is_looked_at_to_its_end(block_size: int) -> None:
    """One absent sector, near the end of the only block."""
    count = block_size // SECTOR
    media = bytes([6]) * block_size
    gone = count - 3
    disk = Disk([Vhd(Memory(make.differencing(
        media, [i != gone for i in range(count)], unique_id=IDS[1], created=1,
        parent_id=IDS[0], parent_name="x", block_size=block_size)))])
    assert disk.unreadable() == [(gone * SECTOR, SECTOR)]
    assert disk.read_at(0, gone * SECTOR) == media[:gone * SECTOR]
    with pytest.raises(MissingParent):
        disk.read_at(gone * SECTOR, 1)
