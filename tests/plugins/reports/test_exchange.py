"""Timelines for other programs: l2tcsv, Timeline Explorer, ECS; Timesketch's own rules."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from analyzer.plugin import ReportFunction
from analyzer.times import iso
from plugins.reports.timeline_csv import timeline_csv
from plugins.reports.timeline_ecs import timeline_ecs
from plugins.reports.timeline_ez import timeline_ez
from plugins.reports.timeline_jsonl import timeline_jsonl
from plugins.reports.timeline_l2tcsv import COLUMNS, timeline_l2tcsv
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written

Named = Callable[[str], FakeTables]
CATEGORIES = {"authentication", "configuration", "database", "driver", "file", "host", "iam",
              "process", "registry", "session", "web"}
TYPES = {"access", "admin", "allowed", "change", "connection", "creation", "deletion", "end",
         "error", "group", "info", "installation", "start", "user"}
"""Of the values that ECS 8 allows in event.category and event.type, those one may expect here."""


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def read_lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def test_l2tcsv_has_its_seventeen_columns(tables: FakeTables) -> None:
    rows = read_csv(written(timeline_l2tcsv, tables))
    assert list(rows[0]) == list(COLUMNS)
    assert len(COLUMNS) == 17
    for row, event in zip(rows, tables.events(), strict=True):
        moment = datetime.strptime(f"{row['date']} {row['time']}Z", "%m/%d/%Y %H:%M:%S%z")
        assert f"{moment:%Y-%m-%dT%H:%M:%S}" == iso(event["at"])[:19]
        assert (row["timezone"], row["version"], row["user"]) == ("UTC", "2", "-")
        assert all(row.values())
        assert iso(event["at"]) in row["extra"]
        assert row["short"] == event["subject"] or "," in event["subject"]
    marks = {row["MACB"] for row in rows if row["source"] == "FILE"}
    assert marks == {"M...", ".A..", "..C.", "...B"}
    assert {row["MACB"] for row in rows if row["source"] != "FILE"} == {"...."}


def test_timeline_explorer_reads_dates_and_whose_clock_it_is(tables: FakeTables) -> None:
    rows = read_csv(written(timeline_ez, tables))
    for row, event in zip(rows, tables.events(), strict=True):
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{7}", row["Timestamp"])
        assert row["Timestamp"] == iso(event["at"])[:-1].replace("T", " ")
    clocks = {(row["Clock"], row["ClockTimeZone"]) for row in rows}
    assert ("host HV01", "W. Europe Standard Time") in clocks
    assert ("guest WEB01", "W. Europe Standard Time") in clocks
    assert ("", "") in clocks  # the image's own date
    taken = [row for row in rows if row["TimestampDescription"] == "Snapshot taken"]
    assert {row["Clock"] for row in taken} == {"host HV01"}


def test_ecs_keeps_to_the_schema(tables: FakeTables) -> None:
    lines = read_lines(written(timeline_ecs, tables))
    for line, event in zip(lines, tables.events(), strict=True):
        assert datetime.fromisoformat(line["@timestamp"]).tzinfo is not None
        assert line["@timestamp"] == iso(event["at"])
        assert line["vmtrail.ticks"] == event["at"]
        assert line["event.kind"] == "event"
        assert set(line["event.category"]) <= CATEGORIES
        assert set(line["event.type"]) <= TYPES
        assert line["message"] == f"{event['what']}: {event['subject']}"
        assert re.fullmatch(r"8\.\d+\.\d+", line["ecs.version"])
    files = [line for line in lines if line["event.dataset"] == "vmtrail.file_entry"]
    assert {tuple(line["event.type"]) for line in files} == \
        {("creation",), ("change",), ("access",)}
    assert {line["host.name"] for line in lines} >= {"HV01", "WEB01", ""}


@pytest.mark.parametrize("report", [timeline_l2tcsv, timeline_ez, timeline_ecs])
def test_hostile_text_stays_text(named: Named, hostile_name: str, report: ReportFunction) -> None:
    tables = named(hostile_name)
    data = written(report, tables)
    if report is timeline_ecs:
        for line, event in zip(read_lines(data), tables.events(), strict=True):
            assert line["message"].endswith(event["subject"])
        return
    rows = read_csv(data)
    assert len(rows) == len(tables.events())
    for row in rows:
        assert not any(value.startswith(("=", "+", "@", "\t", "\r", "\n"))
                       for value in row.values())
        assert not any(value.startswith("-") and value != "-" for value in row.values())


def timesketch_accepts(frame: "pd.DataFrame") -> list[str]:
    """What Timesketch would refuse or lose of a timeline, by the rules of its importer.

    Required columns message, datetime, timestamp_desc; datetime must parse, rows before 1700 are
    dropped; an empty `tag` becomes ['nan']; keys that begin with `_` and `label` are dropped;
    fields over 32,766 bytes cannot be sorted (ECOSYSTEM.md section 1).
    """
    wrong = [f"no column {name}" for name in ("message", "datetime", "timestamp_desc")
             if name not in frame.columns]
    wrong += [f"column {name} is dropped" for name in frame.columns
              if name.startswith("_") or name == "label"]
    moments = pd.to_datetime(frame["datetime"], utc=True, errors="coerce", format="ISO8601")
    wrong += [f"row {row}: no date" for row in frame.index[moments.isna()]]
    wrong += [f"row {row}: dropped" for row in frame.index[moments.dt.year < 1700]]
    if "tag" in frame.columns and bool((frame["tag"] == "").any()):
        wrong.append("an empty tag")
    return wrong


def test_timesketch_takes_every_row_of_both_forms(tables: FakeTables) -> None:
    as_csv = pd.read_csv(io.BytesIO(written(timeline_csv, tables)), dtype=str,
                         keep_default_na=False)
    as_lines = pd.DataFrame(read_lines(written(timeline_jsonl, tables)))
    for frame in (as_csv, as_lines):
        assert timesketch_accepts(frame) == []
        assert len(frame) == len(tables.events())
    since = datetime(1970, 1, 1, tzinfo=UTC)
    for line in as_lines.to_dict("records"):
        moment = datetime.fromisoformat(line["datetime"])
        assert line["timestamp"] == (moment - since) // timedelta(microseconds=1)


def test_the_rules_of_timesketch_find_what_they_are_for() -> None:
    frame = pd.DataFrame({"message": ["a", "b"], "datetime": ["1601-01-01T00:00:00+00:00", "x"],
                          "timestamp_desc": ["c", "c"], "_x": ["", ""], "tag": ["", "[]"]})
    assert timesketch_accepts(frame) == ["column _x is dropped", "row 1: no date",
                                         "row 0: dropped", "an empty tag"]
