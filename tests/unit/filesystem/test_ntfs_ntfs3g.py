"""A volume that mkntfs and ntfs-3g made: the truth is what was written; then it is damaged."""

import os
import random
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from analyzer.blocks import Memory
from analyzer.errors import EvidenceError, Unreadable
from analyzer.filesystem.mft import apply_fixups, remove_fixups
from analyzer.filesystem.ntfs import Ntfs
from tests.unit.filesystem.faulty import Faulty

pytestmark = pytest.mark.needs_ntfs3g
SIZE = 16 << 20
COMPRESSED = 0x800


@dataclass(frozen=True, slots=True)
class Made:
    """The image, the content of each stream by path (":" before the stream), directories."""

    image: bytes
    files: dict[str, bytes]
    directories: set[str]


def _fill(mount: Path, files: dict[str, bytes], directories: set[str]) -> None:
    chance = random.Random(2008)

    def write(path: str, data: bytes) -> None:
        (mount / path[1:]).write_bytes(data)
        files[path] = data

    def mkdir(path: str) -> None:
        (mount / path[1:]).mkdir()
        directories.add(path)

    mkdir("/big")
    for i in range(150):
        write(f"/big/file with a longer name {i}.txt", bytes([i % 251]) * (i * 7))
    deep = ""
    for i in range(40):
        deep += f"/d{i}"
        mkdir(deep)
    write(f"{deep}/bottom", b"bottom")
    for i in range(60):
        write(f"/hole{i}", bytes([i]) * 4096)
    for i in range(0, 60, 2):
        (mount / f"hole{i}").unlink()
        del files[f"/hole{i}"]
    write("/fragments", chance.randbytes(120_000))
    os.link(mount / "fragments", mount / "big" / "link")
    files["/big/link"] = files["/fragments"]
    os.setxattr(mount / "fragments", "user.stream", b"ads" * 2000)
    files["/fragments:stream"] = files["/big/link:stream"] = b"ads" * 2000
    with (mount / "sparse").open("wb") as out:
        out.seek(3 << 20)
        out.write(b"end")
    files["/sparse"] = bytes(3 << 20) + b"end"
    mkdir("/packed")
    os.setxattr(mount / "packed", "system.ntfs_attrib_be", (COMPRESSED | 0x10).to_bytes(4, "big"))
    write("/packed/text", b"".join(b"line %d of a text\r\n" % i for i in range(20_000)))
    write("/packed/noise", chance.randbytes(100_000))
    write("/packed/zeros", bytes(300_000))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("ntfs3g")
    image, mount = folder / "volume.img", folder / "mount"
    with image.open("wb") as out:
        out.truncate(SIZE)
    subprocess.run(["mkntfs", "-Q", "-F", "-q", "-c", "1024", "-L", "made", str(image)],
                   check=True, capture_output=True)
    mount.mkdir()
    subprocess.run(["ntfs-3g", "-o", "compression,streams_interface=xattr,no_def_opts",
                    str(image), str(mount)], check=True, capture_output=True)
    files: dict[str, bytes] = {}
    directories: set[str] = set()
    try:
        _fill(mount, files, directories)
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    return Made(image.read_bytes(), files, directories)


def contents(ntfs: Ntfs) -> Iterator[tuple[str, bytes | EvidenceError]]:
    """Each stream of each allocated file of ours, or why it cannot be read."""
    for entry in ntfs.walk():
        if entry.is_directory or not entry.allocated or entry.inode < 64:
            continue
        for stream in ["", *(s.name for s in entry.streams)]:
            path = f"{entry.path}:{stream}" if stream else entry.path
            try:
                blocks = ntfs.open_file(entry, stream).blocks
                yield path, blocks.read_at(0, min(blocks.size, 1 << 23))
            except EvidenceError as error:
                yield path, error


@pytest.mark.validates("VMT-FS-01")
def test_everything_that_was_written_is_there(made: Made) -> None:
    ntfs = Ntfs.open(Memory(made.image))
    assert dict(contents(ntfs)) == made.files
    entries = {e.path: e for e in ntfs.walk() if e.inode >= 64}
    assert {p for p, e in entries.items() if e.is_directory} == made.directories
    assert entries["/fragments"].inode == entries["/big/link"].inode
    deleted = {path for path, e in entries.items() if not e.allocated}
    assert deleted <= {f"/hole{i}" for i in range(0, 60, 2)}
    assert len(deleted) >= 30 - 6  # at most the six files made later took over a record
    assert all(e.note == "" for e in entries.values())
    assert ntfs.notices == []
    assert ntfs.lost == []
    packed = ntfs.find("/PACKED/text")
    assert packed is not None
    assert ntfs.open_file(packed).blocks.extents() is None


def test_reads_in_the_middle_and_the_map_agree(made: Made) -> None:
    ntfs = Ntfs.open(Memory(made.image))
    chance = random.Random(7)
    for path in ("/fragments", "/packed/text", "/packed/noise", "/sparse"):
        entry = ntfs.find(path)
        assert entry is not None
        blocks = ntfs.open_file(entry).blocks
        for _ in range(20):
            offset, length = chance.randrange(blocks.size), chance.randrange(1, 9000)
            assert blocks.read_at(offset, length) == made.files[path][offset:offset + length]


def test_initialized_size_as_ntfs_3g_reads_it(made: Made, tmp_path: Path) -> None:
    """Shortened by hand, over clusters that hold other bytes."""
    start, _ = mft_of(made.image)
    entry = Ntfs.open(Memory(made.image)).find("/fragments")
    assert entry is not None
    at = start + entry.inode * 1024
    record = bytearray(apply_fixups(made.image[at:at + 1024])[0])
    sizes = record.index(struct.pack("<QQ", 120_000, 120_000))
    struct.pack_into("<Q", record, sizes + 8, 50_001)
    patched = made.image[:at] + remove_fixups(bytes(record)) + made.image[at + 1024:]
    image, mount = tmp_path / "volume.img", tmp_path / "mount"
    image.write_bytes(patched)
    mount.mkdir()
    subprocess.run(["ntfs-3g", "-o", "ro", str(image), str(mount)], check=True,
                   capture_output=True)
    try:
        theirs = (mount / "fragments").read_bytes()
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    ntfs = Ntfs.open(Memory(patched))
    ours = ntfs.open_file(ntfs.entry(entry.inode)).blocks
    assert ours.read_at(0, 200_000) == theirs
    assert theirs == made.files["/fragments"][:50_001] + bytes(120_000 - 50_001)


@pytest.mark.validates("VMT-FS-01")
@pytest.mark.needs_sleuthkit
def test_the_sleuth_kits_own_fls_lists_the_same_names(made: Made, tmp_path: Path) -> None:
    image = tmp_path / "volume.img"
    image.write_bytes(made.image)
    out = subprocess.run(["fls", "-r", "-p", "-f", "ntfs", str(image)], check=True,
                         capture_output=True, text=True).stdout
    theirs = set()
    for line in out.splitlines():
        kind, path = line.split(":\t", 1)
        name = path.removesuffix(" (deleted)").split(":")[0]
        number = int(kind.split()[-1].split("-")[0].split("(")[0])
        if number >= 64 and not name.startswith("$Orphan"):
            theirs.add((f"/{name}", number))
    ours = {(e.path, e.inode) for e in Ntfs.open(Memory(made.image)).walk() if e.inode >= 64}
    assert ours == theirs


def mft_of(image: bytes) -> tuple[int, int]:
    """(offset, length) of the first run of $MFT, by way of its map."""
    ntfs = Ntfs.open(Memory(image))
    table = ntfs.open_file(ntfs.entry(0)).blocks.extents()
    assert table is not None
    return int(table.at[0]), int(table.length[0])


def test_50_bad_sectors_in_the_mft(made: Made) -> None:
    start, length = mft_of(made.image)
    chance = random.Random(50)
    lost = 0
    for _ in range(50):
        at = start + chance.randrange(length // 512) * 512
        ntfs = Ntfs.open(Faulty(made.image, ((at, 512),)))
        found = dict(contents(ntfs))
        for path, data in found.items():
            known = made.files.get(path, made.files.get(path.replace("$OrphanFiles/", "")))
            assert isinstance(data, EvidenceError) or known is None or data == known, path
        assert ntfs.lost == [(at, 512)]
        gone = {path for path in made.files if ":" not in path} - set(found)
        lost += len(gone)
        if gone:
            assert ntfs.notices
    assert lost <= 50 * 2.5


def test_bad_sectors_under_files_are_theirs_and_never_zeros(made: Made) -> None:
    whole = Ntfs.open(Memory(made.image))
    for path in ("/fragments", "/packed/text", "/packed/noise"):
        entry = whole.find(path)
        assert entry is not None
        record = whole._table.record(entry.inode)
        data = next(a for a in record.attributes if a.type == 0x80)
        lcn = next(run.lcn for run in data.runs() if run.lcn is not None)
        bad = (lcn + 1) * whole.cluster_size
        ntfs = Ntfs.open(Faulty(made.image, ((bad, 512),)))
        blocks = ntfs.open_file(ntfs.entry(entry.inode)).blocks
        with pytest.raises(Unreadable) as caught:
            blocks.read_at(0, blocks.size)
        assert caught.value.length > 0
        end = caught.value.start + caught.value.length
        assert blocks.read_at(0, caught.value.start) == made.files[path][:caught.value.start]
        rest = made.files[path][end:end + 5000]
        assert path == "/packed/text" or blocks.read_at(end, 5000) == rest


@pytest.mark.parametrize("seed", range(40))
def test_flipped_and_zeroed_metadata(made: Made, seed: int) -> None:
    """A result or an EvidenceError, whatever the damage."""
    chance = random.Random(seed)
    image = bytearray(made.image)
    start, length = mft_of(made.image)
    for _ in range(chance.randrange(1, 30)):
        at = start + chance.randrange(length)
        if chance.random() < 0.7:
            image[at] ^= 1 << chance.randrange(8)
        else:
            size = chance.randrange(1, 700)
            image[at:at + size] = bytes(size)
    try:
        ntfs = Ntfs.open(Memory(bytes(image)))
        for path, _ in contents(ntfs):
            assert path.startswith("/")
    except EvidenceError:
        return


def index_blocks(image: bytes) -> list[int]:
    """Offsets of all $I30 blocks."""
    found = [at for at in range(0, len(image), 1024) if image[at:at + 4] == b"INDX"]
    assert len(found) > 5
    return found


@pytest.mark.parametrize("readable", [True, False])
def test_directories_without_their_indexes_lose_no_name(made: Made, readable: bool) -> None:
    image = bytearray(made.image)
    blocks = index_blocks(made.image)
    for at in blocks:
        image[at:at + 4096] = bytes(4096)
    bad = () if readable else tuple((at, 4096) for at in blocks)
    ntfs = Ntfs.open(Faulty(bytes(image), bad))
    assert dict(contents(ntfs)) == made.files
    assert readable or ntfs.lost


def test_zeroed_boot_sector_brings_everything_back(made: Made) -> None:
    ntfs = Ntfs.open(Memory(bytes(512) + made.image[512:]))
    assert [n.code for n in ntfs.notices] == ["NTFS-BOOT"]
    assert dict(contents(ntfs)) == made.files
