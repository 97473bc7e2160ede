"""The main job: survey, systems, guests inside them, analyses, reports; and its exit code."""

import os
import stat
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Final

from analyzer import VERSION, times
from analyzer.case.folder import Case, clear, prepare
from analyzer.case.lock import CaseLock
from analyzer.case.manifest import Manifest, load
from analyzer.case.store import PartitionWriter
from analyzer.engine.catalogue import Catalogue, software
from analyzer.engine.launch import COMMAND
from analyzer.engine.messages import BadMessage, Summary, summary_from
from analyzer.engine.progress import Screen
from analyzer.engine.supervisor import Supervisor, TaskEnd
from analyzer.engine.tasks import GUESTS, MAX_DEPTH, Limits, Task, guest_task_id, step_task_id
from analyzer.errors import UsageError
from analyzer.records import Problem, Record, Run
from analyzer.source import Source

FINISHED, UNREADABLE, PARTIAL, INTERNAL, INTERRUPTED = 0, 3, 4, 5, 130
_STATES: Final = {FINISHED: "finished", UNREADABLE: "failed", PARTIAL: "partial",
                  INTERNAL: "finished with internal errors", INTERRUPTED: "interrupted"}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    images: tuple[str, ...]
    case: Path
    jobs: int
    guests: bool = True
    verify: bool = False
    resume: bool = False
    overwrite: bool = False
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
    """Make a case; raises UsageError and CaseInUse before anything is written."""
    facts = [image_facts(path) for path in options.images]
    case = prepare(options.case, resume=options.resume, overwrite=options.overwrite)
    with CaseLock(case.root):
        job = MainJob(options, plugins, screen, command, case, facts)
        try:
            return job.run()
        finally:
            screen.close()


def image_facts(path: str) -> dict[str, Any]:
    """Name, size and time of a file given as an image; raises UsageError."""
    try:
        status = Path(path).stat()
    except OSError as error:
        raise UsageError(f"no image {path}: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{path} is a folder; give the image file in it (for a split image, "
                         f"its first segment)")
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        raise UsageError(f"{path} is neither a file nor a block device")
    if not os.access(path, os.R_OK):
        raise UsageError(f"image {path} may not be read by you")
    return {"path": path, "name": Path(path).name, "size": status.st_size,
            "modified_ns": status.st_mtime_ns}


class MainJob:
    """One run of `vmtrail analyze` on a prepared case that it holds the lock of."""

    def __init__(self, options: Options, plugins: Catalogue, screen: Screen,
                 command: Sequence[str], case: Case, facts: list[dict[str, Any]]) -> None:
        self.options, self.plugins, self.screen, self.case = options, plugins, screen, case
        self.facts = facts
        self.stop = Event()
        self.supervisor = Supervisor(case, options.limits, self.stop, screen.heard, command)
        self.started_at = times.from_datetime(datetime.now(UTC))
        self.images = options.images
        self.planned = 0
        self.stopped_by = ""
        self.manifest = self._begin()

    def _begin(self) -> Manifest:
        """A new manifest, or the one to go on with."""
        plan = {"guests": self.options.guests, "verify": self.options.verify,
                "plugins": [p["name"] for p in self.plugins.described()]}
        fresh = Manifest(VERSION, list(self.options.arguments), times.iso(self.started_at),
                         evidence=self.facts, plugins=self.plugins.described(),
                         software=software(), plan=plan)
        if not (self.options.resume and self.case.manifest.exists()):
            clear(self.case)
            self.case.tables.mkdir(parents=True)
        else:
            old = load(self.case.manifest)
            _must_match(old, fresh)
            fresh = replace(old, resumed=old.resumed + 1, finished_at="", state="running",
                            exit_code=None)
            self.case.tables.mkdir(exist_ok=True)
            self.case.forget({partition for task_id, task in fresh.tasks.items()
                              for partition in _partitions(task_id, task)})
        fresh.save(self.case.manifest)
        return fresh

    def run(self) -> Result:
        """All phases; whatever ends them, the manifest and the run's record are written."""
        interrupted = False
        try:
            self._phases()
        except KeyboardInterrupt:
            self.stop.set()
            interrupted = True
            self.stopped_by = "interrupted"
        code = INTERRUPTED if interrupted else self._exit_code()
        return self._finish(code)

    def _phases(self) -> None:
        survey = Task("survey", "survey", "survey")
        summary = self._together([survey]).get("survey", Summary())
        self.images = tuple(i for i in self.images if i not in summary.unopened)
        if not summary.images:
            return
        self._together([Task(f"h{number}", "system", system["label"], self._steps(0),
                             system["id"])
                        for number, system in enumerate(summary.systems, 1)])
        if self.stopped_by:
            return
        analyses = Task("analyses", "analyses", "analyses", self.plugins.names("analysis"))
        self._together([analyses] if analyses.steps else [])
        self._changed()
        reports = Task("reports", "reports", "reports", self.plugins.names("report"))
        if reports.steps and not self.stopped_by:
            self._write("run", [self._record(self._exit_code())])
            self.manifest.tasks.pop("reports", None)
            self._together([reports])

    def _steps(self, depth: int) -> tuple[str, ...]:
        guests = (GUESTS,) if self.options.guests and depth < MAX_DEPTH else ()
        return self.plugins.names("artifact") + guests

    def _together(self, tasks: list[Task]) -> dict[str, Summary]:
        """Run tasks, and the guests they lead to, `jobs` at a time; summaries by task."""
        summaries: dict[str, Summary] = {}
        running: set[Future[TaskEnd]] = set()
        with ThreadPoolExecutor(self.options.jobs) as pool:
            try:
                self._submit(tasks, pool, running, summaries)
                while running:
                    done, waiting = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                    running = set(waiting)
                    for future in sorted(done, key=lambda f: f.result().task.task_id):
                        end = future.result()
                        self._ended(end)
                        summaries[end.task.task_id] = end.summary
                        self._submit(self._guests(end.task, end.summary), pool, running, summaries)
            except BaseException:
                self.stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return summaries

    def _submit(self, tasks: list[Task], pool: ThreadPoolExecutor,
                running: "set[Future[TaskEnd]]", summaries: dict[str, Summary]) -> None:
        """Start what is not finished; of what is, follow its guests."""
        if self.stopped_by:
            return
        for task in tasks:
            stored = self.manifest.tasks.get(task.task_id)
            if stored is not None:
                summary = _stored_summary(self.case, stored)
                summaries[task.task_id] = summary
                self._submit(self._guests(task, summary), pool, running, summaries)
                continue
            self.planned += 1
            self.screen.planned(self.planned)
            running.add(pool.submit(self._one, task))

    def _one(self, task: Task) -> TaskEnd:
        if self.stop.is_set() or self.stopped_by:
            return TaskEnd(task, "stopped")
        self.screen.started(task)
        end = self.supervisor.run(task, self.images, verify=self.options.verify)
        self.screen.ended(end)
        return end

    def _guests(self, task: Task, summary: Summary) -> list[Task]:
        if task.kind != "system":
            return []
        return [replace(task, task_id=guest_task_id(task.task_id, f"{guest.inside}-{guest.key}"),
                        label=guest.label, guests=(*task.guests, guest.hop),
                        steps=self._steps(task.depth + 1))
                for guest in summary.guests]

    def _ended(self, end: TaskEnd) -> None:
        if end.end in ("done", "lost"):
            self.manifest.tasks[end.task.task_id] = {
                "end": end.end, "label": end.task.label, "steps": list(end.task.steps),
                "summary": asdict(end.summary)}
            self._save()
        elif end.failed is not None and not self.stopped_by:
            self.stopped_by = self._words(end.failed.code, end.failed.what)

    def _words(self, code: str, what: str) -> str:
        if code == "OUT-ENOSPC":
            return (f"the disk of {self.case.root} is full ({what}); make room and run the same "
                    f"command with --resume, finished work is kept")
        return f"{code}: {what}"

    def _save(self) -> None:
        try:
            self.manifest.save(self.case.manifest)
        except OSError as error:
            self.stopped_by = self._words("OUT-ENOSPC", error.strerror or str(error))

    def _changed(self) -> None:
        """State images whose files changed while they were read."""
        found = []
        for before in self.facts:
            try:
                after: dict[str, Any] | None = image_facts(before["path"])
            except UsageError:
                after = None
            if after != before:
                found.append(Problem(
                    source=Source(before["name"]), code="IMG-CHANGED",
                    what="the image file changed, or went away, while it was analysed",
                    effect="the tables may mix two states of the image; analyse it again"))
        if found:
            self._write("changed", found)
            self.manifest.tasks["changed"] = {"end": "lost", "label": "images", "steps": [],
                                              "summary": asdict(Summary(lost=len(found)))}

    def _write(self, task_id: str, records: Sequence[Record]) -> None:
        try:
            with PartitionWriter(self.case.tables, task_id) as writer:
                writer.extend(records)
        except OSError as error:
            self.stopped_by = self._words("OUT-ENOSPC", error.strerror or str(error))

    def _summaries(self) -> list[Summary]:
        return [_stored_summary(self.case, task) for task in self.manifest.tasks.values()]

    def _exit_code(self) -> int:
        summaries = self._summaries()
        if any(s.bugs for s in summaries):
            return INTERNAL
        survey = self.manifest.tasks.get("survey")
        if survey is not None and not _stored_summary(self.case, survey).images:
            return UNREADABLE
        if self.stopped_by or any(s.lost or s.unopened for s in summaries):
            return PARTIAL
        return FINISHED

    def _record(self, code: int) -> Run:
        return Run(source=Source(self.facts[0]["name"]), tool_version=VERSION,
                   arguments=self.options.arguments, started_at=self.started_at,
                   finished_at=times.from_datetime(datetime.now(UTC)), exit_code=code)

    def _finish(self, code: int) -> Result:
        records: list[Record] = [self._record(code)]
        if code == INTERRUPTED:
            records.append(Problem(
                source=Source("case"), code="RUN-INT", what="the run was interrupted",
                effect="tasks that had not finished are missing; --resume goes on with them"))
        self._write("run", records)
        coverage: dict[str, int] = {}
        for summary in self._summaries():
            for state, places in summary.coverage.items():
                coverage[state] = coverage.get(state, 0) + places
        self.manifest.coverage = coverage
        images = self._images()
        self.manifest.evidence = [
            fact | {"media": next((i.data for i in images if i.name == fact["name"]), {})}
            for fact in self.facts]
        self.manifest.finished_at = times.iso(times.from_datetime(datetime.now(UTC)))
        self.manifest.state, self.manifest.exit_code = _STATES[code], code
        self._save()
        return Result(self.case, code, self.stopped_by)

    def _images(self) -> list[Any]:
        survey = self.manifest.tasks.get("survey")
        return _stored_summary(self.case, survey).images if survey is not None else []


def _partitions(task_id: str, task: dict[str, Any]) -> list[str]:
    """Names of the partitions that a finished task may have."""
    steps = [*task.get("steps", []), "deaths"]
    return [task_id, *(step_task_id(task_id, str(step)) for step in steps)]


def _stored_summary(case: Case, task: dict[str, Any]) -> Summary:
    try:
        return summary_from(task["summary"])
    except BadMessage as error:
        raise UsageError(f"{case.manifest} was changed: {error}") from error


def _must_match(old: Manifest, new: Manifest) -> None:
    """A case is only gone on with as it was begun; raises UsageError."""
    def evidence(manifest: Manifest) -> list[tuple[Any, Any]]:
        return sorted((e.get("name"), e.get("size")) for e in manifest.evidence)

    same = {"evidence": evidence(old) == evidence(new), "vmtrail": old.tool_version == VERSION,
            "plugins": old.plugins == new.plugins, "options": old.plan == new.plan}
    different = [name for name, is_same in same.items() if not is_same]
    if different:
        raise UsageError(f"the case was begun with other {' and '.join(different)}; --resume "
                         f"needs the same, --overwrite begins again")
