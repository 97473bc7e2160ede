"""Virtual disks as evidence against qemu, and real files against what others decoded."""

import gzip
import hashlib
import json
import lzma
import random
import subprocess
from pathlib import Path

import pytest

from analyzer.errors import Unsupported
from analyzer.evidence import open_evidence
from tests.unit.evidence.test_containers import one, put, whole

CHANCE = random.Random(2009)
QEMU = [
    "qcow2", "qcow2 -c", "qcow2 -o compat=0.10", "qcow2 -o cluster_size=512",
    "qcow2 -o cluster_size=2M", "qcow2 -o preallocation=metadata", "qcow",
    "vmdk -o subformat=monolithicSparse", "vmdk -o subformat=monolithicFlat",
    "vmdk -o subformat=twoGbMaxExtentSparse", "vmdk -o subformat=twoGbMaxExtentFlat",
    "vmdk -o subformat=streamOptimized", "vpc -o force_size", "vhdx",
]


@pytest.mark.validates("VMT-IMG-01")
@pytest.mark.needs_qemu
@pytest.mark.parametrize("arguments", QEMU)
def test_what_qemu_wrote(tmp_path: Path, arguments: str) -> None:
    raw = put(tmp_path, "a.raw", CHANCE.randbytes(1 << 20) + bytes(3 << 20) + b"text" * 65536)
    disk = tmp_path / "disk.img"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", *arguments.split(), raw, disk],
                   check=True)
    assert whole(one(disk)) == raw.read_bytes()


@pytest.mark.validates("VMT-IMG-01")
@pytest.mark.needs_qemu
@pytest.mark.slow
def test_a_disk_split_at_2_gigabytes(tmp_path: Path) -> None:
    raw, disk = tmp_path / "a.raw", tmp_path / "disk.vmdk"
    with raw.open("wb") as file:
        file.truncate(5 << 30)
        for at in (0, (2 << 30) - 4096, 2 << 30, (4 << 30) - 512, (5 << 30) - 512):
            file.seek(at)
            file.write(CHANCE.randbytes(512))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o",
                    "subformat=twoGbMaxExtentSparse", raw, disk], check=True)
    image = one(disk)
    assert len(image.files) == 4
    assert image.blocks.size == 5 << 30
    with raw.open("rb") as file:
        for at in range(0, 5 << 30, 256 << 20):
            start = max(0, at - 8192)
            file.seek(start)
            assert image.blocks.read_at(start, 16384) == file.read(16384)


@pytest.mark.validates("VMT-IMG-01")
@pytest.mark.realdata
def test_one_content_in_three_containers(realdata: Path) -> None:
    """qemu made them of one disk; the VHD is rounded up to whole cylinders."""
    folder = realdata / "sleuthkit" / "test" / "data"
    images = [one(folder / name) for name in ("image.vhd", "image.vmdk", "image.qcow")]
    assert [i.format for i in images] == ["VHD", "VMDK", "QCOW"]
    truth = json.loads((realdata / "_truth" / "media.json").read_text())
    disks = [whole(image) for image in images]
    assert hashlib.sha256(disks[0]).hexdigest() in json.dumps(
        truth["sleuthkit/test/data/image.vhd"])
    assert disks[1] == disks[2] == disks[0][:len(disks[1])]
    assert not disks[0][len(disks[1]):].strip(b"\0")


@pytest.mark.realdata
@pytest.mark.parametrize("names", [
    ("fat-differential.vhdx.xz", "fat-parent.vhdx.xz"),
    ("ntfs-differential.vhd", "ntfs-parent.vhd")])
def test_a_child_and_its_parent_by_windows(
        realdata: Path, tmp_path: Path, names: tuple[str, str]) -> None:
    paths = []
    for number, name in enumerate(names):
        data = (realdata / "dfvfs" / name).read_bytes()
        data = lzma.decompress(data) if name.endswith(".xz") else data
        paths.append(put(tmp_path, f"renamed{number}", data))
    with pytest.raises(Unsupported, match="command line"):
        one(paths[0])
    (image,) = open_evidence([paths[1], paths[0]])
    image.verify()
    truth = json.loads((realdata / "_truth" / "media.json").read_text())
    assert image.hashes["sha256"] in json.dumps(truth[f"dfvfs/{names[0]}"])


@pytest.mark.realdata
def test_a_disk_format_of_vmware_that_is_not_decoded_is_named(
        realdata: Path, tmp_path: Path) -> None:
    packed = realdata / "dissect.hypervisor" / "disk" / "vmdk" / "sesparse.vmdk.gz"
    with pytest.raises(Unsupported, match="SESparse"):
        one(put(tmp_path, "sesparse.vmdk", gzip.decompress(packed.read_bytes())))
