"""The main job: images, surveys, systems, guests inside them, analyses, reports; and its exit
code. What is finished goes to the journal, what came of it all to the manifest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from analyzer import VERSION, times
from analyzer.case.folder import Case, clear, prepare
from analyzer.case.journal import Journal
from analyzer.case.lock import CaseLock, refuse_where_held
from analyzer.case.manifest import Manifest, load
from analyzer.engine import ending
from analyzer.engine.catalogue import Catalogue, software
from analyzer.engine.evidence_files import (
    Facts,
    absolute,
    are_same,
    changed,
    file_facts,
    with_segments,
)
from analyzer.engine.launch import COMMAND
from analyzer.engine.messages import Summary
from analyzer.engine.planning import (
    ARRANGE,
    Host,
    Planner,
    arranged,
    arranging,
    each_alone,
    hosts,
    surveys,
    with_losses,
)
from analyzer.engine.progress import Screen
from analyzer.engine.scheduler import Local, Scheduler
from analyzer.engine.stating import state
from analyzer.engine.supervisor import Supervisor
from analyzer.engine.tasks import ImageFiles, Limits, step_task_id
from analyzer.engine.work_queue import WorkQueue
from analyzer.errors import UsageError
from analyzer.records import Problem, Record
from analyzer.source import Source


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for. `scheduler`: address of a Dask scheduler, "" for none."""

    images: tuple[str, ...]
    case: Path
    jobs: int
    guests: bool = True
    verify: bool = False
    resume: bool = False
    overwrite: bool = False
    scheduler: str = ""
    arguments: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. `stopped_by` says what cut it short, in words, or ""."""

    case: Case
    exit_code: int
    stopped_by: str = ""


def analyze(options: Options, plugins: Catalogue, screen: Screen,
            command: Sequence[str] = COMMAND) -> Result:
    """Make a case; raises UsageError and CaseInUse before anything is written.

    UsageError also where the disk has no room for so much as `case.json`.
    """
    try:
        facts = [file_facts(path) for path in options.images]
        refuse_where_held(options.case)  # first: that the case exists would be half the truth
        case = prepare(options.case.absolute(), resume=options.resume,
                       overwrite=options.overwrite)
        with CaseLock(case.root):
            case.run.unlink(missing_ok=True)  # whoever still works for an earlier run stops
            scheduler = _scheduler(options, plugins, screen, command, case)
            try:
                return MainJob(options, plugins, screen, scheduler, case, facts).run()
            finally:
                scheduler.cancel()
                case.run.unlink(missing_ok=True)
    finally:
        screen.close()


def _scheduler(options: Options, plugins: Catalogue, screen: Screen, command: Sequence[str],
               case: Case) -> Scheduler:
    """Where tasks run; raises UsageError."""
    if not options.scheduler:
        return Local(Supervisor(case, options.limits, Event(), screen.heard, command),
                     options.jobs, screen.started)
    try:
        from analyzer.engine.cluster import Cluster
    except ImportError as error:
        raise UsageError("--scheduler needs the package distributed: install vmtrail[cluster]; "
                         "docs/scaling.md") from error
    own = () if command == COMMAND else command  # a child of tests has plugins of its own
    return Cluster(options.scheduler, case, absolute(options.images),
                   Catalogue(()) if own else plugins, options.limits, screen, own)


class MainJob:
    """One run of `vmtrail analyze` on a prepared case that it holds the lock of."""

    def __init__(self, options: Options, plugins: Catalogue, screen: Screen,
                 scheduler: Scheduler, case: Case, facts: list[Facts]) -> None:
        self.options, self.plugins, self.case, self.facts = options, plugins, case, facts
        self.paths = absolute(options.images)
        named = {fact["path"] for fact in facts}
        self.beside = [file_facts(p) for p in with_segments(options.images) if p not in named]
        self.planner = Planner(plugins, options.guests)
        self.started_at = _now()
        self.images: list[ImageFiles] = []
        self.hosts: list[Host] = []
        try:
            self.manifest, journal = self._begin()
        except OSError as error:
            raise UsageError(f"the case {case.root} cannot be begun: "
                             f"{error.strerror or error}") from error
        self.queue = WorkQueue(case, journal, self.planner, scheduler, screen, options.verify)

    def _begin(self) -> tuple[Manifest, Journal]:
        """A new manifest and journal, or those to go on with."""
        described = self.plugins.described()
        plan = {"guests": self.options.guests, "verify": self.options.verify,
                "plugins": [p["name"] for p in described]}
        manifest = Manifest(VERSION, list(self.options.arguments), times.iso(self.started_at),
                            evidence=self.facts, plugins=described, software=software(), plan=plan)
        if self.options.resume and self.case.manifest.exists():
            old = load(self.case.manifest)
            _must_match(old, manifest)
            manifest = replace(old, resumed=old.resumed + 1, finished_at="", state="running",
                               exit_code=None)
        else:
            clear(self.case)
        manifest.save(self.case.manifest)
        self.case.tables.mkdir(exist_ok=True)
        journal = Journal(self.case.journal)
        self.case.forget({partition for task_id, task in journal.tasks.items()
                          for partition in _partitions(task_id, task)})
        return manifest, journal

    def run(self) -> Result:
        """All phases; whatever ends them, the manifest and the run's record are written."""
        signal_code = None
        try:
            self._phases()
        except KeyboardInterrupt as interrupt:
            signal_code = ending.signal_code(interrupt)
            self.queue.halt("RUN-INT", "interrupted")
        return self._finish(signal_code)

    def _phases(self) -> None:
        self.images = self._arranged()
        surveyed = self.queue.together(surveys(self.images))
        if self.queue.stopped_by:
            return
        said = {work.task.image: summary for work, summary in surveyed}
        self.images = with_losses(self.images, said)
        self.hosts = hosts(self.images, said)
        self.queue.together(self.planner.systems(self.hosts))
        if self.queue.stopped_by or not self.hosts:
            return
        self.queue.together(self.planner.analyses())
        self._changed()
        reports = self.planner.reports()
        if reports and not self.queue.stopped_by:
            self._say(self._exit_code())
            if self.queue.has_begun:  # there is something new to report
                self.queue.journal.tasks.pop(reports[0].task.task_id, None)
            self.queue.together(reports)

    def _arranged(self) -> list[ImageFiles]:
        """The images; where a file kills the child that tells, each file is taken for one."""
        for _, said in self.queue.together([arranging(self.paths)]):
            if said.images:
                return arranged(self.paths, said)
        if not self.queue.stopped_by:
            self._write(step_task_id(ARRANGE, "deaths"), [Problem(
                source=Source("case"), code="IMG-ARRANGE",
                what="the process that tells which files make up which image died",
                effect="each file was taken for an image of its own: segments in other folders "
                       "and parents of virtual disks were not looked for")])
        return each_alone(self.paths)

    def _changed(self) -> None:
        """State images whose files changed while they were read."""
        found = changed([*self.facts, *self.beside])
        if found:
            self._write("changed", found)
            self.queue.note("changed", "lost", Summary(lost=len(found)))

    def _write(self, task_id: str, records: Sequence[Record]) -> None:
        self.queue.on_disk(lambda: state(self.case, task_id, records))

    def _exit_code(self) -> int:
        return ending.exit_code(self.queue.said(), is_stopped=bool(self.queue.stopped_by))

    def _say(self, code: int) -> None:
        """Write to the manifest what came of the run so far."""
        said = self.queue.said()
        self.manifest.coverage = ending.coverage(said)
        self.manifest.images = ending.image_summaries(self.images, said, self.hosts,
                                                      +self.queue.unfinished)
        self.manifest.finished_at, self.manifest.exit_code = times.iso(_now()), code
        self.queue.on_disk(lambda: self.manifest.save(self.case.manifest))

    def _finish(self, signal_code: int | None) -> Result:
        if signal_code is not None:
            self._write("run", [Problem(
                source=Source("case"), code="RUN-INT", what="the run was interrupted",
                effect="tasks that had not finished are missing; --resume goes on with them")])
        self.case.tidy()
        code = self._exit_code() if signal_code is None else signal_code
        self.manifest.state = ending.STATES[code]
        self._say(code)
        if signal_code is None:
            code = self._exit_code()  # the disk may be full now
        return Result(self.case, code, self.queue.stopped_by)


def _now() -> int:
    return times.from_datetime(datetime.now(UTC))


def _partitions(task_id: str, task: dict[str, Any]) -> list[str]:
    """Names of the partitions that a finished task may have."""
    steps = [*task.get("steps", []), "unread", "deaths"]
    return [task_id, *(step_task_id(task_id, str(step)) for step in steps)]


def _must_match(old: Manifest, new: Manifest) -> None:
    """A case is only gone on with as it was begun; raises UsageError."""
    same = {"evidence": are_same(old.evidence, new.evidence),
            "vmtrail": old.tool_version == VERSION,
            "plugins": old.plugins == new.plugins, "options": old.plan == new.plan}
    different = [name for name, is_same in same.items() if not is_same]
    if different:
        raise UsageError(f"the case was begun with other {' and '.join(different)}; --resume "
                         f"needs the same, --overwrite begins again")
