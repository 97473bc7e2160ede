"""Records in batches: by construction, and against the reading one by one wherever it is clean."""

import random
import struct

import numpy as np
import pytest

from analyzer.errors import Corrupt
from analyzer.filesystem.attributes import DOS, AttributeType
from analyzer.filesystem.mft import MftRecord, parse_record
from analyzer.filesystem.record_batch import Names, Records, decode_batch, make_room
from analyzer.times import LATEST
from tests.unit.filesystem.mft_writer import (
    DATA,
    LABEL,
    NAME,
    REPARSE,
    T0,
    attribute_list,
    file_name,
    file_name_value,
    non_resident,
    record,
    reference,
    resident,
    standard,
)

SAMPLES = (
    record(40, [standard(), file_name("plain.txt"), resident(DATA, b"hi")], sequence=7),
    record(41, [standard(flags=0x10), file_name("dir")], flags=3),
    record(42, [standard(), file_name("LONGNA~1.TXT", space=DOS), file_name("long name.txt"),
                non_resident(DATA, [(200, 5), (None, 3)], 7000, initialized=100)]),
    record(43, [standard(), file_name("only~1", space=DOS), file_name("link", 30, 2)]),
    record(44, [standard(), file_name("s"), resident(DATA, b"", "stream")]),
    record(45, [standard(), file_name("r"), resident(REPARSE, bytes(16))]),
    record(46, [standard(), attribute_list([(DATA, 0, 47, 1)]), file_name("l")]),
    record(47, [non_resident(DATA, [(9, 1)], 0, first_vcn=1)], base=reference(46, 1)),
    record(48, [resident(LABEL, b"")]),
    record(49, [standard(created=0), file_name("gone \ud83d")], flags=0),
)


def decode(records: tuple[bytes, ...], numbers: list[int] | None = None) -> tuple[Records, Names]:
    room = make_room(len(records), 1024)
    room[:1024 * len(records)] = np.frombuffer(b"".join(records), np.uint8)
    return decode_batch(room, 1024, np.array(numbers or range(40, 40 + len(records)), np.int64))


def test_what_is_in_clean_records() -> None:
    records, names = decode(SAMPLES)
    assert records.is_clean.all()
    assert records.is_plain.tolist() == [True] * 4 + [False] * 4 + [True, False]
    assert records.is_file.tolist() == [True] * 8 + [False, True]
    assert records.sequence.tolist() == [7] + [1] * 9
    assert records.in_use.tolist() == [True] * 9 + [False]
    assert np.flatnonzero(records.is_directory).tolist() == [1]
    assert records.size[[0, 2]].tolist() == [2, 7000]
    assert records.standard[0].tolist() == [T0, T0 + 1, T0 + 2, T0 + 3]
    assert records.standard[9].tolist() == [0, 1, 2, 3]
    assert records.file_attributes[:2].tolist() == [0x20, 0x10]
    assert set(records.security[:2].tolist()) == {256}
    assert records.base[7] == reference(46, 1)
    # the DOS name beside a long one in the same directory is left out, the other one is not
    assert list(zip(names.record.tolist(), names.place.tolist(), strict=True)) == [
        (0, 0), (1, 0), (2, 1), (3, 0), (3, 1), (4, 0), (5, 0), (6, 0), (9, 0)]
    text = names.units.tobytes().decode("utf-16-le", "surrogatepass")
    assert text == "plain.txtdirlong name.txtonly~1linksrlgone \ud83d"
    assert names.times[0].tolist() == [T0 + 10, T0 + 11, T0 + 12, T0 + 13]


def test_an_empty_batch_and_foreign_bytes() -> None:
    records, names = decode((bytes(1024), b"\xff" * 1024, b"BAAD" + bytes(1020)))
    assert not records.is_signed.any()
    assert not records.is_clean.any()
    assert len(names.record) == 0


def test_a_record_in_the_place_of_another_is_not_clean() -> None:
    records, _ = decode(SAMPLES, [40, 42, 41, *range(43, 50)])
    assert np.flatnonzero(~records.is_clean).tolist() == [1, 2]


@pytest.mark.parametrize("kind", [0, 8, 0x11, 0x90])
def test_a_record_with_attributes_out_of_order_is_not_clean(kind: int) -> None:
    data = bytearray(SAMPLES[0])
    struct.pack_into("<I", data, struct.unpack_from("<H", data, 20)[0], kind)
    records, _ = decode((bytes(data),))
    assert not records.is_clean.any()
    found = parse_record(bytes(data), 40)
    assert found.damage is not None
    assert found.names


@pytest.mark.parametrize(("created", "is_clean"), [(0, True), (LATEST - 3, True),
                                                   (LATEST - 2, False), ((1 << 64) - 4, False)])
def test_times_that_no_clock_shows_are_left_to_the_other_reader(created: int,
                                                                is_clean: bool) -> None:
    late = resident(NAME, file_name_value("b", created=created))
    records, names = decode((record(40, [standard(created), file_name("a")]),
                             record(41, [standard(), late])))
    assert records.is_clean.tolist() == [is_clean] * 2
    assert records.is_plain.tolist() == [is_clean and created > 0] * 2
    assert len(names.record) == (2 if is_clean else 0)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_records_are_clean_only_where_the_other_reader_agrees(seed: int) -> None:
    chance = random.Random(seed)
    mutants, numbers = [], [chance.randrange(40, 50) for _ in range(50)]
    for number in numbers:
        data = bytearray(SAMPLES[number - 40])
        for _ in range(chance.randrange(3)):
            at = chance.choice([chance.randrange(400), *range(20, 30)])
            value = chance.choice([b"\0", b"\xff", struct.pack("<I", chance.randrange(1 << 32)),
                                   bytes([chance.randrange(256)])])
            data[at:at + len(value)] = value
        mutants.append(bytes(data[:1024]))
    records, names = decode(tuple(mutants), numbers)
    for row, (number, mutant) in enumerate(zip(numbers, mutants, strict=True)):
        if records.is_clean[row]:
            compare(parse_record(mutant, number), row, records, names)
        elif records.is_signed[row]:
            with pytest.raises(Corrupt):
                raise parse_record(mutant, number).damage or Corrupt("values off their alignment")


def compare(one: MftRecord, row: int, records: Records, names: Names) -> None:
    assert one.damage is None
    assert (one.sequence, one.in_use, one.is_directory) == (
        records.sequence[row], records.in_use[row], records.is_directory[row])
    for found in np.flatnonzero(names.record == row):
        name = one.names[names.place[found]]
        assert (name.created or 0, name.modified or 0, name.changed or 0,
                name.accessed or 0) == tuple(names.times[found])
        assert (2 * names.length[found], name.namespace) == (len(name.raw), names.space[found])
    if one.standard is not None and records.is_plain[row]:
        times = one.standard
        assert (times.created or 0, times.modified or 0, times.changed or 0,
                times.accessed or 0) == tuple(records.standard[row])
        assert times.file_attributes == records.file_attributes[row]
    if records.is_plain[row]:
        assert sum(a.size for a in one.of_type(AttributeType.DATA)) == int(records.size[row])
