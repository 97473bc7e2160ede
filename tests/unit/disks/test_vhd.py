"""VHD layers and chains against a reader that thinks one sector at a time, and by damage."""

import os
import struct
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.blocks import Kind, Memory, read_known
from analyzer.disks.chain import DiskFile, Shelf, build_chain
from analyzer.disks.disk import Disk
from analyzer.disks.vhd import Vhd
from analyzer.errors import EvidenceError, MissingParent, NotThisFormat, Unreadable
from analyzer.source import Source
from corpus.make import vhd as make

SECTOR = 512
IDS = [uuid.UUID(int=0x1000 + i).bytes for i in range(300)]


def drawn(data: st.DataObject, count: int, label: str) -> bytes:
    """`count` random bytes: one draw, where a list of numbers would be one for each."""
    return data.draw(st.binary(min_size=count, max_size=count), label=label)


def sectors(data: st.DataObject, count: int, label: str) -> bytes:
    """Media of `count` sectors in which each sector has bytes of its own."""
    return b"".join(bytes([s]) * SECTOR for s in drawn(data, count, label))


def file(name: str, content: bytes) -> DiskFile:
    return DiskFile(Source("test", f"/p1/{name}"), f"C:\\{name}", Vhd(Memory(content)))


@settings(max_examples=2000 if os.environ.get("VMTRAIL_SLOW") else 150, deadline=None)
@given(st.data())
def test_random_chains_read_like_an_overlay_of_sectors(data: st.DataObject) -> None:
    block_size = data.draw(st.sampled_from([512, 1024, 4096, 8192, 16384]))
    depth = data.draw(st.integers(1, 4))
    counts = data.draw(st.lists(st.integers(1, 70), min_size=depth, max_size=depth))
    media = sectors(data, counts[0], "base")
    rows: list[int | None] = list(media[::SECTOR])
    content = [make.dynamic(media, unique_id=IDS[0], created=1, block_size=block_size)]
    for level in range(1, depth):
        own = sectors(data, counts[level], f"layer {level}")
        present = [byte % 2 == 1 for byte in drawn(data, counts[level], "present")]
        blocks = -(-counts[level] * SECTOR // block_size)
        rank = drawn(data, blocks, "order")
        order = sorted(range(blocks), key=lambda block: (rank[block], block))
        stored = [b for b in order
                  if any(present[b * block_size // SECTOR:(b + 1) * block_size // SECTOR])]
        content.append(make.differencing(
            own, present, unique_id=IDS[level], created=1, parent_id=IDS[level - 1],
            parent_name="x", block_size=block_size, order=stored))
        below = [*rows, *[0] * counts[level]][:counts[level]]
        rows = [own[i * SECTOR] if present[i] else below[i] for i in range(counts[level])]
    disk = Disk([Vhd(Memory(c)) for c in reversed(content)])
    expected = b"".join(bytes([row or 0]) * SECTOR for row in rows)
    assert disk.size == len(expected)
    assert disk.read_at(0, disk.size) == expected
    start = data.draw(st.integers(0, disk.size - 1))
    length = data.draw(st.integers(0, disk.size))
    assert disk.read_at(start, length) == expected[start:start + length]
    assert disk.read_at(disk.size, 10) == b""


def test_a_missing_parent_costs_exactly_its_sectors() -> None:
    media = bytes(range(1, 65)) * 8 * 64
    present = [i % 3 == 0 for i in range(64)]
    child = Vhd(Memory(make.differencing(media, present, unique_id=IDS[1], created=1,
                                         parent_id=IDS[0], parent_name="gone", block_size=4096)))
    disk = Disk([child])
    lost: list[tuple[int, int]] = []
    for i in range(64):
        if present[i]:
            assert disk.read_at(i * SECTOR, SECTOR) == media[i * SECTOR:(i + 1) * SECTOR]
        else:
            lost.append((i * SECTOR, SECTOR))
            with pytest.raises(MissingParent) as caught:
                disk.read_at(i * SECTOR, SECTOR)
            assert (caught.value.start, caught.value.length) == lost[-1]
    assert sum(length for _, length in disk.unreadable()) == 42 * SECTOR
    ledger: list[Unreadable] = []
    known = read_known(disk, 0, disk.size, ledger.append)
    assert known == b"".join(media[i * SECTOR:(i + 1) * SECTOR] if p else bytes(SECTOR)
                             for i, p in enumerate(present))
    assert sum(e.length for e in ledger) == 42 * SECTOR


def test_the_current_size_rules_over_original_size_and_geometry() -> None:
    media = bytes([7]) * SECTOR * 1001
    layer = Vhd(Memory(make.dynamic(media, unique_id=IDS[0], created=1, block_size=4096,
                                    original_size=409_600)))
    assert (layer.size, layer.original_size) == (len(media), 409_600)
    assert Disk([layer]).read_at(0, 1 << 30) == media


@pytest.mark.parametrize("kind", ["dynamic", "differencing"])
def test_either_footer_is_enough(kind: str) -> None:
    media = bytes([9]) * SECTOR * 100
    whole = make.dynamic(media, unique_id=IDS[0], created=1, block_size=4096) \
        if kind == "dynamic" else make.differencing(
            media, [True] * 100, unique_id=IDS[1], created=1, parent_id=IDS[0], parent_name="p",
            block_size=4096)
    for damaged in (whole[:-512], whole[:-512] + bytes(512), bytes(512) + whole[512:]):
        layer = Vhd(Memory(damaged))
        assert Disk([layer]).read_at(0, len(media)) == media
    assert [n.code for n in Vhd(Memory(whole[:-512])).notices] == ["VHD-FOOTER"]
    wrong = whole[:-512] + whole[-512:-12] + b"\1" + whole[-11:]
    assert Disk([Vhd(Memory(wrong))]).read_at(0, len(media)) == media
    with pytest.raises(NotThisFormat):
        Vhd(Memory(bytes(512) + whole[512:-512]))


def patched(content: bytes, block: int, sector: int) -> bytes:
    table = struct.unpack_from(">Q", content, 512 + 16)[0]
    at = table + 4 * block
    return content[:at] + struct.pack(">I", sector) + content[at + 4:]


@pytest.mark.parametrize(("sector", "words"), [
    (0xFFFF_0000, "outside"), (0, "tables"), (1, "tables"), (3, "tables")])
def test_a_bad_table_entry_costs_its_block_only(sector: int, words: str) -> None:
    media = b"".join(bytes([i]) * 4096 for i in range(1, 9))
    content = make.dynamic(media, unique_id=IDS[0], created=1, block_size=4096)
    layer = Vhd(Memory(patched(content, 2, sector)))
    disk = Disk([layer])
    assert disk.unreadable() == [(2 * 4096, 4096)]
    assert disk.read_at(3 * 4096, 4096) == media[3 * 4096:4 * 4096]
    with pytest.raises(Unreadable):
        disk.read_at(2 * 4096, 1)
    assert [n.code for n in layer.notices] == ["VHD-BAT"]
    assert words in layer.notices[0].what


def test_overlapping_blocks_are_reported_and_not_guessed() -> None:
    media = b"".join(bytes([i]) * 4096 for i in range(1, 9))
    content = make.dynamic(media, unique_id=IDS[0], created=1, block_size=4096)
    table = struct.unpack_from(">Q", content, 512 + 16)[0]
    first = struct.unpack_from(">I", content, table)[0]
    layer = Vhd(Memory(patched(content, 5, first + 2)))
    ranges = Disk([layer]).unreadable()
    assert ranges == [(0, 8192), (5 * 4096, 4096)]


def test_a_dynamic_sector_with_a_clear_bit_is_zeros_or_unreadable() -> None:
    media = bytes([7]) * SECTOR * 8 + bytes(SECTOR * 24)
    content = bytearray(make.dynamic(media, unique_id=IDS[0], created=1, block_size=SECTOR * 32))
    table = struct.unpack_from(">Q", content, 512 + 16)[0]
    bitmap = struct.unpack_from(">I", content, table)[0] * SECTOR
    content[bitmap:bitmap + 4] = bytes([0x3F, 0, 0, 0])
    layer = Vhd(Memory(bytes(content)))
    disk = Disk([layer])
    assert disk.unreadable() == [(0, 2 * SECTOR)]
    assert disk.read_at(2 * SECTOR, 1 << 20) == media[2 * SECTOR:]
    assert [n.code for n in layer.notices] == ["VHD-BITMAP"]


def test_blocks_whose_bitmap_is_empty_are_said_one_by_one_up_to_a_limit() -> None:
    whole = bytearray(make.differencing(
        bytes(4096 * 150), [True] * 1200, unique_id=IDS[1], created=1, parent_id=IDS[0],
        parent_name="p", block_size=4096))
    table = struct.unpack_from(">Q", whole, 512 + 16)[0]
    for block in range(150):
        bitmap = struct.unpack_from(">I", whole, table + 4 * block)[0] * SECTOR
        whole[bitmap:bitmap + SECTOR] = bytes(SECTOR)
    layer = Vhd(Memory(bytes(whole)))
    assert {extent.kind for extent in layer.extents_in(0, layer.size)} == {Kind.PARENT}
    assert [notice.code for notice in layer.notices] == ["VHD-BITMAP"] * 101


def test_a_fixed_disk_that_was_cut_never_shows_its_footer_or_zeros() -> None:
    media = bytes([5]) * SECTOR * 64
    whole = make.fixed(media, unique_id=IDS[0], created=1)
    layer = Vhd(Memory(whole[:8192] + whole[-512:]))
    assert Disk([layer]).unreadable() == [(8192, len(media) - 8192)]
    assert [n.code for n in layer.notices] == ["VHD-TRUNC"]


DAMAGED_MEDIA = b"".join(bytes([i]) * 1024 for i in range(1, 33))
DAMAGED = make.differencing(
    DAMAGED_MEDIA, [i % 5 != 0 for i in range(64)], unique_id=IDS[1], created=1,
    parent_id=IDS[0], parent_name="p", locators=[(b"W2ru", ".\\p.vhd")], block_size=4096)


def sector_states(disk: Disk) -> list[str]:
    """For each sector of the media: right, wrong or unreadable."""
    states = []
    for at in range(0, min(disk.size, len(DAMAGED_MEDIA)), SECTOR):
        try:
            data = disk.read_at(at, SECTOR)
        except Unreadable:
            states.append("unreadable")
        else:
            states.append("right" if data == DAMAGED_MEDIA[at:at + SECTOR] else "wrong")
    return states


@settings(max_examples=1000 if os.environ.get("VMTRAIL_SLOW") else 300, deadline=None)
@given(st.data())
def test_damaged_structures_give_right_bytes_or_say_something(data: st.DataObject) -> None:
    """Footer, copy and header carry checksums; table, bitmaps and data carry none.

    With one footer intact, damage to the other and to the header never gives a wrong sector
    without a notice.
    """
    content = bytearray(DAMAGED)
    low, high = data.draw(st.sampled_from([(0, 1536), (len(content) - 512, len(content))]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(low, high - 1))] = data.draw(st.integers(0, 255))
    try:
        layer = Vhd(Memory(bytes(content)))
        states = sector_states(Disk([layer]))
    except EvidenceError:
        return
    assert layer.notices or "wrong" not in states


@settings(max_examples=1000 if os.environ.get("VMTRAIL_SLOW") else 300, deadline=None)
@given(st.data())
def test_any_damage_gives_a_result_or_an_error(data: st.DataObject) -> None:
    content = bytearray(DAMAGED)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        layer = Vhd(Memory(bytes(content)))
        tiles = list(Disk([layer]).resolve(0, min(layer.size, 1 << 20)))
    except EvidenceError:
        return
    assert sum(tile.length for tile in tiles) == min(layer.size, 1 << 20)
    sector_states(Disk([layer]))


@pytest.mark.parametrize("kept", range(0, len(DAMAGED), 211))
def test_a_file_cut_anywhere_never_gives_a_wrong_sector(kept: int) -> None:
    try:
        layer = Vhd(Memory(DAMAGED[:kept]))
        states = sector_states(Disk([layer]))
    except EvidenceError:
        return
    assert "wrong" not in states
    assert kept == len(DAMAGED) or "VHD-FOOTER" in {n.code for n in layer.notices}


def test_extents_tile_what_was_asked() -> None:
    media = bytes([3]) * SECTOR * 99
    layer = Vhd(Memory(make.differencing(
        media, [i % 7 == 0 for i in range(99)], unique_id=IDS[1], created=1, parent_id=IDS[0],
        parent_name="p", block_size=8192)))
    for start in range(0, layer.size, 700):
        position = start
        for extent in layer.extents_in(start, min(20000, layer.size - start)):
            assert extent.start == position
            assert extent.length > 0
            position = extent.end
        assert position == min(start + 20000, layer.size)
    assert {e.kind for e in layer.extents_in(0, layer.size)} == {Kind.DATA, Kind.PARENT}


# Chains


def diff(number: int, parent: int, name: str = "", **more: int) -> bytes:
    return make.differencing(
        bytes([number % 255 + 1]) * SECTOR * 8, [number % 8 == i for i in range(8)],
        unique_id=IDS[number], created=1, parent_id=IDS[parent], parent_name=name or "C:\\p.vhd",
        block_size=4096, **more)  # type: ignore[arg-type] # only parent_time is handed on


@pytest.mark.parametrize("length", [1, 2, 3, 10, 255])
def test_long_chains_are_followed(length: int) -> None:
    base = file("0.vhd", make.dynamic(bytes([1]) * SECTOR * 8, unique_id=IDS[0], created=1,
                                      block_size=4096))
    files = [base, *(file(f"{i}.avhd", diff(i, i - 1)) for i in range(1, length + 1))]
    chain = build_chain(files[-1], Shelf(tuple(files)))
    assert [f.path for f in chain.files] == [f.path for f in reversed(files)]
    assert chain.broken == ""
    assert chain.verdict(length) == "complete"
    assert len(chain.disk.read_at(0, 4096)) == 4096


def test_a_chain_deeper_than_the_cap_ends_there() -> None:
    files = [file(f"{i}.avhd", diff(i, i - 1)) for i in range(1, 290)]
    chain = build_chain(files[-1], Shelf(tuple(files)))
    assert (len(chain.files), chain.broken) == (256, "too deep")


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_cycle_is_cut_and_said(size: int) -> None:
    files = [file(f"{i}.avhd", diff(i, (i + 1) % size)) for i in range(size)]
    chain = build_chain(files[0], Shelf(tuple(files)))
    assert (len(chain.files), chain.broken) == (size, "cyclic")
    assert [n.code for n in chain.notices] == ["VHD-CYCLE"]
    with pytest.raises(MissingParent):
        chain.disk.read_at(7 * SECTOR, SECTOR)


def test_a_file_of_the_right_name_and_the_wrong_id_is_not_attached() -> None:
    impostor = file("p.vhd", make.fixed(bytes(4096), unique_id=IDS[9], created=1))
    child = file("c.avhd", diff(1, 0))
    chain = build_chain(child, Shelf((impostor, child)))
    assert (len(chain.files), chain.broken) == (1, "wrong parent (unique id)")
    assert str(uuid.UUID(bytes=IDS[9])).upper() in chain.notices[0].what


@pytest.mark.parametrize("damage", ["none", "bitmap", "cut", "entry"])
def test_what_a_chain_lacks_is_the_same_with_and_without_the_short_way(damage: str) -> None:
    base = bytearray(make.dynamic(bytes([7]) * SECTOR * 32, unique_id=IDS[0], created=1,
                                  block_size=4096))
    table = struct.unpack_from(">Q", base, 512 + 16)[0]
    if damage == "bitmap":
        base[struct.unpack_from(">I", base, table)[0] * SECTOR] = 0x7F
    elif damage == "cut":
        del base[-2000:-512]
    elif damage == "entry":
        base = bytearray(patched(bytes(base), 2, 1))
    files = (file("c.avhd", diff(1, 0)), file("p.vhd", bytes(base)))
    chain = build_chain(files[0], Shelf(files))
    assert chain.broken == ""
    for depth in (0, 1):
        whole = Disk([f.layer for f in files[depth:]]).unreadable()
        assert chain.unreadable(depth) == whole
        assert bool(whole) == (damage != "none" and (depth == 1 or damage == "bitmap"))


def test_a_parent_is_found_wherever_it_lies_and_twins_are_said() -> None:
    content = make.fixed(bytes([2]) * 4096, unique_id=IDS[0], created=1)
    twins = [file("a\\copy.vhd", content), file("p.vhd", content)]
    child = file("c.avhd", diff(1, 0))
    chain = build_chain(child, Shelf((*twins, child)))
    assert [f.path for f in chain.files] == ["C:\\c.avhd", "C:\\p.vhd"]
    assert [n.code for n in chain.notices] == ["VHD-TWINS"]
    alone = build_chain(child, Shelf((twins[0], child)))
    assert (alone.files[1].path, alone.notices) == ("C:\\a\\copy.vhd", ())


def test_a_parent_time_of_zero_is_no_mismatch_and_another_is_only_said() -> None:
    base = DiskFile(Source("t"), "C:\\p.vhd",
                    Vhd(Memory(make.fixed(bytes(4096), unique_id=IDS[0], created=1))),
                    changed_at=125_911_584_000_000_000)
    for parent_time, codes in ((0, []), (500, ["VHD-PARENTTIME"])):
        child = file("c.avhd", diff(1, 0, parent_time=parent_time))
        chain = build_chain(child, Shelf((base, child)))
        assert (chain.broken, [n.code for n in chain.notices]) == ("", codes)


def test_a_smaller_parent_ends_in_zeros_and_a_larger_one_is_cut() -> None:
    for count in (4, 16):
        base = Vhd(Memory(make.fixed(bytes([2]) * SECTOR * count, unique_id=IDS[0], created=1)))
        disk = Disk([Vhd(Memory(diff(1, 0))), base])
        expected = bytearray((bytes([2]) * SECTOR * count + bytes(4096))[:4096])
        expected[SECTOR:2 * SECTOR] = bytes([2]) * SECTOR
        assert disk.read_at(0, 1 << 20) == bytes(expected)
        assert disk.owner_of(0, 4096) == (1, 0) if count > 1 else (0,)
