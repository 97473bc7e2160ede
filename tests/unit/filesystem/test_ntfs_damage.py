"""Damage to a small volume: the only outcomes are a result or an EvidenceError, in time."""

import random
import struct
import time

import pytest

from analyzer.blocks import Memory
from analyzer.errors import EvidenceError
from analyzer.filesystem.mft import apply_fixups
from analyzer.filesystem.ntfs import Ntfs
from tests.unit.filesystem.faulty import Faulty
from tests.unit.filesystem.mft_writer import (
    CLUSTER,
    DATA,
    REPARSE,
    TinyVolume,
    attribute_list,
    file_name,
    file_name_value,
    non_resident,
    protect,
    record,
    reference,
    resident,
)

MFT = 16 * CLUSTER
LENGTH = 64 * 1024


def volume() -> bytes:
    """One of everything."""
    made = TinyVolume(data={200: bytes(range(256)) * 16})
    made.add_directory(30, "dir", [(31, 1, file_name_value("runs", 30, 1)),
                                   (32, 1, file_name_value("link", 30, 1))])
    made.add(31, "runs", [non_resident(DATA, [(200, 2), (None, 3), (202, 2)], 7000)],
             parent=30, parent_sequence=1)
    names = struct.pack("<4HI", 0, 4, 0, 4, 0) + "d:".encode("utf-16-le")
    link = struct.pack("<IHH", 0xA000000C, len(names), 0) + names
    made.add(32, "link", [resident(REPARSE, link)], parent=30, parent_sequence=1)
    made.add(33, "packed", [non_resident(DATA, [(200, 2), (None, 14)], 9000, flags=1, unit=4)])
    made.add(34, "pieces", [attribute_list([(DATA, 0, 35, 1), (0x30, 0, 35, 1)])])
    made.records[35] = record(35, [file_name("more"), non_resident(DATA, [(200, 1)], 900),
                                   resident(DATA, b"ads", "stream")], base=reference(34, 1))
    made.add(36, "deleted", [resident(DATA, b"gone")], flags=0)
    return made.build()


IMAGE = volume()


def read_everything(ntfs: Ntfs) -> dict[tuple[str, str], bytes | EvidenceError]:
    """Every stream of every entry, at most 64 KiB of it."""
    found: dict[tuple[str, str], bytes | EvidenceError] = {}
    for entry in ntfs.walk():
        for stream in ["", *(s.name for s in entry.streams)]:
            try:
                found[entry.path, stream] = ntfs.open_file(entry, stream).blocks.read_at(0, 65536)
            except EvidenceError as error:
                found[entry.path, stream] = error
    return found


WHOLE = read_everything(Ntfs.open(Memory(IMAGE)))


def test_the_sample_is_sound() -> None:
    assert {path for path, _ in WHOLE} == {
        "/dir", "/dir/runs", "/dir/link", "/packed", "/pieces", "/more", "/deleted"}
    assert WHOLE["/more", "stream"] == b"ads"
    assert Ntfs.open(Memory(IMAGE)).notices == []


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_mutants(start: int) -> None:
    for seed in range(start, start + 50):
        chance = random.Random(seed)
        image = bytearray(IMAGE)
        for _ in range(chance.randrange(1, 12)):
            at = MFT + chance.choice([*range(8), *range(30, 37)]) * 1024 + chance.randrange(500)
            value = chance.choice([b"\0", b"\xff", b"\xff\xff\xff\xff", chance.randbytes(8)])
            image[at:at + len(value)] = value
        if chance.random() < 0.2:
            at = chance.randrange(512)
            image[at] ^= 1 << chance.randrange(8)
        began = time.monotonic()
        try:
            ntfs = Ntfs.open(Memory(bytes(image)))
            read_everything(ntfs)
            for number in range(-1, 66):
                try:
                    ntfs.entry(number)
                except EvidenceError:
                    continue
        except EvidenceError:
            continue
        assert time.monotonic() - began < 25  # RELIABILITY G8


def test_every_bad_sector_of_the_mft() -> None:
    """Right bytes or no bytes; no name is lost that the index or another record still has."""
    for at in range(MFT, MFT + LENGTH, 512):
        ntfs = Ntfs.open(Faulty(IMAGE, ((at, 512),)))
        found = read_everything(ntfs)
        for key, data in found.items():
            name = (key[0].replace("/$OrphanFiles", ""), key[1])
            known = WHOLE.get(key, WHOLE.get(name, b""))
            assert isinstance(data, EvidenceError) or data == known, (hex(at), key)
        assert ntfs.lost == [(at, 512)] or (at < MFT + 1024 and ntfs.lost == [])
        used = any(IMAGE[at:at + 510])
        gone = {path for path, _ in WHOLE} - {path for path, _ in found}
        assert not gone or (used and ntfs.notices), hex(at)


def test_names_and_sizes_that_claim_too_much() -> None:
    """T07: real and allocated sizes of 2**62 bytes cost neither time nor memory."""
    number = MFT + 31 * 1024
    raw = bytearray(apply_fixups(IMAGE[number:number + 1024])[0])
    at = raw.index(struct.pack("<Q", 7000))
    struct.pack_into("<QQQ", raw, at - 8, 1 << 62, 1 << 62, 1 << 62)
    image = IMAGE[:number] + protect(bytes(raw)) + IMAGE[number + 1024:]
    ntfs = Ntfs.open(Memory(image))
    entry = ntfs.find("/dir/runs")
    assert entry is not None
    assert entry.size == 1 << 62
    blocks = ntfs.open_file(entry).blocks
    assert len(blocks.read_at(0, 7168)) == 7168
    with pytest.raises(EvidenceError):
        blocks.read_at(0, 7169)
