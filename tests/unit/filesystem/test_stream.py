"""Streams against a reader that thinks one byte at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.blocks import Extent, ExtentMap, Kind, Memory
from analyzer.errors import Corrupt, MissingParent, Unreadable, Unsupported
from analyzer.filesystem.attributes import Attribute
from analyzer.filesystem.stream import DecodedBlocks, RefusedBlocks, RunBlocks, stream_map
from tests.unit.filesystem.faulty import Faulty
from tests.unit.filesystem.mft_writer import DATA, encode_runs

CLUSTER = 4
VOLUME = bytes(range(1, 90))
Runs = list[tuple[int | None, int]]


def piece(runs: Runs, real: int = 0, initialized: int | None = None, vcn: int = 0) -> Attribute:
    return Attribute(DATA, "", 0, 0, 0, None, vcn, 0, real,
                     real if initialized is None else initialized, 0, encode_runs(runs))


def naive(runs: Runs, real: int, initialized: int) -> list[int | None]:
    """The value of each byte, None where it cannot be known."""
    clusters = [None if lcn is None else lcn + i for lcn, length in runs for i in range(length)]
    out: list[int | None] = []
    for at in range(real):
        if at >= initialized:
            out.append(0)
        elif at // CLUSTER >= len(clusters):
            out.append(None)
        else:
            cluster = clusters[at // CLUSTER]
            where = -1 if cluster is None else cluster * CLUSTER + at % CLUSTER
            out.append(0 if where < 0 else VOLUME[where] if where < len(VOLUME) else None)
    return out


RUNS = st.lists(st.tuples(st.none() | st.integers(0, 30), st.integers(1, 4)), max_size=6)


@given(RUNS, st.integers(0, 60), st.integers(0, 60), st.integers(0, 5), st.data())
def test_every_byte(runs: Runs, real: int, initialized: int, cuts: int,
                    data: st.DataObject) -> None:
    cut = min(cuts, len(runs))
    second = sum(length for _, length in runs[:cut])
    pieces = [piece(runs[cut:], vcn=second), piece(runs[:cut], real, initialized)]
    if second == 0:
        pieces = [piece(runs, real, initialized)]
    blocks = RunBlocks(Memory(VOLUME), stream_map(pieces, CLUSTER, len(VOLUME)))
    expected = naive(runs, real, min(initialized, real))
    assert blocks.size == real
    offset = data.draw(st.integers(0, real))
    length = data.draw(st.integers(0, 70))
    wanted = expected[offset:offset + length]
    if None not in wanted:
        assert list(blocks.read_at(offset, length)) == wanted
        return
    with pytest.raises(Unreadable) as caught:
        blocks.read_at(offset, length)
    first = offset + wanted.index(None)
    assert caught.value.start == first
    assert all(b is None for b in expected[first:first + caught.value.length])


def test_the_map_points_into_the_volume() -> None:
    table = stream_map([piece([(5, 2), (None, 1), (20, 3)], 22, 14)], CLUSTER, len(VOLUME))
    assert list(table) == [Extent(0, 8, Kind.DATA, 20), Extent(8, 4, Kind.ZERO),
                           Extent(12, 2, Kind.DATA, 80), Extent(14, 8, Kind.ZERO)]


def test_a_gap_between_pieces_is_unreadable() -> None:
    table = stream_map([piece([(1, 1)], 16), piece([(3, 2)], vcn=2)], CLUSTER, len(VOLUME))
    assert list(table) == [Extent(0, 4, Kind.DATA, 4), Extent(4, 4, Kind.UNREADABLE),
                           Extent(8, 8, Kind.DATA, 12)]


def test_pieces_that_overlap_or_lack_the_first() -> None:
    with pytest.raises(Corrupt):
        stream_map([piece([(1, 2)], 16), piece([(3, 2)], vcn=1)], CLUSTER, len(VOLUME))
    with pytest.raises(Corrupt):
        stream_map([piece([(3, 2)], vcn=1)], CLUSTER, len(VOLUME))
    with pytest.raises(Corrupt):
        stream_map([], CLUSTER, len(VOLUME))


def test_bad_sectors_come_back_at_the_offset_in_the_file() -> None:
    volume = Faulty(VOLUME, ((42, 2),))
    blocks = RunBlocks(volume, stream_map([piece([(1, 1), (10, 2)], 12)], CLUSTER, len(VOLUME)))
    with pytest.raises(Unreadable) as caught:
        blocks.read_at(0, 12)
    assert (caught.value.start, caught.value.length) == (6, 2)
    assert blocks.read_at(0, 6) == VOLUME[4:8] + VOLUME[40:42]


def test_a_missing_parent_stays_one() -> None:
    class Child:
        size = 100

        def read_at(self, offset: int, length: int) -> bytes:
            raise MissingParent("parent", offset, length)

        def extents(self) -> ExtentMap | None:
            return None

    blocks = RunBlocks(Child(), stream_map([piece([(1, 1)], 4)], CLUSTER, 100))
    with pytest.raises(MissingParent):
        blocks.read_at(0, 4)


def test_a_claim_of_2_to_the_62_bytes_costs_nothing() -> None:
    table = stream_map([piece([(1, 1)], 1 << 62)], CLUSTER, len(VOLUME))
    assert table.size == 1 << 62
    assert RunBlocks(Memory(VOLUME), table).read_at(0, 4) == VOLUME[4:8]


def test_refused_and_decoded_streams() -> None:
    refused = RefusedBlocks(10, Unsupported("encrypted"))
    assert refused.read_at(10, 5) == b""
    with pytest.raises(Unsupported):
        refused.read_at(9, 5)
    decoded = DecodedBlocks(10, lambda offset, length: bytes([offset, length]))
    assert decoded.read_at(8, 100) == bytes([8, 2])
    assert decoded.read_at(11, 1) == b""
    assert refused.extents() is None
    assert decoded.extents() is None
