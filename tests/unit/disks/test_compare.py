"""Changed ranges against a reader that thinks one sector at a time."""

import random
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.blocks import Blocks, Memory, withhold
from analyzer.disks.chain import Chain, DiskFile, Shelf, build_chain
from analyzer.disks.compare import ChangedRange, compare, really_changed, shared_files
from analyzer.disks.ranges import Ranges
from analyzer.disks.vhd import Vhd
from analyzer.source import Source
from corpus.make import vhd

SECTOR, BLOCK = 512, 4096


@dataclass(frozen=True)
class Made:
    """A disk file: its bytes, the disk as it is with its parents, and the sectors it holds."""

    name: str
    raw: bytes
    media: bytes
    present: bytes


def base(rng: random.Random, sectors: int) -> Made:
    media = b"".join(rng.choice((bytes(SECTOR), rng.randbytes(SECTOR))) for _ in range(sectors))
    raw = vhd.dynamic(media, unique_id=_id("base"), created=1, block_size=BLOCK)
    return Made("base", raw, media, bytes(sectors))


def child(rng: random.Random, name: str, parent: Made, sectors: int) -> Made:
    below = parent.media[:sectors * SECTOR].ljust(sectors * SECTOR, b"\0")
    present = bytes(rng.random() < 0.2 for _ in range(sectors))
    media = bytearray(below)
    for sector in range(sectors):
        if present[sector] and rng.random() < 0.7:  # else the same bytes, written again
            media[sector * SECTOR:(sector + 1) * SECTOR] = rng.randbytes(SECTOR)
    raw = vhd.differencing(bytes(media), present, unique_id=_id(name), created=2,
                           parent_id=_id(parent.name), parent_name=parent.name, block_size=BLOCK)
    return Made(name, raw, bytes(media), present)


def _id(name: str) -> bytes:
    return name.encode().ljust(16, b".")


def chain(*made: Made, blocks: dict[str, Blocks] | None = None) -> Chain:
    """The chain of the first, with the others to find parents among."""
    files = [DiskFile(Source("host", f"/p1/{one.name}"), f"C:\\{one.name}",
                      Vhd((blocks or {}).get(one.name, Memory(one.raw)))) for one in made]
    return build_chain(files[0], Shelf(tuple(files)))


def sectors_of(ranges: list[ChangedRange]) -> set[int]:
    assert all(r.length > 0 for r in ranges)
    assert all(a.end <= b.offset for a, b in pairwise(ranges))
    return {s for r in ranges for s in range(r.offset // SECTOR, -(-r.end // SECTOR))}


def holds(*made: Made) -> set[int]:
    return {sector for one in made for sector, here in enumerate(one.present) if here}


def differ(one: bytes, other: bytes) -> set[int]:
    return {at // SECTOR for at in range(0, max(len(one), len(other)), SECTOR)
            if one[at:at + SECTOR] != other[at:at + SECTOR]}


@given(st.integers(0, 1 << 32), st.integers(1, 70))
@settings(max_examples=60, deadline=None)
def test_exactly_what_the_files_of_one_side_hold(seed: int, sectors: int) -> None:
    """base < one < two < three and one < other: siblings, ancestors, and the way back."""
    rng = random.Random(seed)
    bottom = base(rng, sectors)
    one = child(rng, "one", bottom, sectors)
    two = child(rng, "two", one, sectors)
    three = child(rng, "three", two, sectors)
    other = child(rng, "other", one, sectors)
    three_chain = chain(three, two, one, bottom)
    for before, after, own in (
            (chain(two, one, bottom), chain(three, two, one, bottom), (three,)),
            (chain(bottom), three_chain, (one, two, three)),
            (three_chain, chain(one, bottom), (two, three)),
            (chain(other, one, bottom), three_chain, (other, two, three)),
            (three_chain, three_chain, ())):
        ranges = list(compare(before, after))
        assert sectors_of(ranges) == holds(*own)
        assert {r.kind for r in ranges} <= {"data"}
        exact = list(really_changed(iter(ranges), before.disk, after.disk))
        old, new = (c.disk.read_at(0, c.disk.size) for c in (before, after))
        assert sectors_of(exact) == differ(old, new)
        for found in ranges:
            owners = after.disk.owner_of(found.offset, found.length)
            shared = len(after.files) - shared_files(before, after)
            assert set(owners) <= ({found.layer} if found.layer < shared else {*range(shared, 4)})


@given(st.integers(0, 1 << 32), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_disks_of_other_sizes(seed: int, small: int, middle: int, large: int) -> None:
    rng = random.Random(seed)
    bottom = base(rng, small)
    one, two = child(rng, "one", bottom, middle), child(rng, "two", bottom, large)
    before, after = chain(one, bottom), chain(two, bottom)
    ranges = list(compare(before, after))
    found = sectors_of(ranges)
    assert differ(one.media, two.media) <= found
    common = min(middle, large)
    assert found <= holds(one, two) | set(range(common, max(middle, large)))
    kinds = {r.kind for r in ranges if r.offset >= common * SECTOR}
    assert kinds <= ({"grown"} if large > middle else {"shrunk"})
    exact = list(really_changed(iter(ranges), before.disk, after.disk))
    assert differ(one.media[:common * SECTOR], two.media[:common * SECTOR]) == {
        s for s in sectors_of(exact) if s < common}


def test_the_same_missing_parent_is_no_change() -> None:
    rng = random.Random(2)
    bottom = base(rng, 40)
    one, two = child(rng, "one", bottom, 40), child(rng, "two", bottom, 40)
    alone = child(rng, "alone", Made("gone", b"", bottom.media, b""), 40)
    before, after = chain(one), chain(two)
    ranges = list(compare(before, after))
    assert sectors_of(ranges) == holds(one, two)
    both = holds(one) & holds(two)
    assert {r.kind for r in ranges} == {"data", "unreadable"}
    assert sectors_of([r for r in ranges if r.kind == "data"]) == both
    other = list(compare(before, chain(alone)))
    assert sectors_of(other) == set(range(40)), "another parent that is not there: nothing is known"
    exact = list(really_changed(iter(ranges), before.disk, after.disk))
    assert sectors_of([r for r in exact if r.kind == "unreadable"]) == holds(one, two) - both


def test_copies_are_not_the_same_file() -> None:
    rng = random.Random(4)
    bottom = base(rng, 40)
    one = child(rng, "one", bottom, 40)
    here = chain(one, bottom)
    there = build_chain(here.files[0], Shelf((here.files[0], DiskFile(
        Source("host", "/p2/copy"), "D:\\copy", Vhd(Memory(bottom.raw))))))
    assert shared_files(here, there) == 0
    assert shared_files(here, here) == 2
    ranges = list(compare(here, there))
    assert differ(here.disk.read_at(0, 40 * SECTOR), bytes(40 * SECTOR)) <= sectors_of(ranges)
    assert list(really_changed(iter(ranges), here.disk, there.disk)) == []


def test_zeros_where_data_was() -> None:
    media = bytes(2 * BLOCK) + b"\x11" * BLOCK
    chains = []
    for name, content in (("old", media), ("new", media[::-1])):
        raw = vhd.dynamic(content, unique_id=_id(name), created=1, block_size=BLOCK)
        chains.append(chain(Made(name, raw, content, b"")))
    assert list(compare(*chains)) == [ChangedRange(0, BLOCK, "data", 0),
                                      ChangedRange(2 * BLOCK, BLOCK, "zeros", 0)]


def test_bad_sectors_of_the_shared_file_do_not_matter() -> None:
    rng = random.Random(6)
    bottom = base(rng, 64)
    one, two = child(rng, "one", bottom, 64), child(rng, "two", bottom, 64)
    bad: dict[str, Blocks] = {"base": withhold(Memory(bottom.raw), [(2048, len(bottom.raw) - 4096)],
                                               "bad")}
    before, after = chain(one, bottom, blocks=bad), chain(two, bottom, blocks=bad)
    assert sectors_of(list(compare(before, after))) == holds(one, two)


@pytest.mark.parametrize("cut", [0, 1, 511, 600, 1536, 2048, 4000, 9000])
def test_damaged_layers_are_unreadable_and_never_equal(cut: int) -> None:
    """Whatever is left of the upper file: no sector that it holds is passed over."""
    rng = random.Random(8)
    bottom = base(rng, 64)
    one = child(rng, "one", bottom, 64)
    raw = one.raw[:len(one.raw) - cut] if cut > 1 else one.raw
    broken = Made("one", raw, one.media, one.present)
    found = sectors_of(list(compare(chain(bottom), chain(broken, bottom))))
    assert holds(one) <= found


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), max_size=12),
       st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)), max_size=12))
def test_ranges_count_as_a_set_of_bytes_does(gaps: list[tuple[int, int]],
                                             asked: list[tuple[int, int]]) -> None:
    pairs, position = [], 0
    for gap, length in gaps:
        pairs.append((position + gap, length))
        position += gap + length
    ranges = Ranges(pairs)
    members = {byte for start, length in pairs for byte in range(start, start + length)}
    assert ranges.total == len(members)
    for start, length in asked:
        expected = members & set(range(start, start + length))
        parts = list(ranges.within(start, length)) if length else []
        assert {b for low, high in parts for b in range(low, high)} == expected
        assert ranges.inside(np.array([start]), np.array([length])).tolist() == [len(expected)]
