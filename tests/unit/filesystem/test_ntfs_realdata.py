"""Volumes made by Windows, against listings that two other readers agree on."""

import csv
import hashlib
from pathlib import Path

import pytest

from analyzer.blocks import Slice
from analyzer.errors import NotThisFormat
from analyzer.filesystem.mft import name_parents, parse_record
from analyzer.filesystem.ntfs import Entry, Ntfs
from tests.unit.filesystem.disk_files import unpack

METAFILES = {"$AttrDef", "$BadClus", "$Bitmap", "$Boot", "$Extend", "$LogFile", "$MFT", "$MFTMirr",
             "$Secure", "$UpCase", "$Volume"}
UNDELETE = ("sleuthkit_test_data/from_brian/7-undel-ntfs.zip", "7-undel-ntfs/7-ntfs-undel.dd", 0)
VOLUMES = {
    "7-ntfs-undel.dd@0": UNDELETE,
    "dfvfs_vss.raw@0": ("dfvfs/vss.raw.xz", "", 0),
    "dn_ntfs.bin@0": ("dissect.ntfs/ntfs.bin.gz", "", 0),
    "ntfs-lastaccess.raw@65536": ("ntfs-samples/ntfs-lastaccess.raw.gz", "", 65536),
    "ntfs-ptrn.raw@65536": ("ntfs-samples/ntfs-ptrn.raw.gz", "", 65536),
    "ntfs-si-vs-fn.raw@65536": ("ntfs-samples/ntfs-si-vs-fn.raw.gz", "", 65536),
}
DELETED = {  # from the index.html beside the image: path, stream -> size, MD5
    ("/res1.dat", ""): (101, "9036637712b491904cd0bfbdbe648453"),
    ("/sing1.dat", ""): (780, "59b20779f69ff9f0ac5fcd2c38835a79"),
    ("/mult1.dat", ""): (3801, "ffd27bd782bdce67750b6b9ee069d2ef"),
    ("/mult1.dat", "ADS"): (1234, "ba1b9eedb1c091ddca253d35dde8f616"),
    ("/frag1.dat", ""): (1584, "7a3bc5b763bef201202108f4ba128149"),
    ("/frag2.dat", ""): (3873, "0e80ab84ef0087e60dfc67b88a1cf13e"),
    ("/dir1/mult2.dat", ""): (1715, "59cf0e9cd107bc1e75afb7374f6e05bb"),
    ("/dir1/dir2/frag3.dat", ""): (2027, "21121699487f3fbbdb9a4b3391b6d3e0"),
    ("/$OrphanFiles/sing2.dat", ""): (1005, "c229626f6a71b167ad7e50c4f2fccdb1"),
}


def open_volume(realdata: Path, folder: Path, volume: tuple[str, str, int]) -> Ntfs:
    packed, member, offset = volume
    disk = unpack(realdata / packed, folder, member)
    return Ntfs.open(Slice(disk, offset, disk.size - offset))


def streams(ntfs: Ntfs, entry: Entry) -> list[tuple[str, bytes]]:
    """Each stream of a file as a listing writes its path, and its content."""
    found = []
    for stream in ["", *(s.name for s in entry.streams)]:
        file = ntfs.open_file(entry, stream)
        data = file.blocks.read_at(0, file.size)
        found.append((f"{entry.path}:{stream}" if stream else entry.path, data))
    return found


@pytest.mark.validates("VMT-FS-01")
@pytest.mark.realdata
@pytest.mark.parametrize("name", VOLUMES)
def test_listing(name: str, realdata: Path, tmp_path: Path) -> None:
    ntfs = open_volume(realdata, tmp_path, VOLUMES[name])
    with (realdata / "_truth" / "listings" / f"{name}.tsv").open(newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        expected = [tuple(row) for row in rows if row]
    got = [(path, str(len(data)), hashlib.sha256(data).hexdigest())
           for entry in ntfs.walk(deleted=False)
           if not entry.is_directory and entry.path.split("/")[1] not in METAFILES
           for path, data in streams(ntfs, entry)]
    assert sorted(got) == sorted(expected)
    assert ntfs.notices == []
    assert ntfs.lost == []


@pytest.mark.realdata
def test_deleted_files_of_7_undel_ntfs(realdata: Path, tmp_path: Path) -> None:
    ntfs = open_volume(realdata, tmp_path, UNDELETE)
    found = {}
    for entry in ntfs.walk():
        if not entry.allocated and not entry.is_directory:
            for stream in ["", *(s.name for s in entry.streams)]:
                file = ntfs.open_file(entry, stream)
                data = file.blocks.read_at(0, file.size)
                found[entry.path, stream] = (
                    file.size, hashlib.md5(data, usedforsecurity=False).hexdigest())
    assert found == DELETED


@pytest.mark.realdata
def test_clusters_of_2_mib_which_the_sleuth_kit_refuses(realdata: Path, tmp_path: Path) -> None:
    ntfs = open_volume(realdata, tmp_path, ("ntfs-samples/ntfs-2m.raw.gz", "", 65536))
    assert (ntfs.cluster_size, ntfs.label) == (2 << 20, "2M")
    assert {e.path for e in ntfs.walk() if e.inode >= 36} == {
        "/System Volume Information", "/System Volume Information/IndexerVolumeGuid",
        "/System Volume Information/WPSettings.dat"}
    assert ntfs.notices == []  # its indexes and files agree, so nobody asked for its opinion


@pytest.mark.realdata
def test_a_fat_volume_is_not_ntfs(realdata: Path, tmp_path: Path) -> None:
    packed = realdata / "sleuthkit_test_data/from_brian/5-fat-daylight.zip"
    with pytest.raises(NotThisFormat):
        Ntfs.open(unpack(packed, tmp_path, "5-fat-daylight/daylight.dd"))


@pytest.mark.realdata
def test_the_quick_look_at_names_sees_what_the_whole_one_sees(realdata: Path,
                                                              tmp_path: Path) -> None:
    table = unpack(realdata / "plaso" / "MFT.xz", tmp_path)
    names = 0
    for number in range(table.size // 1024):
        data = table.read_at(number * 1024, 1024)
        quick = name_parents(data) if data[:4] == b"FILE" else None
        if quick is None:
            continue
        record = parse_record(data, number)
        assert record.damage is None
        for place, parent in quick[1]:
            reference = record.names[place].parent
            assert reference.sequence << 48 | reference.number == parent
            names += 1
    assert names > 1000
