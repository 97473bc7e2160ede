"""$Secure:$SDS: made by hand, by ntfs-3g, and by Windows; then damaged."""

import ctypes
import os
import random
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from analyzer.blocks import Memory, Slice
from analyzer.errors import Corrupt, EvidenceError, Notice
from analyzer.filesystem.ntfs import Ntfs
from analyzer.filesystem.security import BLOCK, SecurityStore
from analyzer.formats.security_descriptor import parse
from tests.unit.filesystem.disk_files import unpack
from tests.unit.filesystem.faulty import Faulty
from tests.unit.filesystem.test_ntfs_realdata import VOLUMES
from tests.unit.formats.test_security_descriptor import ENTRIES, ace, acl, descriptor, whole

MADE = {256 + number: descriptor(acl(*[ace(*ENTRIES[number % 5])] * (number % 40 + 1)))
        for number in range(700)}
"""More than one block of them."""


def rotated(data: bytes) -> int:
    """The hash as the published format defines it, on unbounded numbers."""
    value = 0
    for at in range(0, len(data) // 4 * 4, 4):
        value = (value * 8) % 2**32 + (value * 8) // 2**32
        value = (value + int.from_bytes(data[at:at + 4], "little")) % 2**32
    return value


def store_bytes(descriptors: Mapping[int, bytes]) -> tuple[bytes, dict[int, int]]:
    """$SDS with its copies, and where each entry is; junk fills what no entry of a block uses."""
    pairs, block, places = [], b"", {}
    for number, data in descriptors.items():
        size = 20 + len(data)
        if len(block) + size > BLOCK:
            pairs.append(block + b"junk" * ((BLOCK - len(block)) // 4))
            block = b""
        at = 2 * BLOCK * len(pairs) + len(block)
        places[number] = at
        block += struct.pack("<IIQI", rotated(data), number, at, size) + data
        block += bytes(-len(block) % 16)
    last = block.rstrip(b"\0") if block else b""
    return b"".join(pair * 2 for pair in pairs) + block.ljust(BLOCK, b"\0") + last, places


DATA, PLACES = store_bytes(MADE)


def opened(data: bytes, *bad: tuple[int, int]) -> tuple[SecurityStore, list[Notice]]:
    notices: list[Notice] = []
    return SecurityStore(Faulty(data, bad), notices.append), notices


def test_every_descriptor_comes_back() -> None:
    store, notices = opened(DATA)
    assert len(DATA) > 2 * BLOCK + BLOCK
    assert {number: store.descriptor(number) for number in store.entries} == MADE
    assert notices == []
    with pytest.raises(Corrupt):
        store.descriptor(255)


@pytest.mark.parametrize("part", [0, 1, 8, 17, 20, 30], ids=lambda part: f"byte {part}")
def test_an_entry_damaged_in_one_place_comes_from_the_other(part: int) -> None:
    for copy in (0, BLOCK):
        data = bytearray(DATA)
        data[PLACES[300] + copy + part] ^= 0x5A
        store, _ = opened(bytes(data))
        assert {number: store.descriptor(number) for number in store.entries} == MADE


def test_two_ids_for_one_descriptor_are_not_chosen_from() -> None:
    """The hash does not cover the id."""
    data = bytearray(DATA)
    data[PLACES[300] + 4] ^= 1
    store, notices = opened(bytes(data))
    assert set(MADE) - set(store.entries) == {300}
    assert store.descriptor(301) == MADE[301]
    assert [n.start for n in notices] == [PLACES[300]]


def test_an_entry_damaged_in_both_places_is_corrupt_and_costs_no_other() -> None:
    data = bytearray(DATA)
    for copy in (0, BLOCK):
        data[PLACES[300] + copy + 40] ^= 1
    store, _ = opened(bytes(data))
    with pytest.raises(Corrupt, match="300"):
        store.descriptor(300)
    assert all(store.descriptor(number) == MADE[number] for number in MADE if number != 300)


def test_a_header_damaged_in_both_places_is_said() -> None:
    data = bytearray(DATA)
    for copy in (0, BLOCK):
        data[PLACES[300] + copy + 9] ^= 1
    store, notices = opened(bytes(data))
    assert set(MADE) - set(store.entries) == {300}
    assert [(n.code, n.start) for n in notices] == [("NTFS-SECURE", PLACES[300])]


def test_unreadable_sectors_are_read_from_the_copy_or_are_said() -> None:
    store, notices = opened(DATA, (512, 512))
    assert {number: store.descriptor(number) for number in store.entries} == MADE
    assert notices
    store, notices = opened(DATA, (512, 512), (BLOCK + 512, 512))
    assert set(store.entries) == {n for n in MADE if PLACES[n] >= 2 * BLOCK}
    assert [n.start for n in notices] == [0]


def test_random_damage_gives_only_descriptors_that_were_there() -> None:
    """Whatever is hit: an id gives its descriptor or an error."""
    chance = random.Random(12)
    kept = 0
    for _ in range(12):
        data = bytearray(DATA)
        for _ in range(200):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        store, _ = opened(bytes(data))
        for number in store.entries:
            try:
                found = store.descriptor(number)
            except EvidenceError:
                continue
            if number in MADE:
                assert found == MADE[number]
                kept += 1
    assert kept > 12 * 100


@pytest.mark.parametrize("cut", [0, 1, 19, 21, 5000, BLOCK - 1, BLOCK, BLOCK + 9, 2 * BLOCK + 100])
def test_a_cut_store_gives_what_is_left(cut: int) -> None:
    store, _ = opened(DATA[:cut])
    whole_ = {n for n in MADE if PLACES[n] + 20 + len(MADE[n]) <= cut}
    assert {n for n in store.entries if store.entries[n].at + 20 + store.entries[n].length <= cut} \
        == whole_
    assert all(store.descriptor(number) == MADE[number] for number in whole_)


def test_nothing_but_noise_ends() -> None:
    store, notices = opened(random.Random(3).randbytes(4 * BLOCK + 77))
    assert store.entries == {}
    assert notices


@contextmanager
def mounted(image: Path, folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["ntfs-3g", "-o", options, str(image), str(folder)], check=True,
                   capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def acls(mount: Path) -> dict[str, bytes]:
    """Path -> descriptor, as ntfs-3g reads them.

    It takes a buffer that is too small for an I/O error, so os.getxattr cannot be used.
    """
    library, buffer = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(65536)
    found = {}
    for path in [mount, *mount.rglob("*")]:
        size = library.getxattr(os.fsencode(path), b"system.ntfs_acl", buffer, len(buffer))
        assert size > 0 or path.is_symlink(), f"{path}: {os.strerror(ctypes.get_errno())}"
        found[str(path).removeprefix(str(mount)) or "/"] = buffer.raw[:size]
    return found


@pytest.mark.needs_ntfs3g
def test_descriptors_that_were_set_come_back(tmp_path: Path) -> None:
    image = tmp_path / "volume.img"
    with image.open("wb") as out:
        out.truncate(16 << 20)
    subprocess.run(["mkntfs", "-Q", "-F", "-q", str(image)], check=True, capture_output=True)
    names = {f"/file {number}": MADE[256 + number] for number in range(60)}
    with mounted(image, tmp_path / "mount", "no_def_opts") as mount:
        for name, data in names.items():
            (mount / name[1:]).write_bytes(b"x")
            os.setxattr(mount / name[1:], "system.ntfs_acl", data)
        (mount / "plain").write_bytes(b"x")
        (mount / "file 7").unlink()
        expected = acls(mount)
    ntfs = Ntfs.open(Memory(image.read_bytes()))
    entries = {entry.path: entry for entry in ntfs.walk()}
    got = {name: ntfs.security_descriptor(entries[name]) for name in names}
    assert got == names
    assert ntfs.security_descriptor(entries["/plain"]) == expected["/plain"]
    assert not entries["/file 7"].allocated
    assert parse(got["/file 7"]).owner == parse(names["/file 7"]).owner
    assert ntfs.notices == []


@pytest.mark.realdata
@pytest.mark.needs_ntfs3g
@pytest.mark.parametrize("name", VOLUMES)
def test_descriptors_of_windows_as_ntfs_3g_reads_them(name: str, realdata: Path,
                                                      tmp_path: Path) -> None:
    packed, member, offset = VOLUMES[name]
    disk = unpack(realdata / packed, tmp_path, member)
    ntfs = Ntfs.open(Slice(disk, offset, disk.size - offset))
    found = {e.path: ntfs.security_descriptor(e) for e in [ntfs.root(), *ntfs.walk()]
             if e.allocated and e.reparse is None}
    path = next(p for p in tmp_path.rglob("*") if p.is_file())
    volume = tmp_path / "volume.raw"
    subprocess.run(["dd", f"if={path}", f"of={volume}", f"skip={offset}", "bs=1M", "conv=sparse",
                    "iflag=skip_bytes"], check=True, capture_output=True)
    with mounted(volume, tmp_path / "mount", "ro,norecover,show_sys_files") as mount:
        theirs = acls(mount)
    common = found.keys() & theirs.keys()
    assert len(common) >= 0.9 * len(theirs) > 0
    assert {p: found[p] for p in common} == {p: theirs[p] for p in common}
    for data in found.values():
        assert parse(data).notices == ()


def test_the_whole_descriptor_of_the_tests_has_a_place_in_a_store() -> None:
    data, _ = store_bytes({256: whole()})
    store, notices = opened(data)
    assert (store.descriptor(256), notices) == (whole(), [])
