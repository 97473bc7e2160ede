"""What a machine of a cluster checks before it takes part, and what is believed of its answers."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.case.folder import Case
from analyzer.engine import remote
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.evidence_files import with_segments
from analyzer.engine.messages import BadMessage, Failed, Progress, Summary
from analyzer.engine.supervisor import TaskEnd
from analyzer.engine.tasks import ImageFiles, Limits, Task, Work
from analyzer.engine.worker import Died
from analyzer.plugin import discover
from tests.unit.engine.fake_child import COMMAND

SYSTEM = Task("a.img@s1", "system", "a.img!/s1", ("files",), "a.img!/s1", image="a.img")


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    case = Case(tmp_path / "case")
    (case.tables / "file_entry").mkdir(parents=True)
    case.run.write_text("word")
    (tmp_path / "a.img").write_text(json.dumps({"systems": [{"id": "s1"}]}))
    remote.difference.cache_clear()
    yield case
    remote.difference.cache_clear()


def expected(case: Case, plugins: Catalogue | None = None) -> str:
    return remote.expectation(case, "word", [str(case.root.parent / "a.img")],
                              plugins or Catalogue(tuple(discover())))


def test_the_same_machine_sees_the_same(case: Case) -> None:
    assert remote.difference(expected(case)) == ""


@pytest.mark.parametrize(("change", "said"), [
    ({"version": "0"}, "another vmtrail"), ({"code": "0"}, "another vmtrail"),
    ({"plugins": [["volumes", "0"]]}, "plugin volumes"), ({"word": "other"}, "shared storage"),
    ({"case": "/nowhere"}, "shared storage")])
def test_another_vmtrail_or_case_is_named(case: Case, change: dict[str, Any], said: str) -> None:
    assert said in remote.difference(json.dumps(json.loads(expected(case)) | change))


def test_another_file_is_named_whatever_is_different(case: Case) -> None:
    path, wanted = case.root.parent / "a.img", expected(case)
    data, status = path.read_bytes(), path.stat()
    for change, said in ((data + b" ", "size"), (data[:-1] + b" ", "ends"), (None, "modified")):
        path.write_bytes(data if change is None else change)
        os.utime(path, (1, 1) if change is None else (status.st_atime, status.st_mtime))
        remote.difference.cache_clear()
        assert said in remote.difference(wanted)
    path.unlink()
    remote.difference.cache_clear()
    assert "cannot be read" in remote.difference(wanted)


def test_segments_that_were_not_named_are_compared_too(tmp_path: Path, case: Case) -> None:
    for name in ("h.E01", "h.E02", "h.E99", "h.EAA", "h.txt", "i.E01", "i.EXE", "d.vmdk",
                 "d-flat.vmdk", "r.001", "R.002", "a.dd"):
        (tmp_path / name).write_bytes(b"x")
    named = [str(tmp_path / name) for name in ("h.E01", "i.E01", "d.vmdk", "r.001", "a.dd")]
    assert {Path(path).name for path in with_segments(named)} == {
        "h.E01", "h.E02", "h.E99", "h.EAA", "i.E01", "d.vmdk", "d-flat.vmdk", "r.001", "R.002",
        "a.dd"}
    wanted = remote.expectation(case, "word", named, Catalogue(tuple(discover())))
    (tmp_path / "h.E02").write_bytes(b"other")
    assert "h.E02 is another file there" in remote.difference(wanted)


def obeyed(case: Case, wanted: str) -> tuple[TaskEnd, list[str]]:
    heard: list[str] = []

    def hear(task: Task, progress: Progress) -> None:
        heard.append(progress.step)

    work = Work(SYSTEM, (ImageFiles("a.img", (str(case.root.parent / "a.img"),)),))
    text = remote.order(case, work, Limits(), wanted, verify=False, command=COMMAND)
    return remote.answered(SYSTEM, remote.obey(text, hear)), heard


def test_a_task_is_done_as_here_and_what_a_lost_machine_left_is_removed(case: Case) -> None:
    folder = case.tables / "file_entry"
    for name in ("a.img@s1", "a.img@s1+files", "a.img@s1+deaths", "a.img@s10", "a.img@s1.0-g"):
        (folder / f"{name}.parquet").write_bytes(b"old")
    end, heard = obeyed(case, expected(case, Catalogue(())))
    assert (end.end, end.summary.rows) == ("done", {"coverage": 1, "event": 3, "file_entry": 3})
    assert heard[0] == "start"
    assert "files" in heard
    old = {p.name for p in folder.iterdir() if p.read_bytes() == b"old"}
    assert old == {"a.img@s10.parquet", "a.img@s1.0-g.parquet"}


def test_nothing_begins_that_was_called_off_or_is_not_the_same(case: Case) -> None:
    wanted = expected(case, Catalogue(()))
    assert remote.difference(wanted) == ""
    remote.call_off(case)
    assert obeyed(case, wanted)[0].end == "stopped"
    remote.difference.cache_clear()
    end, heard = obeyed(case, wanted)
    assert end.failed is not None
    assert end.failed.code == "RUN-WORKER"
    assert not heard
    assert not list(case.tables.glob("*/*"))


def test_answers_come_back(case: Case) -> None:
    end = TaskEnd(SYSTEM, "lost", Summary(lost=1), Failed("OUT-IO", "x"),
                  [Died("WRK-SIG", "signal SIGSEGV", "files", "stderr")])
    assert remote.answered(SYSTEM, remote._answer(end)) == end


@pytest.mark.parametrize("change", [
    {"end": "finished"}, {"summary": {}}, {"summary": []}, {"failed": 1}, {"failed": ["x"]},
    {"deaths": [["a"]]}, {"deaths": 1}])
def test_answers_that_cannot_be(case: Case, change: dict[str, Any]) -> None:
    answer = json.loads(remote._answer(TaskEnd(replace(SYSTEM), "done"))) | change
    with pytest.raises((ValueError, KeyError, TypeError, IndexError, BadMessage)):
        remote.answered(SYSTEM, json.dumps(answer))
