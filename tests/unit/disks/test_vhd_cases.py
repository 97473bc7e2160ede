"""The header cases that other readers get wrong (RELIABILITY 4.4, T02-T04), one by one.

Each runs in a process of its own with 300 MB of data and 2 s of processor time at most: a fork
of one that has loaded the reader.
"""

import json
import os
import resource
import struct
import subprocess
import sys
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyzer.blocks import Memory
from analyzer.disks.chain import DiskFile, Shelf, build_chain
from analyzer.disks.vhd import Vhd
from analyzer.errors import EvidenceError, Unreadable
from analyzer.source import Source
from corpus.make import vhd as make
from tests.peak_memory import peak_megabytes

BLOCK, SIZE = 1 << 20, 6 << 20
MEDIA = b"".join(bytes([n + 1]) * BLOCK for n in range(SIZE // BLOCK))
ID, OTHER = uuid.UUID(int=7).bytes, uuid.UUID(int=8).bytes
FOOTER, HEADER, TABLE = 512, 512, 0x600
Edit = Callable[[bytearray], None]
WHOLE = "whole"


def disk() -> bytearray:
    return bytearray(make.dynamic(MEDIA, unique_id=ID, created=5, block_size=BLOCK))


def put(at: int, layout: str, value: int, *, sums: bool = True) -> Edit:
    """Write a number at `at` (from the end where negative); checksums are made right again."""
    def edit(data: bytearray) -> None:
        start = at if at >= 0 else len(data) + at
        struct.pack_into(layout, data, start, value)
        if sums:
            fix_sums(data)
    return edit


def fix_sums(data: bytearray) -> None:
    for start, size, field in ((len(data) - FOOTER, FOOTER, 64), (0, FOOTER, 64),
                               (HEADER, 1024, 36)):
        struct.pack_into(">I", data, start + field, 0)
        total = sum(data[start:start + size])
        struct.pack_into(">I", data, start + field, ~total & 0xFFFFFFFF)


def both(field: int, layout: str, value: int) -> Edit:
    """The same number in the footer and in its copy."""
    def edit(data: bytearray) -> None:
        put(field, layout, value)(data)
        put(field - FOOTER, layout, value)(data)
    return edit


def zero(start: int, length: int) -> Edit:
    def edit(data: bytearray) -> None:
        low = start if start >= 0 else len(data) + start
        data[low:low + length] = bytes(length)
    return edit


def cut(keep: Callable[[int], int]) -> Edit:
    def edit(data: bytearray) -> None:
        del data[keep(len(data)):]
    return edit


def entry(block: int, sector: int) -> Edit:
    return put(TABLE + 4 * block, ">I", sector, sums=False)


def same_entry(data: bytearray) -> None:
    data[TABLE + 8:TABLE + 12] = data[TABLE + 4:TABLE + 8]


# What must come of each: WHOLE, an error's name, or the blocks that are unreadable
CASES: dict[str, tuple[Edit, str | set[int], str]] = {
    "trailer footer zeroed": (zero(-512, 512), WHOLE, "VHD-FOOTER"),
    "trailer footer cut": (cut(lambda n: n - 512), WHOLE, "VHD-FOOTER"),
    "trailer of 511 bytes": (cut(lambda n: n - 1), WHOLE, ""),
    "header copy zeroed": (zero(0, 512), WHOLE, ""),
    "truncated to half": (cut(lambda n: n // 2), {2, 3, 4, 5}, "VHD-BAT"),
    "footer checksum wrong": (put(-512 + 24, ">I", 99, sums=False), WHOLE, ""),
    "both footer checksums wrong": (
        lambda d: (put(24, ">I", 9, sums=False)(d), put(-488, ">I", 9, sums=False)(d), None)[2],
        WHOLE, "VHD-CRC"),
    "header checksum wrong": (put(HEADER + 36, ">I", 1, sums=False), WHOLE, "VHD-CRC"),
    "current size 2^63 - 512": (both(48, ">Q", (1 << 63) - 512), "Corrupt", ""),
    "current size 0": (both(48, ">Q", 0), "Corrupt", ""),
    "current size over the limit": (both(48, ">Q", (2040 << 30) + 512), "Corrupt", ""),
    "current size larger than the table": (both(48, ">Q", SIZE + 2 * BLOCK), {6, 7}, "VHD-BAT"),
    "original size smaller": (both(40, ">Q", 409_600), WHOLE, ""),
    "table entry past the end": (entry(2, 0x00FF_0000), {2}, "VHD-BAT"),
    "table entry on the header": (entry(2, 1), {2}, "VHD-BAT"),
    "table entry on the table": (entry(2, TABLE // 512), {2}, "VHD-BAT"),
    "two entries, one block": (same_entry, {1, 2}, "VHD-BAT"),
    "table past the end": (put(HEADER + 16, ">Q", 1 << 40), {0, 1, 2, 3, 4, 5}, "VHD-BAT"),
    "table of 2^32 - 1 entries": (put(HEADER + 28, ">I", 0xFFFF_FFFF), WHOLE, ""),
    "table of 3 entries": (put(HEADER + 28, ">I", 3), {3, 4, 5}, "VHD-BAT"),
    "block size 0": (put(HEADER + 32, ">I", 0), "Corrupt", ""),
    "block size 3": (put(HEADER + 32, ">I", 3), "Corrupt", ""),
    "block size 2^31": (put(HEADER + 32, ">I", 1 << 31), "any but wrong", ""),
    "disk type 7": (both(60, ">I", 7), "NotThisFormat", ""),
    "dynamic header past the end": (both(16, ">Q", 1 << 50), "Corrupt", ""),
    "dynamic header on the footer": (both(16, ">Q", 0), "Corrupt", ""),
}


def outcome(name: str) -> dict[str, object]:
    """What our reader makes of a case: per block right, wrong or unreadable."""
    edit, _, _ = CASES[name]
    data = disk()
    edit(data)
    try:
        layer = Vhd(Memory(bytes(data)))
    except EvidenceError as error:
        return {"error": type(error).__name__, "megabytes": peak_megabytes()}
    found = build_chain(DiskFile(Source("t"), "C:\\a.vhd", layer), Shelf(()))
    states = []
    for block in range(min(layer.size, SIZE + 4 * BLOCK) // BLOCK):
        try:
            got = found.disk.read_at(block * BLOCK, BLOCK)
            states.append("right" if got == MEDIA[block * BLOCK:(block + 1) * BLOCK] else "wrong")
        except Unreadable:
            states.append("unreadable")
    return {"states": states, "codes": sorted({n.code for n in layer.notices}),
            "size": layer.size, "megabytes": peak_megabytes()}


def say_outcomes() -> None:
    """A line for each case that came to an end."""
    for name in CASES:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
            print(json.dumps([name, outcome(name)]), flush=True)
        except BaseException:  # noqa: BLE001 - the test of this case has no outcome
            traceback.print_exc()
        finally:
            os._exit(0)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, Any]]:
    """By the names of the cases."""
    done = subprocess.run([sys.executable, "-m", "tests.unit.disks.test_vhd_cases"],
                          cwd=Path(__file__).resolve().parents[3], capture_output=True,
                          text=True, check=True, timeout=60)
    sys.stderr.write(done.stderr)
    return dict(map(json.loads, done.stdout.splitlines()))


@pytest.mark.parametrize("name", CASES)
def test_header_case(name: str, outcomes: dict[str, dict[str, Any]]) -> None:
    got = outcomes[name]
    assert got["megabytes"] < 300
    _, expected, code = CASES[name]
    assert "wrong" not in got.get("states", [])
    if expected == WHOLE:
        assert got["states"] == ["right"] * 6
    elif isinstance(expected, set):
        assert {n for n, s in enumerate(got["states"]) if s == "unreadable"} == expected
    elif expected != "any but wrong":
        assert got["error"] == expected
    if code:
        assert code in got["codes"]


def child(parent: bytes) -> bytes:
    return make.differencing(MEDIA, [i % 2 == 0 for i in range(SIZE // 512)], unique_id=OTHER,
                             created=5, parent_id=parent, parent_name="C:\\p.vhd",
                             block_size=BLOCK)


def test_a_child_without_parent_gives_its_own_sectors_only() -> None:
    alone = build_chain(DiskFile(Source("t"), "C:\\c.vhd", Vhd(Memory(child(ID)))), Shelf(()))
    assert alone.broken == "parent missing"
    assert len(alone.disk.unreadable()) == SIZE // 1024
    assert alone.disk.read_at(0, 512) == MEDIA[:512]
    with pytest.raises(Unreadable):
        alone.disk.read_at(512, 1)


def test_a_wrong_parent_is_refused() -> None:
    parent = DiskFile(Source("t"), "C:\\p.vhd", Vhd(Memory(bytes(disk()))))
    top = DiskFile(Source("t"), "C:\\c.vhd", Vhd(Memory(child(uuid.UUID(int=99).bytes))))
    chain = build_chain(top, Shelf((top, parent)))
    assert (len(chain.files), chain.broken.partition(" (")[0]) == (1, "wrong parent")


if __name__ == "__main__":
    say_outcomes()
