"""Damaged EWF-E01 images: refused, or right bytes and exact ranges without bytes."""

import random
import struct
import zlib
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import Corrupt, EvidenceError, Unreadable, Unsupported
from analyzer.evidence import open_evidence
from tests.unit.evidence.ewf_writer import CHUNK, Writer, adler, media, one, put

# --- faults of the segment chain, opened by list and by the first segment -------------------

def cut(data: bytes) -> bytes:
    return data[:len(data) * 2 // 3]


FAULTS = ["missing first", "missing E02", "missing last", "cut first", "cut last", "foreign E03"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("by", ["list", "glob"])
def test_broken_chain_is_said_before_analysis(tmp_path: Path, fault: str, by: str) -> None:
    paths = put(tmp_path, Writer(media()).write())
    named = {"missing first": paths[0], "missing E02": paths[1], "missing last": paths[-1],
             "cut first": paths[0], "cut last": paths[-1], "foreign E03": paths[2]}[fault]
    if fault.startswith("missing"):
        named.unlink()
    elif fault.startswith("cut"):
        named.write_bytes(cut(named.read_bytes()))
    else:
        named.write_bytes(Writer(media(), set_id=UUID(int=99)).write()[2])
    left = [p for p in paths if p.exists()]
    with pytest.raises(EvidenceError) as raised:
        open_evidence(left if by == "list" else left[:1])
    text = str(raised.value)
    expected = {"missing first": "host.E02", "missing E02": "host.E03",
                "missing last": "host.E04"}.get(fault, named.name)
    assert expected in text
    if fault.startswith("missing"):
        assert "missing" in text


def test_more_after_the_last_segment(tmp_path: Path) -> None:
    segments = Writer(media()).write()
    paths = put(tmp_path, [*segments[:-1], segments[-1],
                           segments[-1][:9] + b"\x06" + segments[-1][10:]])
    with pytest.raises(Corrupt, match=r"host\.E06: follows segment 5"):
        one(paths[0])


def test_segments_that_were_exchanged(tmp_path: Path) -> None:
    """Each is whole and of this image; only the number in its header tells."""
    segments = Writer(media(30)).write()
    paths = put(tmp_path, [segments[1], segments[0], segments[2]])
    with pytest.raises(Corrupt, match=r"host\.E01: is segment 2 by its header, 1 by its place"):
        one(paths[0])


def test_descriptor_checksum_counts_even_for_unused_bytes(tmp_path: Path) -> None:
    [data] = Writer(media(10)).write()
    [path] = put(tmp_path, [flipped(data, find(data, b"sectors") + 40)])
    with pytest.raises(Corrupt, match=r"host\.E01: section descriptor with a wrong checksum"):
        one(path)


def test_empty_segment(tmp_path: Path) -> None:
    paths = put(tmp_path, Writer(media()).write())
    paths[1].write_bytes(b"")
    with pytest.raises(Corrupt, match=r"EWF-CHAIN: host\.E02"):
        one(paths[0])


def test_every_cut_of_the_last_segment_is_seen(tmp_path: Path) -> None:
    paths = put(tmp_path, Writer(media(12)).write())
    whole = paths[-1].read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        paths[-1].write_bytes(whole[:length])
        with pytest.raises(Corrupt, match=r"host\.E02"):
            one(paths[0])


# --- damage inside ---------------------------------------------------------------------------

def find(data: bytes, kind: bytes, nth: int = 0) -> int:
    """Offset of the nth section descriptor of that type."""
    at = 13
    while True:
        name, following = struct.unpack_from("<16sQ", data, at)
        if name.rstrip(b"\0") == kind:
            if nth == 0:
                return at
            nth -= 1
        assert following > at
        at = following


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


@pytest.mark.parametrize("compress", [True, False])
def test_bad_chunk_is_unreadable_and_nothing_else(tmp_path: Path, compress: bool) -> None:
    truth = media(10)
    [data] = Writer(truth, compressed=lambda _: compress).write()
    table = find(data, b"table") + 76 + 24
    chunk_at = int.from_bytes(data[table + 8:table + 12], "little") & 0x7FFF_FFFF
    [path] = put(tmp_path, [flipped(data, chunk_at + 40)])
    image = one(path)
    with pytest.raises(Unreadable) as raised:
        image.blocks.read_at(CHUNK + 5, 3 * CHUNK)
    assert (raised.value.start, raised.value.length) == (2 * CHUNK, CHUNK)
    assert image.blocks.read_at(0, 2 * CHUNK) == truth[:2 * CHUNK]
    assert image.blocks.read_at(3 * CHUNK, 7 * CHUNK) == truth[3 * CHUNK:]
    with pytest.raises(Unreadable) as raised:
        image.blocks.read_at(2 * CHUNK + 100, 50)
    assert (raised.value.start, raised.value.length) == (2 * CHUNK + 100, 50)
    assert [(n.code, n.start, n.length) for n in image.notices] == [
        ("EWF-CRC", 2 * CHUNK, CHUNK)]
    assert image.verify() == "mismatch"


def test_table2_stands_in_for_a_damaged_table(tmp_path: Path) -> None:
    truth = media(10)
    [data] = Writer(truth).write()
    for at in (find(data, b"table") + 76 + 3, find(data, b"table", 1) + 76 + 24 + 6):
        data = flipped(data, at)
    [path] = put(tmp_path, [data])
    image = one(path)
    assert [n.code for n in image.notices if "table2 is used" in n.effect] == ["EWF-CHAIN"] * 2
    assert image.blocks.read_at(0, len(truth)) == truth


def test_both_tables_damaged(tmp_path: Path) -> None:
    truth = media(10)
    [data] = Writer(truth).write()
    for kind in (b"table", b"table2"):
        data = flipped(data, find(data, kind) + 76 + 24 + 6)
    [path] = put(tmp_path, [data])
    image = one(path)
    assert image.blocks.read_at(5 * CHUNK, 5 * CHUNK) == truth[5 * CHUNK:]
    with pytest.raises(Unreadable):
        image.blocks.read_at(0, 1)
    assert any("chunks 0 to 4" in n.effect for n in image.notices)


def test_entry_that_points_out_of_the_chunks(tmp_path: Path) -> None:
    """Made so on purpose: its table passes the checksum."""
    class Forged(Writer):
        def _section(self, out: bytearray, kind: str, body: bytes) -> None:
            if kind.startswith("table"):
                entries = bytearray(body[24:-4])
                entries[4:8] = struct.pack("<I", 0x10)
                body = body[:24] + adler(bytes(entries))
            super()._section(out, kind, body)

    truth = media(5)
    [path] = put(tmp_path, Forged(truth).write())
    image = one(path)
    assert image.blocks.read_at(2 * CHUNK, 3 * CHUNK) == truth[2 * CHUNK:]
    with pytest.raises(Unreadable, match="points outside") as raised:
        image.blocks.read_at(CHUNK, CHUNK)
    assert (raised.value.start, raised.value.length) == (CHUNK, CHUNK)


def test_both_table_headers_damaged(tmp_path: Path) -> None:
    [data] = Writer(media(10)).write()
    for kind in (b"table", b"table2"):
        data = flipped(data, find(data, kind) + 76 + 1)
    [path] = put(tmp_path, [data])
    with pytest.raises(Corrupt, match="no copy of a table"):
        one(path)


def test_chunks_of_a_lost_table_do_not_move_the_rest(tmp_path: Path) -> None:
    """A section renamed away: fewer chunks than the media has."""
    [data] = Writer(media(10)).write()
    at = find(data, b"table")
    descriptor = b"tabel".ljust(16, b"\0") + data[at + 16:at + 72]
    data = data[:at] + descriptor + struct.pack("<I", zlib.adler32(descriptor)) + data[at + 76:]
    [path] = put(tmp_path, [data])
    with pytest.raises(Corrupt, match="the tables list 5 chunks, the media has 10"):
        one(path)


def test_volume_section_from_its_copy(tmp_path: Path) -> None:
    truth = media(12)
    first, second = Writer(truth).write()
    paths = put(tmp_path, [flipped(first, find(first, b"volume") + 76 + 5), second])
    image = one(paths[0])
    assert image.blocks.read_at(0, len(truth)) == truth
    assert any("'volume'" in n.what for n in image.notices)


def test_what_was_not_acquired_is_unreadable_and_listed(tmp_path: Path) -> None:
    truth = media(9)
    [path] = put(tmp_path, Writer(truth, acquisition_errors=((8, 2), (40, 1))).write())
    image = one(path)
    assert [(n.code, n.start, n.length) for n in image.notices] == [
        ("IMG-EIO", 4096, 1024), ("IMG-EIO", 20_480, 512)]
    assert image.blocks.read_at(0, 4096) == truth[:4096]
    with pytest.raises(Unreadable) as caught:
        image.blocks.read_at(0, 9000)
    assert (caught.value.start, caught.value.length) == (4096, 1024)
    assert image.blocks.read_at(5120, 15_360) == truth[5120:20_480]
    assert image.verify() == "match", "the stored hash covers the filler too"


def test_header_bomb_is_bounded(tmp_path: Path) -> None:
    writer = Writer(media(3), header={"a": "x" * 8_000_000})
    [path] = put(tmp_path, writer.write())
    image = one(path)
    assert any(n.code == "EWF-CRC" and "too long" in n.what for n in image.notices)
    assert image.header == {"description": "ascii"}


def test_other_containers_are_named(tmp_path: Path) -> None:
    for magic in (b"EVF2\r\n\x81\x00", b"LVF\x09\x0d\x0a\xff\x00"):
        path = tmp_path / "image.Ex01"
        path.write_bytes(magic + bytes(2000))
        with pytest.raises(Unsupported, match="EWF"):
            one(path)


@pytest.mark.parametrize("seed", range(50))
def test_one_flipped_bit_never_gives_wrong_data(tmp_path: Path, seed: int) -> None:
    """Each byte is right, or Unreadable; or the image is refused with a reason."""
    chance = random.Random(seed)
    truth = media(23, seed)
    segments = Writer(truth).write()
    row = chance.randrange(len(segments))
    at = chance.randrange(len(segments[row]))
    bit = 1 << chance.randrange(8)
    damaged = bytearray(segments[row])
    damaged[at] ^= bit
    paths = put(tmp_path, [*segments[:row], bytes(damaged), *segments[row + 1:]])
    check_never_wrong(paths, truth)


def check_never_wrong(paths: list[Path], truth: bytes) -> None:
    try:
        [image] = open_evidence(paths[:1], second_opinion=False)
    except EvidenceError:
        return
    assert image.blocks.size == len(truth)
    lost = 0
    for start in range(0, len(truth), CHUNK):
        try:
            assert image.blocks.read_at(start, CHUNK) == truth[start:start + CHUNK]
        except Unreadable as error:
            lost += error.length
    if lost:
        assert sum(n.length or 0 for n in image.notices) == lost or any(
            "unreadable" in n.effect for n in image.notices)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_structures_overwritten(tmp_path_factory: pytest.TempPathFactory,
                                data: st.DataObject) -> None:
    """Any eight bytes replaced: a result that is right, or an EvidenceError."""
    truth = media(12)
    segments = [bytearray(s) for s in Writer(truth).write()]
    row = data.draw(st.integers(0, len(segments) - 1))
    at = data.draw(st.integers(0, len(segments[row]) - 8))
    segments[row][at:at + 8] = data.draw(st.binary(min_size=8, max_size=8))
    folder = tmp_path_factory.mktemp("damage")
    check_never_wrong(put(folder, [bytes(s) for s in segments]), truth)
