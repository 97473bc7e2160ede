"""What the person who waits sees: on standard error, and only where it is a terminal."""

import sys
import time
from typing import TYPE_CHECKING, Protocol

from analyzer.engine.messages import Progress
from analyzer.engine.outlook import Outlook, in_words
from analyzer.engine.supervisor import TaskEnd
from analyzer.engine.tasks import Task
from analyzer.text import show

if TYPE_CHECKING:
    from rich.progress import TaskID


class Screen(Protocol):
    """Who hears how the run goes; called from several threads."""

    def planned(self, task: Task) -> None: ...
    def started(self, task: Task) -> None: ...
    def heard(self, task: Task, progress: Progress) -> None: ...
    def ended(self, end: TaskEnd) -> None: ...
    def close(self) -> None: ...


class Quiet:
    """Says nothing."""

    def planned(self, task: Task) -> None: ...
    def started(self, task: Task) -> None: ...
    def heard(self, task: Task, progress: Progress) -> None: ...
    def ended(self, end: TaskEnd) -> None: ...
    def close(self) -> None: ...


class Lines:
    """One line for each task that ends, and one for each child that died (`-v`)."""

    def __init__(self) -> None:
        self._begin, self._outlook = time.monotonic(), Outlook()

    def planned(self, task: Task) -> None:
        self._outlook.planned(task)

    def started(self, task: Task) -> None:
        self._outlook.started(task)

    def heard(self, task: Task, progress: Progress) -> None:
        self._outlook.heard(task, progress)

    def close(self) -> None: ...

    def ended(self, end: TaskEnd) -> None:
        self._outlook.ended(end.task, kept=end.end == "kept")
        rows = sum(end.summary.rows.values())
        seconds = time.monotonic() - self._begin
        label = end.task.label if not end.task.guests else f"{end.task.image}: {end.task.label}"
        done, known = self._outlook.tasks()
        left = in_words(self._outlook.left())
        far = f"{done}/{known}, {left}" if left else f"{done}/{known}"
        lines = [f"{seconds:8.1f} s  {end.end:10}  {rows:>10,} rows  {show(label)}  [{far}]"]
        for death in end.deaths:
            lines.append(f"            {death.code} in {show(death.step)}: {show(death.what)}")
            lines += [f"            | {show(line)}" for line in death.stderr.splitlines()[-12:]]
        sys.stderr.write("\n".join(lines) + "\n")


class Bars:
    """A bar for the whole run and one for each image under way (rich)."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
            MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[left]:>21}  {task.fields[note]}", markup=False),
            console=Console(stderr=True), transient=True)
        self._outlook = Outlook()
        self._bars: dict[str, TaskID] = {"": self._rich.add_task("case", total=1, left="",
                                                                 note="")}
        self._rich.start()

    def planned(self, task: Task) -> None:
        self._outlook.planned(task)
        self._show(task)

    def started(self, task: Task) -> None:
        self._outlook.started(task)
        if task.image not in self._bars:
            self._bars[task.image] = self._rich.add_task(show(task.image)[:32], left="", note="")
        self._show(task)

    def heard(self, task: Task, progress: Progress) -> None:
        self._outlook.heard(task, progress)
        note = f"{task.label if task.guests else ''}  {progress.step}  {progress.note}".strip()
        if progress.total:
            note += f"  {100 * progress.done // progress.total} %"
        self._show(task, show(note)[:60])

    def ended(self, end: TaskEnd) -> None:
        self._outlook.ended(end.task, kept=end.end == "kept")
        self._show(end.task, "")

    def close(self) -> None:
        self._rich.stop()

    def _show(self, task: Task, note: str | None = None) -> None:
        if note is not None:
            self._rich.update(self._bars[task.image], note=note)
        for name in {"", task.image} & self._bars.keys():
            done, known = self._outlook.tasks(name)
            self._rich.update(self._bars[name], completed=done, total=known,
                              left=in_words(self._outlook.left(name)),
                              visible=not name or done < known)
