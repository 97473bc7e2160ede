"""NTFS inside virtual disks made by Windows, through our disk readers, against the listings."""

import csv
import gzip
import hashlib
import lzma
from pathlib import Path

import pytest

from analyzer.blocks import Blocks, Memory
from analyzer.disks.chain import DiskFile, Shelf, build_chain
from analyzer.disks.vhd import Vhd
from analyzer.evidence import open_evidence
from analyzer.source import Source
from analyzer.volume import Medium

VHDS = {
    "dfvfs_ntfs-parent.vhd": ["dfvfs/ntfs-parent.vhd"],
    "dfvfs_ntfs-dynamic.vhd": ["dfvfs/ntfs-dynamic.vhd"],
    "dfvfs_ntfs-differential.vhd": ["dfvfs/ntfs-differential.vhd", "dfvfs/ntfs-parent.vhd"],
    "dissect_dynamic.vhd": ["dissect.hypervisor/disk/vhd/dynamic.vhd.gz"],
}
OTHERS = {
    "dfvfs_ntfs-dynamic.vhdx": ("dfvfs/ntfs-dynamic.vhdx.xz", 65536),
    "dfvfs_ntfs-fixed.vhdx": ("dfvfs/ntfs-fixed.vhdx.xz", 65536),
    "dissect_fixed.vhdx": ("dissect.hypervisor/disk/vhdx/fixed.vhdx.gz", 65536),
    "plaso_vsstest.qcow2": ("plaso/vsstest.qcow2", 0),
}


def unpacked(path: Path) -> bytes:
    raw = path.read_bytes()
    return {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)(raw)


def assert_listing(blocks: Blocks, offset: int, listing: Path) -> None:
    with listing.open(newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        expected = sorted(tuple(row) for row in rows if row)
    (volume,) = Medium(Source("disk"), blocks).volumes
    assert volume.partition.offset == offset
    found = []
    for item in volume.walk():
        entry = item.entry
        if not entry.allocated or entry.is_directory or entry.path.startswith("/$"):
            continue
        for stream in ["", *(s.name for s in entry.streams)]:
            assert volume.filesystem is not None
            content = volume.filesystem.open_file(entry, stream).blocks
            digest = hashlib.sha256()
            for start in range(0, content.size, 1 << 24):
                digest.update(content.read_at(start, 1 << 24))
            path = f"{entry.path}:{stream}" if stream else entry.path
            found.append((path, str(content.size), digest.hexdigest()))
    assert sorted(found) == expected


@pytest.mark.realdata
@pytest.mark.parametrize("name", VHDS)
def test_vhd(realdata: Path, name: str) -> None:
    files = tuple(DiskFile(Source(n), f"C:\\{n}", Vhd(Memory(unpacked(realdata / n))))
                  for n in VHDS[name])
    chain = build_chain(files[0], Shelf(files))
    assert_listing(chain.disk, 65536, realdata / "_truth" / "listings" / f"{name}.raw@65536.tsv")


@pytest.mark.realdata
@pytest.mark.parametrize("name", OTHERS)
def test_other_disks_as_evidence(realdata: Path, name: str, tmp_path: Path) -> None:
    packed, offset = OTHERS[name]
    disk = tmp_path / "disk"
    disk.write_bytes(unpacked(realdata / packed))
    (image,) = open_evidence([disk])
    listing = realdata / "_truth" / "listings" / f"{name}.raw@{offset}.tsv"
    assert_listing(image.blocks, offset, listing)
    assert not image.notices
