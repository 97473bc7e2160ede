"""The case as a workbook for Excel: a cover, and a sheet for each table that has rows."""

from typing import BinaryIO

from analyzer.plugin import Tables, report
from analyzer.records import TABLES
from plugins.reports import workbook_cover
from plugins.reports.workbook_sheets import Sheets, Told
from plugins.reports.workbook_text import TextBook


@report("workbook", "xlsx", "tables.xlsx", on_request=True)
def workbook(tables: Tables, out: BinaryIO) -> None:
    """One sheet for each table, typed cells, headers that stay, filters; times in UTC.

    The cover has the evidence with its hashes, the version of the tool, what was not read, and
    what a workbook cannot hold: rows past the four sheets that a table may fill, texts of more
    than 32,000 characters, times before 1900, numbers of more than 15 digits. Text is text:
    nothing is run as a formula or a link. The same case gives the same bytes.
    """
    book = TextBook(out, {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False,
        "use_zip64": True})  # a sheet of a million rows can pass 4 GiB before it is packed
    book.set_properties({"title": "vmtrail case", "created": workbook_cover.made_at(tables)})
    cover = book.add_worksheet("cover")
    sheets = Sheets(book)
    told: list[Told] = [sheets.write(table, tables.rows(table)) for table in TABLES]
    workbook_cover.write(book, cover, tables, told)
    book.close()
