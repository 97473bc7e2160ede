"""The work queue under crashes, full disks and torn journals, in any order: every task is done,
none that was finished is done again.
"""

import tempfile
from collections import Counter
from concurrent.futures import Future
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from analyzer.case.folder import Case
from analyzer.case.journal import Journal
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.messages import Failed, Guest, Summary
from analyzer.engine.planning import Planner
from analyzer.engine.progress import Quiet
from analyzer.engine.supervisor import TaskEnd
from analyzer.engine.tasks import Task, Work
from analyzer.engine.work_queue import WorkQueue

HOSTS, GUESTS = 3, 3
ALL = {f"h{h}" for h in range(HOSTS)} | {f"h{h}.0-g{g}" for h in range(HOSTS)
                                        for g in range(GUESTS)}


class Crash(BaseException):
    """Stands for kill -9."""


class Scripted:
    """A scheduler that does each task at once, until it is told to fail."""

    def __init__(self, left: int, how: str, done: Counter[str]) -> None:
        self.left, self.how, self.done = left, how, done
        self.is_cancelled = False

    def submit(self, work: Work, *, verify: bool) -> "Future[TaskEnd]":
        task, end = work.task, Future[TaskEnd]()
        if self.left == 0 and self.how == "crash":
            raise Crash
        if self.is_cancelled:
            end.set_result(TaskEnd(task, "stopped"))
        elif self.left == 0 and self.how == "full":
            end.set_result(TaskEnd(task, "unfinished", failed=Failed("OUT-ENOSPC", "no room")))
        else:
            self.left -= 1
            self.done[task.task_id] += 1
            guests = [] if task.depth else [Guest(f"g{g}", f"g{g}", {}) for g in range(GUESTS)]
            end.set_result(TaskEnd(task, "done", Summary(guests=guests)))
        return end

    def cancel(self) -> None:
        self.is_cancelled = True


class Runs(RuleBasedStateMachine):
    """Runs of one case that end in every way; `done` counts how often each task was done."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.case = Case(Path(self._folder.name))
        self.done: Counter[str] = Counter()
        self.finished: Counter[str] = Counter()

    def teardown(self) -> None:
        self._folder.cleanup()

    def _run(self, left: int, how: str) -> WorkQueue:
        journal = Journal(self.case.journal)
        for task_id in ALL - journal.tasks.keys():
            self.done.pop(task_id, None)  # not vouched for: its partitions were removed
        self.finished = Counter(dict(self.done))
        planner = Planner(Catalogue(()), guests=True)
        queue = WorkQueue(self.case, journal, planner, Scripted(left, how, self.done), Quiet(),
                          verify=False)
        queue.together([Work(Task(f"h{h}", "system", f"h{h}")) for h in range(HOSTS)])
        return queue

    @rule(left=st.integers(0, len(ALL)))
    def killed(self, left: int) -> None:
        try:
            self._run(left, "crash")
        except Crash:
            return

    @rule(left=st.integers(0, len(ALL)))
    def disk_full(self, left: int) -> None:
        missing = ALL - Journal(self.case.journal).tasks.keys()
        queue = self._run(left, "full")
        assert bool(queue.stopped_by) == (left < len(missing))

    @rule(bytes_lost=st.integers(1, 300), junk=st.binary(max_size=9))
    @precondition(lambda self: self.case.journal.exists())
    def power_cut(self, bytes_lost: int, junk: bytes) -> None:
        data = self.case.journal.read_bytes()
        self.case.journal.write_bytes(data[:-bytes_lost] + junk.replace(b"\n", b""))

    @rule()
    def resumed_to_the_end(self) -> None:
        queue = self._run(-1, "")
        assert not queue.stopped_by
        assert set(Journal(self.case.journal).tasks) == ALL
        assert set(self.done) == ALL

    @invariant()
    def nothing_finished_was_done_again(self) -> None:
        assert all(self.done[task_id] == 1 for task_id in self.done)
        assert all(self.done[task_id] == count for task_id, count in self.finished.items())


Runs.TestCase.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
TestRuns = Runs.TestCase
