"""Every VHDX that real programs wrote decodes to the hash that independent readers agree on."""

import bz2
import gzip
import hashlib
import json
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.blocks import Kind, Memory
from analyzer.disks.chain import Chain, DiskFile, Shelf, build_chain
from analyzer.disks.open import open_layer
from analyzer.source import Source

DIRTY = "qemu-iotests/iotest-dirtylog-10G-4M.vhdx.bz2"
PARENTS = {"dfvfs/fat-differential.vhdx.xz": "dfvfs/fat-parent.vhdx.xz"}
VHDXS = ["dfvfs/fat-differential.vhdx.xz", "dfvfs/fat-parent.vhdx.xz",
         "dfvfs/ntfs-dynamic.vhdx.xz", "dfvfs/ntfs-fixed.vhdx.xz",
         "dissect.hypervisor/disk/vhdx/fixed.vhdx.gz", DIRTY,
         "qemu-iotests/iotest-dynamic-1G.vhdx.bz2"]


def load(realdata: Path, name: str) -> bytes:
    raw = (realdata / name).read_bytes()
    return {"gz": gzip.decompress, "bz2": bz2.decompress,
            "xz": lzma.decompress}[name.rpartition(".")[2]](raw)


def chain(realdata: Path, name: str) -> Chain:
    files = [DiskFile(Source(n), f"C:\\{n}", open_layer(Memory(load(realdata, n))))
             for n in (name, PARENTS.get(name)) if n]
    return build_chain(files[0], Shelf(tuple(files)))


def pieces(disk_chain: Chain) -> Iterator[bytes]:
    disk, step = disk_chain.disk, 1 << 19
    for offset in range(0, disk.size, step):
        yield disk.read_at(offset, step)


@pytest.mark.realdata
def test_the_list_is_whole(realdata: Path) -> None:
    truth = json.loads((realdata / "_truth" / "media.json").read_text())
    assert sorted(name for name in truth if ".vhdx" in name) == sorted(VHDXS)


@pytest.mark.validates("VMT-DISK-01")
@pytest.mark.realdata
@pytest.mark.parametrize("name", [name for name in VHDXS if name != DIRTY])
def test_media_hash(realdata: Path, name: str) -> None:
    truth = json.loads((realdata / "_truth" / "media.json").read_text())[name]
    found = chain(realdata, name)
    assert found.broken == ""
    assert found.disk.size == truth["media_size"]
    digest = hashlib.sha256()
    for piece in pieces(found):
        digest.update(piece)
    assert digest.hexdigest() == truth["sha256"]


@pytest.mark.validates("VMT-DISK-01")
@pytest.mark.realdata
def test_the_dirty_log_is_replayed(realdata: Path) -> None:
    """Without it MiB 17 is wrong, as in every reader that ignores the log.

    18 MiB of a5 and zeros to 10 GiB have the hash of the truth, by coreutils' sha256sum: what is
    read is compared, and not hashed, which takes a minute.
    """
    truth = json.loads((realdata / "_truth" / "media.json").read_text())[DIRTY]
    assert (truth["media_size"], truth["sha256"]) == (
        10 << 30, "179cefe8b0587f123393eedf2aa7aa8d25798591178e6bc3950a09762f38f96f")
    found = chain(realdata, DIRTY)
    layer = found.files[0].layer
    assert [n.code for n in layer.notices] == ["VHDX-LOG"]
    assert found.verdict(0) == "log replayed"
    disk = found.disk
    assert disk.read_at(0, 18 << 20) == b"\xa5" * (18 << 20)
    rows = layer.extents_in(18 << 20, disk.size - (18 << 20))
    assert {row.kind for row in rows} == {Kind.ZERO}
    assert disk.size == truth["media_size"]
    zeros = bytes(1 << 19)
    for offset in range(18 << 20, disk.size, len(zeros)):
        assert disk.read_at(offset, len(zeros)) == zeros, offset


@pytest.mark.realdata
def test_what_windows_writes(realdata: Path) -> None:
    found = chain(realdata, "dfvfs/fat-differential.vhdx.xz")
    child, parent = (file.layer for file in found.files)
    assert child.parent is not None
    assert child.parent.wanted == (parent.link_id,)
    assert child.disk_id == parent.disk_id
    assert child.parent.hints[0] == ".\\fat-parent.vhdx"
    assert (child.creator.application, child.creator.version) == (
        "Microsoft Windows", "10.0.19041.0")
    assert found.whole_verdict == "complete"
    assert [notice for file in found.files for notice in file.layer.notices] == []
