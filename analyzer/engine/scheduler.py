"""Where tasks run. `Local` keeps N children busy on this machine; `cluster.py` has the other one.

Whoever runs a task does it through `Supervisor.run`, so in a child process of its own.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from analyzer.engine.messages import Failed
from analyzer.engine.supervisor import Supervisor, TaskEnd
from analyzer.engine.tasks import Task, Work


class Scheduler(Protocol):
    """Takes work and gives its end, in whatever order."""

    def submit(self, work: Work, *, verify: bool) -> "Future[TaskEnd]": ...
    def cancel(self) -> None:
        """Start nothing more and end what is under way; may be called again."""


def run_here(supervisor: Supervisor, work: Work, *, verify: bool) -> TaskEnd:
    """Run a task on this machine; never raises for what the disk does."""
    try:
        return supervisor.run(work.task, work.images, verify=verify)
    except OSError as error:
        return TaskEnd(work.task, "unfinished",
                       failed=Failed("OUT-IO", error.strerror or str(error)))


class Local:
    """Children on this machine, `jobs` at a time."""

    def __init__(self, supervisor: Supervisor, jobs: int,
                 started: Callable[[Task], None]) -> None:
        self._supervisor, self._stop, self._started = supervisor, supervisor.stop, started
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="task")

    def submit(self, work: Work, *, verify: bool) -> "Future[TaskEnd]":
        return self._pool.submit(self._run, work, verify)

    def _run(self, work: Work, verify: bool) -> TaskEnd:
        if self._stop.is_set():
            return TaskEnd(work.task, "stopped")
        self._started(work.task)
        return run_here(self._supervisor, work, verify=verify)

    def cancel(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True)
