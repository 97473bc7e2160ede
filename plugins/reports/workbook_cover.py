"""The first sheet of the workbook: what was examined, with what, and what is missing."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from analyzer.plugin import Tables
from analyzer.times import iso, to_datetime
from plugins.reports.workbook_sheets import LONGEST, SHEET_ROWS, SHEETS, Told, fitting

Line = tuple[str, ...]

_NOTES = (
    "All times are UTC, to the millisecond; exact ones (100 ns) are in the tables of the case.",
    ("Every row ends with its source: image, path, place in the file, MFT entry, byte offsets, "
    "and the disk file that owns the bytes."),
    ("To check: vmtrail verify CASE reads hashes and cited places again; vmtrail stat IMAGE!PATH "
    "shows one of them."),
    "docs/tables.md says what each column means.")


def made_at(tables: Tables) -> datetime:
    """When the case was made, UTC: the workbook's own date, so that its bytes stay the same."""
    for row in tables.rows("run"):
        return to_datetime(row["started_at"]).replace(tzinfo=None, microsecond=0)
    return datetime(2000, 1, 1)  # noqa: DTZ001 - what Excel has is without time zone


def write(book: Workbook, sheet: Worksheet, tables: Tables, told: Sequence[Told]) -> None:
    """Write the cover."""
    title, bold = book.add_format({"bold": True, "font_size": 16}), book.add_format({"bold": True})
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 6, 26)
    sheet.write_string(0, 0, "vmtrail: virtual machines of Hyper-V hosts", title)
    at = 2
    for heading, lines in (("Run", _runs(tables)), ("Evidence", _evidence(tables)),
                           ("What was not read", _not_read(tables)), ("Tables", _tables(told)),
                           ("What this workbook cannot hold", _limits(told)),
                           ("Notes", ((note,) for note in _NOTES))):
        sheet.write_string(at, 0, heading, bold)
        for line in lines:
            at += 1
            for place, text in enumerate(line):
                sheet.write_string(at, place, fitting(text))
        at += 2


def _runs(tables: Tables) -> Iterator[Line]:
    for row in tables.rows("run"):
        yield "tool version", row["tool_version"]
        yield "arguments", " ".join(row["arguments"])
        yield "started, finished", iso(row["started_at"]), iso(row["finished_at"])
        yield "exit code", str(row["exit_code"])


def _evidence(tables: Tables) -> Iterator[Line]:
    yield "image", "format", "bytes", "MD5 stored", "SHA-1 stored", "verified", "files"
    for row in tables.rows("evidence"):
        yield (row["name"], row["format"], str(row["size"]), row["stored_md5"] or "none",
               row["stored_sha1"] or "none", row["verified"] or "not asked",
               "; ".join(row["files"]))


def _not_read(tables: Tables) -> Iterator[Line]:
    states = tables.counts("coverage", "state")
    for state, count in states.items():
        if state not in ("read", "absent"):
            yield f"places {state}", str(count), "sheet coverage"
    for state, count in tables.counts("volume", "state").items():
        if state != "read":
            yield f"volumes {state}", str(count), "sheet volume"
    problems = tables.counts("problem", "code")
    for code, count in problems.items():
        yield f"problems {code}", str(count), "sheet problem"
    yield ("places looked at", str(sum(states.values())),
           ", ".join(f"{count} {state}" for state, count in states.items()))
    if not problems:
        yield "problems", "0"


def _tables(told: Sequence[Told]) -> Iterator[Line]:
    for one in told:
        yield one.table, f"{one.rows} rows", f"{one.sheets} sheets" if one.sheets != 1 else \
            "1 sheet"


def _limits(told: Sequence[Told]) -> Iterator[Line]:
    """What is otherwise or not there; one line that says so where nothing is."""
    lines = [line for one in told for line in _of(one)]
    yield from lines or [("everything is here",)]


def _of(one: Told) -> Iterator[Line]:
    counts: tuple[tuple[int, Any], ...] = (
        (one.rows - one.written, f"rows left out: {SHEETS} sheets of {SHEET_ROWS:,} rows are full"),
        (one.cut, f"texts cut after {LONGEST:,} characters"),
        (one.early, "times before March 1900, written as text"),
        (one.large, "numbers of more than 15 digits, written as text"))
    for count, what in counts:
        if count:
            yield one.table, str(count), what
