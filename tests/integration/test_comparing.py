"""`vmtrail diff` and `vmtrail estate` as a user meets them."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.case.folder import Case
from analyzer.case.manifest import Manifest
from analyzer.case.store import PartitionWriter
from analyzer.records import Record, VirtualMachine
from tests.integration.conftest import Vmtrail
from tests.plugins.reports import case as usual


def stored(root: Path, records: list[Record]) -> Path:
    """A case with these records and a manifest."""
    case = Case(root)
    case.tables.mkdir(parents=True)
    with PartitionWriter(case.tables, "hv01.E01@p1") as writer:
        writer.extend(records)
    Manifest("0.1.0", [], "2026-11-23T03:00:00Z", state="finished", coverage={"unreadable": 2},
             images=[{"name": "hv01.E01", "state": "finished"}]).save(case.manifest)
    return root


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("pair")
    old = list(usual.records())
    new = [replace(r, name="=web\x1b[2J", memory_mb=4096) if isinstance(r, VirtualMachine)
           and r.vm_id == usual.WEB else r for r in old if r.vm_id != usual.TEST]
    return stored(base / "a", old), stored(base / "b", new)


def test_diff_as_text_json_and_csv(pair: tuple[Path, Path], vmtrail: Vmtrail) -> None:
    done = vmtrail("diff", *pair)
    assert (done.returncode, done.stderr) == (0, "")
    assert "~ machine, memory_mb: 2048 -> 4096" in done.stdout
    assert "- machine: not found in B" in done.stdout
    assert "places not read: 2 unreadable" in done.stdout
    assert done.stdout.endswith(
        "Machines: 0 appeared, 1 vanished, 0 moved, 1 changed, 3 the same\n")
    assert "\x1b" not in done.stdout
    assert "\\x0a" not in done.stdout
    data = json.loads(vmtrail("diff", *pair, "--format", "json").stdout)
    assert data["machines"]["vanished"] == 1
    assert {(c["about"], c["field"]) for c in data["changes"] if c["vm_id"] == usual.WEB} == \
        {("machine", "name"), ("machine", "memory_mb")}
    assert all(c["source_before"] for c in data["changes"])
    text = vmtrail("diff", *pair, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(data["changes"])
    assert not any(value.startswith("=") for row in rows for value in row.values())


def test_the_bundled_host_is_equal_to_itself(case: Path, vmtrail: Vmtrail,
                                             tmp_path: Path) -> None:
    copy = shutil.copytree(case, tmp_path / "copy")
    assert json.loads(vmtrail("diff", case, copy, "--format", "json").stdout)["changes"] == []
    done = vmtrail("estate", case, copy)
    assert (done.returncode, done.stdout) == (0, "0 ids are on more than one host.\n")


def test_mistakes_are_explained(case: Path, vmtrail: Vmtrail, tmp_path: Path) -> None:
    for hint, arguments in (("CASE_B", ["diff", case]),
                            ("not a case", ["diff", case, tmp_path]),
                            ("did you mean 'csv'", ["diff", case, case, "--format", "cvs"]),
                            ("given twice", ["estate", case, case]),
                            ("not a case", ["estate", tmp_path / "none"])):
        done = vmtrail(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert hint in done.stderr, done.stderr
