"""What becomes of a task whose child dies: done again without the artefact that killed it.

Each death names the artefact that the child was reading (watch.py). It is refused from then on,
so that exactly that artefact is lost, with one Problem. Where no artefact can be blamed the task
is run step by step, and the poisonous step is lost. Neither is tried again by a resumed run. The
supervisor parses no evidence.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Final

from analyzer.case.folder import Case
from analyzer.engine import poison
from analyzer.engine.launch import COMMAND
from analyzer.engine.messages import Failed, Progress, Summary
from analyzer.engine.poison import Culprit, Poison
from analyzer.engine.stating import state
from analyzer.engine.tasks import ImageFiles, Limits, Request, Task, step_task_id
from analyzer.engine.watch import kind_and_address
from analyzer.engine.worker import Died, Outcome, Stopped, run_child
from analyzer.records import Problem
from analyzer.source import Source

Heard = Callable[[Task, Progress], None]
Images = tuple[ImageFiles, ...]
MOST_CULPRITS: Final = 64
"""Of one task; each costs a child its life."""


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


@dataclass(slots=True)
class _Attempt:
    """A task under way: the poison known so far, and every death."""

    task: Task
    images: Images
    inherited: tuple[str, ...]
    poison: Poison
    deaths: list[Died] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def culprits(self) -> list[Culprit]:
        return self.poison.artefacts

    @property
    def refused(self) -> tuple[str, ...]:
        return (*self.inherited, *(culprit.artefact for culprit in self.culprits))

    @property
    def has_lost_volumes(self) -> bool:
        """Whether a whole volume, or more, is among the culprits."""
        return any(kind_and_address(culprit.artefact)[0] in ("image", "partition table", "volume")
                   for culprit in self.culprits)


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
        above = [culprit.artefact for other in task.above
                 for culprit in poison.load(self.case, other).artefacts]
        attempt = _Attempt(task, images, tuple(above), poison.load(self.case, task.task_id))
        end = self._end(attempt, attempt.poison.whole
                        or self._without_culprits(attempt, task, verify))
        if end.end in ("done", "lost"):
            self._say(attempt, end)
        end.deaths = attempt.deaths
        return end

    def _without_culprits(self, attempt: _Attempt, task: Task, verify: bool = False) -> Outcome:
        """One child after the other, until none dies of an artefact that was not known.

        `task` is that of the attempt, or one step of it. Where leaving out artefacts did not
        help, those that had only been read before are trusted again.
        """
        before = len(attempt.culprits)
        while True:
            outcome = self._run(attempt, task, verify=verify)
            if not isinstance(outcome, Died):
                return outcome
            attempt.deaths.append(outcome)
            noted = outcome.noted
            if noted is None or noted.artefact in attempt.refused \
                    or len(attempt.culprits) >= MOST_CULPRITS:
                break
            attempt.culprits.append(Culprit(noted.artefact, outcome.code, outcome.what,
                                            outcome.step, noted.in_use))
            self._keep(attempt)
        while len(attempt.culprits) > before and attempt.culprits[-1].in_use:
            attempt.culprits.pop()
        self._keep(attempt)
        return outcome

    def _run(self, attempt: _Attempt, task: Task, *, verify: bool = False,
             is_rest: bool = False) -> Outcome:
        request = Request(task, str(self.case.root), attempt.images, self.limits, verify,
                          attempt.refused, is_rest)
        return run_child(request, lambda progress: self.heard(attempt.task, progress),
                         self.stop, self.command)

    def _keep(self, attempt: _Attempt) -> None:
        with suppress(OSError):  # on a full disk it costs the next run a few deaths
            poison.save(self.case, attempt.task.task_id, attempt.poison)

    def _end(self, attempt: _Attempt, outcome: Outcome) -> TaskEnd:
        task = attempt.task
        if isinstance(outcome, Stopped):
            return TaskEnd(task, "stopped")
        if isinstance(outcome, Summary):
            return TaskEnd(task, "done", outcome)
        if isinstance(outcome, Failed):
            return self._failed(attempt, outcome)
        if outcome.step in task.steps and len(task.steps) > 1:
            return self._step_by_step(attempt, outcome)
        return self._lost(attempt, [outcome], Summary())

    def _failed(self, attempt: _Attempt, failed: Failed) -> TaskEnd:
        """A system that cannot be opened; where a culprit is the reason, that says it."""
        if failed.code not in ("SYS-OPEN", "SYS-REFUSED"):
            return TaskEnd(attempt.task, "unfinished", failed=failed)
        if attempt.culprits and (failed.code == "SYS-REFUSED" or attempt.has_lost_volumes):
            return TaskEnd(attempt.task, "lost", failed=failed)
        attempt.problems.append(_problem(attempt, "SYS-OPEN", failed.what,
                                         "nothing of this system is analysed"))
        return TaskEnd(attempt.task, "lost", Summary(lost=1), failed)

    def _step_by_step(self, attempt: _Attempt, first: Died) -> TaskEnd:
        """Each step in a child of its own; those known to have died alone are not tried."""
        task, summary = attempt.task, Summary()
        attempt.poison.whole, known = first, {death.step for death in attempt.poison.steps}
        self._keep(attempt)
        for step in task.steps:
            if step in known:
                continue
            alone = replace(task, task_id=step_task_id(task.task_id, step), steps=(step,))
            if task.kind == "analyses":
                alone = replace(alone, task_id=task.task_id)  # names its partitions by step
            outcome = self._without_culprits(attempt, alone)
            if isinstance(outcome, Died):
                attempt.poison.steps.append(replace(outcome, step=step))
                self._keep(attempt)
            elif isinstance(outcome, Summary):
                summary.add(outcome)
            else:
                return self._end(attempt, outcome)
        if task.kind == "system":
            rest = self._rest(attempt)
            if isinstance(rest, Failed | Stopped):
                return self._end(attempt, rest)
            if isinstance(rest, Summary):
                summary.coverage = rest.coverage
        if attempt.poison.steps:
            return self._lost(attempt, attempt.poison.steps, summary)
        if not attempt.culprits:  # died among the others, not alone: say so, nothing is missing
            attempt.problems.append(_problem(
                attempt, first.code, f"{first.what} in {first.step}, once",
                "nothing is lost: each step was run again in a process of its own", first.step))
        return TaskEnd(task, "done", summary)

    def _rest(self, attempt: _Attempt) -> Outcome:
        """Have it said that the places of steps that died were not read; and all be counted."""
        dead = tuple(death.step for death in attempt.poison.steps)
        return self._run(attempt, replace(
            attempt.task, task_id=step_task_id(attempt.task.task_id, "unread"), steps=dead),
            is_rest=True)

    def _lost(self, attempt: _Attempt, deaths: list[Died], summary: Summary) -> TaskEnd:
        attempt.problems += [_death(attempt, death) for death in deaths]
        summary.lost += len(deaths)
        summary.bugs += sum(death.code == "BUG" for death in deaths)
        if attempt.task.kind == "survey":
            summary.unopened.append(attempt.task.image)
        return TaskEnd(attempt.task, "lost", summary)

    def _say(self, attempt: _Attempt, end: TaskEnd) -> None:
        """Write what was lost, each thing once."""
        task = attempt.task
        problems = [culprit.problem("" if task.guests else task.system)
                    for culprit in attempt.culprits] + attempt.problems
        end.summary.lost += len(attempt.culprits)
        if attempt.culprits:
            end.end = "lost"
        if problems:
            task_id = step_task_id(task.task_id, "deaths")
            end.summary.add(Summary(rows=state(self.case, task_id, problems)))


def _problem(attempt: _Attempt, code: str, what: str, effect: str, step: str = "") -> Problem:
    task = attempt.task
    source = Source(task.image or "case", detail=task.label if task.guests else "")
    return Problem(source=source, system_id="" if task.guests else task.system, code=code,
                   what=what, effect=effect, plugin=step)


def _death(attempt: _Attempt, death: Died) -> Problem:
    task = attempt.task
    step = death.step if death.step in task.steps else ""
    effect = f"what {death.step} would have stated about {task.label} is missing" if step else \
        f"nothing of {task.label} is analysed"
    at = " ".join(("", "at the", *kind_and_address(death.noted.artefact))) if death.noted else ""
    return _problem(attempt, death.code, f"the process that ran {death.step} of {task.label} "
                    f"died{at}: {death.what}", effect, step)
