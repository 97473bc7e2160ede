"""Reports that people read, in their time zone; the data beside stays UTC."""

import csv
import io
from datetime import datetime

import pytest

from analyzer.plugin import ReportFunction, discover
from analyzer.times import iso
from plugins.reports.inventory_markdown import inventory_markdown
from plugins.reports.inventory_table import inventory_table
from plugins.reports.timeline_csv import timeline_csv
from plugins.reports.timeline_ez import timeline_ez
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written


@pytest.mark.parametrize(("report", "utc", "local"), [
    (timeline_csv, "datetime", "local"), (timeline_ez, "Timestamp", "LocalTime")])
def test_a_column_is_added_and_the_others_stay(
        tables: FakeTables, report: ReportFunction, utc: str, local: str) -> None:
    plain = list(csv.DictReader(io.StringIO(written(report, tables).decode(), newline="")))
    tables.zone = "Australia/Lord_Howe"
    zoned = list(csv.DictReader(io.StringIO(written(report, tables).decode(), newline="")))
    assert list(zoned[0])[:2] == [utc, local]
    for row, event in zip(zoned, tables.events(), strict=True):
        time, _, offset = row[local].rpartition(" ")
        assert offset in ("+10:30", "+11:00")
        shown = datetime.fromisoformat(f"{time[:26]}{offset}")
        assert shown == datetime.fromisoformat(iso(event["at"])[:26] + "+00:00")
        assert time[26] == iso(event["at"])[26]
    assert [{k: v for k, v in row.items() if k != local} for row in zoned] == plain


def test_the_inventory_names_the_zone_and_the_offset(tables: FakeTables) -> None:
    assert b"CREATED (UTC)" in written(inventory_table, tables)
    tables.zone = "America/New_York"
    table = written(inventory_table, tables).decode()
    assert "CREATED (America/New_York)" in table
    assert "2008-09-01 08:00:05 -04:00" in table
    markdown = written(inventory_markdown, tables).decode()
    assert "created (America/New_York)" in markdown
    assert r"| 2008-09-01 08\:00\:05.1234567 -04\:00 |" in markdown


def test_only_what_people_read_has_a_zone() -> None:
    assert {p.format for p in discover() if p.zoned} == {"csv", "ez", "table", "markdown"}
