"""Rows of CSV after RFC 4180 that no evidence text can break.

A spreadsheet runs a cell that starts with `= + - @`, tab or a line end (CWE-1236), and a NUL or
half a surrogate pair breaks readers. Such cells get a leading `'`, or `\\x00` and `\\uD800` in
words, and the last column, `escaped`, names the columns in which that was done. Everything else
is verbatim, line ends inside quotes included. JSONL carries all text as it is.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO, Final

import pyarrow as pa

from analyzer.text import cell
from plugins.reports import text_columns as columns
from plugins.reports.text_columns import pc

_CLOSER_LOOK: Final = r"^(?:[=+\-@]|[^!-~])"
"""Finds all texts without NUL that `cell` may change, in the syntax of RE2."""
_QUOTED: Final = '",\r\n'


def write(out: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a header and rows, each with the column `escaped` at its end."""
    lines = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(lines)
    writer.writerow([*columns, "escaped"])
    for row in rows:
        shown, changed = [], []
        for name, value in zip(columns, row, strict=True):
            text, was_changed = cell(value)
            shown.append(text)
            if was_changed:
                changed.append(name)
        writer.writerow([*shown, " ".join(changed)])
    lines.detach()


def write_columns(out: BinaryIO, names: Sequence[str],
                  batches: Iterable[Sequence[columns.Column]], *,
                  is_marked: bool = True, empty: str = "") -> None:
    """The same, byte for byte, from columns of text and whole numbers.

    `is_marked=False` leaves out the column `escaped`, for formats whose columns are fixed;
    `empty` is written into cells without text.
    """
    out.write((",".join([*names, "escaped"] if is_marked else names) + "\r\n").encode())
    for batch in batches:
        cells: list[columns.Column] = []
        changed = []
        for name, values in zip(names, batch, strict=True):
            shown = _cells(values)
            if empty:
                shown = pc.if_else(pc.equal(shown, ""), empty, shown)
            cells += [shown if not pa.types.is_string(values.type) else _quoted(shown), ","]
            if pa.types.is_string(values.type):
                changed.append(pc.if_else(pc.equal(shown, values), "", f" {name}"))
        last = [pc.ascii_ltrim(columns.joined(*changed), " ")] if is_marked else []
        columns.write(out, columns.joined(*(cells if is_marked else cells[:-1]), *last, "\r\n"))


def _cells(values: columns.Column) -> columns.Column:
    if not pa.types.is_string(values.type):
        return columns.number(values)
    odd = rf"{_CLOSER_LOOK}|\x00" if columns.has_any(values, "\0") else _CLOSER_LOOK
    return columns.exactly(values, values, lambda text: cell(text)[0], odd)


def _quoted(cells: columns.Column) -> columns.Column:
    """As csv.writer does it: only cells that need quotes have them."""
    if not columns.has_any(cells, _QUOTED):
        return cells
    quoted = columns.joined('"', pc.replace_substring(cells, '"', '""'), '"')
    return pc.if_else(pc.match_substring_regex(cells, f"[{_QUOTED}]"), quoted, cells)
