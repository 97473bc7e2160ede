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
                  batches: Iterable[Sequence[columns.Column]]) -> None:
    """The same, byte for byte, from columns of text and whole numbers."""
    write(out, names, ())
    for batch in batches:
        cells: list[columns.Column] = []
        changed = []
        for name, values in zip(names, batch, strict=True):
            shown = _cells(values)
            cells += [shown if not pa.types.is_string(values.type) else _quoted(shown), ","]
            if pa.types.is_string(values.type):
                changed.append(pc.if_else(pc.equal(shown, values), "", f" {name}"))
        escaped = pc.ascii_ltrim(columns.joined(*changed), " ")
        columns.write(out, columns.joined(*cells, escaped, "\r\n"))


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
