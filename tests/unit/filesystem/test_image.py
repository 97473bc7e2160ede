"""The ledger against a set of bytes, and the image that never fails."""

import random

from hypothesis import given
from hypothesis import strategies as st

from analyzer.blocks import Extent, ExtentMap, Kind, Memory
from analyzer.errors import Corrupt
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
