"""The VHD writer against a naive reader, against 7-Zip, and against the specification's fields."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.make import vhd
from tests.corpus import naive_vhd

needs_7z = pytest.mark.needs_7z
SEVEN_ZIP = shutil.which("7z") or shutil.which("7zz")
without_7z = pytest.mark.skipif(SEVEN_ZIP is None, reason="7z is not installed")


def _unique(number: int) -> bytes:
    return bytes([number]) * 16


def _media(seed: int, sectors: int) -> bytes:
    """Sectors of zeros and of distinct non-zero content, in clusters of random length."""
    source = random.Random(seed)
    out = b""
    while len(out) < sectors * vhd.SECTOR:
        run = source.randint(1, 5)
        zero = source.random() < 0.4
        out += bytes(run * 512) if zero else source.randbytes(run * 512)
    return out[: sectors * vhd.SECTOR]


def _change(media: bytes, seed: int, sectors: int) -> bytes:
    """The media grown or cut to `sectors`, with random single sectors rewritten."""
    source = random.Random(seed)
    out = bytearray(media[: sectors * 512].ljust(sectors * 512, b"\0"))
    for _ in range(max(1, sectors // 5)):
        at = source.randrange(sectors) * 512
        out[at : at + 512] = bytes(512) if source.random() < 0.2 else source.randbytes(512)
    return bytes(out)


def _child(
    parent: bytes, media: bytes, number: int, order: Sequence[int], block_size: int
) -> bytes:
    name = f"layer{number - 1}.vhd"
    return vhd.differencing(
        media,
        vhd.diff(parent, media),
        unique_id=_unique(number),
        created=1000 + number,
        parent_id=_unique(number - 1),
        parent_name=f"C:\\vm\\{name}",
        locators=[(b"W2ku", f"C:\\vm\\{name}"), (b"W2ru", f".\\{name}")],
        block_size=block_size,
        order=order,
    )


def _chain(
    seed: int, sizes: Sequence[int], block_size: int, *, fixed: bool
) -> tuple[list[bytes], bytes]:
    """Layers, oldest first, and the media of the newest."""
    source = random.Random(seed)
    media = _media(seed, sizes[0])
    order = list(range(-(-len(media) // block_size)))
    source.shuffle(order)
    if fixed:
        layers = [vhd.fixed(media, unique_id=_unique(1), created=1000)]
    else:
        layers = [
            vhd.dynamic(
                media, unique_id=_unique(1), created=1000, block_size=block_size, order=order
            )
        ]
    for number, sectors in enumerate(sizes[1:], start=2):
        newer = _change(media, seed + number, sectors)
        order = list(range(-(-len(newer) // block_size)))
        source.shuffle(order)
        layers.append(_child(media, newer, number, order, block_size))
        media = newer
    return layers, media


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=4),
    block_log=st.integers(9, 14),
    fixed=st.booleans(),
)
def test_chains_read_back_one_sector_at_a_time(
    seed: int, sizes: list[int], block_log: int, fixed: bool
) -> None:
    layers, media = _chain(seed, sizes, 1 << block_log, fixed=fixed)
    assert naive_vhd.read_media(layers[::-1]) == media


@needs_7z
@without_7z
@pytest.mark.parametrize("seed", range(6))
def test_chains_extracted_by_7z_equal_the_media(seed: int, tmp_path: Path) -> None:
    block_size = [512, 4096, 1 << 16, 1 << 19, 1 << 21, 1 << 21][seed]
    sizes = [max(9, 3 * block_size // 512 + 7)] * 4
    layers, media = _chain(seed, sizes, block_size, fixed=seed % 2 == 1)
    for number, layer in enumerate(layers, start=1):
        (tmp_path / f"layer{number}.vhd").write_bytes(layer)
    newest = tmp_path / f"layer{len(layers)}.vhd"
    command = [str(SEVEN_ZIP), "x", "-so", "-tvhd", str(newest)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == media


def test_bitmaps_mix_present_and_absent_sectors_and_absent_ones_hold_junk() -> None:
    parent = bytes(64 * 512)
    child = b"".join(bytes([n % 3]) * 512 for n in range(64))
    image = _child(parent, child, 2, [0], 64 * 512)
    assert vhd.JUNK * 512 in image
    assert naive_vhd.read_sector(image, 0) is None
    assert naive_vhd.read_sector(image, 1) == b"\x01" * 512


def test_checksums_and_footer_copy() -> None:
    image = vhd.dynamic(_media(3, 40), unique_id=_unique(9), created=77, block_size=4096)
    assert image[:512] == image[-512:]
    for start, end, field in ((0, 512, 64), (512, 1536, 36)):
        part = bytearray(image[start:end])
        stated = struct.unpack_from(">I", part, field)[0]
        part[field : field + 4] = bytes(4)
        assert stated == ~sum(part) & 0xFFFFFFFF


def test_stored_order_is_the_order_asked_for() -> None:
    media = b"".join(bytes([n + 1]) * 4096 for n in range(4))
    image = vhd.dynamic(media, unique_id=_unique(1), created=0, block_size=4096, order=[2, 0, 3, 1])
    bat = struct.unpack_from(">4I", image, 0x600)
    assert sorted(range(4), key=bat.__getitem__) == [2, 0, 3, 1]


@pytest.mark.parametrize(
    ("sectors", "chs"),
    [(0x40000000 // 512, (2080, 16, 63)), (0x400000 // 512, (120, 4, 17)), (20480, (301, 4, 17))],
)
def test_geometry_follows_the_specification(sectors: int, chs: tuple[int, int, int]) -> None:
    assert vhd.geometry(sectors) == chs


def test_original_size_saved_state_and_creator_are_stated() -> None:
    image = vhd.fixed(
        bytes(4096),
        unique_id=_unique(1),
        created=5,
        creator=b"vs  ",
        creator_version=0x00010000,
        saved_state=True,
        original_size=2048,
    )
    end = image[-512:]
    assert struct.unpack_from(">QQ", end, 40) == (2048, 4096)
    assert end[28:32] == b"vs  "
    assert end[84] == 1
    assert struct.unpack_from(">Q", end, 16)[0] == 0xFFFFFFFFFFFFFFFF
