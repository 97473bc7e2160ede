"""Every VHD that real programs wrote decodes to the hash that independent readers agree on."""

import bz2
import gzip
import hashlib
import json
from pathlib import Path

import pytest

from analyzer.blocks import Memory
from analyzer.disks.chain import Chain, DiskFile, Shelf, build_chain
from analyzer.disks.vhd import Vhd
from analyzer.source import Source

VHDS = [
    "dfvfs/image.vhd", "dfvfs/ntfs-differential.vhd", "dfvfs/ntfs-dynamic.vhd",
    "dfvfs/ntfs-parent.vhd", "dissect.hypervisor/disk/vhd/dynamic.vhd.gz",
    "go-vhd/test-images/qemu.vhd", "go-vhd/test-images/win8-child.vhd",
    "go-vhd/test-images/win8.vhd", "go-vhd/test-images/xapi.vhd",
    "qemu-iotests/virtualpc-dynamic.vhd.bz2", "sleuthkit/test/data/image.vhd",
]
EMPTY = "qemu-iotests/virtualpc-dynamic.vhd.bz2"
"""127 GiB without a block in use: read whole, and not hashed, which takes ten minutes."""
PARENTS = {"dfvfs/ntfs-differential.vhd": "dfvfs/ntfs-parent.vhd",
           "go-vhd/test-images/win8-child.vhd": "go-vhd/test-images/win8.vhd"}


def load(realdata: Path, name: str) -> bytes:
    raw = (realdata / name).read_bytes()
    return {"gz": gzip.decompress, "bz2": bz2.decompress}.get(name.rpartition(".")[2], bytes)(raw)


def chain(realdata: Path, name: str) -> Chain:
    files = [DiskFile(Source(n), f"C:\\{n}", Vhd(Memory(load(realdata, n))))
             for n in (name, PARENTS.get(name)) if n]
    return build_chain(files[0], Shelf(tuple(files)))


def media_hash(disk_chain: Chain) -> str:
    digest = hashlib.sha256()
    disk, step = disk_chain.disk, 1 << 19
    for offset in range(0, disk.size, step):
        digest.update(disk.read_at(offset, step))
    return digest.hexdigest()


@pytest.mark.realdata
def test_the_list_is_whole(realdata: Path) -> None:
    truth = json.loads((realdata / "_truth" / "media.json").read_text())
    assert sorted(n for n in truth if ".vhd" in n and ".vhdx" not in n) == sorted(VHDS)


@pytest.mark.validates("VMT-DISK-01")
@pytest.mark.realdata
@pytest.mark.parametrize("name", [name for name in VHDS if name != EMPTY])
def test_media_hash(realdata: Path, name: str) -> None:
    truth = json.loads((realdata / "_truth" / "media.json").read_text())[name]
    found = chain(realdata, name)
    assert found.broken == ""
    assert found.disk.size == truth["media_size"]
    assert media_hash(found) == truth["sha256"]


@pytest.mark.validates("VMT-DISK-01")
@pytest.mark.realdata
@pytest.mark.slow
def test_an_empty_disk_is_zeros_to_its_last_byte(realdata: Path) -> None:
    """Its hash was compared with that of `head -c 136365211648 /dev/zero | sha256sum`."""
    truth = json.loads((realdata / "_truth" / "media.json").read_text())[EMPTY]
    assert truth["sha256"] == (
        "dcb4f171cbcedb416d5da34e48d5a17ecc2828a0f14c416de3669b8463cb1d8e")
    disk, zeros = chain(realdata, EMPTY).disk, bytes(1 << 19)
    assert disk.size == truth["media_size"]
    for offset in range(0, disk.size, len(zeros)):
        assert disk.read_at(offset, len(zeros)) == zeros[:disk.size - offset], offset


@pytest.mark.realdata
def test_what_windows_writes_in_a_differencing_disk(realdata: Path) -> None:
    layer = chain(realdata, "dfvfs/ntfs-differential.vhd").files[0].layer
    assert layer.parent is not None
    assert layer.parent.changed_at is None
    assert dict(layer.parent.locators)["W2ru"] == ".\\ntfs-parent.vhd"
    assert [n.code for n in chain(realdata, "dfvfs/image.vhd").files[0].layer.notices] == [
        "VHD-CRC"]
