"""Event logs: real ones against their counts, the writer's through three readers, and damage."""

import io
import random
import struct
from pathlib import Path

import pyevtx
import pytest

from analyzer import times
from analyzer.blocks import Memory
from analyzer.errors import EvidenceError, NotThisFormat
from analyzer.formats.evtx import EventLog, EventRecord, Unread
from corpus.make.evtx import Event, build, vml

AT = times.parse_iso("2012-05-06T07:08:09.1234567Z")
VM = "11111111-2222-3333-4444-555555555555"
REAL = {  # records that Windows counts, from the README of the data folder and evtx_dump
    "evtx-rs/samples/2-vss_7-System.evtx": 1160, "plaso/System.evtx": 1601,
    "python-evtx/tests/data/security.evtx": 2261, "python-evtx/tests/data/issue_38.evtx": 1,
    "python-evtx/tests/data/issue_39.evtx": 394, "evtx-rs/samples/post-Security.evtx": 126,
    "evtx-rs/samples/Security_short_selected.evtx": 7,
    "evtx-rs/samples/Application_no_crc32.evtx": 17, "dissect.target/TestLogX.evtx": 5,
    "velociraptor/artifacts/testdata/files/DE_104_system_log_cleared.evtx": 1}


def events(count: int = 400) -> list[Event]:
    return [vml(AT + n, "Worker", 18500, "Worker-Admin", f"WEB{n}", VM, user_sid="S-1-5-83-1-1")
            for n in range(count)]


LOG = build(events())


def read(data: bytes) -> tuple[list[EventRecord], list[Unread], EventLog]:
    log = EventLog.open(Memory(data))
    rows = list(log.records())
    return ([r for r in rows if isinstance(r, EventRecord)],
            [r for r in rows if isinstance(r, Unread)], log)


def codes(log: EventLog) -> set[str]:
    return {notice.code for notice in log.notices}


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_real_logs_are_read_whole(name: str, realdata: Path) -> None:
    found, unread, log = read((realdata / name).read_bytes())
    assert len(found) == REAL[name]
    assert [row for row in unread if not row.is_slack] == []
    assert codes(log) <= {"EVTX-DIRTY", "EVTX-GAP"}
    assert all(row.written_at is not None and row.provider and row.channel for row in found)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["plaso/System.evtx", "python-evtx/tests/data/security.evtx"])
def test_real_logs_against_libevtx(name: str, realdata: Path) -> None:
    data = (realdata / name).read_bytes()
    other = pyevtx.file()
    other.open_file_object(io.BytesIO(data))
    theirs = [(r.identifier, r.get_written_time_as_integer(), r.event_identifier & 0xFFFF,
               r.computer_name, r.user_security_identifier or "") for r in other.records]
    ours = [(r.record_id, r.written_at, r.event_id, r.computer, r.user_sid) for r in read(data)[0]]
    assert ours == theirs


@pytest.mark.realdata
def test_a_gap_of_a_real_log_is_said(realdata: Path) -> None:
    log = read((realdata / "evtx-rs/samples/2-vss_7-System.evtx").read_bytes())[2]
    assert [n.what for n in log.notices if n.code == "EVTX-GAP"] == [
        "records 1156 to 1417 of the log are missing"]


@pytest.mark.realdata
def test_a_log_that_was_cleared(realdata: Path) -> None:
    path = "velociraptor/artifacts/testdata/files/DE_104_system_log_cleared.evtx"
    (row,), _, _ = read((realdata / path).read_bytes())
    assert (row.event_id, row.provider, row.template) == (
        104, "Microsoft-Windows-Eventlog", "LogFileCleared")
    assert (row.value("SubjectUserName"), row.value("channel")) == ("user01", "System")
    assert row.written_at == times.parse_iso("2019-03-19T23:34:25.894341Z")  # out of TimeCreated


def test_what_was_written_comes_back() -> None:
    found, unread, log = read(LOG)
    assert (len(found), unread, log.notices) == (400, [], [])
    row = found[399]
    assert (row.record_id, row.written_at, row.event_id) == (400, AT + 399, 18500)
    assert (row.provider, row.channel) == ("Microsoft-Windows-Hyper-V-Worker",
                                           "Microsoft-Windows-Hyper-V-Worker-Admin")
    assert (row.user_sid, row.template) == ("S-1-5-83-1-1", "VmlEventLog")
    assert row.data == (("Parameter0", "WEB399"), ("Parameter1", VM))
    assert LOG[row.offset:row.offset + 4] == b"**\0\0"


def test_libevtx_accepts_what_was_written() -> None:
    other = pyevtx.file()
    other.open_file_object(io.BytesIO(LOG))
    assert not other.is_corrupted()
    assert [(r.identifier, r.get_written_time_as_integer()) for r in other.records] == [
        (n + 1, AT + n) for n in range(400)]
    assert f"<Parameter1>{VM}</Parameter1>" in other.get_record(7).xml_string


def test_fields_of_every_shape() -> None:
    rows = [Event(AT, "P", 1, "C", (("", "a"), ("", "b"))), Event(AT, "P", 2, "C"),
            Event(AT, "P", 3, "C", (("param1", "x <&> \u202e\x7f"),)),
            vml(AT, "VMMS", 13002, "VMMS-Admin", "n", VM, names=("VmName", "VmId"))]
    found, _, _ = read(build(rows))
    assert [row.data for row in found] == [
        (("0", "a"), ("1", "b")), (), (("param1", "x <&> \u202e\x7f"),),
        (("VmName", "n"), ("VmId", VM))]


def test_a_log_that_was_not_closed_is_read_whole() -> None:
    found, _, log = read(build(events(), dirty=True))
    assert (len(found), codes(log)) == (400, {"EVTX-DIRTY"})


def test_two_records_with_one_id_stay_two() -> None:
    data = bytearray(build(events(2)))
    second = data.index(b"**\0\0", 4096 + 520)
    struct.pack_into("<Q", data, second + 8, 1)
    found, _, log = read(bytes(data))
    assert [(row.record_id, row.value("Parameter0")) for row in found] == [(1, "WEB0"), (1, "WEB1")]
    assert codes(log) == {"EVTX-CHUNK"}


def test_a_broken_record_costs_that_record() -> None:
    data = bytearray(LOG)
    broken = read(LOG)[0][3].offset
    data[broken:broken + 4] = b"xxxx"
    found, unread, log = read(bytes(data))
    assert [row.record_id for row in found] == [n for n in range(1, 401) if n != 4]
    assert unread == []
    assert codes(log) == {"EVTX-CHUNK", "EVTX-RECORD", "EVTX-GAP"}
    (gap,) = [notice for notice in log.notices if notice.code == "EVTX-GAP"]
    assert gap.what == "record 4 of the log is missing"


def test_content_that_cannot_be_decoded_is_told_with_id_and_time() -> None:
    data = bytearray(LOG)
    at = read(LOG)[0][5].offset
    data[at + 24:at + 60] = b"\xee" * 36
    found, unread, _ = read(bytes(data))
    assert len(found) == 399
    assert [(row.record_id, row.written_at, row.offset) for row in unread] == [(6, AT + 5, at)]
    assert unread[0].why


def test_a_chunk_without_its_header_is_read() -> None:
    data = bytearray(LOG)
    data[4096:4096 + 128] = bytes(128)
    found, _, log = read(bytes(data))
    assert (len(found), codes(log)) == (400, {"EVTX-CHUNK"})


def test_records_left_behind_the_end_are_slack() -> None:
    used, fresh = build(events(20)), build(events(2), first_id=100)
    end = read(fresh)[0][-1].offset
    end += struct.unpack_from("<I", fresh, end + 4)[0]
    found, unread, _ = read(fresh[:end] + used[end:])
    assert [row.record_id for row in found] == [100, 101]
    assert unread
    assert all(row.is_slack and 1 <= row.record_id <= 20 for row in unread)


@pytest.mark.parametrize("cut", [0, 100, 4096, 4096 + 600, 70_000, len(LOG) - 65_000])
def test_a_cut_log_gives_what_is_left(cut: int) -> None:
    try:
        found, _, log = read(LOG[:cut])
    except NotThisFormat:
        assert cut < 8
        return
    whole = [row for row in read(LOG)[0]
             if row.offset + struct.unpack_from("<I", LOG, row.offset + 4)[0] <= cut]
    assert {row.record_id for row in found} == {row.record_id for row in whole}
    assert log.notices


def test_damage_never_invents_an_event_and_ends() -> None:
    """A record that is read without a word is one that was written; 300 mutants."""
    choose, true = random.Random(5), {row.record_id: row for row in read(LOG)[0]}
    for _ in range(300):
        data = bytearray(LOG)
        for _ in range(choose.randrange(1, 6)):
            at = choose.randrange(4096, len(data) - 8)
            data[at:at + 4] = choose.choice([bytes(4), b"\xff" * 4, choose.randbytes(4)])
        try:
            found, unread, log = read(bytes(data))
        except EvidenceError:
            continue
        told = {row.record_id for row in found} | {row.record_id for row in unread}
        assert told >= set(true) or codes(log) & {"EVTX-GAP", "EVTX-RECORD", "EVTX-CHUNK"}
        if not log.notices:
            assert {row.record_id: row.data for row in found} == {
                number: row.data for number, row in true.items()}


def test_a_records_time_that_cannot_be_is_said_and_that_of_its_text_shown() -> None:
    data = bytearray(build(events(2)))
    at = data.index(b"**\0\0") + 16
    data[at:at + 8] = AT.to_bytes(8, "big")
    found, _, log = read(bytes(data))
    assert [row.written_at for row in found] == [AT, AT + 1]
    odd = [notice for notice in log.notices if notice.code == "TIME-RANGE"]
    assert [notice.start for notice in odd] == [at]
    assert f"{int.from_bytes(AT.to_bytes(8, 'big'), 'little'):#018x}" in odd[0].what
