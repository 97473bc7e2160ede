"""The child process: does one task and says what came of it.

Forked by the nursery, it reads one line of JSON (tasks.Request) and answers in lines
(messages.py). It is the only kind of process that parses evidence, and the same under every
scheduler.
"""

import errno
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from analyzer.engine import catalogue, limits
from analyzer.engine.guard import BUG, CannotWrite, Overdrawn, Place, guarded, refusal
from analyzer.engine.messages import MAX_GUESTS, MAX_RANGES, Failed, Guest, Image, Summary
from analyzer.engine.opening import OpenImage, Opening, OpenSystem
from analyzer.engine.tasks import GUESTS, Limits, Request, step_task_id
from analyzer.engine.voice import Voice, private_output
from analyzer.engine.watch import LIMIT_CODES, ChildWatch, begin_watch
from analyzer.errors import EvidenceError, Notice, Refused, UsageError
from analyzer.plugin import Plugin
from analyzer.records import Batch, Coverage, Evidence, Problem, Record
from analyzer.records import Volume as VolumeRecord
from analyzer.source import Source

Take = Callable[[Record | Batch], None]
_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT}
_TABLES: Final = 10
"""How many times the processor time a task may take that reads the case's tables, not evidence."""
_CASE: Final = Place(Source("case"))


class CannotOpen(Exception):  # noqa: N818 - the name says what happened
    """The thing that the task is about cannot be opened at all; `code` is for `Failed`."""

    def __init__(self, what: str, code: str = "SYS-OPEN") -> None:
        super().__init__(what)
        self.code = code


class TaskRun:
    """One task under way: where its records go, and what is counted for its summary."""

    def __init__(self, request: Request, opening: Opening, known: Sequence[Plugin], voice: Voice,
                 watch: ChildWatch) -> None:
        self.request, self.opening, self.known, self.voice = request, opening, known, voice
        self.plugins, self.watch = {plugin.name: plugin for plugin in known}, watch
        self.summary = Summary()
        self._coverage: Counter[str] = Counter()
        self._surveyed: set[tuple[str, Notice]] = set()
        """What images had at opening: their surveys have stated it."""

    def run(self) -> Summary:
        """Do the task; raises CannotOpen, CannotWrite, UsageError."""
        {"images": self._arrange, "survey": self._survey, "system": self._system,
         "analyses": self._analyses, "reports": self._reports, "plugins": self._known,
         "overview": self._overview}[self.request.task.kind]()
        if self.request.is_rest:
            self._coverage = self._covered()
        self.summary.coverage = dict(sorted(self._coverage.items()))
        return self.summary

    def _covered(self) -> Counter[str]:
        """What the steps of this task have covered: many say the same of a hive or a volume."""
        from analyzer.case.store import coverage_of

        task_id, _, _ = self.request.task.task_id.rpartition("+")
        return coverage_of(Path(self.request.case) / "tables", task_id)

    def _writing(self, task_id: str, work: Callable[[Take], None]) -> dict[str, int]:
        """Let `work` state records into the partitions of `task_id`; how many, by table."""
        from analyzer.case.store import PartitionWriter

        tables = Path(self.request.case) / "tables"
        try:
            with PartitionWriter(tables, task_id) as writer:
                stated = 0

                def take(record: Record | Batch) -> None:
                    nonlocal stated
                    before = stated
                    if isinstance(record, Batch):
                        writer.add_batch(record)
                        stated += record.count
                    else:
                        self._count(record)
                        writer.add(record)
                        stated += 1
                    if stated >> 8 != before >> 8:
                        self.voice.alive(f"{stated:,} records")

                work(take)
                for unfit in writer.flush():
                    take(_CASE.problem(BUG, f"a record does not fit its table: {unfit}",
                                       "the record is missing; please report it"))
                writer.flush()
                rows = writer.rows
        except OSError as error:
            raise refusal(error, self.watch) from error
        self.summary.add(Summary(rows=rows))
        return rows

    def _count(self, record: Record) -> None:
        if isinstance(record, Problem):
            self.summary.bugs += record.code == BUG
            self.summary.lost += record.code in LIMIT_CODES
        elif isinstance(record, VolumeRecord):
            self.summary.lost += record.state == "unreadable"
        elif isinstance(record, Coverage):
            self._coverage[record.state] += 1

    def _arrange(self) -> None:
        self.voice.begin("arrange")
        paths = [path for image in self.request.images for path in image.paths]
        self.summary.images = [Image(found.name, {"paths": list(found.paths)})
                               for found in self.opening.arrange(paths)]

    def _survey(self) -> None:
        self._writing(self.request.task.task_id, self._look)

    def _look(self, take: Take) -> None:
        """Open the one image of this task and say what it is and whose disk."""
        (files,) = self.request.images
        place = Place(Source(files.name))
        try:
            image: OpenImage = self.opening.image(files, second_opinion=True)
        except (EvidenceError, UsageError) as error:
            self.summary.unopened.append(files.name)
            take(Coverage(source=place.source, place=f"{files.name}: image", state="unreadable"))
            if isinstance(error, Refused):
                return  # the supervisor says so
            take(place.problem("IMG-OPEN", str(error), "nothing of this image is analysed"))
            return
        facts: dict[str, Any] = {}
        self.summary.images.append(Image(image.name, facts))
        self.voice.begin(f"check {image.name}" if self.request.verify else "survey")
        self._step(f"image {image.name}", place, lambda: self._described(image, facts),
                   (Evidence,), take)
        self.voice.begin("find systems")
        self._step("find systems", place, lambda: self._disk(image, facts, place), (), take)
        self.summary.lost += "disk" not in facts
        facts["lost"] = image.lost[:MAX_RANGES]
        if len(image.lost) > MAX_RANGES:
            take(place.problem("IMG-RANGES", f"{len(image.lost):,} ranges cannot be read", "files "
                               f"in those after the first {MAX_RANGES:,} are not marked for it"))
        self._image_notices([image], take)

    def _described(self, image: OpenImage, facts: dict[str, Any]) -> Iterator[Record]:
        if self.request.verify:
            image.verify(lambda done, total: self.voice.alive("verifying", done, total))
        record = image.record()
        facts["media"] = {
            "name": record.name, "format": record.format, "size": record.size,
            "files": list(record.files), "stored_md5": record.stored_md5,
            "stored_sha1": record.stored_sha1, "verified": record.verified}
        yield record

    def _disk(self, image: OpenImage, facts: dict[str, Any], place: Place) -> Iterator[Record]:
        disk = self.opening.disk(image)
        facts["disk"] = disk.to_json()
        if disk.left_out:
            yield place.problem(
                "DSK-KNOWN", f"MountedDevices names {len(disk.known) + disk.left_out:,} places",
                f"{disk.left_out:,} of them are not used to tell whose disk an image is")

    def _image_notices(self, images: Sequence[OpenImage], take: Take) -> None:
        """What was noticed about the images themselves while they were read."""
        for image in images:
            place = Place(Source(image.name, image_offset=0))
            for notice in dict.fromkeys(image.notices):
                if (image.name, notice) not in self._surveyed:
                    take(place.noticed(notice))

    def _step(self, step: str, place: Place, work: Callable[[], Any],
              declared: tuple[type[Record], ...], take: Take) -> bool:
        problem = guarded(step, place, work, declared, take, self.watch)
        if problem is not None:
            take(problem)
        return problem is None

    def _open_systems(self) -> tuple[list[OpenImage], Sequence[OpenSystem]]:
        """The images, and the system or systems of this task; raises CannotOpen."""
        task = self.request.task
        try:
            images: list[OpenImage] = [self.opening.image(files, second_opinion=False)
                                       for files in self.request.images]
            self._surveyed = {(i.name, notice) for i in images for notice in i.notices}
            systems: Sequence[OpenSystem] = [self.opening.holder(images)] if task.guests else [
                s for s in self.opening.systems(images) if s.system_id == task.system]
            for level, hop in enumerate(task.guests):
                systems = self.opening.guest(systems[hop["inside"] if level else 0], hop["state"])
        except Refused as error:
            raise CannotOpen(str(error), "SYS-REFUSED") from error
        except EvidenceError as error:
            raise CannotOpen(str(error)) from error
        if not systems:
            raise CannotOpen("it is not there any more")
        return images, systems

    def _system(self) -> None:
        self.voice.begin("open")
        images, systems = self._open_systems()

        def work(take: Take) -> None:
            for step in self.request.task.steps:
                self.voice.begin(step)
                for number, system in enumerate(systems):
                    if self.request.is_rest:
                        self._unread(system, step, take)
                    else:
                        self._ask(number, system, step, take)
            self._image_notices(images, take)

        self._writing(self.request.task.task_id, work)

    def _ask(self, number: int, system: OpenSystem, step: str,
             take: Take) -> None:
        """One step on one system, and what the layers below noticed meanwhile."""
        place = Place(system.source, system.system_id, system.vm_id, system.snapshot_id)
        if step == GUESTS:
            self._step(step, place, lambda: self._found_guests(number, system, place), (), take)
        else:
            plugin = self.plugins[step]
            self._step(step, place, lambda: plugin.function(system), plugin.yields, take)
        for record in [*system.problems(), *system.coverage()]:
            take(record)

    def _unread(self, system: Any, step: str, take: Take) -> None:
        """State the places that a step would have read."""
        from analyzer.places import unread

        self._step(step, Place(system.source, system.system_id, system.vm_id, system.snapshot_id),
                   lambda: unread(system, step), (), take)

    def _found_guests(self, number: int, system: OpenSystem, place: Place) -> Iterator[Record]:
        states = list(self.opening.states(system))
        self.summary.guests += [Guest(s.key, s.label, s.to_json(), number)
                                for s in states[:MAX_GUESTS]]
        if len(states) > MAX_GUESTS:
            self.summary.lost += 1
            yield place.problem("RUN-GUESTS", f"{len(states)} guests at their states",
                                f"only the first {MAX_GUESTS} are analysed", GUESTS)

    def _analyses(self) -> None:
        from analyzer.case.folder import Case
        from analyzer.case.kept import KeptTables

        tables = KeptTables(Case(Path(self.request.case)), self.voice.alive)
        for step in self.request.task.steps:
            self.voice.begin(step)
            plugin = self.plugins[step]

            def work(take: Take, plugin: Plugin = plugin) -> None:
                self._step(plugin.name, _CASE, lambda: plugin.function(tables), plugin.yields, take)

            for table in self._writing(step_task_id(self.request.task.task_id, step), work):
                tables.forget(table)

    def _reports(self) -> None:
        from analyzer.case.folder import Case
        from analyzer.case.kept import KeptTables

        case = Case(Path(self.request.case))
        case.reports.mkdir(exist_ok=True)
        tables = KeptTables(case, self.voice.alive)

        def work(take: Take) -> None:
            for step in self.request.task.steps:
                self.voice.begin(step)
                self._step(step, _CASE,
                           partial(self._report, case, tables, self.plugins[step]), (), take)

        self._writing(self.request.task.task_id, work)

    def _report(self, case: Any, tables: Any, plugin: Plugin) -> Iterator[Record]:
        from analyzer.case.whole_files import replacing, replacing_folder

        try:
            with replacing_folder(case.reports / plugin.folder) if plugin.folder \
                    else replacing(case.reports / plugin.file) as out:
                plugin.function(tables, out)
        except OSError as error:  # a report reads tables and writes; nothing else can fail so
            if self.watch.lack(error) is None:
                raise CannotWrite(error) from error
            raise
        self.summary.reports.append(plugin.file)
        yield from ()


    def _known(self) -> None:
        self.summary.lines = [catalogue.to_line(plugin) for plugin in self.known]

    def _overview(self) -> None:
        from analyzer.case.folder import Case
        from analyzer.case.overview import overview

        self.voice.begin("overview")
        self.summary.lines = list(overview(Case(Path(self.request.case))))


def _perform(run: TaskRun) -> Failed | Summary:
    try:
        return run.run()
    except Overdrawn as error:
        return Failed(error.cause.code, str(error))
    except CannotOpen as error:
        return Failed(error.code, str(error))
    except UsageError as error:
        return Failed("USAGE", str(error))
    except CannotWrite as error:
        full = error.cause.errno in _NO_SPACE
        return Failed("OUT-ENOSPC" if full else "OUT-IO", str(error))


def _allowed(request: Request) -> Limits:
    """What is allowed between two signs of progress; sorting a whole table of the case is one."""
    if request.task.kind not in ("analyses", "reports"):
        return request.limits
    return replace(request.limits, cpu_seconds=_TABLES * request.limits.cpu_seconds)


def main(opening: Opening, plugins: Sequence[Plugin]) -> int:
    """Do the one task that standard input asks for; called in a process just forked."""
    request = Request.from_line(sys.stdin.buffer.readline())
    limits.apply(request.limits)
    voice = Voice(private_output(), _allowed(request))
    voice.begin("open")
    watch = begin_watch(request.refused, request.limits)
    voice.say(_perform(TaskRun(request, opening, plugins, voice, watch)))
    return 0
