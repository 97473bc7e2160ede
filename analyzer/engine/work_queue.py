"""The work of a case: what is not finished goes to the scheduler, what finishes to the journal,
and what it leads to comes next.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from analyzer.case.folder import Case
from analyzer.case.journal import Journal
from analyzer.engine.ending import Said
from analyzer.engine.messages import BadMessage, Summary, summary_from
from analyzer.engine.planning import Planner
from analyzer.engine.progress import Screen
from analyzer.engine.scheduler import Scheduler
from analyzer.engine.supervisor import TaskEnd
from analyzer.engine.tasks import Work
from analyzer.errors import UsageError

_POLL: Final = 0.2


@dataclass(slots=True)
class WorkQueue:
    """Runs tasks of one case to their end, each once.

    stopped_by  what ended the run before its end, in words, or ""
    has_begun   whether a task was begun, rather than kept from an earlier run
    unfinished  image -> tasks that were begun and not finished
    """

    case: Case
    journal: Journal
    planner: Planner
    scheduler: Scheduler
    screen: Screen
    verify: bool
    stopped_by: str = ""
    has_begun: bool = False
    unfinished: Counter[str] = field(default_factory=Counter)

    def together(self, works: list[Work]) -> list[tuple[Work, Summary]]:
        """Run tasks, and the guests they lead to; their summaries in order of id."""
        ended: dict[str, tuple[Work, Summary]] = {}
        running: dict[Future[TaskEnd], Work] = {}
        self._submit(works, running, ended)
        while running:
            done, _ = wait(running, timeout=_POLL, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda f: running[f].task.task_id):
                work, end = running.pop(future), future.result()
                self._ended(end)
                ended[work.task.task_id] = work, end.summary
                self._submit(self.planner.inside(work, end.summary), running, ended)
        return [ended[task_id] for task_id in sorted(ended)]

    def _submit(self, works: list[Work], running: "dict[Future[TaskEnd], Work]",
                ended: dict[str, tuple[Work, Summary]]) -> None:
        """Start what is not finished; of what is, follow its guests."""
        waiting = list(reversed(works))
        while waiting and not self.stopped_by:
            work = waiting.pop()
            self.screen.planned(work.task)
            stored = self.journal.tasks.get(work.task.task_id)
            if stored is None:
                self.has_begun = True
                self.unfinished[work.task.image] += 1
                running[self.scheduler.submit(work, verify=self.verify)] = work
                continue
            summary = self._stored(stored)
            ended[work.task.task_id] = work, summary
            self.screen.ended(TaskEnd(work.task, "kept", summary))
            waiting += reversed(self.planner.inside(work, summary))

    def _ended(self, end: TaskEnd) -> None:
        """Note a task that has ended; what the disk refuses ends the run."""
        self.screen.ended(end)
        task = end.task
        if end.end in ("done", "lost"):
            self.unfinished[task.image] -= 1
            self.note(task.task_id, end.end, end.summary, kind=task.kind, image=task.image,
                      label=task.label, steps=task.steps)
        elif end.failed is not None:
            self.halt(end.failed.code, end.failed.what)

    def note(self, task_id: str, end: str, summary: Summary, *, kind: str = "", image: str = "",
             label: str = "", steps: tuple[str, ...] = ()) -> None:
        """Put a finished task into the journal."""
        self.on_disk(lambda: self.journal.add(task_id, {
            "end": end, "kind": kind, "image": image, "label": label, "steps": list(steps),
            "summary": asdict(summary)}))

    def on_disk(self, write: Callable[[], object]) -> None:
        """Write; a disk that refuses ends the run."""
        try:
            write()
        except OSError as error:
            self.halt("OUT-ENOSPC", error.strerror or str(error))

    def halt(self, code: str, what: str) -> None:
        """Start nothing more; what is under way is ended, and done again by --resume."""
        if not self.stopped_by:
            self.stopped_by = f"{code}: {what}" if code != "OUT-ENOSPC" else (
                f"the disk of {self.case.root} is full ({what}); make room and run the same "
                f"command with --resume, finished work is kept")
        self.scheduler.cancel()

    def said(self) -> list[Said]:
        """What the finished tasks said."""
        return [Said(str(entry.get("kind", "")), str(entry.get("image", "")), self._stored(entry))
                for entry in self.journal.tasks.values()]

    def _stored(self, entry: dict[str, Any]) -> Summary:
        try:
            return summary_from(entry["summary"])
        except BadMessage as error:
            raise UsageError(f"{self.case.journal} was changed: {error}") from error
