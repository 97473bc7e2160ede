"""VHDX layers and chains against a reader that thinks one sector at a time; every block state."""

import dataclasses
import os
import struct
import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.blocks import Kind, Memory
from analyzer.disks.chain import DiskFile, Shelf, build_chain
from analyzer.disks.disk import Disk
from analyzer.disks.open import open_layer
from analyzer.disks.vhd import Vhd
from analyzer.disks.vhdx import Vhdx
from analyzer.errors import Corrupt, MissingParent, NotThisFormat, Unreadable, Unsupported
from analyzer.source import Source
from corpus.make import vhd as make_vhd
from corpus.make import vhdx as make

MIB = 1 << 20
IDS = [uuid.UUID(int=0x1000 + i) for i in range(40)]
EXAMPLES = 500 if os.environ.get("VMTRAIL_SLOW") else 100


def style(number: int, **more: object) -> make.Style:
    """The style of the disk that is called `number`."""
    values: dict[str, object] = {"block_size": MIB, "data_write_id": IDS[number],
                                 "file_write_id": IDS[-1 - number], "disk_id": IDS[0]}
    return make.Style(**values | more)  # type: ignore[arg-type] # the fields have many types


def filled(layer: int, count: int, sector: int) -> bytes:
    """Media in which each sector says whose and which it is."""
    rows = np.empty((count, sector // 8), "<u8")
    rows[:] = (np.arange(count, dtype=np.uint64) + 1)[:, None]
    rows[:, 0] = layer + 1
    return rows.tobytes()


def presence(seed: int, count: int, mean: int) -> np.ndarray:
    """Runs of sectors that are there and that are not, `mean` sectors long."""
    random = np.random.default_rng(seed)
    runs = random.geometric(1 / mean, size=count)
    flags = np.repeat(np.arange(count) % 2 == seed % 2, runs)[:count]
    return flags.astype(np.uint8)


def file(name: str, content: bytes) -> DiskFile:
    return DiskFile(Source("test", f"/p1/{name}"), f"C:\\{name}", open_layer(Memory(content)))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_random_chains_read_like_an_overlay_of_sectors(data: st.DataObject) -> None:
    sector = data.draw(st.sampled_from([512, 512, 4096]))
    depth = data.draw(st.integers(1, 4))
    block = data.draw(st.sampled_from([MIB, MIB, 2 * MIB, 4 * MIB]))
    counts = data.draw(st.lists(st.integers(1, 5 * MIB // sector), min_size=depth,
                                max_size=depth))
    whose = np.full(counts[0], 0)
    layers = []
    for level, count in enumerate(counts):
        own = filled(level, count, sector)
        order = data.draw(st.permutations(range(-(-count * sector // block))))
        more = style(level, sector_size=sector, block_size=block, order=order,
                     bitmaps_last=data.draw(st.booleans()))
        if level == 0:
            base = data.draw(st.sampled_from([make.fixed, make.dynamic]))
            layers.append(Vhdx(Memory(base(own, more))))
            continue
        here = presence(data.draw(st.integers(0, 1 << 20)), count,
                        data.draw(st.sampled_from([1, 3, 50, 4000])))
        content = make.differencing(own, here.tobytes(), IDS[level - 1], style=more,
                                    always_partly=data.draw(st.booleans()))
        layers.insert(0, Vhdx(Memory(content)))
        below = np.pad(whose, (0, max(0, count - len(whose))), constant_values=-1)[:count]
        whose = np.where(here, level, below)
    expected = np.zeros((counts[-1], sector // 8), "<u8")
    expected[:] = (np.arange(counts[-1], dtype=np.uint64) + 1)[:, None]
    expected[:, 0] = whose + 1
    expected[whose < 0] = 0
    truth = expected.tobytes()
    disk = Disk(layers)
    assert [notice for layer in layers for notice in layer.notices] == []
    assert disk.size == len(truth)
    assert disk.read_at(0, disk.size) == truth
    for _ in range(8):
        start = data.draw(st.integers(0, disk.size - 1))
        length = data.draw(st.integers(0, 3 * MIB))
        assert disk.read_at(start, length) == truth[start:start + length]
    assert disk.read_at(disk.size, 10) == b""


@pytest.mark.parametrize("block_size", [
    pytest.param(MIB << shift, marks=pytest.mark.slow if shift > 5 else ()) for shift in range(9)])
@pytest.mark.parametrize("sector", [512, 4096])
def test_every_block_size(block_size: int, sector: int) -> None:
    media = filled(1, 3 * MIB // sector, sector) + bytes(2 * MIB)
    content = make.dynamic(media, style(1, block_size=block_size, sector_size=sector))
    layer = Vhdx(Memory(content))
    assert (layer.block_size, layer.sector_size, layer.size) == (block_size, sector, len(media))
    assert Disk([layer]).read_at(0, len(media)) == media
    assert layer.notices == []


def test_blocks_behind_the_first_chunk_are_found_behind_its_bitmap_entry() -> None:
    """A chunk of 4 GiB: the block after it has the 16th entry behind the bitmap's."""
    size = (4 << 30) + 256 * MIB
    content = bytearray(make.dynamic(b"", style(1, block_size=256 * MIB, disk_size=size)))
    at = make.entry_at(16, style(1, block_size=256 * MIB))
    assert at == make.bat_at(style(1)) + 8 * 17
    place = len(content)
    content[at:at + 8] = struct.pack("<Q", place | make.PRESENT)
    layer = Vhdx(Memory(bytes(content) + b"\x5a" * MIB))
    assert layer.extents_in(4 << 30, 2 * MIB) == [
        (4 << 30, MIB, Kind.DATA, place, 0), ((4 << 30) + MIB, MIB, Kind.UNREADABLE, -1, 0)]
    assert layer.extents_in(0, 4 << 30) == [(0, 4 << 30, Kind.ZERO, -1, 0)]
    assert [n.code for n in layer.notices] == ["VHDX-TRUNC"]


def test_identity_and_facts() -> None:
    content = make.differencing(
        bytes(MIB), bytes(2048), IDS[7], [("parent_linkage2", f"{{{IDS[8]}}}"),
                                         ("relative_path", ".\\p.vhdx"),
                                         ("volume_path", "\\\\?\\Volume{x}\\p.vhdx"),
                                         ("absolute_win32_path", "\\\\?\\C:\\p.vhdx")], style(9))
    layer = Vhdx(Memory(content))
    assert layer.kind == "differencing"
    assert layer.disk_id == str(IDS[0]).upper()
    assert layer.link_id == str(IDS[9]).upper()
    assert layer.parent is not None
    assert layer.parent.wanted == (str(IDS[7]).upper(), str(IDS[8]).upper())
    assert layer.parent.hints == (".\\p.vhdx", "C:\\p.vhdx", "\\\\?\\Volume{x}\\p.vhdx")
    assert (layer.creator.application, layer.creator.version) == (
        "Microsoft Windows", "10.0.17763.0")
    assert layer.in_saved_state is None
    assert (layer.original_size, layer.physical_sector_size) == (MIB, 4096)
    assert Vhdx(Memory(make.fixed(bytes(MIB)))).kind == "fixed"
    assert Vhdx(Memory(make.dynamic(bytes(MIB)))).kind == "dynamic"


def test_creators_that_are_not_windows() -> None:
    for text, program, version in (("QEMU v5.2.0", "QEMU", "5.2.0"), ("d2v", "d2v", ""),
                                   ("", "", ""), ("My Tool", "My Tool", "")):
        creator = Vhdx(Memory(make.dynamic(bytes(MIB), style(1, creator=text)))).creator
        assert (creator.application, creator.version) == (program, version)


# Block states


STATES = {make.NOT_PRESENT: Kind.ZERO, make.UNDEFINED: Kind.UNREADABLE, make.ZERO: Kind.ZERO,
          make.UNMAPPED: Kind.ZERO, 4: Kind.UNREADABLE, 5: Kind.UNREADABLE}


@pytest.mark.parametrize(("state", "kind"), STATES.items())
@pytest.mark.parametrize("differencing", [False, True])
def test_what_a_state_means(state: int, kind: Kind, differencing: bool) -> None:
    media = filled(1, 4 * 2048, 512)
    own = style(1, states={2: state})
    content = make.differencing(media, b"\1" * 4 * 2048, IDS[2], style=own) if differencing \
        else make.dynamic(media, own)
    layer = Vhdx(Memory(content))
    if differencing and state == make.NOT_PRESENT:
        kind = Kind.PARENT
    assert [e.kind for e in layer.extents_in(2 * MIB, MIB)] == [kind]
    disk = Disk([layer])
    assert disk.read_at(0, 2 * MIB) == media[:2 * MIB]
    assert disk.read_at(3 * MIB, MIB) == media[3 * MIB:]
    codes = {make.UNDEFINED: ["VHDX-UNDEFINED"], 4: ["VHDX-BAT"], 5: ["VHDX-BAT"]}
    assert [n.code for n in layer.notices] == codes.get(state, [])


@pytest.mark.parametrize(("state", "kind", "code"), [
    (make.NOT_PRESENT, Kind.UNREADABLE, "VHDX-BAT"), (make.ZERO, Kind.UNREADABLE, "VHDX-BAT"),
    (make.UNDEFINED, Kind.UNREADABLE, "VHDX-UNDEFINED"),
    (make.UNMAPPED, Kind.ZERO, "VHDX-UNMAPPED")])
def test_a_place_on_a_state_that_needs_none(state: int, kind: Kind, code: str) -> None:
    media = filled(1, 4 * 2048, 512)
    layer = Vhdx(Memory(make.dynamic(media, style(1, states={1: state}, anchored={1}))))
    assert [e.kind for e in layer.extents_in(MIB, MIB)] == [kind]
    assert [n.code for n in layer.notices] == [code]


def test_partly_present_is_nothing_in_a_disk_without_parent() -> None:
    layer = Vhdx(Memory(make.dynamic(filled(1, 4096, 512), style(1, states={0: make.PARTLY}))))
    assert Disk([layer]).unreadable() == [(0, MIB)]
    assert [n.code for n in layer.notices] == ["VHDX-BAT"]


def changed(content: bytes, at: int, value: int) -> bytes:
    return content[:at] + struct.pack("<Q", value) + content[at + 8:]


@pytest.mark.parametrize("value", [
    0 << 20 | 6, 1 << 20 | 6, 2 << 20 | 6, 3 << 20 | 6, 1 << 40 | 6, 0xFFFFF << 44 | 6,
    5 << 20 | 8 | 6, 5 << 20 | 1 << 19 | 6, 200 << 20 | 6])
def test_a_bad_table_entry_costs_its_block_only(value: int) -> None:
    """On the headers, log, metadata, table; outside the file; with bits that must be zero."""
    media = filled(1, 4 * 2048, 512)
    own = style(1)
    content = changed(make.dynamic(media, own), make.entry_at(1, own), value)
    layer = Vhdx(Memory(content))
    disk = Disk([layer])
    assert disk.unreadable() == [(MIB, MIB)]
    assert disk.read_at(2 * MIB, 2 * MIB) == media[2 * MIB:]
    with pytest.raises(Unreadable):
        disk.read_at(MIB, 1)
    assert [n.code for n in layer.notices] == ["VHDX-BAT"]
    assert layer.notices[0].start == make.entry_at(1, own)


def test_overlapping_blocks_are_reported_and_not_guessed() -> None:
    media = filled(1, 8 * 2048, 512)
    own = style(1, block_size=2 * MIB)
    content = make.dynamic(media, own)
    first = struct.unpack_from("<Q", content, make.entry_at(0, own))[0]
    layer = Vhdx(Memory(changed(content, make.entry_at(2, own), first + MIB)))
    assert Disk([layer]).unreadable() == [(0, 6 * MIB)]
    assert len(layer.notices) == 3


def test_a_block_on_a_sector_bitmap_costs_both() -> None:
    media = filled(1, 4 * 2048, 512)
    here = b"\1\0" * 2 * 2048
    own = style(1)
    content = make.differencing(media, here, IDS[2], style=own)
    bitmap = struct.unpack_from("<Q", content, make.bat_at(own) + 8 * make.chunk_ratio(own))[0]
    layer = Vhdx(Memory(changed(content, make.entry_at(3, own), bitmap | 1)))
    assert Disk([layer]).unreadable() == [(0, 4 * MIB)]
    assert {n.code for n in layer.notices} == {"VHDX-BAT", "VHDX-BITMAP"}


@pytest.mark.parametrize("value", [0, 6, 3 << 20 | 6, 900 << 20 | 6, 5 << 20 | 5])
def test_a_missing_sector_bitmap_costs_the_blocks_that_are_partly_here(value: int) -> None:
    media = filled(1, 4 * 2048, 512)
    here = b"\1" * 2048 + b"\1\0" * 1024 + b"\0" * 2048 + b"\1" * 2048
    own = style(1)
    content = make.differencing(media, here, IDS[2], style=own)
    content = changed(content, make.bat_at(own) + 8 * make.chunk_ratio(own), value)
    layer = Vhdx(Memory(content))
    kinds = [(e.start // MIB, e.kind) for e in layer.extents_in(0, 4 * MIB)]
    assert kinds == [(0, Kind.DATA), (1, Kind.UNREADABLE), (2, Kind.PARENT), (3, Kind.DATA)]
    assert "VHDX-BITMAP" in [n.code for n in layer.notices]


def test_a_file_that_was_cut_keeps_what_is_there() -> None:
    media = filled(1, 6 * 2048, 512)
    own = style(1, order=[5, 4, 3, 2, 1, 0])
    content = make.dynamic(media, own)
    layer = Vhdx(Memory(content[:-MIB - 4096]))
    assert Disk([layer]).unreadable() == [(0, MIB), (2 * MIB - 4096, 4096)]
    assert sorted(n.code for n in layer.notices) == ["VHDX-BAT", "VHDX-TRUNC"]
    assert Disk([layer]).read_at(2 * MIB, 4 * MIB) == media[2 * MIB:]


def test_a_table_that_was_cut_costs_the_blocks_without_entries() -> None:
    size = 64 << 40
    own = style(1, block_size=256 * MIB, disk_size=size)
    content = make.dynamic(b"", own)
    cut = content[:make.bat_at(own) + 8 * 17 * 100]
    layer = Vhdx(Memory(cut))
    assert layer.extents_in(0, size) == [
        (0, 1600 * 256 * MIB, Kind.ZERO, -1, 0),
        (1600 * 256 * MIB, size - 1600 * 256 * MIB, Kind.UNREADABLE, -1, 0)]


def test_the_largest_disk_with_the_smallest_blocks_opens() -> None:
    content = bytearray(make.dynamic(b"\1" * MIB, style(1)))
    at = content.index(make.DISK_SIZE.bytes_le, 2 * MIB)
    place = 2 * MIB + struct.unpack_from("<I", content, at + 16)[0]
    content[place:place + 8] = struct.pack("<Q", 64 << 40)
    layer = Vhdx(Memory(bytes(content)))
    assert layer.size == 64 << 40
    assert layer.extents_in(50 << 40, 1 << 40) == [
        (50 << 40, 1 << 40, Kind.UNREADABLE, -1, 0)]
    assert [n.code for n in layer.notices] == ["VHDX-BAT", "VHDX-BAT"]
    assert "from 131041 to " in layer.notices[0].what


def test_extents_tile_what_was_asked() -> None:
    count = 3 * 2048
    layer = Vhdx(Memory(make.differencing(filled(1, count, 512), presence(5, count, 7).tobytes(),
                                          IDS[2], style=style(1))))
    for start in range(0, layer.size, 77_777):
        position = start
        for extent in layer.extents_in(start, min(200_000, layer.size - start)):
            assert extent.start == position
            assert extent.length > 0
            position = extent.end
        assert position == min(start + 200_000, layer.size)
    with pytest.raises(ValueError, match="outside"):
        layer.extents_in(layer.size, 1)


# Opening and chains


def test_a_disk_is_opened_as_what_it_is() -> None:
    assert isinstance(open_layer(Memory(make.dynamic(bytes(MIB)))), Vhdx)
    assert isinstance(open_layer(Memory(make_vhd.fixed(bytes(4096), unique_id=bytes(16),
                                                       created=1))), Vhd)
    with pytest.raises(NotThisFormat):
        open_layer(Memory(bytes(4 * MIB)))
    with pytest.raises(NotThisFormat):
        Vhdx(Memory(b""))


def test_a_lost_identifier_is_said_and_costs_the_creator() -> None:
    content = make.dynamic(b"\1" * MIB)
    layer = open_layer(Memory(b"\xee" * 65536 + content[65536:]))
    assert Disk([layer]).read_at(0, MIB) == b"\1" * MIB
    assert [n.code for n in layer.notices] == ["VHDX-ID"]
    assert layer.creator.application == ""


def child(number: int, parent: int, *locators: tuple[str, str]) -> DiskFile:
    return file(f"{number}.avhdx", make.differencing(
        filled(number, 2048, 512), [i % 8 == number % 8 for i in range(2048)], IDS[parent],
        locators or (("relative_path", ".\\0.vhdx"),), style(number)))


def test_parents_are_found_by_what_children_call_them() -> None:
    base = file("0.vhdx", make.dynamic(filled(0, 2048, 512), style(0)))
    files = [base, *(child(i, i - 1) for i in range(1, 6))]
    chain = build_chain(files[-1], Shelf(tuple(files)))
    assert [f.path for f in chain.files] == [f.path for f in reversed(files)]
    assert chain.bases[1] == f"DataWriteGuid {str(IDS[4]).upper()}"
    assert (chain.broken, chain.whole_verdict) == ("", "complete")
    assert chain.disk.owner_of(0, 8 * 512) == (5, 4, 3, 2, 1, 0)


def test_the_second_linkage_is_as_good_as_the_first() -> None:
    base = file("0.vhdx", make.dynamic(bytes(MIB), style(3)))
    top = child(1, 2, ("parent_linkage2", f"{{{IDS[3]}}}"), ("relative_path", ".\\0.vhdx"))
    assert build_chain(top, Shelf((base, top))).broken == ""


def test_a_parent_that_was_written_to_is_not_attached() -> None:
    base = file("0.vhdx", make.dynamic(bytes(MIB), style(9)))
    chain = build_chain(child(1, 0), Shelf((base,)))
    assert (len(chain.files), chain.broken) == (1, "wrong parent (DataWriteGuid)")
    assert [n.code for n in chain.notices] == ["VHDX-PARENTID"]
    assert "changed since" in chain.notices[0].what
    assert chain.verdict(0) == "wrong parent (DataWriteGuid)"
    with pytest.raises(MissingParent):
        chain.disk.read_at(0, 512)


def test_an_id_does_not_link_formats() -> None:
    base = file("0.vhd", make_vhd.fixed(bytes(MIB), unique_id=IDS[0].bytes, created=1))
    assert build_chain(child(1, 0), Shelf((base,))).broken == "parent missing"


def test_a_self_parent_is_cut() -> None:
    top = child(1, 1)
    chain = build_chain(top, Shelf((top,)))
    assert (chain.broken, [n.code for n in chain.notices]) == ("cyclic", ["VHDX-CYCLE"])


@pytest.mark.parametrize("item", [
    b"", make.locator([], uuid.UUID(int=5)), make.locator([("parent_linkage", "rubbish")]),
    make.locator([("parent_linkage", "{00000000-0000-0000-0000-000000000000}")]),
    make.locator([("parent_linkage", "x")])[:-1], struct.pack("<16sHH", b"", 0, 65535)])
def test_a_bad_locator_leaves_a_disk_without_its_parent(item: bytes) -> None:
    content = make.differencing(filled(1, 2048, 512), b"\1\0" * 1024, IDS[2], style=style(1))
    old = make.locator([("parent_linkage", f"{{{IDS[2]}}}")])
    content = content.replace(old, item.ljust(len(old), b"\0")) if item else content.replace(
        make.PARENT_LOCATOR.bytes_le + struct.pack("<II", 65536 + 40, len(old)),
        make.PARENT_LOCATOR.bytes_le + struct.pack("<II", 0, 0))
    layer = Vhdx(Memory(content))
    assert layer.parent is not None
    assert layer.parent.wanted == ()
    assert "VHDX-LOCATOR" in [n.code for n in layer.notices]
    assert Disk([layer]).read_at(0, 512) == filled(1, 2048, 512)[:512]
    with pytest.raises(MissingParent):
        Disk([layer]).read_at(512, 1)
    chain = build_chain(DiskFile(Source("t"), "C:\\c.avhdx", layer), Shelf(()))
    assert chain.verdict(0) == "parent locator damaged; parent missing"


# What must be understood


def test_regions_and_metadata_that_must_be_understood() -> None:
    media = b"\1" * MIB
    strange = uuid.UUID(int=99)
    for known in (style(1, regions=[(strange, False)]), style(1, metadata=[(strange, b"x", 0)]),
                  style(1, metadata=[(strange, b"x", 1)])):
        assert Disk([Vhdx(Memory(make.dynamic(media, known)))]).read_at(0, MIB) == media
    for unknown in (style(1, regions=[(strange, True)]), style(1, metadata=[(strange, b"x", 4)]),
                    style(1, metadata=[(make.DISK_ID, b"x", 5)])):
        with pytest.raises(Unsupported):
            Vhdx(Memory(make.dynamic(media, unknown)))
    own = style(1)
    content = bytearray(make.dynamic(media, own))
    for at, sequence in zip(make.HEADERS, own.sequences, strict=True):
        content[at:at + 4096] = make.header(sequence, own, version=2)
    with pytest.raises(Unsupported):
        Vhdx(Memory(bytes(content)))


@pytest.mark.parametrize("more", [
    {"block_size": 1 << 19}, {"block_size": 1 << 29}, {"sector_size": 1024},
    {"disk_size": 0}, {"disk_size": (64 << 40) + 512}, {"disk_size": MIB + 1},
    {"disk_size": (1 << 63)}, {"metadata": [(make.DISK_ID, bytes(16), 4)]},
    {"metadata": [(make.PARENT_LOCATOR, b"", 4)]}])
def test_facts_that_cannot_be(more: dict[str, object]) -> None:
    whole = make.dynamic(bytes(MIB), style(1))
    own = dataclasses.replace(style(1), **more)  # type: ignore[arg-type] # fields by name
    facts = make.metadata(own.disk_size if own.disk_size is not None else MIB, own, 0, b"")
    content = whole[:2 * MIB] + facts + whole[3 * MIB:]
    with pytest.raises(Corrupt):
        Vhdx(Memory(content))
