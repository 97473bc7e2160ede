"""Exported disks hold the bytes of the chain, by our reader and by those of others."""

import hashlib
import json
import random
import struct
import subprocess
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.blocks import Blocks, Memory, withhold
from analyzer.disks.disk import Disk
from analyzer.disks.export import FORMATS, Export, Exported, make_writer
from analyzer.disks.export_journal import Plan
from analyzer.disks.export_target import Target
from analyzer.disks.open import open_layer
from analyzer.disks.vhd import Vhd
from analyzer.disks.vhdx import Vhdx
from analyzer.disks.write_output import Output
from analyzer.disks.write_vhd import DynamicVhdWriter, footer, geometry
from analyzer.disks.write_vhdx import VhdxWriter
from analyzer.errors import Unreadable, UsageError
from corpus.make import vhd

DISK_ID = "7A3D2C10-5B6E-4F80-9A1B-2C3D4E5F6071"
CREATED = 128_952_360_170_000_000
SIZE = (9 << 20) + 6 * 512
"""No whole number of blocks, not what the CHS geometry gives; 7-Zip refuses a VHDX whose number of
sectors is odd (it tests the wrong bits of the size)."""


def plan(format_: str, size: int = SIZE, sector_size: int = 512) -> Plan:
    return Plan("host.E01!/p1/a.avhd", [{"path": "a"}], size, sector_size, format_, DISK_ID,
                CREATED, "0")


@pytest.fixture(scope="module")
def media() -> bytes:
    """Data at the edges of blocks, and blocks of zeros between."""
    rng = random.Random(5)
    data = bytearray(SIZE)
    for start, length in ((0, 70_000), ((2 << 20) - 512, 1024), ((6 << 20) + 4096, 300_000),
                          (SIZE - 512, 512)):
        data[start:start + length] = rng.randbytes(length)
    return bytes(data)


def export(disk: Blocks, target: Path, format_: str, *, strict: bool = False) -> Exported:
    return Export(disk, plan(format_, disk.size), Target(target), {"note": "x"},
                  strict=strict).run()


@pytest.mark.validates("VMT-DISK-04")
@pytest.mark.parametrize("format_", FORMATS)
def test_the_hash_is_that_of_the_media(media: bytes, tmp_path: Path, format_: str) -> None:
    target = tmp_path / "out.disk"
    done = export(Memory(media), target, format_)
    assert done.sha256 == hashlib.sha256(media).hexdigest()
    assert done.lost == ()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.disk", "out.disk.json"]
    facts = json.loads((tmp_path / "out.disk.json").read_text())
    assert facts["sha256"] == done.sha256
    assert (facts["media_size"], facts["file_size"]) == (SIZE, target.stat().st_size)
    assert (facts["source"], facts["note"]) == ("host.E01!/p1/a.avhd", "x")
    assert facts["unreadable"] == []


def test_raw_is_the_media_with_holes(media: bytes, tmp_path: Path) -> None:
    export(Memory(media), tmp_path / "raw", "raw")
    assert (tmp_path / "raw").read_bytes() == media
    assert (tmp_path / "raw").stat().st_blocks * 512 < SIZE // 2


@pytest.mark.parametrize("format_", ["vhd", "vhd-fixed", "vhdx"])
def test_our_reader_finds_a_whole_disk(media: bytes, tmp_path: Path, format_: str) -> None:
    export(Memory(media), tmp_path / "x", format_)
    layer = open_layer(Memory((tmp_path / "x").read_bytes()))
    assert layer.notices == []
    assert (layer.disk_id, layer.size, layer.original_size) == (DISK_ID, SIZE, SIZE)
    if format_ != "vhdx":
        assert layer.creator.created_at == CREATED
    assert Disk([layer]).read_at(0, SIZE) == media


def test_dynamic_formats_leave_blocks_of_zeros_out(media: bytes, tmp_path: Path) -> None:
    sizes = {f: export(Memory(media), tmp_path / f, f).file_size for f in ("vhd", "vhdx")}
    assert sizes["vhd"] == 2048 + 4 * ((2 << 20) + 512) + 512
    assert sizes["vhdx"] == (4 << 20) + 4 * (2 << 20)


SUFFIX = {"raw": "img", "vhd-fixed": "vhd", "vhd": "vhd", "vhdx": "vhdx"}
QEMU = {"raw": "raw", "vhd-fixed": "vpc", "vhd": "vpc", "vhdx": "vhdx"}


@pytest.mark.validates("VMT-DISK-04")
@pytest.mark.needs_7z
@pytest.mark.parametrize("format_", ["vhd-fixed", "vhd", "vhdx"])
def test_7zip_extracts_the_same_bytes(media: bytes, tmp_path: Path, format_: str) -> None:
    target = tmp_path / f"x.{SUFFIX[format_]}"
    export(Memory(media), target, format_)
    kind = f"-t{SUFFIX[format_].upper()}"
    tested = subprocess.run(["7z", "t", kind, target], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "WARNING" not in tested.stdout.upper()
    done = subprocess.run(["7z", "e", "-so", kind, target], capture_output=True, check=True)
    assert done.stdout == media


@pytest.mark.validates("VMT-DISK-04")
@pytest.mark.needs_qemu
@pytest.mark.parametrize("format_", FORMATS)
def test_qemu_reads_the_same_bytes(media: bytes, tmp_path: Path, format_: str) -> None:
    target, raw = tmp_path / f"x.{SUFFIX[format_]}", tmp_path / "media"
    export(Memory(media), target, format_)
    raw.write_bytes(media)
    info = subprocess.run(["qemu-img", "info", "--output=json", "-f", QEMU[format_], target],
                          capture_output=True, check=True)
    assert json.loads(info.stdout)["virtual-size"] == SIZE
    done = subprocess.run(["qemu-img", "compare", "-f", QEMU[format_], "-F", "raw", target, raw],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    if format_ == "vhdx":
        checked = subprocess.run(["qemu-img", "check", target], capture_output=True, text=True,
                                 check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@given(st.integers(1, 40_000), st.data())
@settings(max_examples=25, deadline=None)
def test_a_vhd_of_any_size_comes_back(sectors: int, data: st.DataObject) -> None:
    size = sectors * 512
    media = bytearray(size)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, sectors - 1)) * 512
        media[at:at + 512] = b"\x5a" * 512
    out = _Store()
    writer = DynamicVhdWriter(out, size, _uuid(), CREATED)  # type: ignore[arg-type] # a double
    writer.start()
    for offset in range(0, size, writer.unit):
        writer.write(offset, bytes(media[offset:offset + writer.unit]))
    writer.finish()
    layer = Vhd(Memory(bytes(out.data)))
    assert layer.notices == []
    assert Disk([layer]).read_at(0, size) == media


class _Store:
    """An Output in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write_at(self, offset: int, data: bytes) -> None:
        self.data.extend(bytes(max(0, offset + len(data) - len(self.data))))
        self.data[offset:offset + len(data)] = data


def _uuid() -> uuid.UUID:
    return uuid.UUID(DISK_ID)


def test_geometry_and_checksum_as_another_writer_makes_them() -> None:
    for sectors in (1, 2049, 81_920, 1_032_192, 10 << 20, 65_535 * 16 * 63 + 7, 4 << 30):
        assert geometry(sectors) == vhd.geometry(sectors)
    seconds = (CREATED - 125_911_584_000_000_000) // 10_000_000
    other = vhd.footer(SIZE, 3, unique_id=_uuid().bytes, created=seconds, creator=b"qem2",
                       creator_version=0x10000, host_os=bytes(4))
    assert footer(SIZE, 3, _uuid(), CREATED) == other


def test_vhdx_structures_carry_valid_checksums(media: bytes, tmp_path: Path) -> None:
    export(Memory(media), tmp_path / "x.vhdx", "vhdx")
    raw = (tmp_path / "x.vhdx").read_bytes()
    for at, length, magic in ((0x10000, 4096, b"head"), (0x20000, 4096, b"head"),
                              (0x30000, 0x10000, b"regi"), (0x40000, 0x10000, b"regi")):
        data = raw[at:at + length]
        assert data[:4] == magic
        stored = struct.unpack_from("<I", data, 4)[0]
        assert stored == crc32c(data[:4] + bytes(4) + data[8:])
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, B.4
    assert struct.unpack_from("<Q", raw, 0x10008)[0] < struct.unpack_from("<Q", raw, 0x20008)[0]
    assert raw[0x10000 + 48:0x10000 + 64] == bytes(16), "a log GUID would mean a log to replay"


def crc32c(data: bytes) -> int:
    """Bit by bit, as the polynomial is defined."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0x82F63B78 * (value & 1)
    return value ^ 0xFFFFFFFF


@pytest.mark.needs_7z
def test_a_vhdx_keeps_sectors_of_4096_bytes(tmp_path: Path) -> None:
    media = random.Random(1).randbytes(4096 * 600)
    target = tmp_path / "x.vhdx"
    Export(Memory(media), plan("vhdx", len(media), 4096), Target(target), {}).run()
    layer = Vhdx(Memory(target.read_bytes()))
    assert (layer.notices, layer.sector_size) == ([], 4096)
    assert Disk([layer]).read_at(0, len(media)) == media
    done = subprocess.run(["7z", "e", "-so", "-tVHDX", target], capture_output=True, check=True)
    assert done.stdout == media
    found = target.read_bytes()[(2 << 20) + 0x10000:][:40]
    assert struct.unpack_from("<IIQ16sII", found) == (
        2 << 20, 0, len(media), _uuid().bytes_le, 4096, 4096)


def test_vhdx_sector_bitmap_entries_are_passed_over(tmp_path: Path) -> None:
    size = (2048 + 3) * (2 << 20)
    with (tmp_path / "x").open("wb+") as file:
        writer = VhdxWriter(Output(tmp_path / "x", file.fileno()), size, 512, _uuid())
        writer.start()
        for block in (0, 2047, 2048, 2050):
            writer.write(block * writer.unit, bytes([block % 251 + 1]) * writer.unit)
        writer.finish()
        file.seek(3 << 20)
        table = struct.unpack("<2052Q", file.read(2052 * 8))
    assert [row for row, entry in enumerate(table) if entry & 7 == 6] == [0, 2047, 2049, 2051]
    assert table[2048] == 0
    assert {entry & 7 for row, entry in enumerate(table) if row != 2048} == {2, 6}


@pytest.mark.validates("VMT-DISK-03")
@pytest.mark.parametrize("format_", FORMATS)
def test_unreadable_ranges_are_zeros_and_listed(media: bytes, tmp_path: Path,
                                                format_: str) -> None:
    ranges = [(512, 1024), ((4 << 20) - 512, 1024), (SIZE - 1024, 512)]
    disk = withhold(Memory(media), ranges, "bad sectors")
    done = export(disk, tmp_path / "x", format_)
    expected = bytearray(media)
    for start, length in ranges:
        expected[start:start + length] = bytes(length)
    assert done.sha256 == hashlib.sha256(expected).hexdigest()
    assert [tuple(lost) for lost in done.lost] == [(*r, "bad sectors") for r in ranges]
    assert done.lost_bytes == 2560
    listed = json.loads((tmp_path / "x.json").read_text())
    assert [tuple(row) for row in listed["unreadable"]] == [(*r, "bad sectors") for r in ranges]


def test_strict_leaves_nothing(media: bytes, tmp_path: Path) -> None:
    disk = withhold(Memory(media), [(8 << 20, 512)], "bad sectors")
    with pytest.raises(Unreadable):
        export(disk, tmp_path / "x", "raw", strict=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x", "x.json", "x.part", "x.part.journal"])
def test_nothing_that_exists_is_overwritten(media: bytes, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"exists"):
        export(Memory(media), tmp_path / "x", "raw")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [(name, b"mine")]


def test_a_disk_that_the_format_cannot_hold_leaves_nothing(tmp_path: Path) -> None:
    for size, sector, format_ in (
            (3 << 40, 512, "vhd"), (3 << 40, 512, "vhd-fixed"), (65 << 40, 512, "vhdx"),
            (1000, 512, "vhd"), (1000, 512, "vhdx"), (8192, 4096, "vhd"), (512, 4096, "vhdx")):
        disk = Memory(bytes(1000))
        with pytest.raises(UsageError, match=r"raw"):
            Export(disk, plan(format_, size, sector), Target(tmp_path / "x"), {}).run()
    assert list(tmp_path.iterdir()) == []


def test_make_writer_knows_every_format() -> None:
    output = Output(Path("x"), -1)
    assert len({type(make_writer(plan(f), output)) for f in FORMATS}) == len(FORMATS)
