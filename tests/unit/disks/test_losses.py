"""Ranges of a virtual disk that are known to be unreadable, against what reading says."""

from collections.abc import Sequence

import pytest

from analyzer import losses
from analyzer.blocks import Blocks, Memory, Slice, withhold
from analyzer.disks.disk import Disk
from analyzer.disks.open import open_layer
from analyzer.errors import Unreadable
from analyzer.filesystem.image import Ledger
from analyzer.filesystem.volumes import Partition
from corpus.make import vhd
from tests.unit.filesystem.faulty import Faulty

BLOCK = 1 << 16


def unreadable_sectors(blocks: Blocks) -> set[int]:
    """Sectors whose reading fails."""
    lost = set()
    for sector in range(blocks.size // 512):
        try:
            blocks.read_at(sector * 512, 512)
        except Unreadable:
            lost.add(sector)
    return lost


def told(blocks: Blocks, offset: int = 0, size: int | None = None,
         met: list[tuple[int, int]] | None = None, below: Sequence[Ledger] = ()) -> set[int]:
    partition = Partition("p1", "MBR", offset, blocks.size if size is None else size, "0x07", "",
                          "", "NTFS", "", Slice(blocks, 0, blocks.size))
    lost = losses.of_disk(blocks, met or [], below)
    ranges = losses.of_partition(lost, blocks.size, partition).ranges
    assert all(at % 512 == length % 512 == 0 for at, length in ranges)
    return {sector for at, length in ranges
            for sector in range(at // 512, (at + length) // 512)}


MEDIA = bytes(range(1, 256)) * (4 * BLOCK // 255 + 1)
MEDIA = MEDIA[:4 * BLOCK]


def child(presence: bytes, bad: list[tuple[int, int]] | None = None) -> Blocks:
    """A differencing disk, with ranges of its file that were not acquired."""
    data = vhd.differencing(MEDIA, presence, unique_id=b"C" * 16, created=1, parent_id=b"P" * 16,
                            parent_name="base.vhd", block_size=BLOCK)
    return withhold(Memory(data), bad or [], "not acquired")


def base(bad: list[tuple[int, int]] | None = None) -> Blocks:
    data = vhd.dynamic(MEDIA, unique_id=b"P" * 16, created=1, block_size=BLOCK)
    return withhold(Memory(data), bad or [], "not acquired")


def test_a_whole_chain_loses_nothing() -> None:
    half = bytes([1, 0] * (len(MEDIA) // 1024))
    assert told(Disk([open_layer(child(half)), open_layer(base())])) == set()


@pytest.mark.validates("VMT-DISK-03")
def test_what_a_missing_parent_holds() -> None:
    half = bytes([1, 0] * (len(MEDIA) // 1024))
    disk = Disk([open_layer(child(half))])
    assert told(disk) == unreadable_sectors(disk)
    assert len(told(disk)) == len(MEDIA) // 1024


@pytest.mark.validates("VMT-DISK-03")
def test_sectors_of_the_host_that_hold_a_layer() -> None:
    """A hole in the child hides what the child has there; one in the base what it has not."""
    half = bytes([1] * (len(MEDIA) // 1024) + [0] * (len(MEDIA) // 1024))
    counts = []
    for bad in ([(BLOCK, 1024)], [(3 * BLOCK + 512, BLOCK)]):
        for layers in ((child(half, bad), base()), (child(half), base(bad))):
            disk = Disk([open_layer(layer) for layer in layers])
            assert told(disk) == unreadable_sectors(disk)
            counts.append(len(told(disk)))
    assert counts[0] == 2  # in the child's first block
    assert counts[1] == 0  # in the base's first block, which the child hides
    assert counts[3] > 0  # in the base's last blocks


@pytest.mark.validates("VMT-DISK-03")
def test_an_acquired_disk_that_was_cut_and_had_read_errors() -> None:
    blocks = withhold(Memory(bytes(100 * 512)), [(20 * 512, 1024)], "not acquired")
    assert told(blocks, 10 * 512, 95 * 512, [(30 * 512, 512), (0, 512)]) \
        == {10, 11, 20, *range(90, 95)}


@pytest.mark.validates("VMT-DISK-03")
def test_read_errors_of_the_host_that_no_map_tells_of() -> None:
    """Known below, where a task met them: of the file of each layer, in bytes of the host."""
    half, at = bytes([1] * (len(MEDIA) // 1024) + [0] * (len(MEDIA) // 1024)), 7 * 512
    data = child(half).read_at(0, 1 << 30)
    bad = at + 2 * BLOCK, 1024
    host = Faulty(bytes(at) + data, (bad,))
    disk = Disk([open_layer(Slice(host, at, len(data))), open_layer(base())])
    below = [Ledger([bad]), Ledger([(0, BLOCK)])]
    assert told(disk, below=below) == told(disk, below=[Ledger([bad]), Ledger()])
    assert told(disk, below=below) == unreadable_sectors(disk)
    assert len(told(disk, below=below)) == 2
