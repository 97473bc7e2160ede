"""The command line as a user meets it: data on stdout, help on stderr, the exit codes."""

import csv
import hashlib
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from analyzer.case.folder import Case
from analyzer.case.lock import CaseLock
from analyzer.case.query import CaseTables
from tests.integration.conftest import Vmtrail

RAW_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
XML = "C:/ProgramData/Microsoft/Windows/Hyper-V/InitialStore.xml"


@pytest.fixture(scope="module")
def truth(corpus: Path) -> Any:
    return json.loads((corpus / "truth" / "ws2008.json").read_text())


def test_the_summary_names_what_the_construction_made(summary: str, truth: Any) -> None:
    for machine in truth["machines"]:
        if machine.get("name"):
            assert machine["name"] in summary
    for word in ("Hyper-V hosts (1)", "Problems (", "Looked at:", "report/index.html", "Finished."):
        assert word in summary
    assert not RAW_CONTROL.search(summary)


@pytest.mark.validates("VMT-REP-01")
@pytest.mark.parametrize(("jobs", "seed"), [(1, "7"), (8, "4711")])
def test_one_process_or_many_give_the_same_bytes(
        case: Path, corpus: Path, tmp_path: Path, vmtrail: Vmtrail, jobs: int, seed: str) -> None:
    other = tmp_path / "other"
    done = vmtrail("-q", "analyze", corpus / "ws2008.E01", "-o", other, "--jobs", jobs,
                   PYTHONHASHSEED=seed, TZ="Asia/Tokyo", LC_ALL="C")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def partitions(root: Path) -> dict[str, str]:
        return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
                for p in (root / "tables").rglob("*.parquet") if p.parent.name != "run"}

    assert partitions(other) == partitions(case)


@pytest.mark.validates("VMT-RO-01")
def test_evidence_is_not_changed(case: Path, corpus: Path) -> None:
    text = (corpus / "manifest.toml").read_text()
    assert hashlib.sha256((corpus / "ws2008.E01").read_bytes()).hexdigest() in text


def test_inventory_as_table_json_and_csv(case: Path, vmtrail: Vmtrail) -> None:
    table = vmtrail("inventory", case)
    assert table.returncode == 0
    assert "DC01" in table.stdout
    assert not RAW_CONTROL.search(table.stdout)
    assert "DC01" in json.dumps(json.loads(vmtrail("inventory", case, "--format", "json").stdout))
    rows = list(csv.DictReader(io.StringIO(vmtrail("inventory", case, "--format", "csv").stdout)))
    assert len(rows) >= 4


def test_timeline_is_narrowed(case: Path, vmtrail: Vmtrail) -> None:
    done = vmtrail("timeline", case, "--vm", "dc01", "--from", "2009-07-14", "--to",
                   "2009-07-16T00:00:00+01:00", "--format", "jsonl")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows
    assert all("2009-07-14" <= r["datetime"] < "2009-07-15T23" for r in rows)
    assert {r["vm_name"] for r in rows} == {"DC01"}
    assert [r["ticks"] for r in rows] == sorted(r["ticks"] for r in rows)


def test_query_as_table_json_and_csv(case: Path, vmtrail: Vmtrail) -> None:
    sql = "SELECT name, created_at FROM snapshot WHERE name = 'Before patch'"
    assert "Before patch" in vmtrail("query", case, sql).stdout
    row = json.loads(vmtrail("query", case, sql, "--json").stdout)
    assert row["created_at"].startswith("2009-07-14T21:03:12")
    assert vmtrail("query", case, sql, "--csv").stdout.splitlines()[0] == "name,created_at"


def test_reports_are_written_again(case: Path, vmtrail: Vmtrail, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", case, copy], check=True)
    before = (copy / "reports" / "timeline.csv").read_bytes()
    (copy / "reports" / "timeline.csv").unlink()
    done = vmtrail("report", copy, "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert (copy / "reports" / "timeline.csv").read_bytes() == before


def test_ls_stat_cat_export(corpus: Path, vmtrail: Vmtrail, tmp_path: Path) -> None:
    image = corpus / "ws2008.E01"
    assert "C:" in vmtrail("ls", image).stdout
    names = [json.loads(r)["name"]
             for r in vmtrail("ls", f"{image}!/C:/", "--json").stdout.splitlines()]
    assert "ProgramData" in names
    content = vmtrail("cat", f"{image}!/{XML}").stdout
    target = tmp_path / "store.xml"
    done = vmtrail("export", f"{image}!/{XML}", "-o", target)
    assert done.stdout.split()[0] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert target.read_text() == content
    again = vmtrail("export", f"{image}!/{XML}", "-o", target)
    assert again.returncode == 2
    assert "not overwritten" in again.stderr
    facts = json.loads(vmtrail("stat", f"{image}!/{XML}", "--json").stdout)
    assert facts["size"] == target.stat().st_size


def test_a_case_is_exported_as_a_database(case: Path, vmtrail: Vmtrail, tmp_path: Path) -> None:
    done = vmtrail("export", case, "--to", "sqlite", "-o", tmp_path / "case.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "case.db").read_bytes().startswith(b"SQLite format 3")
    for hint, arguments in (("not overwritten", ["--to", "sqlite"]), ("--to sqlite", []),
                            ("did you mean 'sqlite'", ["--to", "sqllite"])):
        done = vmtrail("export", case, *arguments, "-o", tmp_path / "case.db")
        assert (done.returncode, done.stdout) == (2, "")
        assert hint in done.stderr


def test_into_a_guest(corpus: Path, vmtrail: Vmtrail) -> None:
    done = vmtrail("ls", f"{corpus}/ws2008.E01!/D:/VMs/WEB01/WEB01-data.vhd!/")
    assert done.returncode == 0, done.stderr
    assert "p1" in done.stdout


def test_plugins(vmtrail: Vmtrail) -> None:
    rows = [json.loads(line) for line in vmtrail("plugins", "--json").stdout.splitlines()]
    assert {r["kind"] for r in rows} == {"artifact", "analysis", "report"}
    assert all(r["doc"] and r["sha256"] and r["origin"] for r in rows)


def test_what_cannot_be_done_says_what_can(case: Path, corpus: Path, vmtrail: Vmtrail,
                                           tmp_path: Path) -> None:
    image = corpus / "ws2008.E01"
    (tmp_path / "not-evidence").write_bytes(b"some text" * 10)
    for code, hint, arguments in (
            (2, "did you mean 'analyze'", ["anlyze", image]),
            (2, "IMAGE", ["analyze"]),
            (2, "No such file", ["analyze", corpus / "nothing.E01", "-o", tmp_path / "x"]),
            (2, "folder", ["analyze", corpus, "-o", tmp_path / "x"]),
            (2, "--resume", ["analyze", image, "-o", case]),
            (2, "not a case", ["analyze", image, "-o", corpus]),
            (2, "did you mean virtual_machines", ["analyze", image, "-o", tmp_path / "x",
                                                  "--plugins", "virtual_machine"]),
            (2, "not a case", ["inventory", tmp_path]),
            (2, "did you mean DC01", ["timeline", case, "--vm", "DC1"]),
            (2, "2008-11-09", ["timeline", case, "--from", "yesterday"]),
            (2, "--from is not before", ["timeline", case, "--from", "2010-01-01",
                                         "--to", "2009-01-01"]),
            (2, "csv", ["timeline", case, "--format", "xlsx"]),
            (2, "SELECT", ["query", case, "DROP TABLE snapshot"]),
            (2, "does not run", ["query", case, "SELECT x FROM snapshot"]),
            (2, "ProgramData", ["ls", f"{image}!/C:/ProgramDat"]),
            (2, "ws2008.E01", ["cat", f"{corpus}/ws2008.E02!/C:/"]),
            (2, "folder", ["ls", corpus])):
        done = vmtrail(*arguments)
        assert (done.returncode, done.stdout) == (code, ""), arguments
        assert hint in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_directory_is_not_printed(corpus: Path, vmtrail: Vmtrail) -> None:
    assert vmtrail("cat", f"{corpus}/ws2008.E01!/C:/Windows").returncode == 2


def test_help_is_there_at_once(vmtrail: Vmtrail) -> None:
    imports = subprocess.run([sys.executable, "-X", "importtime", "-m", "analyzer.cli", "--help"],
                             capture_output=True, text=True, check=True)
    for library in ("pandas", "pyarrow", "duckdb", "pytsk3", "rich", "numpy", "lxml"):
        assert f" {library}\n" not in imports.stderr
    for code in ("130", "--resume", "examples:"):
        assert code in imports.stdout
    assert vmtrail("--version").stdout.startswith("vmtrail ")


def on_terminal(*arguments: object) -> tuple[int, bytes]:
    """Run with stdout on a pseudo-terminal; exit code and what it showed."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "analyzer.cli", *map(str, arguments)],
                               stdout=follower, stderr=follower, stdin=subprocess.DEVNULL)
    os.close(follower)
    shown = b""
    try:
        while data := os.read(leader, 65536):
            shown += data
    except OSError:  # Linux says EIO where the other end is closed
        pass
    os.close(leader)
    return process.wait(60), shown


def test_binary_data_does_not_reach_a_terminal(corpus: Path) -> None:
    code, shown = on_terminal("cat", f"{corpus}/ws2008.E01!/C:/Windows/System32/config/SYSTEM")
    assert code == 2
    assert b"binary data" in shown
    assert b"regf" not in shown


def test_progress_is_shown_on_a_terminal(corpus: Path, tmp_path: Path) -> None:
    code, shown = on_terminal("analyze", corpus / "plain-windows.E01", "-o", tmp_path / "c")
    assert code == 0
    assert b"plain-windows.E01" in shown.partition(b"Evidence (")[0]
    assert b"Finished." in shown


def test_findings_are_shown_gravest_first_with_why(case: Path, vmtrail: Vmtrail,
                                                   summary: str) -> None:
    done = vmtrail("findings", case)
    heads = [line for line in done.stdout.splitlines() if line and line[0] != " "]
    assert heads == sorted(heads, key=lambda line: ("HIGH", "MEDI", "LOW ", "INFO").index(line[:4]))
    assert "\n  Why it matters: " in done.stdout
    assert "\n  What else looks so: " in done.stdout
    assert "MEDIUM  VM-DELETED  The configuration of a machine was deleted (1)" in heads
    grave = vmtrail("findings", case, "--severity", "medium", "--json").stdout.splitlines()
    rows = [json.loads(line) for line in grave]
    assert {row["severity"] for row in rows} <= {"high", "medium"}
    assert all(row["reason"] and row["false_positives"] and row["reference"] for row in rows)
    assert "    1 × medium VM-DELETED: The configuration of a machine was deleted" in summary


def test_a_reader_that_goes_away_is_no_error(case: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "analyzer.cli", "timeline", str(case)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0


def test_the_small_hosts(corpus: Path, vmtrail: Vmtrail, tmp_path: Path) -> None:
    done = vmtrail("analyze", corpus / "empty-host.E01", "-o", tmp_path / "empty")
    assert done.returncode == 0
    assert "Virtual machines (0)" in done.stdout
    assert "Looked at:" in done.stdout
    done = vmtrail("analyze", corpus / "plain-windows.E01", "-o", tmp_path / "plain", "--verify")
    assert done.returncode == 0
    assert "Hyper-V hosts (0)" in done.stdout
    assert "Other Windows installations (1)" in done.stdout
    assert "hash: match" in done.stdout


def test_what_is_not_evidence_exits_3(vmtrail: Vmtrail, tmp_path: Path) -> None:
    image = tmp_path / "cut.E01"
    image.write_bytes(b"EVF\x09\x0d\x0a\xff\x00" + bytes(100))
    done = vmtrail("analyze", image, "-o", tmp_path / "case")
    assert done.returncode == 3, done.stderr
    assert "IMG-OPEN" in done.stdout
    rows = CaseTables(Case(tmp_path / "case")).rows("coverage")
    assert [(row["place"], row["state"]) for row in rows] == [("cut.E01: image", "unreadable")]


def test_help_takes_less_than_a_fifth_of_a_second_of_processor_time() -> None:
    best = 9.0
    for _ in range(3):
        before = os.times()
        subprocess.run([sys.executable, "-m", "analyzer.cli", "--help"], check=True,
                       stdout=subprocess.DEVNULL)
        after = os.times()
        best = min(best, after.children_user + after.children_system
                   - before.children_user - before.children_system)
    assert best < 0.2


def test_a_second_run_on_a_case_is_refused(tmp_path: Path, corpus: Path,
                                           vmtrail: Vmtrail) -> None:
    """Two processes: while one holds the case, the other exits 6 and changes nothing."""
    case = tmp_path / "case"
    case.mkdir()
    with CaseLock(case):
        done = vmtrail("analyze", corpus / "empty-host.E01", "-o", case)
    assert done.returncode == 6
    assert "in use" in done.stderr
    assert [path.name for path in case.iterdir()] == [".lock"]
