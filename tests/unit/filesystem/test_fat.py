"""Files of FAT volumes: against The Sleuth Kit, and damaged in every way."""

import random
import struct

import pytest
import pytsk3

from analyzer.blocks import Memory
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat
from analyzer.filesystem.fat import LARGEST, Fat, open_fat
from tests.unit.filesystem.fat_writer import volume
from tests.unit.filesystem.tsk_image import Image

BCD = "EFI/Microsoft/Boot/BCD"
FILES = {BCD: random.Random(1).randbytes(40_000), "EFI/Boot/bootx64.efi": b"MZ" * 700,
         "EFI/Microsoft/Boot/a long name of thirteen.txt": b"x", "empty": b""}


@pytest.fixture(scope="module", params=[12, 16, 32])
def made(request: pytest.FixtureRequest) -> bytes:
    return bytes(volume(request.param, FILES))


def read(fat: Fat, path: str) -> bytes:
    found = fat.find(path)
    assert found is not None
    return fat.read(found)


def test_every_file_as_the_sleuth_kit_reads_it(made: bytes) -> None:
    fat, other = open_fat(Memory(made)), pytsk3.FS_Info(Image(made))
    for path, data in FILES.items():
        assert read(fat, path) == data
        opened = other.open(f"/{path}")
        size = opened.info.meta.size
        assert (opened.read_random(0, size) if size else b"") == data
    assert read(fat, "efi/MICROSOFT/boot/bcd") == FILES[BCD]
    assert [fat.find(path) for path in ("EFI/none", f"{BCD}/below", "none/x")] == [None] * 3
    folder = fat.find("EFI")
    assert folder is not None
    assert folder.is_directory


def test_a_name_is_the_short_one_where_the_long_one_is_of_another_file(made: bytes) -> None:
    data = bytearray(made)
    at = data.index("BCD".encode("utf-16-le")) - 1
    data[at + 13] ^= 0xFF
    assert open_fat(Memory(bytes(data))).find(BCD) is None


def test_what_is_no_fat_volume() -> None:
    for data in (b"", bytes(512), bytes(510) + b"\x55\xaa", b"\xeb\x52\x90NTFS    " + bytes(499)):
        with pytest.raises(NotThisFormat):
            open_fat(Memory(data))


def test_chains_that_end_early_or_go_round_and_sizes_that_cannot_be(made: bytes) -> None:
    fat = open_fat(Memory(made))
    found = fat.find(BCD)
    assert found is not None
    if fat.bits != 12:
        width = fat.bits // 8
        for following in (0, found.cluster):
            data = bytearray(made)
            at = fat.table_at + found.cluster * width
            data[at:at + width] = following.to_bytes(width, "little")
            with pytest.raises(Corrupt):
                read(open_fat(Memory(bytes(data))), BCD)
    data = bytearray(made)
    struct.pack_into("<I", data, found.entry_at + 28, LARGEST + 1)
    with pytest.raises(Corrupt):
        read(open_fat(Memory(bytes(data))), BCD)


def test_a_volume_cut_or_flipped_anywhere_gives_a_file_or_an_error() -> None:
    made, chance = bytes(volume(16, FILES)), random.Random(7)
    outcomes = {"read": 0, "error": 0}
    for number in range(300):
        data = bytearray(made)
        if number % 3 == 0:
            del data[chance.randrange(120_000):]
        for _ in range(60 if data else 0):
            data[chance.randrange(min(len(data), 90_000))] ^= 1 << chance.randrange(8)
        try:
            fat = open_fat(Memory(bytes(data)))
            found = fat.find(BCD)
            outcomes["read"] += found is not None and len(fat.read(found)) == found.size
        except EvidenceError:
            outcomes["error"] += 1
    assert min(outcomes.values()) > 20
