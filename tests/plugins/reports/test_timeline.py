"""Timeline writers, read back with the tools they are written for."""

import csv
import io
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.plugin import ReportFunction
from analyzer.records import FileEntry, VirtualMachine
from analyzer.source import Source
from analyzer.times import LATEST, iso
from plugins.reports.bodyfile import bodyfile
from plugins.reports.timeline_csv import COLUMNS, timeline_csv
from plugins.reports.timeline_jsonl import timeline_jsonl
from plugins.reports.timeline_parquet import timeline_parquet
from tests.plugins.reports import by_row, case
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written

Named = Callable[[str], FakeTables]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def test_csv_has_a_row_for_each_moment_in_order(tables: FakeTables) -> None:
    rows = read_csv(written(timeline_csv, tables))
    assert len(rows) == len(tables.records["event"]) > 100
    assert [row["datetime"] for row in rows] == sorted(row["datetime"] for row in rows)
    first = rows[0]
    assert first["datetime"] == "2008-06-27T08:00:01.0000000Z"
    assert (first["timestamp_desc"], first["topic"]) == ("Windows installed", "system")
    assert first["source"] == "hv01.E01!/p1/Windows/System32/config/SOFTWARE"
    assert {row["vm_name"] for row in rows if row["vm_id"] == case.WEB} == {"web-frontend"}
    assert not any(row["escaped"] for row in rows)


def test_csv_is_loadable_and_runs_nothing(named: Named, hostile_name: str) -> None:
    tables = named(hostile_name)
    data = written(timeline_csv, tables)
    rows = read_csv(data)
    assert len(rows) == len(tables.records["event"])
    for row, event in zip(rows, tables.events(), strict=True):
        assert set(row) == {*COLUMNS, "escaped"}
        for column, stored in (("message", "subject"), ("vm_id", "vm_id"), ("topic", "topic")):
            assert not row[column].startswith(FORMULA)
            if column in row["escaped"].split():
                assert row[column] != event[stored]
            else:
                assert row[column] == event[stored]
    frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    assert len(frame) == len(rows)
    assert b"\x00" not in data


def test_csv_says_which_cells_were_changed(named: Named) -> None:
    row = read_csv(written(timeline_csv, named("=1+1")))[0]
    assert row["message"].startswith("'=1+1")
    assert "message" in row["escaped"].split()
    assert "datetime" not in row["escaped"].split()


@pytest.mark.validates("VMT-EXCH-01")
def test_jsonl_is_what_timesketch_imports(tables: FakeTables) -> None:
    lines = written(timeline_jsonl, tables).splitlines()
    assert len(lines) == len(tables.records["event"])
    for line, event in zip(map(json.loads, lines), tables.events(), strict=True):
        assert line["ticks"] == event["at"]
        moment = datetime.fromisoformat(line["datetime"])
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        assert line["timestamp"] == micros
        assert iso(event["at"]).startswith(line["datetime"].removesuffix("+00:00"))
        assert line["data_type"] == f"vmtrail:{event['table']}"
        assert not any(key.startswith("_") or key == "label" for key in line)
        assert all(value is None or isinstance(value, str | int) for value in line.values())


def test_jsonl_loses_nothing(named: Named, hostile_name: str) -> None:
    tables = named(hostile_name)
    data = written(timeline_jsonl, tables)
    assert data.isascii()
    assert not any((byte < 0x20 and byte != 0x0A) or byte == 0x7F for byte in data)
    for line, event in zip(data.splitlines(), tables.events(), strict=True):
        values = json.loads(line)
        assert values["message"] == event["subject"]
        assert values["timestamp_desc"] == event["what"]
        assert values["detail"] == event["source_detail"]
        assert values["vm_id"] == event["vm_id"]


def test_bodyfile_lines(tables: FakeTables) -> None:
    lines = written(bodyfile, tables).decode().splitlines()
    prefix = "0|hv01.E01!/p1/Data/file 1.txt"
    assert (f"{prefix}|101|r/rrwxrwxrwx|0|0|100|"
            "1220230800|1220230805|1220230800|1220230800" in lines)
    assert (f"{prefix} ($FILE_NAME)|101|r/rrwxrwxrwx|0|0|100|"
            "0|1220230800|0|1220230800" in lines)
    assert any("|hv01.E01!/p1/Data/file 4.txt:Zone.Identifier|" in line for line in lines)
    assert any("|hv01.E01!/p1/Data/file 3.txt (deleted)|" in line for line in lines)
    files = 20 + 16  # every fifth has no $FILE_NAME times
    others = sum(e["table"] != "file_entry" for e in tables.events())
    assert len([line for line in lines if not line.startswith("#")]) == files + others


def test_bodyfile_says_what_it_cannot_hold() -> None:
    early = list(case.files(1))
    object.__setattr__(early[0], "si_created_at", 10_000_000)
    assert written(bodyfile, FakeTables(early)).endswith(
        b"# 1 times before 1970 are written as 0\n")


@pytest.mark.validates("VMT-EXCH-01")
@pytest.mark.needs_sleuthkit
def test_mactime_keeps_every_row(named: Named, tmp_path: Path) -> None:
    from tests.plugins.reports.hostile import NAMES

    body = tmp_path / "timeline.body"
    body.write_bytes(b"".join(written(bodyfile, named(name)) for name in NAMES))
    expected = set()
    for line in body.read_text().splitlines():
        if not line.startswith("#"):
            _, name, inode, _, _, _, _, *times = line.split("|")
            assert any(int(time) for time in times)
            expected |= {(time, inode, name) for time in times}
    done = subprocess.run(["mactime", "-b", str(body), "-d", "-y", "-z", "UTC"], check=True,
                          capture_output=True)
    assert len(done.stdout.splitlines()) == len(expected) + 1


def test_writers_take_no_more_memory_for_more_rows() -> None:
    """Batches are taken one at a time: what is made of one is written before the next."""
    tables = FakeTables(case.files(3))
    taken: list[int] = []

    class Watched(FakeTables):
        def timeline(self):  # type: ignore[no-untyped-def] # a double
            for number, batch in enumerate(tables.timeline()):
                taken.append(number)
                yield batch

    class Out(io.BytesIO):
        def write(self, data):  # type: ignore[no-untyped-def] # a double
            seen.append(len(taken))
            return super().write(data)

    for report in (timeline_csv, timeline_jsonl):
        taken.clear()
        seen: list[int] = []
        report(Watched([]), Out())
        assert sorted(set(seen)) == list(range(min(seen), len(taken) + 1))


REPORTS = {timeline_csv: by_row.csv_rows, timeline_jsonl: by_row.jsonl_rows,
           bodyfile: by_row.body_rows}


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.__name__)
def test_columns_give_the_bytes_that_rows_gave(report: ReportFunction, named: Named,
                                               tables: FakeTables, hostile_name: str) -> None:
    for some in (tables, named(hostile_name)):
        assert written(report, some) == REPORTS[report](some)


odd = st.text(st.sampled_from("=+-@\t\r\n '\",\\|%\x00\x7f\x1bäß\ud800\u202e\u3000＝😀aC:") |
              st.characters(), max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(odd, odd, odd, st.booleans(), st.integers(1, LATEST)), max_size=9))
def test_columns_give_the_bytes_that_rows_gave_whatever_the_text(
        given_rows: list[tuple[str, str, str, bool, int]]) -> None:
    tables = FakeTables(
        record for path, stream, link, flag, at in given_rows
        for record in (
            FileEntry(source=Source(link, path if flag else ""), vm_id=stream, volume_id="p1",
                      path=path, entry=1, sequence=1, size=at, allocated=flag,
                      is_directory=not flag, stream=stream, link_target=link, si_created_at=at,
                      fn_accessed_at=at if flag else None),
            VirtualMachine(source=Source(path, link, stream, at), vm_id=stream, name=path,
                           format="xml", state="", created_at=at)))
    for report, expected in REPORTS.items():
        assert written(report, tables) == expected(tables)


def test_parquet_holds_what_jsonl_says(named: Named, hostile_name: str) -> None:
    tables = named(hostile_name)
    found = pq.read_table(io.BytesIO(written(timeline_parquet, tables)))
    lines = [json.loads(line) for line in written(timeline_jsonl, tables).splitlines()]
    assert found.num_rows == len(lines)
    for row, line in zip(found.to_pylist(), lines, strict=True):
        assert row.pop("datetime").isoformat(timespec="microseconds") == line.pop("datetime")
        line["table"] = line["data_type"].removeprefix("vmtrail:")
        assert row == {name: line[name] for name in row}


def test_parquet_groups_depend_on_rows_alone(tables: FakeTables,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.reports.timeline_parquet._GROUP", 10)
    once = written(timeline_parquet, tables)
    monkeypatch.setattr("tests.plugins.reports.tables.BATCH", 1000)
    assert written(timeline_parquet, tables) == once
    groups = pq.ParquetFile(io.BytesIO(once)).metadata
    counts = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert set(counts[:-1]) == {10}


def test_parquet_of_nothing_is_a_table_of_nothing() -> None:
    assert pq.read_table(io.BytesIO(written(timeline_parquet, FakeTables([])))).num_rows == 0
