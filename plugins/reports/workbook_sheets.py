"""Rows of a table on one sheet or several, and what did not fit into them.

A sheet holds 1,048,576 rows, a cell 32,767 characters, a number 15 digits, and a date is not
before 1900 (Excel's specifications and limits). What is past that is written otherwise, or not,
and counted: never cut without a word.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from analyzer import attention
from analyzer.records import TABLES, column_types
from analyzer.source import Source
from analyzer.times import iso, parse_iso, to_datetime

SHEET_ROWS: Final = 1_000_000
SHEETS: Final = 4
"""Sheets that one table may fill; a workbook with more is opened by no program."""
LONGEST: Final = 32_000
"""UTF-16 units in a cell; the rest of the 32,767 is for the words that say so."""
_EXACT: Final = 10 ** 15
_EARLIEST: Final = parse_iso("1900-03-01")
"""Before it Excel counts a day that there was not."""


@dataclass(slots=True)
class Told:
    """What became of one table; `first` says which cell of a kind was the first."""

    table: str
    rows: int = 0
    written: int = 0
    sheets: int = 0
    cut: int = 0
    early: int = 0
    large: int = 0


class Sheets:
    """Writes tables into a workbook, one after the other."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._head = book.add_format({"bold": True, "bg_color": "#DDE6EE", "border": 1})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})

    def write(self, table: str, rows: Iterable[dict[str, Any]]) -> Told:
        """All rows of a table; no sheet where there are none."""
        told, names = Told(table), _columns(table)
        sheet: Worksheet | None = None
        for row in rows:
            told.rows += 1
            if told.rows > SHEET_ROWS * SHEETS:
                continue
            line = told.written % SHEET_ROWS
            if line == 0:
                self._end(sheet, names, SHEET_ROWS)
                sheet = self._begin(told, names)
            assert sheet is not None
            for place, name in enumerate(names):
                self._cell(sheet, (line + 1, place), name, row[name], told)
            told.written += 1
            if told.written % 8_192 == 0:
                attention.progress()
        self._end(sheet, names, (told.written - 1) % SHEET_ROWS + 1)
        return told

    def _begin(self, told: Told, names: list[str]) -> Worksheet:
        told.sheets += 1
        name = told.table if told.sheets == 1 else f"{told.table} {told.sheets}"
        sheet: Worksheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(names):
            sheet.set_column(place, place, 24 if column.endswith("_at") or column == "at" else 18)
            sheet.write_string(0, place, _title(column), self._head)
        return sheet

    def _end(self, sheet: Worksheet | None, names: list[str], rows: int) -> None:
        if sheet is not None:
            sheet.autofilter(0, 0, rows, len(names) - 1)

    def _cell(self, sheet: Worksheet, at: tuple[int, int], name: str, value: Any,
              told: Told) -> None:
        if value is None:
            return
        if isinstance(value, bool):
            sheet.write_boolean(*at, value)
        elif isinstance(value, int) and (name == "at" or name.endswith("_at")):
            if value >= _EARLIEST:
                sheet.write_datetime(*at, to_datetime(value).replace(tzinfo=None), self._time)
            else:
                told.early += 1
                sheet.write_string(*at, iso(value))
        elif isinstance(value, int | float) and abs(value) < _EXACT:
            sheet.write_number(*at, value)
        elif isinstance(value, int | float):
            told.large += 1
            sheet.write_string(*at, str(value))
        else:
            text = value if isinstance(value, str) else "; ".join(value)
            if text:
                shown = fitting(text)
                told.cut += shown is not text
                sheet.write_string(*at, shown)


def fitting(text: str) -> str:
    """The text itself, or as much of it as a cell holds, with words that say so."""
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * LONGEST:
        return text
    kept = units[:2 * LONGEST].decode("utf-16-le", "ignore")
    return f"{kept} ... (cut: {len(text)} characters in all, see the tables of the case)"


def _columns(table: str) -> list[str]:
    """Columns of a table, those of its source last."""
    names = [name for name in column_types(TABLES[table]) if name != "source"]
    return names + list(_source_columns())


def _source_columns() -> Iterator[str]:
    for field in fields(Source):
        yield f"source_{field.name}"


def _title(column: str) -> str:
    return f"{column} (UTC)" if column == "at" or column.endswith("_at") else column
