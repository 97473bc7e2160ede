"""What the person who waits sees: bars on a terminal, lines with -v."""

from collections.abc import Iterator

import pytest

from analyzer.engine.messages import Progress, Summary
from analyzer.engine.progress import Bars, Lines
from analyzer.engine.supervisor import TaskEnd
from analyzer.engine.tasks import Task

SURVEY = Task("a@survey", "survey", "survey of a", image="a.E01")
GUEST = Task("a@p1.g", "system", "DC01\x1b[31m at now", ("x",), image="a.E01", guests=({},))


@pytest.fixture
def bars() -> Iterator[Bars]:
    bars = Bars()
    yield bars
    bars.close()


def shown(bars: Bars) -> dict[str, tuple[float, float | None, str, bool]]:
    return {task.description: (task.completed, task.total, task.fields["note"], task.visible)
            for task in bars._rich.tasks}


def test_a_bar_for_the_case_and_one_for_each_image_under_way(bars: Bars) -> None:
    bars.planned(SURVEY)
    bars.started(SURVEY)
    bars.heard(SURVEY, Progress("check", "sectors", 1, 4))
    assert shown(bars) == {"case": (0, 1, "", True),
                           "a.E01": (0, 1, "check  sectors  25 %", True)}
    bars.planned(GUEST)
    bars.ended(TaskEnd(SURVEY, "done"))
    assert shown(bars)["a.E01"] == (1, 2, "", True)  # nothing is said of what has ended
    bars.started(GUEST)
    bars.heard(GUEST, Progress("files"))
    assert shown(bars)["a.E01"][2] == "DC01\\x1b[31m at now  files"
    bars.ended(TaskEnd(GUEST, "done"))
    assert shown(bars) == {"case": (2, 2, "", True), "a.E01": (2, 2, "", False)}


def test_lines_tell_rows_and_who_died(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for task in (SURVEY, GUEST):
        lines.planned(task)
        lines.started(task)
    lines.ended(TaskEnd(SURVEY, "done", Summary(rows={"evidence": 1, "problem": 2})))
    lines.ended(TaskEnd(GUEST, "lost"))
    first, second = capsys.readouterr().err.splitlines()
    assert "survey of a" in first
    assert "3 rows" in first
    assert "DC01\\x1b[31m at now" in second
    assert "lost" in second
