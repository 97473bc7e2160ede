"""The change journal, against Windows' own listing of a real one, and what damage does to it."""

import re
import struct
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from analyzer import times
from analyzer.errors import Notice
from analyzer.formats.machine_files import may_concern
from analyzer.formats.usn import PAGE, REASONS, Change, changes
from tests.unit.formats.damage import outcomes
from tests.unit.formats.usn_writer import journal, record

T = 130_000_000_000_000_000


def read(data: bytes, base: int = 0) -> tuple[list[Change], list[Notice]]:
    notices: list[Notice] = []
    return list(changes(data, base, notices)), notices


@pytest.mark.realdata
def test_a_real_journal_as_fsutil_lists_it(realdata: Path) -> None:
    folder = realdata / "dfir_ntfs" / "test_data"
    found, notices = read((folder / "usnjrnlj.bin").read_bytes())
    listing = (folder / "usnjrnlj.fsutil.txt").read_text(encoding="utf-8-sig")
    told = [dict(re.findall(r"^(.+?) *: (.*)$", block, re.MULTILINE))
            for block in listing.split("\n\n") if "File name length" in block]
    assert (listing.count("Record length"), listing.count("version     : 4\n")) == (268, 7)
    assert len(told) == 261
    assert len(found) == len(told) + 3  # which stand behind the end that Windows knows
    for change, row in zip(found, told, strict=False):
        words, _, names = row["Reason"].partition(": ")
        assert (change.usn, change.offset, change.name) == (
            int(row["Usn"]), int(row["Usn"]), row["File name"])
        assert sum(bit for bit, word in REASONS.items() if word in change.reasons) == int(words, 16)
        assert [word.casefold() for word in change.reasons] == names.casefold().split(" | ")
        for said, (entry, sequence) in ((row["File ID"], change.entry),
                                        (row["Parent file ID"], change.parent)):
            assert int(said, 16) == entry | sequence << 48
        local = datetime.strptime(row["Time stamp"], "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC)
        assert change.changed_at is not None
        assert (times.to_unix(change.changed_at) - local.timestamp()) % 900 == 0  # of another zone
    assert notices == []


@pytest.mark.realdata
@pytest.mark.parametrize(("usn", "name"), [
    (1170953448, "large_file.txt"), (1170990440, "mpasbase.vdm"), (1170955904, ""),
    (1170989584, "")])
def test_single_real_records(realdata: Path, usn: int, name: str) -> None:
    """Those without a name are of version 4."""
    data = (realdata / "dfir_ntfs" / "test_data" / f"usn_{usn}.bin").read_bytes()
    found, notices = read(data.ljust(PAGE, b"\0"))
    assert [(change.usn, change.name) for change in found] == ([(usn, name)] if name else [])
    assert notices == []


@pytest.mark.parametrize("version", [2, 3])
def test_what_was_written_comes_back(version: int) -> None:
    names = [f"disk {n} \u2013 \U0001f4bd.vhdx" for n in range(100)]
    data = journal(*(record(n * 8, name, "file create", "close", entry=(n, 3), parent=(7, 2),
                            at=T + n, version=version) for n, name in enumerate(names)))
    found, notices = read(data, 1 << 40)
    assert [(c.name, c.usn, c.entry, c.parent, c.reasons, c.changed_at) for c in found] == [
        (name, n * 8, (n, 3), (7, 2), ("file create", "close"), T + n)
        for n, name in enumerate(names)]
    assert found[0].offset == 1 << 40
    assert all(a.offset < b.offset for a, b in pairwise(found))
    assert notices == []


def test_records_of_ranges_are_passed_by_and_folders_told() -> None:
    ranges = struct.pack("<IHH", 80, 4, 0) + bytes(72)
    found, notices = read(journal(ranges, record(80, "VMs", "file delete", attributes=0x10)))
    assert [(c.name, c.is_directory) for c in found] == [("VMs", True)]
    assert found[0].changed_at is None
    assert notices == []


def test_a_time_that_cannot_be_is_said() -> None:
    found, notices = read(journal(record(0, "a.vhd", at=5)))
    assert (found[0].changed_at, [n.code for n in notices]) == (None, ["TIME-RANGE"])


def test_a_damaged_record_costs_that_record() -> None:
    records = [record(n, f"{n}.vhd", "close", at=T) for n in range(200)]
    data = bytearray(journal(*records))
    data[len(records[0]) + 4:len(records[0]) + 6] = b"\x09\x09"
    found, notices = read(bytes(data))
    assert [c.name for c in found] == [f"{n}.vhd" for n in range(200) if n != 1]
    assert [(n.code, n.start) for n in notices] == [("USN-RECORD", len(records[0]))]


def test_damage_ends_in_a_result() -> None:
    data = journal(*(record(n, "a.vhdx", "close", at=T) for n in range(60)))
    assert outcomes(read, data) == {"result"}
    assert read(b"\xff" * PAGE * 3)[0] == []
    assert read(b"") == ([], [])


def test_names_that_are_not_wanted_are_passed_by() -> None:
    data = journal(*(record(n, name, "close", at=T if name[0] == "a" else 5)
                     for n, name in enumerate(("a.vhd", "b.txt", "a.xml"))))
    notices: list[Notice] = []
    assert [c.name for c in changes(data, 0, notices, lambda name: name[0] == "a")] == [
        "a.vhd", "a.xml"]
    assert notices == []


@pytest.mark.parametrize(("name", "may"), [
    ("web.VHDX", True), ("settings.xml", True), ("pagefile.sys", False), ("vhdx", True),
    ("0AA394FA-7C4A-4070-BA32-773D43B28A68", True), ("0AA394FA-7C4A-4070-BA32-773D43B28A68.tmp",
                                                     True), ("a" * 40, False)])
def test_names_that_may_be_of_machines(name: str, may: bool) -> None:
    assert may_concern(name) is may
