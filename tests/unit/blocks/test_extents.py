"""Extent maps against a model that thinks one byte at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.blocks import (
    Extent,
    ExtentMap,
    Kind,
    Mapped,
    Memory,
    Slice,
    flatten,
    read_known,
    withhold,
)
from analyzer.errors import Unreadable

LOWER_SIZE = 40


def random_map(data: st.DataObject, beneath: int) -> ExtentMap:
    rows: list[Extent] = []
    position = 0
    for _ in range(data.draw(st.integers(1, 8))):
        length = data.draw(st.integers(1, 9))
        kind = data.draw(st.sampled_from([Kind.DATA, Kind.ZERO, Kind.UNREADABLE]))
        at = data.draw(st.integers(0, beneath)) if kind == Kind.DATA else -1
        rows.append(Extent(position, length, kind, at))
        position += length
    return ExtentMap.build(rows)


def model(map_: ExtentMap) -> list[tuple[Kind, int]]:
    return [(e.kind, e.at + i if e.kind == Kind.DATA else -1)
            for e in map_ for i in range(e.length)]


@given(st.data())
def test_compose_is_a_look_up_of_each_byte(data: st.DataObject) -> None:
    lower = random_map(data, 100)
    upper = random_map(data, LOWER_SIZE)
    below = model(lower)
    expected = [
        (kind, -1) if kind != Kind.DATA
        else below[at] if at < len(below) else (Kind.UNREADABLE, -1)
        for kind, at in model(upper)
    ]
    composed = upper.compose(lower)
    assert model(composed) == expected
    assert composed.size == upper.size


@given(st.data())
def test_find_clips_to_the_range(data: st.DataObject) -> None:
    map_ = random_map(data, 100)
    offset = data.draw(st.integers(0, map_.size))
    length = data.draw(st.integers(0, map_.size))
    found = ExtentMap.build(e._replace(start=e.start - offset) for e in map_.find(offset, length))
    assert model(found) == model(map_)[offset:offset + length]


@given(st.data())
def test_a_mapped_reader_gives_the_truth_or_the_first_unknown_byte(data: st.DataObject) -> None:
    base = bytes(range(60))
    map_ = random_map(data, 59)
    truth = [base[at] if kind == Kind.DATA and at < 60 else 0 if kind == Kind.ZERO else None
             for kind, at in model(map_)]
    offset = data.draw(st.integers(0, map_.size))
    length = data.draw(st.integers(0, map_.size))
    wanted = truth[offset:offset + length]
    reader = Mapped(Memory(base), map_)
    if None in wanted:
        with pytest.raises(Unreadable) as caught:
            reader.read_at(offset, length)
        assert caught.value.start == offset + wanted.index(None)
        assert set(truth[caught.value.start:caught.value.start + caught.value.length]) == {None}
    else:
        assert reader.read_at(offset, length) == bytes(b for b in wanted if b is not None)
    lost: list[Unreadable] = []
    assert read_known(reader, offset, length, lost.append) == bytes(b or 0 for b in wanted)
    assert sum(e.length for e in lost) == wanted.count(None)


def test_a_map_must_tile() -> None:
    with pytest.raises(ValueError, match="does not follow"):
        ExtentMap.build([Extent(0, 5, Kind.ZERO), Extent(6, 1, Kind.ZERO)])
    joined = ExtentMap.build([Extent(0, 5, Kind.DATA, 7), Extent(5, 3, Kind.DATA, 12)])
    assert list(joined) == [Extent(0, 8, Kind.DATA, 7)]


def test_flatten_composes_slices_and_files_into_the_image() -> None:
    image = Memory(bytes(range(200)))
    volume = Slice(image, 50, 100)
    file = Mapped(volume, ExtentMap.build([
        Extent(0, 10, Kind.DATA, 90), Extent(10, 5, Kind.ZERO), Extent(15, 20, Kind.DATA, 0)]))
    flat = flatten(file, volume)
    assert isinstance(flat, Mapped)
    assert flat.base is image
    assert flat.read_at(0, 99) == bytes(range(140, 150)) + bytes(5) + bytes(range(50, 70))
    assert [e.at for e in flat.extents() or []] == [140, -1, 50]
    assert flatten(image) is image


def test_a_slice_past_the_end_of_a_truncated_image_is_unreadable() -> None:
    short = Slice(Memory(bytes(100)), 60, 100)
    assert short.read_at(0, 40) == bytes(40)
    with pytest.raises(Unreadable) as caught:
        short.read_at(30, 30)
    assert (caught.value.start, caught.value.length) == (40, 20)
    flat = flatten(short)
    with pytest.raises(Unreadable):
        flat.read_at(39, 2)
    assert read_known(short, 0, 500, lambda _: None) == bytes(100)


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(0, 30)), max_size=6))
def test_withheld_ranges_are_unreadable_and_the_rest_is_not(ranges: list[tuple[int, int]]) -> None:
    data = bytes(range(1, 61))
    held = {i for start, length in ranges for i in range(start, start + length) if i < 60}
    blocks = withhold(Memory(data), ranges, "held")
    assert read_known(blocks, 0, 60, lambda _: None) == bytes(
        0 if i in held else b for i, b in enumerate(data))
    if held:
        with pytest.raises(Unreadable, match="held"):
            blocks.read_at(min(held), 1)
