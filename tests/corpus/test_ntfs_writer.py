"""The NTFS recipe: times, links, streams and deleted files as The Sleuth Kit sees them."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from pathlib import Path

import pytest

from corpus.make import ntfs, ntfs_times
from corpus.make.times import born, ticks
from tests.corpus.evidence import walk

MADE = ticks("2009-06-02 08:00:00")
able = all(shutil.which(tool) for tool in ("mkntfs", "ntfs-3g")) and os.geteuid() == 0
pytestmark = [
    pytest.mark.needs_ntfs3g,
    pytest.mark.skipif(not able or not Path("/dev/fuse").exists(), reason="needs root and ntfs-3g"),
]


def _volume(scratch: Path) -> ntfs.Volume:
    volume = ntfs.Volume(
        scratch, sectors=20 << 11, start_sector=2048, serial=0x1122334455667788, made=born(MADE)
    )
    with volume.changing() as tree:
        for number in range(70):
            name = f"/Windows/a long name {number:03}.dll"
            tree.write(name, b"x" * 50 * number, born(MADE + number * 10**7, key=name))
        zone = {"Zone.Identifier": b"ZoneId=3"}
        tree.write("/boot.ini", b"hello", born(MADE), ntfs.HIDDEN | ntfs.SYSTEM, zone)
        tree.symlink("/vm.xml", "D:\\VMs\\vm.xml", born(MADE + 1))
        tree.junction("/Documents and Settings", "C:\\Users", born(MADE + 2))
        tree.write_fragmented("/disk.vhd", bytes(range(256)) * 8000, born(MADE + 3))
        tree.write("/gone.txt", b"gone" * 500, born(MADE + 4))
        tree.delete("/gone.txt")
    return volume


def test_files_read_back_with_both_sets_of_times(tmp_path: Path) -> None:
    volume = _volume(tmp_path)
    image = volume.image()
    seen = walk(image, 0, len(image))
    assert set(seen) == set(volume.entries)
    for path, entry in volume.entries.items():
        assert seen[path].si == list(entry.stamp.si), path
        assert seen[path].fn == list(entry.stamp.fn), path
        if entry.kind == "file":
            assert hashlib.sha256(seen[path].content).hexdigest() == entry.sha256, path
    assert ntfs.TAG_SYMLINK.to_bytes(4, "little") == seen["/vm.xml"].reparse[:4]
    assert list(seen["/boot.ini"].streams) == ["Zone.Identifier"]
    assert struct.unpack_from("<Q", image, 0x48)[0] == volume.serial


def test_no_trace_of_the_build_is_left(tmp_path: Path) -> None:
    image = _volume(tmp_path).image()
    assert ntfs_times.SCAFFOLD.encode("utf-16-le") not in image
    now = tmp_path.stat().st_mtime_ns // 100 + 116444736000000000
    span = 86400 * 10**7
    words = (word for (word,) in struct.iter_unpack("<Q", image))
    assert not [word for word in words if now - span < word < now + span]


def test_a_fork_goes_its_own_way(tmp_path: Path) -> None:
    first = _volume(tmp_path / "one")
    second = first.fork(tmp_path / "two")
    with second.changing() as tree:
        tree.delete("/boot.ini")
    assert "/boot.ini" in walk(first.image(), 0, 20 << 20)
    assert "/boot.ini" not in walk(second.image(), 0, 20 << 20)
