"""VHDX logs that were not replayed: which sequence counts, what it does, when to refuse."""

import struct
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.blocks import Kind, Memory
from analyzer.disks.disk import Disk
from analyzer.disks.vhdx import Vhdx
from analyzer.errors import Corrupt, Unsupported
from corpus.make import vhdx as make
from corpus.make import vhdx_log as logs
from corpus.make.vhdx_log import Entry, Write

MIB = 1 << 20
LOG_ID = uuid.UUID(int=0xABCDEF)
STYLE = make.Style(block_size=MIB)
MEDIA = b"".join(bytes([i + 1]) * MIB for i in range(6))
BAT = make.bat_at(STYLE)


def clean() -> bytes:
    return make.dynamic(MEDIA, STYLE)


def table(content: bytes) -> bytes:
    return content[BAT:BAT + 4096]


def stale() -> bytes:
    """The disk before its blocks were entered in the table."""
    content = clean()
    return content[:BAT] + bytes(4096) + content[BAT + 4096:]


def media(layer: Vhdx) -> bytes:
    return Disk([layer]).read_at(0, layer.size)


def steps() -> list[bytes]:
    """The table after each of six blocks was entered."""
    whole = table(clean())
    return [whole[:8 * (i + 1)].ljust(4096, b"\0") for i in range(6)]


def entries(count: int = 6, first: int = 100, tail: int = 0) -> list[Entry]:
    return [Entry(writes=[Write(BAT, step)], sequence=first + i, tail=tail)
            for i, step in enumerate(steps()[:count])]


@pytest.mark.parametrize("start", [0, 4096 * 7, MIB - 4096, MIB - 8192, MIB - 3 * 8192])
def test_a_log_is_replayed_in_memory_wherever_in_the_ring_it_begins(start: int) -> None:
    content = logs.with_log(stale(), entries(), LOG_ID, STYLE, start=start)
    layer = Vhdx(Memory(content))
    assert media(layer) == MEDIA
    assert [n.code for n in layer.notices] == ["VHDX-LOG"]
    assert "6 entries with 6 writes (numbers 100 to 105)" in layer.notices[0].what
    assert layer.container.read_at(0, len(content)) == content


def test_without_the_mark_in_the_header_the_log_is_not_looked_at() -> None:
    content = logs.with_log(stale(), entries(), make.NO_ID, STYLE)
    layer = Vhdx(Memory(content))
    assert layer.notices == []
    assert media(layer) == bytes(6 * MIB)


def test_entries_before_the_tail_are_not_replayed() -> None:
    """The tail says that the first entries are done; here they never were."""
    content = stale()
    junk = Write(BAT + 8 * 4096, b"\7" * 4096)
    rows = [Entry(writes=[junk], sequence=1), *entries(6, 2, tail=1)]
    layer = Vhdx(Memory(logs.with_log(content, rows, LOG_ID, STYLE)))
    assert media(layer) == MEDIA
    assert "6 entries with 6 writes (numbers 2 to 7)" in layer.notices[0].what


def test_the_newest_of_several_sequences_counts() -> None:
    old = entries(3, 10)
    new = [Entry(writes=e.writes, sequence=e.sequence, tail=3) for e in entries(6, 500)]
    for rows in ([*old, *new], [*(Entry(writes=e.writes, sequence=e.sequence) for e in new),
                                *(Entry(writes=e.writes, sequence=e.sequence, tail=6)
                                  for e in old)]):
        layer = Vhdx(Memory(logs.with_log(stale(), rows, LOG_ID, STYLE)))
        assert media(layer) == MEDIA


def test_entries_of_another_session_do_not_count() -> None:
    other = [Entry(writes=e.writes, sequence=e.sequence + 1000, log_id=uuid.UUID(int=5), tail=6)
             for e in entries(2)]
    content = logs.with_log(stale(), [*entries(), *other], LOG_ID, STYLE)
    layer = Vhdx(Memory(content))
    assert media(layer) == MEDIA
    assert [n.code for n in layer.notices] == ["VHDX-LOG"]


def test_zeros_and_sectors_in_one_entry_in_their_order() -> None:
    rubbish = clean()
    rubbish = rubbish[:BAT] + b"\xff" * MIB + rubbish[BAT + MIB:]
    rows = [Entry(writes=[Write(BAT, b"\6" * 4096), Write(BAT, zeros=MIB),
                          Write(BAT, table(clean()))], sequence=9)]
    assert media(Vhdx(Memory(logs.with_log(rubbish, rows, LOG_ID, STYLE)))) == MEDIA
    rows = [Entry(writes=[Write(BAT, table(clean())), Write(BAT, zeros=MIB)], sequence=9)]
    assert media(Vhdx(Memory(logs.with_log(rubbish, rows, LOG_ID, STYLE)))) == bytes(6 * MIB)


def test_more_descriptors_than_a_sector_holds() -> None:
    writes = [Write(BAT + 4096 * (1 + i % 200), bytes(4095) + bytes([i & 255]))
              for i in range(240)]
    big = make.Style(block_size=MIB, log_size=4 * MIB)
    whole = make.dynamic(MEDIA, big)
    at = make.bat_at(big)
    moved = [Write(w.offset - BAT + at, w.data) for w in writes]
    moved.append(Write(at, whole[at:at + 4096]))
    content = whole[:at] + bytes(4096) + whole[at + 4096:]
    for start in (0, 4 * MIB - 4096, 4 * MIB - 12288):
        rows = [Entry(writes=moved, sequence=1 << 40)]
        layer = Vhdx(Memory(logs.with_log(content, rows, LOG_ID, big, start=start)))
        assert media(layer) == MEDIA


def test_region_tables_and_metadata_come_out_of_the_log_too() -> None:
    content = clean()
    writes = [Write(at + part, content[at + part:at + part + 4096])
              for at, size in ((make.REGION_TABLES[0], 65536), (make.REGION_TABLES[1], 65536),
                               (2 * MIB, 65536 + 4096))
              for part in range(0, size, 4096)]
    broken = bytearray(content)
    for write in writes:
        broken[write.offset:write.offset + 4096] = b"\xaa" * 4096
    layer = Vhdx(Memory(logs.with_log(bytes(broken), [Entry(writes=writes, sequence=3)], LOG_ID,
                                      STYLE)))
    assert media(layer) == MEDIA


def test_extents_lead_to_the_log_where_the_bytes_are_there() -> None:
    """No writer logs payload; whoever does is read right, and each byte keeps its place."""
    content = clean()
    block = struct.unpack_from("<Q", content, BAT)[0] & ~(MIB - 1)
    written = bytes(range(256)) * 16
    rows = [Entry(writes=[Write(block + 8192, written), Write(block + 16384, zeros=4096)],
                  sequence=5)]
    dirty = logs.with_log(content, rows, LOG_ID, STYLE)
    layer = Vhdx(Memory(dirty))
    expected = bytearray(MEDIA)
    expected[8192:12288], expected[16384:20480] = written, bytes(4096)
    assert media(layer) == bytes(expected)
    rebuilt = b"".join(bytes(e.length) if e.kind == Kind.ZERO else dirty[e.at:e.at + e.length]
                       for e in layer.extents_in(0, MIB))
    assert rebuilt == expected[:MIB]


def test_writes_behind_the_end_of_the_file_extend_it() -> None:
    content = clean()
    end = len(content)
    entry = struct.pack("<Q", end | make.PRESENT)
    grown = table(content)[:8] + entry + table(content)[16:]
    rows = [Entry(writes=[Write(BAT, grown), Write(end + 4096, b"\x11" * 4096),
                          Write(end + 8192, zeros=4096)], sequence=5)]
    layer = Vhdx(Memory(logs.with_log(content, rows, LOG_ID, STYLE)))
    kinds = [(e.start - MIB, e.length, e.kind) for e in layer.extents_in(MIB, MIB)
             if e.kind != Kind.DATA]
    assert kinds == [(0, 4096, Kind.UNREADABLE), (8192, 4096, Kind.ZERO),
                     (12288, MIB - 12288, Kind.UNREADABLE)]
    assert Disk([layer]).read_at(MIB + 4096, 8192) == b"\x11" * 4096 + bytes(4096)


def test_a_file_shorter_than_its_log_says_is_cut_and_said() -> None:
    content = stale()
    rows = [Entry(writes=[Write(BAT, table(clean()))], sequence=5, flushed=len(content))]
    dirty = logs.with_log(content, rows, LOG_ID, STYLE)
    layer = Vhdx(Memory(dirty[:-MIB]))
    assert Disk([layer]).unreadable() == [(5 * MIB, MIB)]
    assert [n.code for n in layer.notices] == ["VHDX-TRUNC", "VHDX-LOG", "VHDX-BAT"]
    assert Disk([layer]).read_at(0, 5 * MIB) == MEDIA[:5 * MIB]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_logs_leave_what_their_writes_in_order_leave(data: st.DataObject) -> None:
    """Writes into the payload, where they can be seen; older sessions before and behind."""
    content = make.dynamic(MEDIA[:2 * MIB], STYLE)
    block = struct.unpack_from("<Q", content, BAT)[0] & ~(MIB - 1)

    def draw_entry(index: int, first: int) -> Entry:
        writes = []
        for _ in range(data.draw(st.integers(0, 4))):
            page = data.draw(st.integers(0, 7))
            writes.append(Write(block + 4096 * page, zeros=4096 * data.draw(st.integers(1, 3)))
                          if data.draw(st.booleans()) else
                          Write(block + 4096 * page, bytes(range(1, 9)) + bytes(
                              [data.draw(st.integers(0, 255))]) * 4084 + b"tail"))
        return Entry(writes=writes, sequence=first + index,
                     tail=data.draw(st.integers(0, index)))

    count = data.draw(st.integers(1, 9))
    rows = [draw_entry(index, 1000) for index in range(count)]
    old = [Entry(writes=row.writes, sequence=row.sequence - 900, tail=row.tail + count,
                 log_id=data.draw(st.sampled_from([LOG_ID, uuid.UUID(int=5)])))
           for row in rows[:data.draw(st.integers(0, count))]]
    start = 4096 * data.draw(st.integers(0, MIB // 4096 - 1))
    layer = Vhdx(Memory(logs.with_log(content, [*rows, *old], LOG_ID, STYLE, start=start)))
    expected = bytearray(MEDIA[:2 * MIB])
    for row in rows[rows[-1].tail:]:
        for write in row.writes:
            at = write.offset - block
            expected[at:at + (write.zeros or 4096)] = write.data or bytes(write.zeros)
    assert media(layer) == expected


# What does not verify


def damaged(number: int, inside: int, value: int = 0x5A) -> bytes:
    """One byte of an entry changed; each entry has two sectors."""
    content = bytearray(logs.with_log(stale(), entries(), LOG_ID, STYLE))
    content[make.LOG_AT + number * 8192 + inside] ^= value
    return bytes(content)


@pytest.mark.parametrize("inside", [0, 5, 9, 13, 17, 25, 33, 49, 65, 69, 81, 90, 4096, 4100, 5000,
                                    8191])
@pytest.mark.parametrize("number", range(5))
def test_damage_before_the_newest_entry_refuses_the_disk(number: int, inside: int) -> None:
    with pytest.raises(Corrupt, match="log does not verify"):
        Vhdx(Memory(damaged(number, inside)))


@pytest.mark.parametrize("inside", [0, 5, 9, 13, 17, 25, 33, 49, 65, 69, 81, 90, 4096, 4100, 5000,
                                    8191])
def test_a_newest_entry_that_does_not_verify_was_never_finished_and_is_said(inside: int) -> None:
    layer = Vhdx(Memory(damaged(5, inside)))
    assert media(layer) == MEDIA[:5 * MIB] + bytes(MIB)
    assert [n.code for n in layer.notices] == ["VHDX-LOGEND", "VHDX-LOG"]


def test_no_sequence_refuses_the_disk() -> None:
    for content in (logs.with_log(stale(), [], LOG_ID, STYLE),
                    logs.with_log(stale(), entries(1, tail=0)[:1], LOG_ID, STYLE)[:make.LOG_AT]
                    + b"\xee" * MIB + stale()[2 * MIB:],
                    logs.with_log(stale(), entries(3, tail=0), uuid.UUID(int=1), STYLE)[
                        :make.LOG_AT] + bytes(8192) + logs.with_log(
                        stale(), entries(3), uuid.UUID(int=1), STYLE)[make.LOG_AT + 8192:]):
        with pytest.raises(Corrupt, match="log does not verify"):
            Vhdx(Memory(content))


@pytest.mark.parametrize("write", [
    Write(64 << 10, bytes(4096)), Write(128 << 10, zeros=4096), Write(make.LOG_AT, bytes(4096)),
    Write(make.LOG_AT - 4096, zeros=8192), Write(BAT + 1, bytes(4096)), Write(BAT, zeros=100),
    Write(1 << 62, zeros=4096), Write(BAT, zeros=1 << 62)])
def test_writes_to_where_none_may_be_are_not_valid(write: Write) -> None:
    rows = [Entry(writes=[write], sequence=5)]
    with pytest.raises(Corrupt, match="log does not verify"):
        Vhdx(Memory(logs.with_log(clean(), rows, LOG_ID, STYLE)))


def test_a_log_that_is_not_there_or_too_large() -> None:
    huge = make.Style(block_size=MIB, log_size=128 * MIB)
    content = clean()
    for style, error in ((huge, Unsupported), (make.Style(log_size=0), Corrupt),
                         (make.Style(log_size=16 * MIB), Corrupt)):
        head = make.header(8, style, LOG_ID).ljust(65536, b"\0")
        with pytest.raises(error):
            Vhdx(Memory(content[:65536] + 2 * head + content[196608:]))


def test_a_log_full_of_zero_writes_is_bounded() -> None:
    big = make.Style(block_size=MIB, log_size=4 * MIB)
    whole = make.dynamic(MEDIA, big)
    end = len(whole)
    some = [Write(end + 4096 * i, zeros=1 << 40) for i in range(40_000)]
    rows = [Entry(writes=some, sequence=1 + i) for i in range(2)]
    assert media(Vhdx(Memory(logs.with_log(whole, rows[:1], LOG_ID, big)))) == MEDIA
    with pytest.raises(Unsupported):
        Vhdx(Memory(logs.with_log(whole, rows, LOG_ID, big)))
