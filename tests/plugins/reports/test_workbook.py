"""The workbook, read back with calamine (another implementation) and as the XML that it is."""

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from lxml import etree
from python_calamine import CalamineWorkbook

from analyzer.records import VirtualMachine
from analyzer.text import to_storable
from analyzer.times import parse_iso
from plugins.reports import workbook_sheets
from plugins.reports.workbook import workbook
from tests.plugins.reports import case
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written

Rows = Sequence[Sequence[object]]


def read(data: bytes) -> dict[str, Rows]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for name in book.sheet_names}


def column(rows: Rows, name: str) -> list[object]:
    return [row[rows[0].index(name)] for row in rows[1:]]


def cover(rows: Rows) -> dict[str, list[object]]:
    return {str(row[0]): [value for value in row[1:] if value != ""] for row in rows}


def machine(**values: object) -> FakeTables:
    records = [replace(r, **values) if isinstance(r, VirtualMachine)  # type: ignore[arg-type] # by name
               and r.vm_id == case.WEB else r for r in case.records()]
    return FakeTables(records)


def test_each_table_with_rows_has_a_sheet_with_all_of_them(tables: FakeTables) -> None:
    sheets = read(written(workbook, tables))
    filled = {table for table, records in tables.records.items() if records}
    assert set(sheets) == {"cover", *filled}
    for table in filled:
        assert len(sheets[table]) == len(tables.records[table]) + 1
    names = column(sheets["virtual_machine"], "name")
    assert names == [row["name"] for row in tables.rows("virtual_machine")]


def test_cells_have_types(tables: FakeTables) -> None:
    rows = read(written(workbook, tables))["virtual_machine"]
    web = column(rows, "vm_id").index(case.WEB)
    assert column(rows, "created_at (UTC)")[web] == datetime(2008, 9, 1, 12, 0, 5, 123000)  # noqa: DTZ001 - Excel has no zone
    assert column(rows, "memory_mb")[web] == 2048.0
    assert column(rows, "has_saved_state")[web] is True
    assert column(rows, "boot_order")[web] == "CD; IDE; Network; Floppy"
    assert column(rows, "generation")[web] == ""
    assert column(rows, "source_path")[web] == next(
        r.source.path for r in tables.records["virtual_machine"] if r.vm_id == case.WEB)


def test_the_cover_says_what_and_what_not(tables: FakeTables) -> None:
    said = cover(read(written(workbook, tables))["cover"])
    assert said["tool version"] == ["0.1.0"]
    assert said[case.IMAGE][2:5] == ["9e107d9d372bb6826bd81d3542a419d6",
                                     "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "match"]
    assert said["places unreadable"][0] == "1"
    assert said["volumes unsupported"][0] == "1"
    assert said["problems VHD-PARENT"][0] == "1"
    assert said["virtual_machine"] == ["5 rows", "1 sheet"]
    assert "everything is here" in said


def test_headers_stay_and_filter(tables: FakeTables) -> None:
    with zipfile.ZipFile(io.BytesIO(written(workbook, tables))) as book:
        sheets = [name for name in book.namelist() if re.search(r"sheet\d+\.xml$", name)]
        for name in sheets[1:]:
            xml = book.read(name)
            assert b'state="frozen"' in xml
            assert b"<autoFilter" in xml
        for name in book.namelist():
            etree.fromstring(book.read(name))


def test_the_same_case_gives_the_same_bytes(tables: FakeTables) -> None:
    assert written(workbook, tables) == written(workbook, tables)


def test_text_is_text(named: Callable[[str], FakeTables], hostile_name: str) -> None:
    tables = named(hostile_name)
    data = written(workbook, tables)
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        for name in book.namelist():
            xml = book.read(name)
            etree.fromstring(xml)
            assert not re.search(rb"<f>|hyperlink", xml) or "sheet" not in name
    found = column(read(data)["virtual_machine"], "name")
    stored = [row["name"] for row in tables.rows("virtual_machine")]
    assert len(found) == len(stored)
    plain = to_storable(hostile_name)
    if plain.isprintable():
        assert found == stored


def test_a_long_text_is_cut_with_a_word(tables: FakeTables) -> None:
    sheets = read(written(workbook, machine(notes="\U0001F4A9" * 40_000)))
    (long,) = [n for n in column(sheets["virtual_machine"], "notes") if len(str(n)) > 1000]
    assert str(long).endswith("(cut: 40000 characters in all, see the tables of the case)")
    assert len(str(long).encode("utf-16-le")) // 2 <= 32_767
    assert next(row[1:3] for row in sheets["cover"]
             if row[0] == "virtual_machine" and "cut" in str(row[2])) == \
        ["1", "texts cut after 32,000 characters"]


def test_what_a_number_or_date_cannot_hold_is_text(tables: FakeTables) -> None:
    old = parse_iso("1899-12-31T23:59:59.9999999")
    sheets = read(written(workbook, machine(created_at=old, memory_mb=2 ** 60)))
    rows = sheets["virtual_machine"]
    assert "1899-12-31T23:59:59.9999999Z" in column(rows, "created_at (UTC)")
    assert str(2 ** 60) in column(rows, "memory_mb")
    said = [row[2] for row in sheets["cover"] if row[0] == "virtual_machine"]
    assert "times before March 1900, written as text" in said
    assert "numbers of more than 15 digits, written as text" in said


def test_a_full_sheet_is_followed_by_another_until_the_cover_says_so(
        tables: FakeTables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_sheets, "SHEET_ROWS", 6)
    monkeypatch.setattr(workbook_sheets, "SHEETS", 3)
    sheets = read(written(workbook, tables))
    paths = [path for name in ("file_entry", "file_entry 2", "file_entry 3")
             for path in column(sheets[name], "path")]
    assert paths == [row["path"] for row in tables.rows("file_entry")][:18]
    assert "file_entry 4" not in sheets
    assert next(row[1:3] for row in sheets["cover"]
             if row[0] == "file_entry" and "left out" in str(row[2])) == \
        ["2", "rows left out: 4 sheets of 1,000,000 rows are full"]
