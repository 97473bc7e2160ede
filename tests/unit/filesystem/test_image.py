"""The ledger against a set of bytes, and the image that never fails."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.blocks import Blocks, Extent, ExtentMap, Kind, Memory, Slice
from analyzer.errors import Corrupt
from analyzer.evidence import open_evidence
from analyzer.filesystem.image import Ledger, PaddedImage
from analyzer.filesystem.stream import RefusedBlocks
from tests.unit.filesystem.faulty import Faulty

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=12)


@given(RANGES, st.integers(0, 70), st.integers(1, 12))
def test_ledger_is_a_set_of_bytes(ranges: list[tuple[int, int]], offset: int, length: int) -> None:
    ledger, model = Ledger(), set[int]()
    for start, size in ranges:
        ledger.add(start, size)
        model.update(range(start, start + size))
    assert {b for start, size in ledger.ranges for b in range(start, start + size)} == model
    ends = [start + size for start, size in ledger.ranges]
    assert all(end < start for end, (start, _) in zip(ends, ledger.ranges[1:], strict=False))
    inside = sorted(model & set(range(offset, offset + length)))
    found = ledger.overlap(offset, length)
    assert (found is None) == (not inside)
    if found is not None:
        assert found[0] == inside[0]
        assert set(range(found[0], sum(found))) <= set(inside)


def test_bad_bytes_are_zeros_and_listed() -> None:
    data = bytes(range(1, 101))
    image = PaddedImage(Faulty(data, ((10, 5), (50, 1))), 120)
    assert image.read(0, 200) == (
        data[:10] + bytes(5) + data[15:50] + bytes(1) + data[51:] + bytes(20))
    assert image.ledger.ranges == [(10, 5), (50, 1), (100, 20)]
    assert image.read(200, 5) == b""


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Blocks:
    """1,000 bytes at 4,096 of a raw image; it ends 24 bytes before they should."""
    path: Path = tmp_path_factory.mktemp("raw") / "disk.raw"
    path.write_bytes(bytes(4096) + random.Random(1).randbytes(976))
    (image,) = open_evidence([path])
    return Slice(image.blocks, 4096, 1000)


@pytest.mark.parametrize(("offset", "length"), [(0, 976), (100, 300), (900, 100), (975, 60),
                                                (2000, 5)])
@pytest.mark.parametrize("patches", [{}, {150: b"abcd"}], ids=["", "patched"])
def test_room_is_filled_with_what_is_read(part: Blocks, offset: int, length: int,
                                          patches: dict[int, bytes]) -> None:
    filled, read = PaddedImage(part, 1000, patches), PaddedImage(part, 1000, patches)
    room = np.full(length, 0xEE, np.uint8)
    filled.fill(offset, room)
    assert room.tobytes() == read.read(offset, length).ljust(length, b"\0")
    assert filled.ledger.ranges == read.ledger.ranges


def test_room_that_no_file_can_fill() -> None:
    image = PaddedImage(Faulty(bytes(range(1, 101)), ((10, 5),)), 100)
    room = np.full(20, 0xEE, np.uint8)
    image.fill(0, room)
    assert room.tobytes() == bytes([*range(1, 11), *bytes(5), *range(16, 21)])
    assert image.ledger.ranges == [(10, 5)]


def test_an_error_without_a_range_costs_the_request() -> None:
    image = PaddedImage(RefusedBlocks(100, Corrupt("bad table")), 100)
    assert image.read(20, 30) == bytes(30)
    assert image.ledger.ranges == [(20, 30)]


def test_patches_replace_what_is_read() -> None:
    image = PaddedImage(Memory(bytes(20)), 20, {8: b"abcd"})
    assert image.read(0, 20) == bytes(8) + b"abcd" + bytes(8)
    assert image.read(9, 2) == b"bc"
    assert image.read(12, 4) == bytes(4)


def test_a_patched_sector_is_not_lost() -> None:
    image = PaddedImage(Faulty(bytes(100), ((0, 10),)), 100, {0: b"x" * 10})
    assert image.read(0, 20) == b"x" * 10 + bytes(10)
    assert image.ledger.ranges == []


def test_pinned_pages_give_the_same_bytes_and_the_same_ledger() -> None:
    page = 256 << 10
    data = random.Random(7).randbytes(5 * page + 1000)
    bad = ((page + 5000, 300), (4 * page, 10))
    pinned = PaddedImage(Faulty(data, bad), len(data) + 700, {3 * page - 2: b"patch"})
    plain = PaddedImage(Faulty(data, bad), len(data) + 700, {3 * page - 2: b"patch"})
    pinned.pin(ExtentMap.build([
        Extent(0, 3 * page, Kind.DATA, 4096), Extent(3 * page, 512, Kind.ZERO),
        Extent(3 * page + 512, 2 * page, Kind.DATA, 3 * page + 900)]))
    rng = random.Random(8)
    for _ in range(400):
        offset, length = rng.randrange(len(data) + 800), rng.choice((1, 512, 65536, 2 * page))
        assert pinned.read(offset, length) == plain.read(offset, length)
        assert pinned.ledger.ranges == plain.ledger.ranges


def test_what_is_pinned_is_read_once() -> None:
    page = 256 << 10
    counted = Counted(bytes(4 * page))
    image = PaddedImage(counted, 4 * page)
    image.pin(ExtentMap.build([Extent(0, 2 * page, Kind.DATA, page)]))
    for offset in range(page, 3 * page - 65536, 512):
        image.read(offset, 65536)
    assert counted.asked == [(page, page), (2 * page, page)]
    image.read(page - 512, 1024)
    assert counted.asked[2:] == [(page - 512, 1024)]


def test_no_more_than_64_mib_are_pinned() -> None:
    counted = Counted(bytes(1 << 20))
    image = PaddedImage(counted, 1 << 20)
    image.pin(ExtentMap.build([Extent(0, 1 << 60, Kind.DATA, 0)]))
    assert image.read(0, 1 << 20) == bytes(1 << 20)


class Counted:
    """Memory that notes what was asked of it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)
        self.asked: list[tuple[int, int]] = []

    def read_at(self, offset: int, length: int) -> bytes:
        self.asked.append((offset, length))
        return self.data[offset:offset + length]

    def extents(self) -> None:
        return None
