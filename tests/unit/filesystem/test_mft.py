"""MFT records: every field by construction, and damage."""

import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import Corrupt
from analyzer.filesystem.attributes import (
    AttributeType,
    Reference,
    Run,
    decode_attribute_list,
    decode_runs,
    text,
)
from analyzer.filesystem.mft import apply_fixups, name_parents, parse_record, remove_fixups
from analyzer.times import LATEST
from tests.unit.filesystem.mft_writer import (
    DATA,
    LIST,
    NAME,
    T0,
    attribute_list,
    encode_runs,
    file_name,
    file_name_value,
    non_resident,
    protect,
    record,
    reference,
    resident,
    standard,
    utf16,
)


def test_every_field_of_a_record() -> None:
    raw = record(40, [standard(security=300), file_name("LONG~1", 7, 8, 2), file_name("long", 7, 8),
                      resident(DATA, b"abc"), resident(DATA, b"zone", "Zone.Identifier", 4)],
                 sequence=9, flags=1, links=2)
    parsed = parse_record(raw, 40)
    assert (parsed.number, parsed.sequence, parsed.link_count) == (40, 9, 2)
    assert (parsed.in_use, parsed.is_directory, parsed.base, parsed.damage) == (
        True, False, None, None)
    assert parsed.standard is not None
    assert (parsed.standard.created, parsed.standard.modified, parsed.standard.changed,
            parsed.standard.accessed) == (T0, T0 + 1, T0 + 2, T0 + 3)
    assert (parsed.standard.file_attributes, parsed.standard.owner_id,
            parsed.standard.security_id) == (0x20, 7, 300)
    assert [(n.raw, n.namespace, n.parent) for n in parsed.names] == [
        (utf16("LONG~1"), 2, Reference(7, 8)), (utf16("long"), 1, Reference(7, 8))]
    assert parsed.names[1].created == T0 + 10
    assert [(a.name, a.value, a.id) for a in parsed.of_type(AttributeType.DATA)] == [
        ("", b"abc", 0), ("Zone.Identifier", b"zone", 4)]


def test_sizes_and_flags_of_a_stream_that_is_not_resident() -> None:
    raw = record(1, [non_resident(DATA, [(5, 3), (None, 2)], 5000, initialized=4000,
                                  flags=0x8001, unit=4)])
    data = next(parse_record(raw, 1).of_type(AttributeType.DATA))
    assert (data.real, data.allocated, data.initialized, data.compression_unit) == (
        5000, 5 * 1024, 4000, 4)
    assert data.is_compressed
    assert not data.is_encrypted
    assert data.runs() == [Run(5, 3), Run(None, 2)]


def test_extension_records_name_their_base() -> None:
    assert parse_record(record(3, base=reference(40, 9)), 3).base == Reference(40, 9)


def test_times_that_are_not_set_are_none() -> None:
    parsed = parse_record(record(1, [resident(0x10, bytes(72))]), 1)
    assert parsed.standard is not None
    assert parsed.standard.created is None


@pytest.mark.parametrize("late", [
    [standard(LATEST)], [standard(), resident(NAME, file_name_value("a", created=1 << 63))]])
def test_times_past_the_year_9999_are_damage_that_says_them(late: list[bytes]) -> None:
    parsed = parse_record(record(1, late), 1)
    assert parsed.standard is not None
    assert len(parsed.names) == len(late) - 1
    assert parsed.damage is not None
    assert re.search(f"time (0x8{'0' * 15}|{LATEST + 1:#x}), past", str(parsed.damage))


def test_short_standard_information_has_no_security_id() -> None:
    parsed = parse_record(record(1, [resident(0x10, struct.pack("<4QIIII", 1, 2, 3, 4, 5, 0, 0,
                                                                0))]), 1)
    assert parsed.standard is not None
    assert parsed.standard.security_id is None


def test_a_sector_from_another_write_costs_what_is_in_it() -> None:
    raw = bytearray(record(1, [standard(), file_name("kept"), resident(DATA, b"x" * 400)]))
    raw[1022:] = b"??"
    parsed = parse_record(bytes(raw), 1)
    assert [n.raw for n in parsed.names] == [utf16("kept")]
    assert not list(parsed.of_type(AttributeType.DATA))
    assert parsed.damage is not None
    assert parsed.damage.at == 512


def test_a_torn_sector_that_is_not_used_costs_nothing() -> None:
    raw = bytearray(record(1, [standard(), resident(DATA, b"x")]))
    raw[1022:] = b"??"
    assert parse_record(bytes(raw), 1).damage is None


@pytest.mark.parametrize(("offset", "value"), [
    (0, b"BAAD"), (0, bytes(4)), (4, b"\xff\xff"), (6, b"\x09\x00"), (510, b"??"),
    (20, b"\xff\xff"), (24, b"\xff\xff\xff\xff")])
def test_no_record_without_signature_header_and_first_sector(offset: int, value: bytes) -> None:
    raw = bytearray(record(1, [standard()]))
    raw[offset:offset + len(value)] = value
    with pytest.raises(Corrupt):
        parse_record(bytes(raw), 1)


def test_a_record_that_stands_in_the_place_of_another_is_not_taken_for_it() -> None:
    with pytest.raises(Corrupt, match="record 7 was written over it"):
        parse_record(record(7, [standard()]), 8)
    assert parse_record(record(0, [standard()]), 8).number == 8  # NTFS 3.0 has no numbers


def test_a_value_does_not_lie_in_its_own_header() -> None:
    data = bytearray(record(1, [standard(), resident(DATA, b"x")]))
    struct.pack_into("<H", data, struct.unpack_from("<H", data, 20)[0] + 20, 8)
    assert parse_record(bytes(data), 1).damage is not None


@pytest.mark.parametrize("length", [0, 8, 25, 0x7FFF_FFFF])
def test_attributes_before_a_broken_one_are_kept(length: int) -> None:
    broken = struct.pack("<II", DATA, length) + bytes(56)
    parsed = parse_record(record(1, [standard(), file_name("a"), broken]), 1)
    assert parsed.standard is not None
    assert len(parsed.names) == 1
    assert isinstance(parsed.damage, Corrupt)


def test_an_end_before_the_end_is_damage() -> None:
    raw = record(1, [standard(), file_name("a"), resident(DATA, b"kept")])
    at = raw.index(b"kept") - 24
    parsed = parse_record(raw[:at] + b"\xff" * 4 + raw[at + 4:], 1)
    assert [n.raw for n in parsed.names] == [utf16("a")]
    assert parsed.damage is not None
    assert parsed.damage.at == at


def test_a_name_that_breaks_does_not_hide_the_next() -> None:
    parsed = parse_record(record(1, [resident(0x30, bytes(20)), file_name("b")]), 1)
    assert [n.raw for n in parsed.names] == [utf16("b")]
    assert parsed.damage is not None


@given(st.lists(st.tuples(st.none() | st.integers(0, 1 << 40), st.integers(1, 1 << 30)),
                max_size=40))
def test_runs_round_trip(runs: list[tuple[int | None, int]]) -> None:
    assert [tuple(run) for run in decode_runs(encode_runs(runs))] == runs


@given(st.binary(max_size=64))
def test_any_bytes_as_runs(data: bytes) -> None:
    try:
        runs = decode_runs(data)
    except Corrupt:
        return
    assert all(run.length > 0 and (run.lcn is None or run.lcn >= 0) for run in runs)


@pytest.mark.parametrize("mapping", [
    b"\x11\x05\xf0\x00",      # cluster -16
    b"\x11\x00\x05\x00",      # no clusters
    b"\x19" + bytes(12),      # length field of 9 bytes
    b"\x18" + b"\xff" * 8 + b"\x01\x00",
    b"\x11\x05",              # cut
    b"",                      # no end
])
def test_runs_that_break_the_rules(mapping: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_runs(mapping)


def test_attribute_list() -> None:
    raw = record(1, [attribute_list([(DATA, 0, 1, 1), (DATA, 99, 55, 3)])])
    value = next(parse_record(raw, 1).of_type(AttributeType.ATTRIBUTE_LIST)).value
    assert value is not None
    assert [(e.type, e.first_vcn, e.record) for e in decode_attribute_list(value)] == [
        (DATA, 0, Reference(1, 1)), (DATA, 99, Reference(55, 3))]
    with pytest.raises(Corrupt):
        decode_attribute_list(struct.pack("<IH", LIST, 4) + bytes(30))


def test_fixups_round_trip() -> None:
    raw = record(1, [standard(), resident(DATA, bytes(range(256)) * 2)])
    fixed, good = apply_fixups(raw)
    assert good == 1024
    assert fixed != raw
    assert remove_fixups(fixed) == raw


@given(st.integers(0, 1023), st.binary(min_size=1, max_size=16), st.booleans())
def test_damage_gives_a_record_or_corrupt(at: int, patch: bytes, repaired: bool) -> None:
    raw = bytearray(record(1, [standard(), file_name("name"), non_resident(DATA, [(5, 3)], 99)]))
    if repaired:
        raw = bytearray(apply_fixups(bytes(raw))[0])
    raw[at:at + len(patch)] = patch[:1024 - at]
    data = protect(bytes(raw)) if repaired else bytes(raw)
    try:
        parsed = parse_record(data, 1)
    except Corrupt:
        return
    quick = name_parents(data)
    if quick is not None and parsed.damage is None:
        assert [place for place, _ in quick[1]] == list(range(len(parsed.names)))


@given(st.binary(max_size=2048))
def test_any_bytes_as_a_record(data: bytes) -> None:
    for parse in (lambda d: parse_record(d, 1), name_parents):
        for start in (b"", b"FILE0\x00\x03\x00"):
            try:
                parse(start + data)
            except Corrupt:
                continue


def test_dos_names_beside_long_ones_are_left_out_of_the_quick_look() -> None:
    raw = record(1, [standard(), file_name("AB~1", 7, 8, 2), file_name("abcdefghij", 7, 8),
                     file_name("ONLY", 9, 1, 2)])
    assert name_parents(raw) == (0, [(1, reference(7, 8)), (2, reference(9, 1))])


@pytest.mark.parametrize(("sequence", "in_use", "named_by", "expected"), [
    (5, True, 5, True), (5, True, 4, False), (5, False, 4, True), (5, False, 5, True),
    (5, False, 3, False), (1, False, 0xFFFF, True), (5, True, 0, True)])
def test_whom_a_reference_means(sequence: int, in_use: bool, named_by: int,
                                expected: bool) -> None:
    parsed = parse_record(record(1, sequence=sequence, flags=int(in_use)), 1)
    assert parsed.is_named_by(named_by) is expected


def test_names_keep_lone_surrogates_apart() -> None:
    assert text("ä🙂".encode("utf-16-le")) == "ä🙂"
    assert text(b"\x00\xd8") == "\\ud800"
    assert text(b"\x01\xd8") == "\\ud801"
    text(b"\x00\xd8").encode()
