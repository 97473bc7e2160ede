"""Children on the machines of a Dask cluster (extra `vmtrail[cluster]`), the other scheduler.

Dask carries orders and answers, as texts; each machine runs a task in a child process of its own
(`remote.py`). Dask starts the tasks of a machine that is lost again on another. Journal and lock
stay with this process.
"""

import json
import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from threading import Lock
from typing import Any, Final

from distributed import Client, get_worker
from distributed.scheduler import KilledWorker

from analyzer.case.folder import Case
from analyzer.case.whole_files import write_whole
from analyzer.engine import remote
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.messages import BadMessage, Failed, Progress, Summary, from_line, to_line
from analyzer.engine.progress import Screen
from analyzer.engine.stating import state
from analyzer.engine.supervisor import TaskEnd
from analyzer.engine.tasks import Limits, Task, Work, step_task_id
from analyzer.errors import UsageError
from analyzer.records import Problem
from analyzer.source import Source

_PATIENCE: Final = 10
"""Seconds in which a scheduler has to answer, and the first machine to be there."""
_FAREWELL: Final = 3.0
"""Seconds in which machines end their children when a run is stopped."""
Heard = Callable[[Task, Progress], None]


def _check_there(expected: str) -> str:
    """Runs on each machine."""
    return remote.difference(expected)


def _obey_there(text: str, topic: str) -> str:
    """Runs on a machine: does one task, and tells how it gets on."""
    worker = get_worker()

    def heard(task: Task, progress: Progress) -> None:
        worker.log_event(topic, json.dumps(
            {"task": task.task_id, "progress": to_line(progress).decode("ascii")}))

    return remote.obey(text, heard)


class Cluster:
    """See `scheduler.Scheduler`."""

    def __init__(self, address: str, case: Case, paths: Sequence[str], plugins: Catalogue,
                 limits: Limits, screen: Screen, command: Sequence[str] = ()) -> None:
        """Find the scheduler and check all machines; raises UsageError."""
        self._case, self._limits, self._screen, self._command = case, limits, screen, command
        word = secrets.token_hex(16)
        self._topic = f"vmtrail-{word}"
        write_whole(case.run, word.encode("ascii"))
        self._expected = remote.expectation(case, word, paths, plugins)
        self._under_way: dict[str, tuple[Task, Any, Future[TaskEnd]]] = {}
        self._begun: set[str] = set()
        self._settling = Lock()
        for name in ("distributed", "distributed.client"):  # Dask sets a level for each
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = Client(address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise UsageError(f"no Dask scheduler answers at {address}: {error}") from error
        self._check(address)
        self._client.subscribe_topic(self._topic, self._hear)

    def _check(self, address: str) -> None:
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
            found = self._client.run(_check_there, self._expected, on_error="return")
        except TimeoutError as error:
            self._client.close()
            raise UsageError(f"no worker has joined the scheduler at {address}") from error
        for machine, different in found.items():
            if different:
                self._client.close()
                raise UsageError(f"the worker {machine} cannot take part: {different}")

    def submit(self, work: Work, *, verify: bool) -> "Future[TaskEnd]":
        task = work.task
        text = remote.order(self._case, work, self._limits, self._expected, verify=verify,
                            command=self._command)
        there = self._client.submit(_obey_there, text, self._topic, pure=False,
                                    key=f"{self._topic}-{task.task_id}")
        here: Future[TaskEnd] = Future()
        self._under_way[task.task_id] = task, there, here
        there.add_done_callback(lambda done: self._settle(task, here, self._end(task, done)))
        return here

    def _settle(self, task: Task, here: "Future[TaskEnd]", end: TaskEnd) -> None:
        """Give a task its end, once."""
        with self._settling:
            self._under_way.pop(task.task_id, None)
            if not here.done():
                here.set_result(end)

    def _end(self, task: Task, there: Any) -> TaskEnd:
        try:
            if there.status == "finished":
                return remote.answered(task, there.result(timeout=_PATIENCE))
            error = there.exception(timeout=_PATIENCE) if there.status == "error" else None
            if isinstance(error, KilledWorker):
                return self._lost(task, str(error))
        except Exception as odd:  # noqa: BLE001 - whatever Dask raises, the task has to end
            error = odd
        return _failed(task, f"the scheduler or a worker went away ({error or there.status}); "
                       "run the same command with --resume to go on")

    def _lost(self, task: Task, what: str) -> TaskEnd:
        """A task with which several machines were lost, one after the other."""
        problem = Problem(source=Source(task.image or "case"), system_id=task.system,
                          code="WRK-LOST", what=f"workers were lost with {task.label}: {what}",
                          effect=f"nothing of {task.label} is analysed")
        rows = state(self._case, step_task_id(task.task_id, "deaths"), [problem])
        return TaskEnd(task, "lost", Summary(lost=1, rows=rows))

    def _hear(self, event: tuple[Any, Any]) -> None:
        """A machine tells how a task gets on."""
        try:
            said = json.loads(event[1])
            task, _, here = self._under_way[said["task"]]
            progress = from_line(said["progress"].encode("ascii"))
        except (ValueError, KeyError, TypeError, AttributeError, BadMessage):
            return  # shown only; nothing depends on it
        if here.done() or not isinstance(progress, Progress):
            return
        if task.task_id not in self._begun:
            self._begun.add(task.task_id)
            self._screen.started(task)
        self._screen.heard(task, progress)

    def cancel(self) -> None:
        """Start nothing more and end what is under way; may be called again."""
        remote.call_off(self._case)
        wait([here for _, _, here in list(self._under_way.values())], timeout=_FAREWELL)
        for task, _, here in list(self._under_way.values()):
            self._settle(task, here, TaskEnd(task, "stopped"))
        self._client.close()


def _failed(task: Task, what: str) -> TaskEnd:
    return TaskEnd(task, "unfinished", failed=Failed("RUN-CLUSTER", what[:1_000]))
