"""Mutants through `vmtrail analyze` itself, with its children, and what it writes read again."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from analyzer.case.query import CaseTables
from analyzer.engine.catalogue import catalogue
from analyzer.engine.progress import Quiet
from analyzer.engine.run import Options, Result, analyze
from analyzer.plugin import discover
from tests.fuzz.mutants import Damaged, Mutant
from tests.fuzz.subjects import subject
from tests.plugins.reports.markup import Markup

SEED = int(os.environ.get("VMTRAIL_SEED", "4"))
MIB = 1 << 20
SMALL = ("empty-host", "plain-windows", "gpt", "host.E01")
IS_SLOW = bool(os.environ.get("VMTRAIL_SLOW"))
COUNT = 18 if IS_SLOW else 12
FIRST = 1_000_000
"""Number of the first mutant: none of those that the campaign has."""
REPORTS = ("inventory_json", "inventory_csv", "timeline_csv", "report_html")
"""In the fast level; with VMTRAIL_SLOW all of them."""


def put(name: str, mutant: Mutant, folder: Path) -> Path:
    """The mutant as an image file; what cannot be read in it is zeros here."""
    about = subject(name)
    known = Mutant(mutant.name, tuple(p for p in mutant.patches if p.how == "data"), mutant.size)
    media = Damaged(about.blocks, known)
    path = folder / (name if name.startswith("host.") else f"{name}.dd")
    with path.open("wb") as file:
        file.truncate(media.size)
        for offset in range(0, media.size, MIB):
            data = media.read_at(offset, MIB)
            if any(data):
                file.seek(offset)
                file.write(data)
    return path


def run(image: Path, folder: Path) -> Result:
    plugins = [p for p in discover() if p.kind != "report" or IS_SLOW or p.name in REPORTS]
    return analyze(Options((str(image),), folder / "case", 1), catalogue(plugins), Quiet())


@pytest.mark.parametrize("number", range(COUNT))
def test_a_run_on_a_mutant_ends_well(number: int, tmp_path: Path) -> None:
    name = "ws2008" if IS_SLOW and number % 6 == 0 else SMALL[number % len(SMALL)]
    mutant = subject(name).mutant(SEED, FIRST + number)
    result = run(put(name, mutant, tmp_path), tmp_path)
    tables = CaseTables(result.case)
    rows = {table: list(tables.rows(table)) for table in
            ("problem", "evidence", "system", "file_entry")}
    assert result.exit_code in (0, 3, 4), (mutant.name, result.stopped_by, rows["problem"])
    assert not [p for p in rows["problem"] if p["code"] == "BUG"], mutant.name
    deaths = [p for p in rows["problem"] if p["code"].startswith("WRK-")]
    assert len({(p["plugin"], p["system_id"]) for p in deaths}) == len(deaths)
    if result.exit_code == 3:
        assert [p["code"] for p in rows["problem"]] == ["IMG-OPEN"]
    check_outputs(result.case.root)


def check_outputs(case: Path) -> None:
    """Every file of the case is what its name says."""
    manifest = json.loads((case / "case.json").read_bytes())
    assert manifest["exit_code"] in (0, 3, 4)
    for path in case.rglob("*"):
        assert not path.name.endswith(".tmp"), path
        if path.suffix == ".parquet":
            assert pq.read_table(path).num_rows or path.parent.name == "reports"
        elif path.suffix == ".csv":
            lines = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
            assert len({len(line) for line in lines}) == 1
        elif path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".jsonl":
            rows: list[Any] = [json.loads(line) for line in path.read_bytes().splitlines()]
            assert all(isinstance(row, dict) for row in rows)
        elif path.suffix == ".html":
            elements = Markup(path.read_text("utf-8")).elements
            assert {"html", "body"} <= {tag for tag, _ in elements}
