"""Raw and split raw images, the files they lie in, and which files belong together."""

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.blocks import read_known
from analyzer.errors import EvidenceError, Unreadable, Unsupported, UsageError
from analyzer.evidence import AcquiredImage, open_evidence
from corpus.make import vhdx
from tests.unit.evidence.ewf_writer import Writer

MIB = 1 << 20
DISK = b"".join(n.to_bytes(4, "big") * 128 for n in range(600))
"""600 sectors, each filled with its number."""


def split(folder: Path, sizes: list[int], first: int = 1, stem: str = "disk") -> list[Path]:
    paths: list[Path] = []
    start = 0
    for number, size in enumerate(sizes, start=first):
        paths.append(folder / f"{stem}.{number:03}")
        paths[-1].write_bytes(DISK[start:start + size])
        start += size
    return paths


def one(path: Path) -> AcquiredImage:
    [image] = open_evidence([path])
    return image


def test_raw(tmp_path: Path) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(DISK)
    image = one(path)
    assert (image.name, image.format, image.files) == ("disk.dd", "raw", (path,))
    assert image.notices == []
    assert image.blocks.read_at(700, 1000) == DISK[700:1700]
    assert image.blocks.read_at(len(DISK) - 3, 10) == DISK[-3:]
    assert image.blocks.read_at(len(DISK) + 3, 10) == b""
    assert image.verify() == "no stored hash"
    assert image.hashes["sha256"] == hashlib.sha256(DISK).hexdigest()
    record = image.record()
    assert (record.name, record.verified, record.acquired_at) == ("disk.dd", "no stored hash", None)
    image.close()
    assert image.blocks.read_at(0, 4) == DISK[:4]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("named", [0, 1, 2])
def test_split_raw_from_any_segment(tmp_path: Path, first: int, named: int) -> None:
    paths = split(tmp_path, [102_400, 102_400, 102_400], first)
    image = one(paths[named])
    assert (image.format, image.files) == ("split raw", tuple(paths))
    assert image.name == paths[0].name
    assert image.blocks.read_at(0, len(DISK)) == DISK


@settings(max_examples=80, deadline=None)
@given(pitch=st.integers(1, 9), offset=st.integers(0, 5000), length=st.integers(0, 5000))
def test_reads_across_segments(tmp_path_factory: pytest.TempPathFactory, pitch: int, offset: int,
                               length: int) -> None:
    folder = tmp_path_factory.mktemp("split")
    total = 4500
    size = pitch * 512
    paths = split(folder, [min(size, total - at) for at in range(0, total, size)])
    assert one(paths[0]).blocks.read_at(offset, length) == DISK[:total][offset:offset + length]


def test_many_segments_need_few_open_files(tmp_path: Path) -> None:
    paths = split(tmp_path, [512] * 300)
    image = one(paths[0])
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert image.blocks.read_at(0, 300 * 512) == DISK[:300 * 512]
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 32


def test_gap_in_the_numbering(tmp_path: Path) -> None:
    paths = split(tmp_path, [1024] * 4)
    paths[2].unlink()
    with pytest.raises(EvidenceError, match=r"segment 3 .* missing: disk\.002 is followed by"):
        one(paths[0])


def test_first_segment_missing(tmp_path: Path) -> None:
    paths = split(tmp_path, [1024] * 3)
    paths[0].unlink()
    with pytest.raises(EvidenceError, match=r"disk\.002 is segment 2"):
        open_evidence(paths[1:])


def test_short_segment_keeps_the_places_of_the_rest(tmp_path: Path) -> None:
    paths = split(tmp_path, [2048, 2048, 2048, 512])
    paths[1].write_bytes(paths[1].read_bytes()[:1024])
    image = one(paths[0])
    assert [(n.code, n.start, n.length) for n in image.notices] == [("IMG-TRUNC", 3072, 1024)]
    assert image.blocks.read_at(4096, 2560) == DISK[4096:6656]
    with pytest.raises(Unreadable) as raised:
        image.blocks.read_at(0, 6656)
    assert (raised.value.start, raised.value.length) == (3072, 1024)


def test_last_segment_larger_than_the_others(tmp_path: Path) -> None:
    paths = split(tmp_path, [1024, 1024, 2048])
    with pytest.raises(EvidenceError, match=r"disk\.003 is larger"):
        one(paths[0])


def test_image_that_ends_inside_a_sector(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(DISK[:1000])
    image = one(path)
    assert image.blocks.read_at(0, 2000) == DISK[:1000]
    assert [(n.code, n.start, n.length) for n in image.notices] == [("IMG-TRUNC", 512, 488)]


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "disk.dd").touch()
    with pytest.raises(EvidenceError, match=r"disk\.dd is empty"):
        one(tmp_path / "disk.dd")


# --- bad sectors -----------------------------------------------------------------------------

def failing(monkeypatch: pytest.MonkeyPatch, bad: set[int]) -> list[tuple[int, int]]:
    """A disk on which reads that touch the sectors in `bad` fail; gives the list of reads."""
    reads: list[tuple[int, int]] = []
    pread = os.pread

    def read(number: int, length: int, offset: int) -> bytes:
        reads.append((offset, length))
        if any(offset < (s + 1) * 512 and s * 512 < offset + length for s in bad):
            raise OSError(errno.EIO, "Input/output error")
        return pread(number, length, offset)

    monkeypatch.setattr("analyzer.evidence.segment.os.pread", read)
    return reads


def test_exactly_the_bad_sectors_are_unreadable(tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(DISK)
    bad = {0, 7, 200, 201, 599}
    image = one(path)
    failing(monkeypatch, bad)
    lost: list[Unreadable] = []
    data = read_known(image.blocks, 0, len(DISK), lost.append)
    assert {s for e in lost for s in range(e.start // 512, (e.start + e.length) // 512)} == bad
    for sector in range(600):
        expected = bytes(512) if sector in bad else DISK[sector * 512:(sector + 1) * 512]
        assert data[sector * 512:(sector + 1) * 512] == expected
    assert [(n.start, n.length) for n in image.notices if n.code == "IMG-EIO"] == [
        (0, 512), (7 * 512, 512), (200 * 512, 1024), (599 * 512, 512)]


def test_bad_sector_is_cut_to_the_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(DISK)
    image = one(path)
    failing(monkeypatch, {3})
    with pytest.raises(Unreadable) as raised:
        image.blocks.read_at(3 * 512 + 10, 20)
    assert (raised.value.start, raised.value.length) == (3 * 512 + 10, 20)


def test_bad_sector_is_not_asked_for_again(tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(DISK)
    image = one(path)
    reads = failing(monkeypatch, {3})
    for _ in range(2):
        reads.clear()
        with pytest.raises(Unreadable):
            image.blocks.read_at(3 * 512, 512)
    assert reads == []


def test_bad_first_sector_does_not_stop_opening(tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(DISK)
    failing(monkeypatch, {0, 599})
    assert one(path).blocks.read_at(512, 512) == DISK[512:1024]


def test_bad_sector_in_an_ewf_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [data] = Writer(DISK[:40 * 512], compressed=lambda _: False).write()
    path = tmp_path / "disk.E01"
    path.write_bytes(data)
    image = one(path)
    failing(monkeypatch, {data.index(DISK[20 * 512:21 * 512]) // 512})
    with pytest.raises(Unreadable) as raised:
        image.blocks.read_at(0, 40 * 512)
    assert (raised.value.start, raised.value.length) == (16 * 512, 8 * 512)
    assert image.blocks.read_at(24 * 512, 512) == DISK[24 * 512:25 * 512]


# --- files that change, and things that are no files ------------------------------------------

def test_changed_evidence(tmp_path: Path) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(DISK)
    image = one(path)
    assert not image.changed()
    image.blocks.read_at(0, 512)
    os.utime(path, ns=(1, 1))
    assert image.changed()
    image.close()
    with pytest.raises(EvidenceError, match="was changed while it was being read"):
        image.blocks.read_at(0, 512)


def test_file_that_becomes_shorter(tmp_path: Path) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(DISK)
    image = one(path)
    image.blocks.read_at(0, 512)
    os.truncate(path, 5120)
    with pytest.raises(Unreadable) as raised:
        image.blocks.read_at(4096, 2048)
    assert (raised.value.start, raised.value.length) == (5120, 1024)
    path.unlink()
    assert image.changed()


def test_what_cannot_be_evidence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("absent.dd", "pipe", "loop", "."):
        with pytest.raises(UsageError):
            open_evidence([tmp_path / name])


def test_link_is_followed_and_the_real_path_recorded(tmp_path: Path) -> None:
    (tmp_path / "real.dd").write_bytes(DISK)
    (tmp_path / "link.dd").symlink_to(tmp_path / "real.dd")
    image = one(tmp_path / "link.dd")
    assert image.name == "link.dd"
    assert image.real_files == (tmp_path / "real.dd",)


@pytest.mark.parametrize(("magic", "name"), [
    (b"\xbe\xba\xfe\xca\0\0\0\0", "VMDK"), (b"COWD", "VMDK"), (b"AFF10\r\n\0", "AFF"),
    (b"\x1f\x8b\x08", "gzip"), (b"PK\x03\x04", "ZIP")])
def test_other_containers_are_not_read_as_raw(tmp_path: Path, magic: bytes, name: str) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(magic + bytes(4096))
    with pytest.raises(Unsupported, match=f"disk.dd is an? {name}"):
        one(path)


@pytest.mark.parametrize(("name", "data"), [
    ("disk.dd", DISK + b"conectix".ljust(512, b"\0")), ("disk.dd", b"conectix" + bytes(4096)),
    ("disk.dd", b"vhdxfile" + bytes(4096)), ("disk.dd", b"KDMV" + bytes(4096)),
    ("disk.dd", b"QFI\xfb" + bytes(4096)), ("disk.001", b"vhdxfile" + bytes(4096))])
def test_damaged_virtual_disks_are_not_read_as_raw(
        tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(EvidenceError, match=name):
        one(path)


def test_a_vhdx_without_its_identifier_is_known_by_its_headers(tmp_path: Path) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(bytes(8) + vhdx.dynamic(b"\x5a" * MIB)[8:])
    image = one(path)
    assert (image.format, image.blocks.size) == ("VHDX", MIB)
    assert [notice.code for notice in image.notices] == ["VHDX-ID"]
    assert image.blocks.read_at(0, MIB) == b"\x5a" * MIB


# --- which files belong together ---------------------------------------------------------------

def test_several_images_in_order_and_once(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "disk.dd").write_bytes(DISK)
    parts = split(tmp_path, [1024] * 3)
    images = open_evidence([tmp_path / "b/disk.dd", *parts, tmp_path / "a/disk.dd",
                            tmp_path / "a/../b/disk.dd"])
    assert [(i.name, i.format) for i in images] == [
        ("disk.dd", "raw"), ("disk.001", "split raw"), ("disk.dd~2", "raw")]
    assert images[0].files == (tmp_path / "b/disk.dd",)


def test_neighbours_that_are_not_segments(tmp_path: Path) -> None:
    [data] = Writer(DISK[:5120]).write()
    (tmp_path / "disk.E01").write_bytes(data)
    for name in ("disk.txt", "disk.EXE", "disk.EAA", "disk.001", "disk2.E02", "disk.E01.txt"):
        (tmp_path / name).write_bytes(b"notes")
    assert one(tmp_path / "disk.E01").files == (tmp_path / "disk.E01",)


def test_more_than_99_ewf_segments(tmp_path: Path) -> None:
    data = DISK[:102 * 512]
    segments = Writer(data, chunk_sectors=1, table_chunks=1, tables_per_segment=1).write()
    suffixes = [f"E{n:02}" for n in range(1, 100)] + ["EAA", "EAB", "EAC"]
    for suffix, segment in zip(suffixes, segments, strict=True):
        (tmp_path / f"disk.{suffix}").write_bytes(segment)
    image = one(tmp_path / "disk.E01")
    assert len(image.files) == 102
    assert image.notices == []
    assert image.blocks.read_at(0, 1 << 20) == data


def test_lower_case_names(tmp_path: Path) -> None:
    segments = Writer(DISK[:512 * 200]).write()
    assert len(segments) == 3
    for number, segment in enumerate(segments, start=1):
        (tmp_path / f"disk.e{number:02}").write_bytes(segment)
    assert one(tmp_path / "disk.e01").verify() == "match"


def test_ewf_under_another_name(tmp_path: Path) -> None:
    [data] = Writer(DISK[:5120]).write()
    (tmp_path / "evidence.bin").write_bytes(data)
    (tmp_path / "evidence.img").write_bytes(data)
    images = open_evidence([tmp_path / "evidence.bin", tmp_path / "evidence.img"])
    assert [(i.name, i.format, len(i.files)) for i in images] == [
        ("evidence.bin", "EWF", 1), ("evidence.img", "EWF", 1)]
