"""What is asked of a child beside the tasks of a run: which plugins there are, what a case holds.

Neither plugins nor what reads tables is loaded by the process that supervises.
"""

from collections.abc import Sequence
from pathlib import Path
from threading import Event

from analyzer.case.folder import Case
from analyzer.engine.catalogue import from_line
from analyzer.engine.launch import COMMAND
from analyzer.engine.messages import Summary
from analyzer.engine.tasks import Limits, Request, Task, TaskKind
from analyzer.engine.worker import Died, Outcome, run_child
from analyzer.plugin import Plugin, discover


def known_plugins(command: Sequence[str] = COMMAND) -> tuple[Plugin, ...]:
    """The plugins of the children; raises UsageError where one cannot be loaded."""
    said = _asked("plugins", Path(), command)
    return tuple(map(from_line, said.lines)) if isinstance(said, Summary) else discover()


def overview(case: Case, command: Sequence[str] = COMMAND) -> list[str]:
    """Lines that tell what a case holds, as yet unescaped."""
    said = _asked("overview", case.root, command)
    if isinstance(said, Summary):
        return said.lines
    why = said.what if isinstance(said, Died) else str(said)
    return ["", f"An overview cannot be given ({why}); the reports tell what was found."]


def _asked(kind: TaskKind, case: Path, command: Sequence[str]) -> Outcome:
    request = Request(Task(kind, kind, kind), str(case), (), Limits())
    return run_child(request, lambda progress: None, Event(), command)
