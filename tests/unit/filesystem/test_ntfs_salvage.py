"""Names got back (RELIABILITY G3, G4), on the first volume of the bundled host.

Its names are those of a walk of the undamaged volume, which test_ws2008 holds against the truth.
"""

import os
import random
import struct
import tempfile
from dataclasses import dataclass
from functools import cache
from mmap import ACCESS_COPY, mmap

import pytest
import pytsk3

from analyzer.blocks import Blocks, ExtentMap, Memory
from analyzer.errors import EvidenceError
from analyzer.evidence import open_evidence
from analyzer.filesystem import boot_guess, volumes
from analyzer.filesystem.boot import BootSector
from analyzer.filesystem.boot_guess import guess_boot
from analyzer.filesystem.ntfs import Ntfs
from analyzer.filesystem.volumes import read_partitions
from analyzer.source import Source
from analyzer.volume import Medium
from tests.conftest import ROOT
from tests.unit.filesystem.disk_tables import MIB, disk, entry, record
from tests.unit.filesystem.faulty import Faulty
from tests.unit.filesystem.tsk_image import Image

SLOW = bool(os.environ.get("VMTRAIL_SLOW"))
POSITIONS = 300 if SLOW else 24
MUTANTS = 90 if SLOW else 27
FIRST_USER = 24
INDEX_ALLOCATION = 0xA0


@dataclass(frozen=True)
class Sample:
    """A volume, its names, and where $MFT and the blocks of indexes lie in it."""

    image: bytes
    names: frozenset[str]
    mft: tuple[tuple[int, int], ...]
    indexes: tuple[int, ...]


@cache
def sample() -> Sample:
    (image,) = open_evidence([ROOT / "corpus" / "ws2008.E01"])
    blocks = read_partitions(image.blocks).partitions[0].blocks
    data = blocks.read_at(0, blocks.size)
    ntfs = Ntfs.open(Faulty(data, ()))
    extents = ntfs.open_file(ntfs.entry(0)).blocks.extents()
    assert isinstance(extents, ExtentMap)
    names = frozenset(e.name for e in ntfs.walk() if e.allocated and e.inode >= FIRST_USER)
    indexes = tuple(at for at in range(0, len(data), 4096) if data[at:at + 4] == b"INDX")
    return Sample(data, names, tuple((e.at, e.length) for e in extents), indexes)


@cache
def _stored() -> int:
    """Descriptor of a file without a name that holds the image of the sample."""
    with tempfile.TemporaryFile() as file:
        file.write(sample().image)
        file.flush()
        return os.dup(file.fileno())


def fresh() -> mmap:
    """An image of one's own: what is changed is copied, the rest is shared."""
    return mmap(_stored(), 0, access=ACCESS_COPY)


def found(image: bytes | mmap, bad: tuple[tuple[int, int], ...] = ()) -> tuple[set[str], Ntfs]:
    ntfs = Ntfs.open(Faulty(image, bad))
    return {entry.name for entry in ntfs.walk()}, ntfs


def test_the_sample_is_of_a_size_that_says_something() -> None:
    assert len(sample().names) > 60
    assert len(sample().indexes) > 3


def test_one_bad_sector() -> None:
    """G3: never refused, at most half a name lost on average, each range that was met is said.

    A walk needs all of $MFT and all indexes of directories: what is bad there is listed, always.
    """
    whole = sample()
    chance = random.Random(3)
    lost = 0
    needed = [*whole.mft, *blocks_of_directories(whole.image)]
    for number in range(POSITIONS):
        start, length = (chance.choice(needed), (0, len(whole.image)),
                         chance.choice(whole.mft))[number % 3]
        at = start + chance.randrange(length // 512) * 512
        names, ntfs = found(whole.image, ((at, 512),))
        gone = whole.names - names
        lost += len(gone)
        assert ntfs.lost in ([], [(at, 512)])
        if any(start <= at < start + length for start, length in needed):
            assert ntfs.lost == [(at, 512)]
        assert not gone or ntfs.lost == [(at, 512)]
    assert lost <= 0.5 * POSITIONS


@pytest.mark.parametrize("keep_first", [True, False], ids=["mirror lost", "mirror kept"])
@pytest.mark.parametrize("how", [bytes(512), b"\xff" * 512, b"noise!!!" * 64], ids=len)
def test_both_boot_sectors_destroyed(how: bytes, keep_first: bool) -> None:
    """G4: 100 %; sizes come from $MFT's own record, or from its copy."""
    whole = sample()
    image = fresh()
    image[:512] = image[-512:] = how
    if not keep_first:
        at = whole.mft[0][0]
        image[at:at + 1024] = bytes(1024)
    names, ntfs = found(image)
    assert names >= whole.names
    assert ntfs.serial == ""
    (notice,) = (n for n in ntfs.notices if n.code == "NTFS-BOOT")
    assert "inferred" in notice.effect


@pytest.mark.parametrize("where", [0, -512])
def test_one_boot_sector_destroyed(where: int) -> None:
    image = fresh()
    image[where:where + 512 or None] = bytes(512)
    names, ntfs = found(image)
    assert names >= sample().names
    assert ntfs.serial


def mutate(image: mmap, kind: str, chance: random.Random, whole: Sample) -> None:
    """One piece of damage."""
    start, length = whole.mft[0]
    at = start + chance.randrange(5, length // 1024) * 1024
    if kind == "index":
        place = chance.choice(whole.indexes)
        image[place:place + 4096] = chance.choice([bytes(4096), chance.randbytes(4096)])
    elif kind == "integers":
        place = at + chance.randrange(4, 200) // 4 * 4
        image[place:place + 4] = struct.pack("<I", chance.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF]))
    elif kind == "attribute headers":
        first = at + int.from_bytes(image[at + 20:at + 22], "little")
        image[first + chance.randrange(24)] ^= 1 << chance.randrange(8)
    elif kind == "runs of $MFT":
        for table in (start, *(p for p in range(0, len(image), 1024)
                               if p != start and image[p:p + 4] == b"FILE"
                               and b"$\0M\0F\0T\0" in image[p:p + 512])):
            place = image.find(struct.pack("<IIB", 0x80, 0x48, 1), table, table + 1024) + 0x40
            image[place] = chance.randrange(256)
            break
    elif kind == "flips":
        image[at + chance.randrange(1024)] ^= 1 << chance.randrange(8)
    elif kind == "record over record":
        other = start + chance.randrange(24, length // 1024) * 1024
        image[at:at + 1024] = image[other:other + 1024]
    elif kind == "zeroed":
        image[at:at + 512] = bytes(512)
    elif kind == "ones":
        image[at:at + 64] = b"\xff" * 64
    else:
        image[chance.randrange(len(image))] ^= 0xFF


KINDS = ("index", "integers", "attribute headers", "runs of $MFT", "flips", "record over record",
         "zeroed", "ones", "anywhere")


def blocks_of_directories(image: bytes) -> list[tuple[int, int]]:
    """(offset, length) of the index blocks of the directories in use, by The Sleuth Kit."""
    volume = pytsk3.FS_Info(Image(image), 0, pytsk3.TSK_FS_TYPE_NTFS)
    size = volume.info.block_size
    found: list[tuple[int, int]] = []
    for number in range(volume.info.first_inum, volume.info.last_inum):
        file = volume.open_meta(number)
        if not int(file.info.meta.flags) & int(pytsk3.TSK_FS_META_FLAG_ALLOC):
            continue
        for attribute in file:
            if int(attribute.info.type) == INDEX_ALLOCATION and attribute.info.name == b"$I30":
                found += [(run.addr * size, run.len * size) for run in attribute]
    return found


def indexed(image: bytes | mmap) -> set[str]:
    """The names that a walk through the indexes by The Sleuth Kit alone gives."""
    names: set[str] = set()
    try:
        volume = pytsk3.FS_Info(Image(image), 0, pytsk3.TSK_FS_TYPE_NTFS)
    except OSError:
        return names
    queue, entered = [volume.info.root_inum], set()
    while queue:
        number = queue.pop()
        entered.add(number)
        try:
            for file in volume.open_dir(inode=number):
                name = file.info.name
                names.add(name.name.decode("utf-8", "replace"))
                if name.type == pytsk3.TSK_FS_NAME_TYPE_DIR and name.meta_addr not in entered:
                    queue.append(name.meta_addr)
        except OSError:
            continue
    return names


def test_names_of_mutants() -> None:
    """G4: of the names that a walk through the indexes alone loses, 99 % are got back."""
    whole = sample()
    lost, missed, by_kind = 0, 0, dict.fromkeys(KINDS, 0)
    for number in range(MUTANTS):
        chance = random.Random(number)
        image = fresh()
        kind = KINDS[number % len(KINDS)]
        mutate(image, kind, chance, whole)
        try:
            names, _ = found(image)
        except EvidenceError:
            names = set()
        gone = whole.names - names
        lost, missed = lost + len(gone), missed + len(whole.names - indexed(image))
        by_kind[kind] += len(gone)
    assert missed > MUTANTS
    assert lost <= 0.01 * missed, by_kind


def test_what_was_inferred_is_inferred_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take a look at 4 GiB."""
    asked: list[int] = []

    def guess(blocks: Blocks, failure: EvidenceError) -> tuple[BootSector, bytes]:
        asked.append(blocks.size)
        return guess_boot(blocks, failure)

    for module in (boot_guess, volumes):
        monkeypatch.setattr(module, "guess_boot", guess)
    image = bytearray(sample().image)
    image[:512] = image[-512:] = bytes(512)
    start = MIB
    data = disk(start + len(image), {0: record(entry(7, start // 512, len(image) // 512)),
                                     start: bytes(image)})
    [volume] = Medium(Source("disk.dd"), Memory(data)).volumes
    assert volume.filesystem is not None
    assert {found.name for found in volume.filesystem.walk()} >= sample().names
    assert asked == [len(image)]
