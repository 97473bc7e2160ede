"""Cut and changed virtual disks: right bytes, or an error that says where."""

import os
import random
import time
from pathlib import Path

import pytest

from analyzer.blocks import read_known
from analyzer.errors import EvidenceError, Unreadable
from analyzer.evidence import open_evidence
from tests.unit.evidence.container_writers import descriptor, qcow1, qcow2, sparse

CHANCE = random.Random(31)
MEDIA = CHANCE.randbytes(30_208) + bytes(40_960) + b"known text " * 3_000
MEDIA = MEDIA[:len(MEDIA) // 512 * 512]
FILES = {
    "qcow2": qcow2(MEDIA), "qcow2 compressed": qcow2(MEDIA, compress=True), "qcow": qcow1(MEDIA),
    "qcow compressed": qcow1(MEDIA, compress=True), "vmdk": sparse(MEDIA),
    "vmdk compressed": sparse(MEDIA, compress=True),
}
SECONDS = 25.0  # RELIABILITY G8
MUTANTS = 2000 if os.environ.get("VMTRAIL_SLOW") else 150


def known(path: Path) -> tuple[bytes, list[Unreadable]] | None:
    """What can be read and what cannot; None where the image is refused."""
    start = time.monotonic()
    try:
        (image,) = open_evidence([path])
        lost: list[Unreadable] = []
        data = read_known(image.blocks, 0, min(image.blocks.size, 1 << 20), lost.append)
    except EvidenceError:
        return None
    finally:
        assert time.monotonic() - start < SECONDS
    return data, lost


def marked(data: bytes, lost: list[Unreadable]) -> bytes:
    """MEDIA with zeros where `lost` says so: the only bytes that may be shown."""
    expected = bytearray(MEDIA[:len(data)].ljust(len(data), b"\0"))
    for error in lost:
        expected[error.start:error.start + error.length] = bytes(error.length)
    return bytes(expected)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_cut_anywhere_shows_no_wrong_byte(tmp_path: Path, kind: str) -> None:
    path, whole = tmp_path / "disk.img", FILES[kind]
    readable = 0
    for length in [*range(0, 600, 37), *range(600, len(whole), len(whole) // 60)]:
        path.write_bytes(whole[:length])
        found = known(path)
        if whole[:length] and found is not None and len(found[0]) == len(MEDIA):
            assert found[0] == marked(*found)
            assert found[1] or not any(whole[length:])
            readable += 1
    assert readable > 10 or "vmdk compressed" in kind


@pytest.mark.parametrize("kind", FILES)
def test_changed_tables_end_in_a_result_or_an_error(tmp_path: Path, kind: str) -> None:
    """The first 24 KiB hold every table, and in them each pointer and size is under attack."""
    path, chance = tmp_path / "disk.img", random.Random(kind)
    for _ in range(MUTANTS):
        data = bytearray(FILES[kind])
        for _ in range(chance.choice((1, 1, 3, 20))):
            at = chance.randrange(min(len(data), 24 << 10))
            data[at:at + chance.choice((1, 1, 4, 8))] = chance.choice(
                (b"\xff" * 8, bytes(8), chance.randbytes(8)))[:1]
        path.write_bytes(data)
        known(path)


@pytest.mark.parametrize("kind", ["qcow2", "qcow2 compressed", "vmdk"])
def test_places_outside_the_file_are_unreadable(tmp_path: Path, kind: str) -> None:
    """Every entry of the tables, one after the other, points past the end."""
    whole = FILES[kind]
    path = tmp_path / "disk.img"
    size, first, count = (4, 0, 0) if kind == "vmdk" else (8, 8192, 26)
    if kind == "vmdk":
        first, count = int.from_bytes(whole[56:64], "little") * 512 + 512, 26
    for index in range(count):
        at = first + size * index
        if not any(whole[at:at + size]):
            continue
        data = bytearray(whole)
        data[at:at + size] = (0x7FFF_F000).to_bytes(size, "little") if kind == "vmdk" else \
            (int.from_bytes(data[at:at + 8], "big") | 0x0000_7FFF_0000_0000).to_bytes(8, "big")
        path.write_bytes(data)
        found = known(path)
        assert found is not None
        assert found[1]
        assert found[0] == marked(*found)


@pytest.mark.parametrize("kind", ["qcow2", "qcow", "vmdk"])
def test_what_two_entries_claim_belongs_to_neither(tmp_path: Path, kind: str) -> None:
    """The entry of the first cluster or grain is made that of the second, as damage could."""
    data = bytearray(FILES[kind])
    step = 4 if kind == "vmdk" else 8
    starts = {"qcow2": [8192], "qcow": [4096], "vmdk": [
        int.from_bytes(data[at:at + 8], "little") * 512 + 512 for at in (48, 56)]}[kind]
    for at in starts:
        data[at:at + step] = data[at + step:at + 2 * step]
    path = tmp_path / "disk.img"
    path.write_bytes(data)
    found = known(path)
    assert found is not None
    assert [(e.start, e.length) for e in found[1]] == [(0, 4096), (4096, 4096)]
    assert found[0] == marked(*found)


def test_two_l1_entries_for_one_l2_table(tmp_path: Path) -> None:
    media = MEDIA.ljust(3 << 20, b"\1")
    data = bytearray(qcow2(media, bits=12))
    data[4096:4104] = data[4104:4112]
    path = tmp_path / "disk.qcow2"
    path.write_bytes(data)
    (image,) = open_evidence([path])
    with pytest.raises(Unreadable):
        image.blocks.read_at(0, 512)
    with pytest.raises(Unreadable):
        image.blocks.read_at(2 << 20, 512)


def test_grains_on_which_the_two_tables_differ_are_unreadable(tmp_path: Path) -> None:
    data = bytearray(FILES["vmdk"])
    at = int.from_bytes(data[56:64], "little") * 512 + 512
    data[at:at + 4] = data[at + 4:at + 8]  # the first grain now lies where the second does
    path = tmp_path / "disk.vmdk"
    path.write_bytes(data)
    (image,) = open_evidence([path])
    with pytest.raises(Unreadable):
        image.blocks.read_at(0, 512)
    assert image.blocks.read_at(4096, 8192) == MEDIA[4096:12288]
    assert {notice.code for notice in image.notices} == {"VMDK-GT", "IMG-EIO"}


@pytest.mark.parametrize("data", [
    descriptor('RW 999999999999999999 FLAT "x" 0'), descriptor('RW 1 FLAT "x" 999999999999999999'),
    descriptor("RW 8 ZERO\n" * 5000), descriptor(""), descriptor('RW 99999999999999999 ZERO'),
    b"# Disk DescriptorFile" + b"\xff" * 100_000, b"# Disk DescriptorFile\n" + b"A=" * 500_000,
    b"# Disk DescriptorFile\n" + b'RW 1 FLAT "' * 90_000, b"# Disk DescriptorFile\n" + b" " * 10**6,
])
def test_hostile_descriptors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "disk.vmdk"
    path.write_bytes(data)
    start = time.monotonic()
    with pytest.raises(EvidenceError):
        open_evidence([path])
    assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize("change", [
    (20, b"\xff\xff\xff\xff"), (20, b"\0\0\0\x40"), (24, b"\x7f" + b"\xff" * 7),
    (24, b"\xff" * 8), (36, b"\xff" * 4), (40, b"\xff" * 8), (8, b"\xff" * 8)])
def test_hostile_qcow_headers(tmp_path: Path, change: tuple[int, bytes]) -> None:
    at, value = change
    data = bytearray(FILES["qcow2"])
    data[at:at + len(value)] = value
    path = tmp_path / "disk.qcow2"
    path.write_bytes(data)
    assert known(path) is None or at == 36
