"""Meanings of events: each row against message tables of real Windows, and how they are asked."""

import csv
from pathlib import Path

import pytest

from analyzer.blocks import Memory
from analyzer.formats.event_meanings import (
    RELEASES,
    UNSURE,
    VERIFIED,
    Meaning,
    machine_of,
    meaning_of,
    meanings,
    object_of,
)
from analyzer.formats.evtx import EventLog, EventRecord

VM = "D9E0EB0A-5B37-508E-9173-67E9ADE83ACF"
PORT = "6B4A85CC-55A1-4C9F-8C85-44C2A33AAE4A"
COLUMNS = {"2008r2": ("srv2008R2SP1",), "2012": ("srv2012",), "2012r2": ("srv2012R2U",),
           "10": ("win10_1607", "win10_1703")}
CUT_AT = 20_000
"""The lists of Windows 10 end before this number in VMMS (FIELD-GUIDE 11.3)."""


def of(row: Meaning) -> str:
    return f"{row.provider}-{row.event_id}-{row.releases[0]}"


@pytest.mark.parametrize("row", meanings(), ids=of)
def test_a_row_gives_its_meaning_in_its_releases_and_finds_its_machine(row: Meaning) -> None:
    for release in row.releases:
        assert meaning_of(f"Microsoft-Windows-{row.provider}", row.event_id, release) == row
    assert row.certainty in (VERIFIED, UNSURE)
    assert set(row.releases) <= set(RELEASES.values())
    assert row.what
    assert row.source
    data = tuple((f"Parameter{n}", value(row, str(n + 1))) for n in range(12))
    name, vm_id = machine_of(data, row)
    assert name == (f"text {row.name_at[0]}" if row.name_at else "")
    assert vm_id == (VM if any(place.removesuffix("--").isdigit() for place in row.id_at) else "")
    numbers = [place.split("+") for place in row.object_at if place[0].isdigit()][:1]
    assert object_of(data, row) == ", ".join(value(row, one) for ones in numbers for one in ones)
    named = [place for place in row.object_at if not place[0].isdigit()][:1]
    fields = named[0].split("+") if named else []
    assert object_of(tuple((field, f"a {field}") for field in fields), row) == ", ".join(
        f"a {field}" for field in fields)


def value(row: Meaning, place: str) -> str:
    """What an event of this row has at a position."""
    return VM if place in row.id_at else f"{VM}--{PORT}" if f"{place}--" in row.id_at \
        else f"text {place}"


@pytest.mark.realdata
def test_the_rows_are_in_the_message_tables_of_their_releases(realdata: Path) -> None:
    with (realdata / "events" / "hyperv_event_presence.csv").open() as file:
        present = {(row["provider"].removeprefix("Microsoft-Windows-"), int(row["event_id"])): row
                   for row in csv.DictReader(file)}
    known = {provider for provider, _ in present}
    missing = []
    for row in meanings():
        for release in row.releases:
            if row.provider not in known or release not in COLUMNS or "ETW" in row.source:
                continue
            found = present.get((row.provider, row.event_id), {})
            if not any(found.get(column) == "1" for column in COLUMNS[release]):
                missing.append((row.provider, row.event_id, release))
    assert missing == []


@pytest.mark.realdata
def test_no_row_asks_for_more_insertion_strings_than_the_texts_have(realdata: Path) -> None:
    with (realdata / "events" / "hyperv_event_presence.csv").open() as file:
        most = {(row["provider"].removeprefix("Microsoft-Windows-"), int(row["event_id"])):
                int(row["max_insert_index"]) for row in csv.DictReader(file)}
    beyond = [(row.provider, row.event_id, place) for row in meanings()
              for place in (*row.name_at, *row.id_at, *row.object_at)
              if place.removesuffix("--").isdigit() and int(place.removesuffix("--")) > most.get(
                  (row.provider, row.event_id), 99)]
    assert beyond == []


@pytest.mark.parametrize(("provider", "number", "what", "texts", "machine", "concerns"), [
    ("VMMS", 14074, "running when the management service started", ("DC01", VM), ("DC01", VM), ""),
    ("VMMS", 14220, "snapshot disk not deleted", ("D:\\a.avhd",), ("", ""), "D:\\a.avhd"),
    ("VMMS", 14320, "snapshot not deleted", ("Access is denied.", "0x80070005", PORT), ("", ""),
     PORT),
    ("VMMS", 14236, "configuration version update failed", ("DC01", VM), ("DC01", VM), ""),
    ("VMMS", 14238, "snapshot's configuration version update failed", ("before", PORT), ("", ""),
     "before"),
    ("VMMS", 16320, "snapshot configuration cannot be loaded", ("", PORT), ("", ""), PORT),
    ("VMMS", 16210, "merge failed", ("DC01", VM, "lost", "0x1", "D:\\a.avhd", "D:\\a.vhd"),
     ("DC01", VM), "D:\\a.avhd"),
    ("Worker", 18570, "guest faulted by virtualization", ("DC01", VM), ("DC01", VM), ""),
    ("High-Availability", 21119, "started by the cluster", ("Virtual Machine DC01",), ("", ""),
     "Virtual Machine DC01"),
    ("VmSwitch", 67, "port created", ("36", PORT, "0", "", "36", VM, "3", "LAN"), ("", ""), "LAN"),
    ("VmSwitch", 232, "network connected", ("74", f"{VM}--{PORT}", "0", "", "36", PORT, "36", PORT,
                                           "36", PORT, "3", "LAN"), ("", VM), "LAN"),
    ("VmSwitch", 232, "network connected", ("36", PORT, "0", "", "36", PORT, "36", PORT,
                                           "36", PORT, "3", "LAN"), ("", ""), "LAN")])
def test_what_texts_of_message_tables_say_and_of_whom(
        provider: str, number: int, what: str, texts: tuple[str, ...], machine: tuple[str, str],
        concerns: str) -> None:
    row = meaning_of(f"Microsoft-Windows-Hyper-V-{provider}", number, "10")
    assert row is not None
    assert row.what == what
    data = tuple((f"Parameter{n}", text) for n, text in enumerate(texts))
    assert (machine_of(data, row), object_of(data, row)) == (machine, concerns)


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "concerns"), [
    ("plaso/System.evtx", ("C:\\Windows\\system32\\svchost.exe (WKS-WIN764BITB), restart, "
                           "NT AUTHORITY\\SYSTEM")),
    ("evtx-rs/samples/2-vss_7-System.evtx", (
        "C:\\WINDOWS\\system32\\winlogon.exe (DESKTOP-1N4R894), restart, NT AUTHORITY\\SYSTEM"))])
def test_who_asked_for_a_restart_in_real_logs_of_both_layouts(
        realdata: Path, name: str, concerns: str) -> None:
    log = EventLog.open(Memory((realdata / name).read_bytes()))
    first = next(row for row in log.records()
                 if isinstance(row, EventRecord) and row.event_id == 1074)
    assert object_of(first.data, meaning_of(first.provider, 1074, "2008r2")) == concerns


def test_one_number_means_another_thing_elsewhere() -> None:
    def what(provider: str, number: int, release: str) -> str:
        found = meaning_of(provider, number, release)
        return found.what if found else ""

    assert what("Microsoft-Windows-Hyper-V-Worker", 18500, "2008r2") == "started"
    assert what("Microsoft-Windows-Hyper-V-VMMS", 18500, "2008r2") == ""
    assert what("Microsoft-Windows-VHDMP", 8, "2012") == "change tracking on"
    assert what("Microsoft-Windows-VHDMP", 8, "10") == "tracking file corrupt"
    assert what("Microsoft-Windows-VHDMP", 8, "2008r2") == ""
    assert what("Microsoft-Windows-Hyper-V-Chipset", 18600, "10") == "reset by the watchdog"
    assert what("Microsoft-Windows-Hyper-V-Worker", 18600, "10") == "restoring begun"


def test_a_release_that_the_row_does_not_name_makes_it_unsure() -> None:
    found = meaning_of("Microsoft-Windows-Hyper-V-VMMS", 13002, "2008r2")
    assert found is not None
    assert (found.what, found.certainty) == ("created", UNSURE)
    assert meaning_of("Microsoft-Windows-Hyper-V-VMMS", 999_999, "10") is None


def test_names_of_fields_come_before_positions() -> None:
    row = meaning_of("Microsoft-Windows-Hyper-V-Worker", 18590, "10")
    data = (("ErrorCode0", "1"), ("VmId", "{" + VM.lower() + "}"), ("VmName", "DC01"))
    assert machine_of(data, row) == ("DC01", VM)
    assert machine_of((("Parameter0", "a"), ("Parameter1", VM)), None) == ("a", VM)
    assert machine_of((("Parameter0", "a"), ("Parameter1", "b")), None) == ("", "")
    assert machine_of((("VmId", "00000000-0000-0000-0000-000000000000"),), row) == ("", "")
    assert machine_of((), row) == ("", "")
