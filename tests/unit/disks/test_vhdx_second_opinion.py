"""The disks of our writer, and our reading of them, against 7-Zip, qemu-img and libvhdi."""

import io
import subprocess
import uuid
from pathlib import Path

import numpy as np
import pytest

from analyzer.blocks import Memory
from analyzer.disks.disk import Disk
from analyzer.disks.open import open_layer
from corpus.make import vhdx as make
from corpus.make import vhdx_log as logs
from tests.unit.disks.test_vhdx import IDS, MIB, filled, presence, style

CHAINS = [(1, 512, MIB), (2, 512, 2 * MIB), (3, 4096, MIB), (4, 512, 4 * MIB), (5, 4096, 2 * MIB)]


def chain(seed: int, sector: int, block: int) -> tuple[list[bytes], bytes]:
    """Four layers, base first, and the media they make; blocks out of order.

    7-Zip and libvhdi set the limits: no parent is smaller than its child; and 7-Zip 26.02 opens
    no disk of an odd number of sectors.
    """
    random = np.random.default_rng(seed)
    files: list[bytes] = []
    media = b""
    sizes = sorted(random.integers(2 * block, 4 * block + 1, size=4).tolist(), reverse=True)
    for level, size in enumerate(sizes):
        count = size // sector // 2 * 2
        own = filled(level, count, sector)
        order = random.permutation(-(-count * sector // block)).tolist()
        more = style(level, sector_size=sector, block_size=block, order=order,
                     bitmaps_last=bool(level % 2))
        if level == 0:
            files.append(make.dynamic(own, more))
            media = own
            continue
        here = presence(seed + level, count, [2, 9, 700][level - 1])
        files.append(make.differencing(
            own, here.tobytes(), IDS[level - 1],
            [("relative_path", f".\\{level - 1}.vhdx")], more))
        rows = np.frombuffer(media.ljust(len(own), b"\0")[:len(own)], np.uint8)
        media = np.where(here.repeat(sector), np.frombuffer(own, np.uint8), rows).tobytes()
    return files, media


def ours(files: list[bytes]) -> bytes:
    disk = Disk([open_layer(Memory(content)) for content in reversed(files)])
    return disk.read_at(0, disk.size)


@pytest.mark.validates("VMT-DISK-02")
@pytest.mark.needs_7z
@pytest.mark.parametrize(("seed", "sector", "block"), CHAINS)
def test_chains_as_7zip_reads_them(seed: int, sector: int, block: int, tmp_path: Path) -> None:
    files, media = chain(seed, sector, block)
    for number, content in enumerate(files):
        (tmp_path / f"{number}.vhdx").write_bytes(content)
    done = subprocess.run(["7z", "x", "-so", "-tvhdx", str(tmp_path / "3.vhdx")],
                          capture_output=True, check=True)
    assert done.stdout == media
    assert ours(files) == media


@pytest.mark.validates("VMT-DISK-02")
@pytest.mark.parametrize(("seed", "sector", "block"), CHAINS)
def test_chains_as_libvhdi_reads_them(seed: int, sector: int, block: int) -> None:
    pyvhdi = pytest.importorskip("pyvhdi", reason="tool: libvhdi-python not installed")
    files, media = chain(seed, sector, block)
    opened = [pyvhdi.file() for _ in files]
    for number, content in enumerate(files):
        opened[number].open_file_object(io.BytesIO(content))
        if number:
            opened[number].set_parent(opened[number - 1])
    assert b"".join(opened[-1].read_buffer_at_offset(MIB, at)
                    for at in range(0, len(media), MIB)) == media
    for disk in reversed(opened):
        disk.close()
    assert ours(files) == media


@pytest.mark.validates("VMT-DISK-02")
@pytest.mark.needs_qemu
@pytest.mark.parametrize("kind", [make.fixed, make.dynamic])
@pytest.mark.parametrize("block", [MIB, 8 * MIB, 32 * MIB])
def test_single_disks_as_qemu_reads_them(kind: type, block: int, tmp_path: Path) -> None:
    media = filled(1, 5000, 512) + bytes(3 * block) + filled(2, 4097, 512) + bytes(512)
    content = kind(media, style(1, block_size=block, order=[4, 0, 3]))
    source, target = tmp_path / "disk.vhdx", tmp_path / "disk.raw"
    source.write_bytes(content)
    subprocess.run(["qemu-img", "check", "-f", "vhdx", str(source)], check=True,
                   capture_output=True)
    subprocess.run(["qemu-img", "convert", "-f", "vhdx", "-O", "raw", str(source), str(target)],
                   check=True, capture_output=True)
    assert target.read_bytes() == media
    assert ours([content]) == media


@pytest.mark.validates("VMT-DISK-02")
@pytest.mark.needs_qemu
@pytest.mark.parametrize("start", [0, MIB - 4096, MIB - 12288])
def test_a_dirty_log_as_qemu_replays_it(start: int, tmp_path: Path) -> None:
    """qemu only replays into a file, so it gets a copy; both must see what the log promises."""
    own = style(1)
    media = filled(1, 6 * 2048, 512)
    whole = make.dynamic(media, own)
    at = make.bat_at(own)
    steps = [whole[at:at + 8 * (i + 1)].ljust(4096, b"\0") for i in range(6)]
    entries = [logs.Entry(writes=[logs.Write(at, step)], sequence=50 + i)
               for i, step in enumerate(steps)]
    stale = whole[:at] + bytes(4096) + whole[at + 4096:]
    dirty = logs.with_log(stale, entries, uuid.UUID(int=77), own, start=start)
    source, target = tmp_path / "disk.vhdx", tmp_path / "disk.raw"
    source.write_bytes(dirty)
    subprocess.run(["qemu-img", "check", "-r", "all", "-f", "vhdx", str(source)], check=True,
                   capture_output=True)
    subprocess.run(["qemu-img", "convert", "-f", "vhdx", "-O", "raw", str(source), str(target)],
                   check=True, capture_output=True)
    assert target.read_bytes() == media
    assert ours([dirty]) == media
