"""Cells of CSV against the definition of what a spreadsheet would run."""

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.text import cell
from plugins.reports.csv_cells import write

risky = st.text(st.sampled_from("=+-@\t\r\n '\",;\x00\ud800\u202ea|%\u3000＝") | st.characters())


@given(risky)
@example("\x0c\n")
def test_no_cell_starts_a_formula_and_the_rest_is_verbatim(value: str) -> None:
    text, changed = cell(value)
    assert not text.lstrip(" \u3000\xa0\v\f").startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert changed == (text != value)
    harmless = value.translate({0: "\\x00", 0xD800: "\\ud800"})
    if not any(0xD800 <= ord(c) < 0xE000 and c != "\ud800" for c in value):
        assert text in (harmless, f"'{harmless}")


@given(st.lists(st.tuples(risky, st.integers() | st.none()), max_size=5))
def test_what_is_written_reads_back(rows: list[tuple[str, int | None]]) -> None:
    out = io.BytesIO()
    write(out, ("text", "number"), rows)
    header, *found = csv.reader(io.StringIO(out.getvalue().decode(), newline=""), strict=True)
    assert header == ["text", "number", "escaped"]
    for (text, number), row in zip(rows, found, strict=True):
        assert row[0] == cell(text)[0]
        assert row[1] == ("" if number is None else str(number))
        assert row[2] == ("text" if cell(text)[1] else "")
