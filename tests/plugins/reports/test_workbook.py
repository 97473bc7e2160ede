"""The workbook, read back with openpyxl and as the XML that it is."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from lxml import etree
from openpyxl import Workbook, load_workbook
from openpyxl.utils.escape import unescape

from analyzer.records import Evidence, Record, VirtualMachine
from analyzer.text import to_storable
from analyzer.times import parse_iso
from plugins.reports import workbook_cover, workbook_sheets
from plugins.reports.workbook import workbook
from tests.plugins.reports import case, hostile
from tests.plugins.reports.tables import FakeTables, with_text
from tests.plugins.reports.written import written

NAMES = (*hostile.NAMES, "_x0041_x0042_", "_x0041\x01", "_x005F_x0041_", "<r><t>bold</t></r>",
         "<r></r></is></c><c><f>1+1</f></c><c t='inlineStr'><is></r>", "https://x.invalid/")
EXCEL_EPOCH = parse_iso("1899-12-30T00:00:00")


def read(data: bytes) -> Workbook:
    return load_workbook(io.BytesIO(data))


def column(book: Workbook, table: str, name: str) -> list[Any]:
    """Cells of a column without its head."""
    place = [cell.value for cell in book[table][1]].index(name)
    return [cells[place] for cells in book[table].iter_rows(min_row=2)]


def texts(book: Workbook, table: str, name: str) -> list[str]:
    """A column as Excel shows it: openpyxl leaves `_xHHHH_` as it is, and has no empty texts."""
    return [unescape(str(cell.value or "")) for cell in column(book, table, name)]


def cover(book: Workbook) -> list[list[str]]:
    """Lines of the cover, without what is empty at their ends."""
    return [[str(value) for value in line if value is not None]
            for line in book["cover"].iter_rows(values_only=True)]


def machine(**values: object) -> FakeTables:
    records = [replace(r, **values) if isinstance(r, VirtualMachine)  # type: ignore[arg-type] # by name
               and r.vm_id == case.WEB else r for r in case.records()]
    return FakeTables(records)


def richest(records: list[Record]) -> Record:
    """The record with the most texts."""
    return max(records, key=lambda r: sum(bool(getattr(r, f.name)) for f in fields(r)))


def named() -> Iterator[Record]:
    """A record of each table under each name: the name stands round each of its texts."""
    for records in FakeTables([*case.records(), *case.files(1)]).records.values():
        if records and type(records[0]).__name__ != "Event":
            for name in NAMES:
                yield with_text(richest(records), partial(_round, name))


def _round(name: str, text: str) -> str:
    return f"{name}{text}{name}"


@pytest.fixture(scope="module")
def plain() -> Workbook:
    return read(written(workbook, FakeTables([*case.records(), *case.files()])))


@pytest.fixture(scope="module")
def hostile_tables() -> FakeTables:
    return FakeTables(named())


def test_each_table_with_rows_has_a_sheet_with_all_of_them(plain: Workbook,
                                                           tables: FakeTables) -> None:
    filled = [table for table, records in tables.records.items() if records]
    assert set(plain.sheetnames) == {"cover", *filled}
    for table in filled:
        assert plain[table].max_row == len(tables.records[table]) + 1
    assert texts(plain, "virtual_machine", "name") == \
        [row["name"] for row in tables.rows("virtual_machine")]


def test_cells_have_types(plain: Workbook) -> None:
    web = texts(plain, "virtual_machine", "vm_id").index(case.WEB)
    for name, kind, value in (
            ("created_at (UTC)", "d", datetime(2008, 9, 1, 12, 0, 5, 123000)),  # noqa: DTZ001 - Excel has no zone
            ("memory_mb", "n", 2048), ("has_saved_state", "b", True), ("generation", "n", None),
            ("boot_order", "s", "CD; IDE; Network; Floppy")):
        cell = column(plain, "virtual_machine", name)[web]
        assert (cell.data_type, cell.value) == (kind, value)
    assert column(plain, "virtual_machine", "created_at (UTC)")[web].number_format == \
        "yyyy-mm-dd hh:mm:ss.000"


def test_each_time_is_a_date_in_utc(plain: Workbook, tables: FakeTables) -> None:
    stored = [row["at"] for row in tables.rows("event")]
    for cell, at in zip(column(plain, "event", "at (UTC)"), stored, strict=True):
        since = timedelta(milliseconds=(at - EXCEL_EPOCH) // 10_000)
        assert cell.value == datetime(1899, 12, 30) + since  # noqa: DTZ001 - Excel has no zone


def test_the_cover_says_what_and_what_not(plain: Workbook) -> None:
    said = {line[0]: line[1:] for line in cover(plain) if line}
    assert said["tool version"] == ["0.1.0"]
    assert said[case.IMAGE][2:5] == ["9e107d9d372bb6826bd81d3542a419d6",
                                     "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "match"]
    assert said["places unreadable"][0] == "1"
    assert said["volumes unsupported"][0] == "1"
    assert said["problems VHD-PARENT"][0] == "1"
    assert said["virtual_machine"] == ["5 rows", "1 sheet"]
    assert "everything is here" in said
    assert plain.sheetnames[0] == "cover"


def test_headers_stay_and_filter(plain: Workbook) -> None:
    for sheet in plain.worksheets[1:]:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions


def test_the_same_case_gives_the_same_bytes(tables: FakeTables) -> None:
    assert written(workbook, tables) == written(workbook, tables)


def test_text_is_text(hostile_tables: FakeTables) -> None:
    data = written(workbook, hostile_tables)
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        for name in parts.namelist():
            xml = parts.read(name)
            etree.fromstring(xml)
            assert not re.search(rb"<f>|hyperlink", xml) or "sheet" not in name
            assert "/external" not in name
    book = read(data)
    for table, records in hostile_tables.records.items():
        assert not records or len(records) >= len(NAMES)
        for row, cells in zip(hostile_tables.rows(table), _lines(book, table), strict=True):
            for name, cell in cells.items():
                assert cell.data_type != "f"
                assert cell.hyperlink is None
                if isinstance(row.get(name), str):
                    assert unescape(cell.value or "") == row[name]
    assert {to_storable(_round(name, case.IMAGE)) for name in NAMES} <= \
        {unescape(line[0]) for line in cover(book) if line}


def _lines(book: Workbook, table: str) -> Iterator[dict[str, Any]]:
    """Cells of each row by the head of their column; none where there is no sheet."""
    if table in book.sheetnames:
        heads, *lines = book[table].iter_rows()
        for cells in lines:
            yield {head.value: cell for head, cell in zip(heads, cells, strict=True)}


def test_a_long_text_is_cut_with_a_word() -> None:
    book = read(written(workbook, machine(notes="\U0001F4A9" * 40_000)))
    (long,) = [n for n in texts(book, "virtual_machine", "notes") if len(n) > 1000]
    assert long.endswith("(cut: 40000 characters in all, see the tables of the case)")
    assert len(long.encode("utf-16-le")) // 2 <= 32_767
    assert ["virtual_machine", "1", "texts cut after 32,000 characters"] in cover(book)


def test_a_long_line_of_the_cover_is_cut_with_a_word_too() -> None:
    records = [replace(r, files=("\U0001F4A9" * 40_000,)) if isinstance(r, Evidence) else r
               for r in case.records()]
    (long,) = [line[-1] for line in cover(read(written(workbook, FakeTables(records))))
               if line and line[0] == case.IMAGE]
    assert long.endswith("(cut: 40000 characters in all, see the tables of the case)")
    assert len(long.encode("utf-16-le")) // 2 <= 32_767


def test_what_a_number_or_date_cannot_hold_is_text() -> None:
    old = parse_iso("1899-12-31T23:59:59.9999999")
    book = read(written(workbook, machine(created_at=old, memory_mb=2 ** 60)))
    assert "1899-12-31T23:59:59.9999999Z" in texts(book, "virtual_machine", "created_at (UTC)")
    assert str(2 ** 60) in texts(book, "virtual_machine", "memory_mb")
    said = cover(book)
    assert ["virtual_machine", "1", "times before March 1900, written as text"] in said
    assert ["virtual_machine", "1", "numbers of more than 15 digits, written as text"] in said


def test_a_full_sheet_is_followed_by_another_until_the_cover_says_so(
        tables: FakeTables, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (workbook_sheets, workbook_cover):
        monkeypatch.setattr(module, "SHEET_ROWS", 6)
        monkeypatch.setattr(module, "SHEETS", 3)
    book = read(written(workbook, tables))
    parts = ("file_entry", "file_entry 2", "file_entry 3")
    assert [text for part in parts for text in texts(book, part, "path")] == \
        [row["path"] for row in tables.rows("file_entry")][:18]
    assert "file_entry 4" not in book.sheetnames
    for part in parts:
        assert book[part].freeze_panes == "A2"
        assert book[part].auto_filter.ref == book[part].dimensions
    said = cover(book)
    assert ["file_entry", "20 rows", "3 sheets"] in said
    assert ["file_entry", "2", "rows left out: 3 sheets of 6 rows are full"] in said


def test_a_sheet_too_large_for_the_old_archive_is_written(
        tables: FakeTables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1_000)
    book = read(written(workbook, tables))
    assert texts(book, "file_entry", "path") == [row["path"] for row in tables.rows("file_entry")]


def test_a_sheet_holds_fewer_rows_than_excel_allows() -> None:
    assert workbook_sheets.SHEET_ROWS + 1 <= 1_048_576
