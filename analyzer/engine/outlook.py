"""How far a run is, on the whole and for each image, and how long it may still take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from analyzer.engine.messages import Progress
from analyzer.engine.tasks import Task

WHOLE = ""
"""Stands for all images together, and for the tasks about the whole case."""


@dataclass(slots=True)
class _Part:
    """The tasks of one image, or all of them. `kept` are those of an earlier run."""

    planned: int = 0
    ended: int = 0
    kept: int = 0
    begun_at: float | None = None
    running: dict[str, float] = field(default_factory=dict)
    finders: int = 0
    """Tasks planned that find others: until they have ended nobody knows how much there is."""

    @property
    def done(self) -> float:
        return self.ended + sum(self.running.values())


@dataclass(frozen=True, slots=True)
class Left:
    """How long what is known may still take; `is_least` while tasks that find others are not done:
    what they find comes on top.
    """

    seconds: float
    is_least: bool


def _finds_others(task: Task) -> bool:
    return task.kind in ("images", "survey") or (task.kind == "system" and not task.depth)


class Outlook:
    """Counts tasks; may be told from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._parts: dict[str, _Part] = {}

    def _of(self, task: Task) -> list[_Part]:
        return [self._parts.setdefault(name, _Part()) for name in {WHOLE, task.image}]

    def planned(self, task: Task) -> None:
        with self._lock:
            for part in self._of(task):
                part.planned += 1
                part.finders += _finds_others(task)

    def started(self, task: Task) -> None:
        with self._lock:
            for part in self._of(task):
                part.running[task.task_id] = 0.0
                if part.begun_at is None:
                    part.begun_at = self._clock()

    def heard(self, task: Task, progress: Progress) -> None:
        """The share of the task that is done: whole steps, and what the step under way says."""
        steps = max(1, len(task.steps))
        at = task.steps.index(progress.step) if progress.step in task.steps else 0
        inner = min(1.0, progress.done / progress.total) if progress.total else 0.0
        with self._lock:
            for part in self._of(task):
                if task.task_id in part.running:
                    part.running[task.task_id] = (at + inner) / steps

    def ended(self, task: Task, *, kept: bool = False) -> None:
        with self._lock:
            for part in self._of(task):
                part.running.pop(task.task_id, None)
                part.ended += 1
                part.kept += kept
                part.finders -= _finds_others(task)

    def tasks(self, image: str = WHOLE) -> tuple[int, int]:
        """Tasks that have ended, tasks known."""
        part = self._parts.get(image, _Part())
        return part.ended, part.planned

    def left(self, image: str = WHOLE) -> Left | None:
        """None while nothing is done, and where all is."""
        with self._lock:
            part = self._parts.get(image, _Part())
            done = part.done - part.kept
            if part.begun_at is None or done <= 0 or part.ended == part.planned:
                return None
            more = max(0.0, part.planned - part.done)
            return Left((self._clock() - part.begun_at) * more / done, part.finders > 0)


def in_words(left: Left | None) -> str:
    """`3 min left`, `at least 3 min left`; "" where it cannot be told."""
    if left is None:
        return ""
    seconds, least = left.seconds, "at least " if left.is_least else ""
    if seconds < 60:
        return f"{least}{round(seconds)} s left"
    if seconds < 5_400:
        return f"{least}{round(seconds / 60)} min left"
    return f"{least}{seconds / 3_600:.1f} h left"
