"""What becomes of a task whose child dies: run again step by step, so that exactly the
poisonous step is lost, with a Problem that names it. The supervisor parses no evidence.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Event

from analyzer.case.folder import Case
from analyzer.case.store import PartitionWriter
from analyzer.engine.launch import COMMAND
from analyzer.engine.messages import Failed, Progress, Summary
from analyzer.engine.tasks import ImageFiles, Limits, Request, Task, step_task_id
from analyzer.engine.worker import Died, Outcome, Stopped, run_child
from analyzer.records import Problem
from analyzer.source import Source

Heard = Callable[[Task, Progress], None]
Images = tuple[ImageFiles, ...]


@dataclass(slots=True)
class TaskEnd:
    """How a task ended.

    end     done; lost (it, or a part of it, died or could not be opened); unfinished (disk
            full: worth another try); stopped
    deaths  of its children, for the log
    """

    task: Task
    end: str
    summary: Summary = field(default_factory=Summary)
    failed: Failed | None = None
    deaths: list[Died] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Runs tasks of one case to their end, each in children of its own."""

    case: Case
    limits: Limits
    stop: Event
    heard: Heard
    command: Sequence[str] = COMMAND

    def run(self, task: Task, images: Images, *, verify: bool = False) -> TaskEnd:
        """Run a task; never raises for what the child does."""
        outcome = self._child(task, images, verify)
        if not isinstance(outcome, Died):
            return self._end(task, outcome)
        if outcome.step in task.steps and len(task.steps) > 1:
            return self._step_by_step(task, images, outcome)
        return self._lost(task, [outcome], Summary())

    def _child(self, task: Task, images: Images, verify: bool = False) -> Outcome:
        request = Request(task, str(self.case.root), images, self.limits, verify)
        return run_child(request, lambda progress: self.heard(task, progress), self.stop,
                         self.command)

    def _end(self, task: Task, outcome: Summary | Failed | Stopped) -> TaskEnd:
        if isinstance(outcome, Stopped):
            return TaskEnd(task, "stopped")
        if isinstance(outcome, Summary):
            return TaskEnd(task, "done", outcome)
        if outcome.code == "SYS-OPEN":
            summary = Summary(lost=1)
            self._write(task, summary, [_problem(task, outcome.code, outcome.what,
                                                 "nothing of this system is analysed")])
            return TaskEnd(task, "lost", summary, outcome)
        return TaskEnd(task, "unfinished", failed=outcome)

    def _step_by_step(self, task: Task, images: Images, first: Died) -> TaskEnd:
        """Each step in a child of its own."""
        summary, deaths = Summary(), [first]
        for step in task.steps:
            alone = replace(task, task_id=step_task_id(task.task_id, step), steps=(step,))
            if task.kind == "analyses":
                alone = replace(alone, task_id=task.task_id)  # names its partitions by step
            outcome = self._child(alone, images)
            if isinstance(outcome, Died):
                deaths.append(replace(outcome, step=step))
            elif isinstance(outcome, Summary):
                summary.add(outcome)
            else:
                return self._end(task, outcome)
        if len(deaths) == 1:  # died among the others, not alone: say so, nothing is missing
            self._write(task, summary, [_problem(
                task, first.code, f"{first.what} in {first.step}, once",
                "nothing is lost: each step was run again in a process of its own", first.step)])
            return TaskEnd(task, "done", summary, deaths=deaths)
        return self._lost(task, deaths[1:], summary)

    def _lost(self, task: Task, deaths: list[Died], summary: Summary) -> TaskEnd:
        self._write(task, summary, [_death(task, death) for death in deaths])
        summary.lost += len(deaths)
        summary.bugs += sum(death.code == "BUG" for death in deaths)
        if task.kind == "survey":
            summary.unopened.append(task.image)
        return TaskEnd(task, "lost", summary, deaths=deaths)

    def _write(self, task: Task, summary: Summary, problems: list[Problem]) -> None:
        with PartitionWriter(self.case.tables, step_task_id(task.task_id, "deaths")) as writer:
            writer.extend(problems)
        summary.add(Summary(rows=writer.rows))


def _problem(task: Task, code: str, what: str, effect: str, step: str = "") -> Problem:
    source = Source(task.image or "case", detail=task.label if task.guests else "")
    return Problem(source=source, system_id="" if task.guests else task.system, code=code,
                   what=what, effect=effect, plugin=step)


def _death(task: Task, death: Died) -> Problem:
    step = death.step if death.step in task.steps else ""
    where = f"{death.step} of {task.label}"
    effect = f"what {death.step} would have stated about {task.label} is missing" if step else \
        f"nothing of {task.label} is analysed"
    return _problem(task, death.code, f"the process that ran {where} died: {death.what}", effect,
                    step)
