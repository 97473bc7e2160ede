"""Hostile names of files and machines, from the image to every output."""

import csv
import io
import re
from pathlib import Path

import pytest

from tests.integration.conftest import Vmtrail
from tests.integration.hostile_media import write_media
from tests.plugins.reports.markup import Markup

RAW_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
FILE = "=\x1b]0;p\x07\r\n\u202e<s>\x9b\ud800"
TEXTS = {
    "InitialStore.xml": FILE.ljust(16, "x"),
    "SQL01": "=1+\u202e\x9b",
    "vmguest.iso": "@\x1b[2J<u>\x85\u2028a",
    "After patch": "+\x7f\u2066<q>&{{7",
    "TEST02": "-1-\"'\x1b",
}


@pytest.fixture(scope="module")
def hostile_case(corpus: Path, tmp_path_factory: pytest.TempPathFactory,
                 vmtrail: Vmtrail) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("hostile")
    image = folder / "host.dd"
    write_media(corpus / "ws2008.E01", image,
                {old: new[:len(old)].ljust(len(old), "x") for old, new in TEXTS.items()})
    done = vmtrail("analyze", image, "-o", folder / "case")
    image.unlink()
    assert done.returncode in (0, 4), done.stderr
    return folder / "case", done.stdout + done.stderr


@pytest.mark.slow
def test_no_control_byte_reaches_a_terminal(hostile_case: tuple[Path, str],
                                            vmtrail: Vmtrail) -> None:
    case, printed = hostile_case
    assert not RAW_CONTROL.search(printed)
    for arguments in (("inventory", case), ("timeline", case, "--format", "table")):
        done = vmtrail(*arguments)
        assert not RAW_CONTROL.search(done.stdout + done.stderr), arguments


@pytest.mark.slow
def test_no_cell_is_a_formula_and_no_name_is_markup(hostile_case: tuple[Path, str]) -> None:
    case, _ = hostile_case
    reports = case / "reports"
    tables = list(reports.glob("*.csv"))
    assert tables
    for table in tables:
        rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig"), newline="")))
        assert len({len(row) for row in rows}) == 1, table.name
        for cell in (cell for row in rows for cell in row):
            assert not cell.startswith(("=", "+", "@", "\t", "\r")), (table.name, cell)
    pages = list((reports / "report").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        markup = Markup(page.read_text(encoding="utf-8"))
        assert not {name for name, _ in markup.elements} & {"s", "u", "q"}
        assert sum(name == "script" for name, _ in markup.elements) <= 1
        assert not any(name.startswith("on") for _, names in markup.elements for name in names)
        assert not RAW_CONTROL.search(markup.text.replace("\t", " "))
