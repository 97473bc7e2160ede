"""Damaged VHDX files: the header cases one by one, and mutants by the thousand."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.blocks import Kind, Memory, withhold
from analyzer.disks.chain import DiskFile, Shelf, build_chain
from analyzer.disks.disk import Disk
from analyzer.disks.vhdx import Vhdx
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat, Unreadable
from analyzer.source import Source
from corpus.make import vhdx as make
from tests.unit.disks.test_vhdx import IDS, MIB, filled, style

MEDIA = filled(1, 6 * 2048, 512)
STYLE = style(1)
ROOT = Path(__file__).resolve().parents[3]


def patched(*patches: tuple[int, bytes]) -> bytes:
    content = bytearray(make.dynamic(MEDIA, STYLE))
    for at, data in patches:
        content[at:at + len(data)] = data
    return bytes(content)


def headers(first: bytes, second: bytes) -> bytes:
    return patched((make.HEADERS[0], first), (make.HEADERS[1], second))


def regions(*tables: bytes) -> bytes:
    return patched(*zip(make.REGION_TABLES, tables, strict=False))


def table(*changes: tuple[int, int, int]) -> bytes:
    """A region table with (entry, offset, length) other than they should be."""
    rows = [[make.METADATA_REGION, 2 * MIB, MIB, True], [make.BAT_REGION, 3 * MIB, MIB, True]]
    for entry, offset, length in changes:
        rows[entry][1:3] = offset, length
    return make.region_table([(row[0], row[1], row[2], row[3]) for row in rows])  # type: ignore[misc] # rows of mixed types


def counted(count: int) -> bytes:
    raw = bytearray(table())
    raw[4:12] = struct.pack("<II", 0, count)
    return make.summed(bytes(raw))


def cut(size: int) -> Callable[[], bytes]:
    return lambda: patched()[:size]


OTHER = style(1, data_write_id=IDS[30])
GOOD: list[tuple[str, Callable[[], bytes], list[str], str]] = [
    ("nothing", patched, [], "complete"),
    ("the older header zeroed", lambda: headers(bytes(4096), make.header(8, STYLE)),
     ["VHDX-HDR"], "header repaired from its copy"),
    ("the newer header zeroed", lambda: headers(make.header(7, STYLE), bytes(4096)),
     ["VHDX-HDR"], "header repaired from its copy"),
    ("a header's checksum", lambda: patched((make.HEADERS[1] + 4, b"\0\0\0\0")),
     ["VHDX-HDR"], "header repaired from its copy"),
    ("headers with one number", lambda: headers(make.header(1, STYLE), make.header(1, STYLE)),
     [], "complete"),
    ("headers with one number that differ",
     lambda: headers(make.header(1, STYLE), make.header(1, OTHER)),
     ["VHDX-HDR2"], "headers contradict"),
    ("the first region table", lambda: regions(bytes(65536)),
     ["VHDX-REGI"], "region table repaired from its copy"),
    ("the second region table", lambda: regions(table(), b"\xee" * 65536),
     ["VHDX-REGI"], "region table repaired from its copy"),
    ("region tables that differ", lambda: regions(table(), table((0, 9 * MIB, MIB))),
     ["VHDX-REGI2"], "region tables differ"),
    ("the identifier", lambda: patched((0, bytes(65536))), ["VHDX-ID"], "file identifier lost"),
]
BAD: list[tuple[str, Callable[[], bytes], type[EvidenceError]]] = [
    ("both headers", lambda: headers(bytes(4096), bytes(4096)), Corrupt),
    ("headers that name different logs",
     lambda: headers(make.header(1, STYLE), make.header(1, STYLE, IDS[3])), Corrupt),
    ("both region tables", lambda: regions(bytes(65536), bytes(65536)), Corrupt),
    ("2^32-1 regions", lambda: regions(counted((1 << 32) - 1), counted((1 << 32) - 1)), Corrupt),
    ("2048 regions", lambda: regions(counted(2048), counted(2048)), Corrupt),
    ("the same region 2047 times",
     lambda: regions(make.region_table([(make.BAT_REGION, MIB, MIB, True)] * 2047)), Corrupt),
    ("no block table",
     lambda: regions(make.region_table([(make.METADATA_REGION, 2 * MIB, MIB, True)])), Corrupt),
    ("metadata behind the file", lambda: regions(table((0, 1 << 40, MIB))), Corrupt),
    ("metadata on the header", lambda: regions(table((0, 0, MIB))), Corrupt),
    ("block table on the log", lambda: regions(table((1, MIB, MIB))), Corrupt),
    ("block table on the metadata", lambda: regions(table((1, 2 * MIB, MIB))), Corrupt),
    ("a region off a MiB", lambda: regions(table((0, 2 * MIB + 512, MIB))), Corrupt),
    ("a region at 2^64 - 1 MiB", lambda: regions(table((1, (1 << 64) - MIB, MIB))), Corrupt),
    ("no metadata table", lambda: patched((2 * MIB, b"METADATA")), Corrupt),
    ("65535 metadata items", lambda: patched((2 * MIB + 10, b"\xff\xff")), Corrupt),
    ("a metadata item on the table", lambda: patched((2 * MIB + 32 + 16, bytes(4))), Corrupt),
    ("a metadata item behind its region",
     lambda: patched((2 * MIB + 32 + 16, struct.pack("<I", MIB - 1))), Corrupt),
    ("cut in the metadata", cut(2 * MIB + 100), Corrupt),
    ("cut before the metadata", cut(2 * MIB), Corrupt),
    ("cut in the region tables", cut(200 << 10), Corrupt),
    ("cut in the headers", cut(65 << 10), Corrupt),
    ("cut to the identifier", cut(4096), Corrupt),
    ("empty", cut(0), NotThisFormat),
]


@pytest.mark.parametrize(("content", "codes", "verdict"), [
    pytest.param(*case[1:], id=case[0]) for case in GOOD])
def test_what_can_be_repaired_is_and_is_said(content: Callable[[], bytes], codes: list[str],
                                             verdict: str) -> None:
    layer = Vhdx(Memory(content()))
    assert Disk([layer]).read_at(0, layer.size) == MEDIA
    assert [notice.code for notice in layer.notices] == codes
    assert layer.link_id == str(IDS[1]).upper()
    chain = build_chain(DiskFile(Source("t"), "C:\\d.vhdx", layer), Shelf(()))
    assert chain.verdict(0) == verdict


@pytest.mark.parametrize(("content", "error"), [pytest.param(*case[1:], id=case[0])
                                                for case in BAD])
def test_what_cannot_be_known_is_refused(content: Callable[[], bytes],
                                         error: type[EvidenceError]) -> None:
    with pytest.raises(error):
        Vhdx(Memory(content()))


def test_half_a_file_gives_half_its_blocks() -> None:
    content = patched()
    layer = Vhdx(Memory(content[:7 * MIB]))
    disk = Disk([layer])
    assert disk.read_at(0, 3 * MIB) == MEDIA[:3 * MIB]
    assert disk.unreadable() == [(3 * MIB, 3 * MIB)]
    chain = build_chain(DiskFile(Source("t"), "C:\\d.vhdx", layer), Shelf(()))
    assert chain.verdict(0) == "block table damaged; 1 unreadable range"
    assert chain.whole_verdict == "C:\\d.vhdx: block table damaged; 1 unreadable range"


@pytest.mark.parametrize(("ranges", "codes", "lost"), [
    ([(0, 4096)], ["VHDX-ID"], []),
    ([(make.HEADERS[1], 512)], ["VHDX-HDR"], []),
    ([(make.REGION_TABLES[0] + 4096, 512)], ["VHDX-REGI"], []),
    ([(make.bat_at(STYLE) + 16, 16)], ["VHDX-BAT"], [(2 * MIB, 2 * MIB)]),
    ([(make.bat_at(STYLE), 8), (make.bat_at(STYLE) + 36, 1)], ["VHDX-BAT", "VHDX-BAT"],
     [(0, MIB), (4 * MIB, MIB)]),
])
def test_sectors_that_were_not_acquired(ranges: list[tuple[int, int]], codes: list[str],
                                        lost: list[tuple[int, int]]) -> None:
    layer = Vhdx(withhold(Memory(patched()), ranges, "not acquired"))
    assert [notice.code for notice in layer.notices] == codes
    disk = Disk([layer])
    assert disk.unreadable() == lost
    for at in range(0, len(MEDIA), MIB):
        if not any(start <= at < start + length for start, length in lost):
            assert disk.read_at(at, MIB) == MEDIA[at:at + MIB]


def test_a_sector_bitmap_that_was_not_acquired_costs_its_sectors() -> None:
    content = make.differencing(MEDIA, b"\1\0" * 6144, IDS[2], style=STYLE)
    entry = make.bat_at(STYLE) + 8 * make.chunk_ratio(STYLE)
    bitmap = struct.unpack_from("<Q", content, entry)[0] & ~(MIB - 1)
    layer = Vhdx(withhold(Memory(content), [(bitmap + 256, 512)], "not acquired"))
    for block in range(6):
        kinds = {e.kind for e in layer.extents_in(block * MIB, MIB)}
        assert kinds == ({Kind.UNREADABLE} if block in (1, 2) else {Kind.DATA, Kind.PARENT})
    with pytest.raises(Unreadable):
        Vhdx(withhold(Memory(content), [(2 * MIB, 512)], "not acquired"))


def test_mutants() -> None:
    """200, or 2,000 where VMTRAIL_SLOW is set; a process of its own has its memory measured."""
    count = 2000 if os.environ.get("VMTRAIL_SLOW") else 200
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.disks.vhdx_mutants", "20260923", str(count)],
        cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert sum(result["ends"].values()) == count
    assert result["slowest"] < 2
    assert result["memory"] < 300
    assert min(result["ends"][end] for end in ("read", "refused", "read in part")) > count // 50
