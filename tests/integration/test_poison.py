"""A poisonous artefact among good ones costs that artefact, with one Problem (G1, G8, G13)."""

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analyzer.case.query import CaseTables
from analyzer.engine.catalogue import Catalogue, catalogue
from analyzer.engine.launch import COMMAND
from analyzer.engine.progress import Quiet
from analyzer.engine.run import Options, Result, analyze
from analyzer.engine.tasks import Limits
from analyzer.plugin import discover
from tests.unit.engine.test_run import Deaths

TABLES = ("evidence", "volume", "system", "virtual_machine", "snapshot", "vm_drive", "disk_layer",
          "file_entry", "problem", "coverage", "finding")
HOST = "ws2008.E01!/p1"
REGISTER = f"{HOST}/ProgramData/Microsoft/Windows/Hyper-V/Virtual Machines"
Row = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Stated:
    """The rows of a case, and how its run ended."""

    rows: Counter[tuple[str, Row]]
    exit_code: int


def plugins() -> Catalogue:
    return catalogue(tuple(p for p in discover() if p.kind != "report"), None)


def run(image: Path, case: Path, *poison: str, limits: Limits, **more: Any) -> Result:
    command = (sys.executable, "-P", "-m", "tests.integration.poisoned_child", *poison) \
        if poison else COMMAND
    screen = more.pop("screen", Quiet())
    options = Options((str(image), *more.pop("others", ())), case, 2, limits=limits, **more)
    return analyze(options, plugins(), screen, command)


def stated(result: Result) -> Stated:
    tables = CaseTables(result.case)
    return Stated(Counter((table, tuple((k, str(v)) for k, v in row.items())) for table in TABLES
                          for row in tables.rows(table)), result.exit_code)


LIMITS = Limits(cpu_seconds=5, idle_seconds=90, file_bytes=256 << 20)


@pytest.fixture(scope="module")
def clean(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Stated:
    folder = tmp_path_factory.mktemp("clean")
    return stated(run(corpus / "ws2008.E01", folder / "case", limits=LIMITS))


CONFIGURATION = "ws2008.E01!/p2/Hyper-V/Virtual Machines/C1BFD486-E3F1-423E-9170-E8DCF848A48D.xml"
ARTEFACTS = {
    "hive": (f"{HOST}/Windows/System32/config/SOFTWARE", {"system", "coverage", "finding"}),
    "configuration": (CONFIGURATION, {"virtual_machine", "vm_drive", "disk_layer", "coverage",
                                      "finding"}),
    "virtual disk": ("ws2008.E01!/p2/VMs/TEST02/TEST02.vhd",
                     {"disk_layer", "vm_drive", "coverage", "problem", "finding"}),
}
"""Address, and the tables in which the artefact, or what follows from it, is stated."""
KINDS = {"hive": "file", "configuration": "file"}
CODES = {"segfault": "WRK-SIG", "loop": "WRK-TIME", "garbage": "WRK-SAY", "endless": "WRK-SAY",
         "memory": "WRK-OOM", "files": "WRK-FILES", "disk": "WRK-FSIZE"}


@pytest.fixture(scope="module")
def host(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Stated:
    """The host alone, without poison."""
    folder = tmp_path_factory.mktemp("host")
    return stated(run(corpus / "ws2008.E01", folder / "case", limits=LIMITS, guests=False))


@pytest.mark.parametrize(("artefact", "deed"), [
    ("hive", "segfault"), ("configuration", "segfault"),
    ("virtual disk", "segfault"), ("configuration", "loop"), ("hive", "garbage"),
    ("configuration", "endless"), ("hive", "memory"),
    ("hive", "files"), ("configuration", "disk")])
def test_one_poisonous_artefact_costs_itself(host: Stated, corpus: Path, tmp_path: Path,
                                             artefact: str, deed: str) -> None:
    address, tables = ARTEFACTS[artefact]
    result = run(corpus / "ws2008.E01", tmp_path / "case", deed, KINDS.get(artefact, artefact),
                 address, limits=LIMITS, guests=False)
    found = stated(result)
    assert found.exit_code == 4
    lost, new = host.rows - found.rows, found.rows - host.rows
    problems = [dict(row) for table, row in new if table == "problem"]
    assert len(problems) == 1, [(one["code"], one["what"]) for one in problems]
    problem = problems[0]
    assert problem["code"] == CODES[deed]
    assert "of memory used" in problem["what"]
    assert address.rpartition("/")[2] in problem["source_path"] + problem["source_detail"] \
        + problem["what"]
    assert {table for table, _ in lost} <= tables
    assert {table for table, _ in new} <= tables | {"problem"}
    assert not [row for table, row in lost if table == "file_entry"]


def _forget_the_host(result: Result) -> None:
    """As if the run had been killed while the host's task was under way."""
    lines = result.case.journal.read_bytes().splitlines(keepends=True)
    result.case.journal.write_bytes(b"".join(
        line for line in lines if json.loads(line)["task"] not in ("ws2008.E01@p1", "analyses")))


def test_a_known_culprit_is_not_tried_again_on_resume(corpus: Path, tmp_path: Path) -> None:
    poison, first, second = ("segfault", "file", CONFIGURATION), Deaths(), Deaths()
    before = run(corpus / "ws2008.E01", tmp_path / "case", *poison, limits=LIMITS, guests=False,
                 screen=first)
    said = stated(before)
    _forget_the_host(before)
    after = run(corpus / "ws2008.E01", tmp_path / "case", *poison, limits=LIMITS, guests=False,
                resume=True, screen=second)
    assert (first.count, second.count) == (1, 0)
    assert stated(after) == said


def test_what_kills_the_survey_is_known_to_the_tasks_after_it(corpus: Path,
                                                              tmp_path: Path) -> None:
    deaths = Deaths()
    run(corpus / "ws2008.E01", tmp_path / "case", "segfault", "file",
        f"{HOST}/Windows/System32/config/SYSTEM", limits=LIMITS, screen=deaths)
    assert deaths.count == 1


def test_a_poisonous_image_costs_that_image(corpus: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.E01"
    other.write_bytes((corpus / "empty-host.E01").read_bytes())
    result = run(corpus / "ws2008.E01", tmp_path / "case", "segfault", "image", "other.E01",
                 limits=LIMITS, guests=False, others=(str(other),))
    tables = CaseTables(result.case)
    assert result.exit_code == 4
    assert [row["name"] for row in tables.rows("evidence")] == ["ws2008.E01"]
    assert [row["source_evidence"] for row in tables.rows("problem")
            if row["code"].startswith("WRK-")] == ["other.E01"]
