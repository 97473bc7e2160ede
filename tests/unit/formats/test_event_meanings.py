"""Meanings of events: each row against message tables of real Windows, and how they are asked."""

import csv
from pathlib import Path

import pytest

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

VM = "D9E0EB0A-5B37-508E-9173-67E9ADE83ACF"
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
    data = tuple((f"Parameter{n}", VM if str(n + 1) in row.id_at else f"text {n + 1}")
                 for n in range(6))
    name, vm_id = machine_of(data, row)
    assert name == (f"text {row.name_at[0]}" if row.name_at else "")
    assert vm_id == (VM if row.id_at and row.id_at[0].isdigit() else "")
    numbers = [place for place in row.object_at if place.isdigit()]
    assert object_of(data, row) == (
        VM if numbers and numbers[0] in row.id_at else f"text {numbers[0]}" if numbers else "")
    named = tuple((place, "thing") for place in row.object_at if not place.isdigit())[:1]
    assert object_of(named, row) == ("thing" if named else "")


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
