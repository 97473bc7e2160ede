"""EWF-E01: against the writer's media, against libewf, and real images."""

import zlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pyewf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import isal_zlib

from analyzer.errors import Corrupt
from analyzer.evidence import AcquiredImage, ewf, open_evidence
from analyzer.evidence.ewf_tables import Table, entries_of
from analyzer.evidence.segment import look
from analyzer.times import parse_iso
from tests.unit.evidence.ewf_writer import CHUNK, Writer, adler, media, one, put


def test_bytes_equal_the_media_and_libewf(tmp_path: Path) -> None:
    truth = media()
    paths = put(tmp_path, Writer(truth).write())
    assert len(paths) == 5
    image = one(paths[0])
    assert image.notices == []
    assert image.files == tuple(paths)
    assert image.blocks.size == len(truth)
    assert image.blocks.read_at(0, len(truth) + 9) == truth
    assert image.blocks.read_at(len(truth), 1) == b""
    handle = pyewf.handle()
    handle.open([str(p) for p in paths])
    assert handle.read(len(truth)) == truth
    handle.close()


@settings(max_examples=60, deadline=None)
@given(offset=st.integers(0, 44 * CHUNK), length=st.integers(0, 5 * CHUNK))
def test_any_read(offset: int, length: int) -> None:
    truth = media()
    assert shared_image().blocks.read_at(offset, length) == truth[offset:offset + length]


_SHARED: list[AcquiredImage] = []


@pytest.fixture(scope="module", autouse=True)
def _shared(tmp_path_factory: pytest.TempPathFactory) -> None:
    paths = put(tmp_path_factory.mktemp("shared"), Writer(media()).write())
    _SHARED[:] = [one(paths[0])]


def shared_image() -> AcquiredImage:
    return _SHARED[0]


def test_facts_about_the_acquisition() -> None:
    image = shared_image()
    seen: list[tuple[int, int]] = []
    assert image.verify(lambda done, of: seen.append((done, of))) == "match"
    assert seen[-1] == (image.blocks.size, image.blocks.size)
    record = image.record()
    assert record.format == "EWF"
    assert record.files == ("host.E01", "host.E02", "host.E03", "host.E04", "host.E05")
    assert record.verified == "match"
    assert (record.case_number, record.evidence_number) == ("case 7", "item 3")
    assert record.description == "Gerät des Büros"
    assert record.acquired_at == parse_iso("2008-11-09T05:34:40Z")
    assert record.stored_md5 == image.hashes["md5"]
    assert record.stored_sha1 == image.hashes["sha1"]


def test_segments_in_any_order_and_from_any_of_them(tmp_path: Path) -> None:
    paths = put(tmp_path, Writer(media()).write())
    assert one(paths[2]).files == tuple(paths)
    [image] = open_evidence([paths[3], paths[0], paths[4], paths[1], paths[2]])
    assert image.files == tuple(paths)


def test_segments_in_several_folders(tmp_path: Path) -> None:
    paths = put(tmp_path, Writer(media()).write())
    (tmp_path / "second disk").mkdir()
    moved = [p.rename(tmp_path / "second disk" / p.name) for p in paths[3:]]
    [image] = open_evidence([paths[0], moved[1], moved[0]])
    assert image.blocks.read_at(0, image.blocks.size) == media()


def test_entries_of_a_segment_over_2_gib(tmp_path: Path) -> None:
    """EnCase 6.7: bit 31 means "compressed" until the low bits drop, then it is offset."""
    (tmp_path / "x").write_bytes(b"x")
    values = np.array([0x7FFF_0000, 0xFFFF_8000, 0x8000_0100, 0x8000_8104], np.uint32)
    table = Table(look(tmp_path / "x"), 0, 4, 0, 0, 0x7FFF_0000, 0x8001_0000, usable=True)
    places = [entries_of(table, values).place(row) for row in range(4)]
    assert [p[1:] for p in places if p is not None] == [
        (0x7FFF_0000, 0x8000, False), (0x7FFF_8000, 0x8100, True),
        (0x8000_0100, 0x8004, False), (0x8000_8104, 0x7EFC, False)]


def test_entry_that_points_out_of_its_section(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    table = Table(look(tmp_path / "x"), 0, 3, 0, 0, 100, 300, usable=True)
    places = [entries_of(table, np.array([99, 250, 300], np.uint32)).place(n) for n in range(3)]
    assert places[0] is None
    assert places[1] is not None
    assert places[1].length == 50
    assert places[2] is None


@pytest.mark.parametrize("library", [isal_zlib, zlib], ids=lambda library: library.__name__)
def test_every_bit_of_a_chunk_counts(library: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever library inflates, a chunk with one bit flipped is refused, or reads the same."""
    monkeypatch.setattr(ewf, "deflate", library)
    monkeypatch.setattr(ewf, "_DAMAGED", library.error)
    truth = media(1)
    for data, read in ((zlib.compress(truth), ewf._inflate), (adler(truth), ewf._checked)):
        assert read(data, CHUNK, CHUNK) == truth
        for bit in range(0, 8 * len(data), 13):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            try:
                assert read(bytes(flipped), CHUNK, CHUNK) == truth
            except (library.error, Corrupt):
                continue
        for cut in range(0, len(data), 101):
            with pytest.raises((library.error, Corrupt)):
                read(data[:cut], CHUNK, CHUNK)


def test_a_chunk_that_swells_is_stopped() -> None:
    with pytest.raises(Corrupt):
        ewf._inflate(zlib.compress(bytes(1 << 24)), CHUNK, CHUNK)


def test_base_offset(tmp_path: Path) -> None:
    """EnCase 6: entries count from a base offset."""
    [path] = put(tmp_path, Writer(media(7), table_chunks=50, base_offset=13).write())
    assert one(path).blocks.read_at(0, 7 * CHUNK) == media(7)


def test_padded_last_chunk(tmp_path: Path) -> None:
    class Padded(Writer):
        def _chunks(self, out: bytearray, chunks: list[bytes], rows: range) -> None:
            super()._chunks(out, [c.ljust(CHUNK, b"\0") for c in chunks], rows)

    for last in (1, 2):  # chunk 1 is stored, chunk 2 compressed
        assert Writer(b"").compressed(last) == (last == 2)
        truth = media(last + 0.5)
        [path] = put(tmp_path, Padded(truth).write())
        image = one(path)
        assert image.blocks.read_at(0, 3 * CHUNK) == truth
        assert image.verify() == "match"


# --- real images -----------------------------------------------------------------------------

@pytest.mark.realdata
def test_sleuthkit_image_equals_its_raw_twin(realdata: Path) -> None:
    image = one(realdata / "sleuthkit/test/data/image.E01")
    truth = (realdata / "sleuthkit/test/data/image.dd").read_bytes()
    assert image.blocks.read_at(0, len(truth) + 1) == truth
    assert image.notices == []


@pytest.mark.realdata
@pytest.mark.parametrize("name", [
    "sleuthkit/test/data/image.E01", "dfvfs/ext2.E01",
    "velociraptor/artifacts/testdata/files/test.ntfs.dd.E01",
    "dissect.evidence/tests/data/ewf.E01"])
def test_real_images_match_their_stored_hash(realdata: Path, name: str) -> None:
    image = one(realdata / name)
    assert image.verify() == "match"
    assert {n.code for n in image.notices} <= {"IMG-TRUNC"}  # ewf.E01 was made of 4097 bytes


def test_corpus_image_matches_its_stored_hash(corpus: Path) -> None:
    image = one(corpus / "ws2008.E01")
    assert image.verify() == "match"
    assert image.notices == []
