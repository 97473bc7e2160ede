"""What the person who waits sees: on standard error, and only where it is a terminal."""

import sys
import time
from typing import TYPE_CHECKING, Protocol

from analyzer.engine.messages import Progress
from analyzer.engine.supervisor import TaskEnd
from analyzer.engine.tasks import Task
from analyzer.text import show

if TYPE_CHECKING:
    from rich.progress import TaskID


class Screen(Protocol):
    """Who hears how the run goes; called from several threads."""

    def planned(self, tasks: int) -> None: ...
    def started(self, task: Task) -> None: ...
    def heard(self, task: Task, progress: Progress) -> None: ...
    def ended(self, end: TaskEnd) -> None: ...
    def close(self) -> None: ...


class Quiet:
    """Says nothing."""

    def planned(self, tasks: int) -> None: ...
    def started(self, task: Task) -> None: ...
    def heard(self, task: Task, progress: Progress) -> None: ...
    def ended(self, end: TaskEnd) -> None: ...
    def close(self) -> None: ...


class Lines:
    """One line for each task that ends, and one for each child that died (`-v`)."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def planned(self, tasks: int) -> None: ...
    def started(self, task: Task) -> None: ...
    def heard(self, task: Task, progress: Progress) -> None: ...
    def close(self) -> None: ...

    def ended(self, end: TaskEnd) -> None:
        rows = sum(end.summary.rows.values())
        seconds = time.monotonic() - self._begin
        lines = [f"{seconds:8.1f} s  {end.end:10}  {rows:>10,} rows  {show(end.task.label)}"]
        for death in end.deaths:
            lines.append(f"            {death.code} in {show(death.step)}: {show(death.what)}")
            lines += [f"            | {show(line)}" for line in death.stderr.splitlines()[-12:]]
        sys.stderr.write("\n".join(lines) + "\n")


class Bars:
    """A bar for the whole run and a line for each task under way (rich)."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
            MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(stderr=True), transient=True)
        self._whole = self._rich.add_task("case", total=1, note="")
        self._bars: dict[str, TaskID] = {}
        self._rich.start()

    def planned(self, tasks: int) -> None:
        self._rich.update(self._whole, total=tasks)

    def started(self, task: Task) -> None:
        self._bars[task.task_id] = self._rich.add_task(
            show(task.label)[:48], total=max(1, len(task.steps)), note="")

    def heard(self, task: Task, progress: Progress) -> None:
        bar = self._bars[task.task_id]
        at = task.steps.index(progress.step) if progress.step in task.steps else 0
        note = f"{progress.step}  {progress.note}"
        if progress.total:
            note += f"  {100 * progress.done // progress.total} %"
        self._rich.update(bar, completed=at, note=show(note)[:60])

    def ended(self, end: TaskEnd) -> None:
        self._rich.remove_task(self._bars.pop(end.task.task_id))
        self._rich.advance(self._whole)

    def close(self) -> None:
        self._rich.stop()
