"""The main job on fake systems: what is kept, what is lost, and what is said about it."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from analyzer.case.folder import Case
from analyzer.case.lock import CaseInUse, CaseLock
from analyzer.case.manifest import Manifest
from analyzer.case.query import CaseTables
from analyzer.engine import planning
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.progress import Quiet
from analyzer.engine.reports import write_reports
from analyzer.engine.run import Options, Result, analyze
from analyzer.engine.supervisor import TaskEnd
from analyzer.engine.tasks import Limits
from analyzer.errors import UsageError
from tests.unit.engine.fake_child import COMMAND, PLUGINS

LIMITS = Limits(cpu_seconds=1, idle_seconds=30)
ONE = {"systems": [{"id": "s1"}]}
SMALL_FILES = ("sh", "-c", 'ulimit -f 40; exec "$@"', "sh", *COMMAND)
"""Children that can write no file of more than 20 KiB, and not for a limit of their own."""
_USED = re.compile(r"; \d+ s of processor time and at most \d+ MiB of memory used$")


def catalogue(*names: str) -> Catalogue:
    return Catalogue(tuple(p for p in PLUGINS if p.name in names))


class Job:
    """One fake image and the case made of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def image(self, content: Any, name: str = "a.img") -> str:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)

    def run(self, content: Any, *plugins: str, case: str = "case", limits: Limits = LIMITS,
            **more: Any) -> Result:
        images = more.pop("images", None) or (self.image(content),)
        screen, command = more.pop("screen", None) or Quiet(), more.pop("command", COMMAND)
        options = Options(images=images, case=self.folder / case, jobs=more.pop("jobs", 2),
                          limits=limits, **more)
        return analyze(options, catalogue(*plugins), screen, command)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def paths(result: Result) -> list[str]:
    return [r["path"] for r in CaseTables(result.case).rows("file_entry")]


def problems(result: Result) -> list[dict[str, Any]]:
    return list(CaseTables(result.case).rows("problem"))


def partitions(result: Result) -> dict[str, bytes]:
    tables = result.case.tables
    return {str(p.relative_to(tables)): p.read_bytes() for p in tables.rglob("*.parquet")
            if p.parent.name != "run"}


def test_a_sound_run(job: Job) -> None:
    result = job.run({"systems": [{"id": "s1", "odd": "x"}], "odd": True},
                     "files", "count_files", "a_repeat", "listing")
    assert result.exit_code == 0
    assert paths(result) == ["a", "b", "c"]
    assert (result.case.reports / "listing.txt").read_bytes() == b"a\nb\nc\n"
    assert sorted(p["code"] for p in problems(result)) == ["IMG-ODD", "ODD", "SEEN"]
    assert [r["what"] for r in CaseTables(result.case).rows("finding")] == ["3 files"]
    manifest = json.loads(result.case.manifest.read_bytes())
    assert (manifest["state"], manifest["exit_code"]) == ("finished", 0)
    assert manifest["coverage"] == {"read": 2}
    assert [(i["state"], i["exit_code"], i["computers"], i["problems"], i["media"]["name"])
            for i in manifest["images"]] == [("finished", 0, ["a.img!/s1"], 2, "a.img")]
    assert [r["exit_code"] for r in CaseTables(result.case).rows("run")] == [0]


def test_exactly_the_culprits_are_lost(job: Job) -> None:
    limits = Limits(cpu_seconds=1, idle_seconds=15)  # whose end a guard that is taken out waits for
    result = job.run(ONE, "files", "crash", "loop", "abort", "nonsense", "noise", "listing",
                     limits=limits)
    assert result.exit_code == 4
    assert paths(result) == ["a", "after the noise", "b", "c"]
    found = {p["plugin"]: (p["code"], p["what"], p["system_id"]) for p in problems(result)}
    assert {k: (v[0], v[2]) for k, v in found.items()} == {
        "crash": ("WRK-SIG", "a.img!/s1"), "loop": ("WRK-TIME", "a.img!/s1"),
        "abort": ("WRK-OOM", "a.img!/s1"), "nonsense": ("WRK-SAY", "a.img!/s1")}
    assert all(_USED.search(what) for _, what, _ in found.values())
    assert len(list(CaseTables(result.case).rows("coverage"))) == 1
    assert json.loads(result.case.manifest.read_bytes())["coverage"] == {"read": 1}
    assert "signal SIGSEGV" in found["crash"][1]
    assert "limit of address space" in found["abort"][1]
    assert "no progress in 1 s of processor time" in found["loop"][1]


def test_what_goes_wrong_in_telling_what_was_left_unread_is_kept_beside_the_death(job: Job) -> None:
    result = job.run({"systems": [{"id": "s1", "strange": 1}]}, "files", "crash")
    assert sorted(p["code"] for p in problems(result)) == ["BUG", "WRK-SIG"]


def test_what_was_stated_before_an_error_is_kept(job: Job) -> None:
    limits = Limits(cpu_seconds=1, idle_seconds=30, file_bytes=1 << 20, open_files=64)
    result = job.run(ONE, "files", "bug", "half", "recurse", "undeclared", "hog", "open_many",
                     "fill", limits=limits)
    assert result.exit_code == 5
    assert set(paths(result)) == {"a", "b", "c", "before the bug", "before the damage",
                                  "before the bomb", "before the flood", "before the file"}
    found = {p["plugin"]: p for p in problems(result)}
    assert {name: p["code"] for name, p in found.items()} == {
        "bug": "BUG", "half": "CORRUPT", "recurse": "BUG", "undeclared": "BUG", "hog": "WRK-OOM",
        "open_many": "WRK-FILES", "fill": "WRK-FSIZE"}
    assert "ZeroDivisionError" in found["bug"]["what"]
    assert str(job.folder) not in found["bug"]["what"]
    assert found["half"]["start"] == 0x40
    for name, limit in (("hog", "address space"), ("open_many", "more than 64 open files"),
                        ("fill", "more than 1048576 bytes in one file")):
        assert limit in found[name]["what"]
        assert _USED.search(found[name]["what"])


def test_a_step_that_states_more_than_a_file_may_hold_costs_itself(job: Job) -> None:
    result = job.run(ONE, "files", "flood", "half", limits=Limits(file_bytes=16 << 10))
    assert (result.exit_code, result.stopped_by) == (4, "")
    assert set(paths(result)) == {"a", "b", "c", "before the damage"}
    found = {p["plugin"]: p["code"] for p in problems(result)}
    assert found == {"half": "CORRUPT", "flood": "WRK-FSIZE"}


def test_damage_alone_is_no_failure_of_the_run(job: Job) -> None:
    assert job.run(ONE, "files", "half").exit_code == 0


def test_a_silent_child_is_ended(job: Job) -> None:
    result = job.run(ONE, "sleep", limits=Limits(idle_seconds=2))
    assert result.exit_code == 4
    (problem,) = problems(result)
    assert (problem["code"], problem["plugin"]) == ("WRK-TIME", "sleep")


def test_a_death_that_does_not_come_again_costs_nothing(job: Job, tmp_path: Path) -> None:
    result = job.run({"systems": [{"id": "s1", "mark": str(tmp_path / "mark")}]},
                     "files", "dies_once")
    assert paths(result) == ["a", "b", "c", "second time"]
    assert result.exit_code == 0
    assert "nothing is lost" in problems(result)[0]["effect"]


def nested(depth: int) -> dict[str, Any]:
    guests = [{"key": f"g{depth}", "systems": [nested(depth - 1)]}] if depth else []
    return {"id": f"s{depth}", "files": [f"file{depth}"], "guests": guests}


def test_guests_inside_guests_are_followed_to_a_limit(
        job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MAX_DEPTH", 2)
    assert len(paths(job.run({"systems": [nested(4)]}, "files"))) == 3
    result = job.run({"systems": [nested(4)]}, "files", case="other", guests=False)
    assert len(paths(result)) == 1


def test_a_guest_that_cannot_be_opened_costs_that_guest(job: Job) -> None:
    guests = [{"key": "bad", "refuse": "no chain", "systems": []},
              {"key": "good", "systems": [{"id": "g", "files": ["in guest"]}]}]
    result = job.run({"systems": [{"id": "s1", "files": ["on host"], "guests": guests}]}, "files")
    assert result.exit_code == 4
    assert sorted(paths(result)) == ["in guest", "on host"]
    (problem,) = problems(result)
    assert (problem["code"], problem["source_detail"]) == ("SYS-OPEN", "bad")


def test_one_image_of_several_cannot_be_read(job: Job) -> None:
    good = job.image(ONE, "good.img")
    for name, content in {"refused": {"refuse": "other"}, "crash": {"crash": True}}.items():
        bad = job.image(content, f"{name}.img")
        result = job.run(None, "files", images=(good, bad), case=name)
        assert result.exit_code == 4
        assert paths(result) == ["a", "b", "c"]
        assert [p["source_evidence"] for p in problems(result)] == [f"{name}.img"]


def test_no_image_can_be_read(job: Job) -> None:
    assert job.run({"refuse": "not ours"}, "files").exit_code == 3
    assert job.run({"crash": True}, "files", case="other").exit_code == 3


def test_one_job_or_many_give_the_same_bytes(job: Job) -> None:
    guests = [{"key": f"g{i}", "systems": [{"id": f"x{i}"}]} for i in range(3)]
    content = {"systems": [{"id": "s1", "guests": guests}, {"id": "s2"}]}
    one = job.run(content, "files", "half", "count_files", jobs=1)
    many = job.run(content, "files", "half", "count_files", jobs=8, case="many")
    assert partitions(one) == partitions(many)
    assert len(partitions(one)) > 15


def test_a_report_may_sort_a_table_for_longer_than_an_artefact_may_take(job: Job) -> None:
    result = job.run(ONE, "files", "patience")
    assert int((result.case.reports / "patience.txt").read_bytes()) >= 10 * LIMITS.cpu_seconds


def test_a_report_that_fails_leaves_no_file(job: Job) -> None:
    result = job.run(ONE, "files", "listing", "bad_report", "pages", "bad_pages")
    assert sorted(p.name for p in result.case.reports.rglob("*")) == \
        ["index.html", "listing.txt", "pages"]
    assert {p["plugin"] for p in problems(result)} == {"bad_report", "bad_pages"}


def test_resume_repeats_nothing_and_ends_the_same(job: Job) -> None:
    guests = [{"key": f"g{i}", "systems": [{"id": f"x{i}"}]} for i in range(3)]
    content = {"systems": [{"id": "s1", "guests": guests}]}
    whole = job.run(content, "files", "count_files", case="whole")
    cut = job.run(content, "files", "count_files", case="cut")
    lines = cut.case.journal.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines
            if json.loads(line)["task"] not in ("a.img@s1.0-g1", "analyses")]
    cut.case.journal.write_bytes(b"".join(kept) + b'{"task": "torn')
    stamp = (cut.case.tables / "file_entry" / "a.img@s1.parquet").stat().st_mtime_ns
    (cut.case.tables / "file_entry" / ".a.img@s1.0-g1.parquet.x.tmp").write_bytes(b"half")
    resumed = job.run(content, "files", "count_files", case="cut", resume=True)
    assert partitions(resumed) == partitions(whole)
    assert (cut.case.tables / "file_entry" / "a.img@s1.parquet").stat().st_mtime_ns == stamp
    assert not list(cut.case.tables.glob("*/.*"))
    assert json.loads(cut.case.manifest.read_bytes())["resumed"] == 1


class Deaths(Quiet):
    """Counts children that died."""

    def __init__(self) -> None:
        self.count = 0

    def ended(self, end: TaskEnd) -> None:
        self.count += len(end.deaths)


def test_a_step_that_is_known_to_die_is_not_tried_again_on_resume(job: Job) -> None:
    steps, first, second = ("files", "crash", "abort", "half"), Deaths(), Deaths()
    before = job.run(ONE, *steps, screen=first)
    said = partitions(before)
    lines = before.case.journal.read_bytes().splitlines(keepends=True)
    before.case.journal.write_bytes(b"".join(  # as if killed before the end of that task
        line for line in lines if json.loads(line)["task"] != "a.img@s1"))
    after = job.run(ONE, *steps, screen=second, resume=True)
    assert (first.count, second.count) == (3, 0)
    assert (partitions(after), after.exit_code) == (said, before.exit_code)


def test_a_report_that_died_is_tried_again_where_it_is_asked_for(job: Job) -> None:
    case = job.run(ONE, "files", "dying_report", "listing").case
    assert (case.reports / "listing.txt").exists()
    tried: list[str] = []
    write_reports(case, catalogue("dying_report", "listing"), COMMAND,
                  lambda task, progress: tried.append(progress.step))
    assert "dying_report" in tried


def test_resume_of_a_finished_case_repeats_no_report_either(job: Job) -> None:
    before = job.run(ONE, "files", "listing", "pages")
    stamps = {p: p.stat().st_mtime_ns for p in before.case.root.glob("[tr]*/**/*")
              if p.parent.name != "run"}
    journal = before.case.journal.read_bytes()
    after = job.run(ONE, "files", "listing", "pages", resume=True)
    assert after.exit_code == 0
    assert {p: p.stat().st_mtime_ns for p in stamps if p.is_file()} == \
        {p: stamp for p, stamp in stamps.items() if p.is_file()}
    assert after.case.journal.read_bytes() == journal


def test_a_case_is_neither_mixed_nor_shared(job: Job) -> None:
    result = job.run(ONE, "files")
    with pytest.raises(UsageError, match="--overwrite"):
        job.run(ONE, "files")
    with pytest.raises(UsageError, match="other plugins"):
        job.run(ONE, "files", "half", resume=True)
    with CaseLock(result.case.root), pytest.raises(CaseInUse):
        job.run(ONE, "files", overwrite=True)
    with CaseLock(result.case.root), pytest.raises(CaseInUse):
        job.run(ONE, "files")  # the very same command again
    assert job.run({"systems": [{"id": "s", "files": ["new"]}]}, "files",
                   overwrite=True).exit_code == 0
    assert paths(result) == ["new"]


class AnotherRun(Quiet):
    """Tries to take the case whenever a task ends; the word of who holds it, each time."""

    def __init__(self, case: Path) -> None:
        self.case = case
        self.told: list[str] = []

    def ended(self, end: TaskEnd) -> None:
        try:
            with CaseLock(self.case):
                self.told.append("")
        except CaseInUse as error:
            self.told.append(str(error))


def test_a_run_holds_its_case_to_its_end(job: Job) -> None:
    another = AnotherRun(job.folder / "case")
    job.run(ONE, "files", "listing", screen=another)
    assert len(another.told) > 3
    assert all(f"in use by process {os.getpid()}" in told for told in another.told)


@pytest.mark.parametrize("what", ["missing", "folder", "fifo"])
def test_what_is_no_image_is_said_before_anything_is_written(job: Job, what: str) -> None:
    path = job.folder / "x"
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    with pytest.raises(UsageError):
        job.run(None, "files", images=(str(path),))
    assert not (job.folder / "case").exists()


class Touching(Quiet):
    """Changes an image when the first task ends."""

    def __init__(self, path: str) -> None:
        self.path = path

    def ended(self, end: TaskEnd) -> None:
        os.utime(self.path, (1, 1))


def test_an_image_that_changes_is_reported(job: Job) -> None:
    path = job.image(ONE)
    result = job.run(None, "files", "listing", images=(path,), screen=Touching(path))
    assert [p["code"] for p in problems(result)] == ["IMG-CHANGED"]
    assert result.exit_code == 4


def test_a_full_disk_keeps_what_is_finished(job: Job) -> None:
    many = {"systems": [{"id": "s1", "files": [f"{i:x}" * 40 for i in range(9_000)]}]}
    result = job.run(many, "files", command=SMALL_FILES)
    assert result.exit_code == 4
    assert result.stopped_by
    assert not list(result.case.tables.glob("*/.*"))
    assert job.run(many, "files", resume=True).exit_code == 0


SCRIPT = """
import sys
from pathlib import Path
from analyzer.engine import planning
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.progress import Quiet
from analyzer.engine.run import Options, analyze
from analyzer.cli.signals import catch_signals
from tests.unit.engine.fake_child import COMMAND, PLUGINS
catch_signals()
plugins = Catalogue(tuple(p for p in PLUGINS if p.name in ("files", "sleep")))
options = Options((sys.argv[1],), Path(sys.argv[2]), 2)
sys.exit(analyze(options, plugins, Quiet(), COMMAND).exit_code)
"""


def _wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(c) for t in tasks.iterdir() for c in (t / "children").read_text().split()]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_a_valid_case_and_no_process(job: Job, how: int) -> None:
    image, case = job.image(ONE), Case(job.folder / "case")
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, image, str(case.root)])
    started = case.tables / "evidence" / "a.img@survey.parquet"
    _wait_for(lambda: started.exists() and _children(process.pid))
    time.sleep(0.5)
    children = _children(process.pid)
    process.send_signal(how)
    status = process.wait(20)
    assert status == (-how if how == signal.SIGKILL else 128 + how)
    _wait_for(lambda: not any(Path(f"/proc/{c}/cmdline").exists()
                              and Path(f"/proc/{c}/cmdline").read_bytes() for c in children))
    tables = CaseTables(case)
    assert [r["name"] for r in tables.rows("evidence")] == ["a.img"]
    if how != signal.SIGKILL:
        assert [r["code"] for r in tables.rows("problem")] == ["RUN-INT"]
        assert json.loads(case.manifest.read_bytes())["state"] == "interrupted"


def test_a_disk_that_is_full_at_the_last_word_is_said(
        job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    save = Manifest.save

    def full(self: Manifest, path: Path) -> None:
        if self.state == "finished":
            raise OSError(errno.ENOSPC, "No space left on device")
        save(self, path)

    monkeypatch.setattr(Manifest, "save", full)
    result = job.run(ONE, "files")
    assert result.exit_code == 4
    assert "is full" in result.stopped_by
