"""Writing the reports of a stored case again, in a child like everything else."""

from collections.abc import Callable, Sequence
from threading import Event

from analyzer.case.folder import Case
from analyzer.case.lock import CaseLock
from analyzer.case.manifest import load
from analyzer.engine import poison
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.launch import COMMAND
from analyzer.engine.messages import Progress
from analyzer.engine.supervisor import Supervisor
from analyzer.engine.tasks import Limits, Task
from analyzer.errors import UsageError


def write_reports(case: Case, plugins: Catalogue, command: Sequence[str] = COMMAND,
                  heard: Callable[[Task, Progress], None] = lambda task, progress: None) -> int:
    """Write the reports of these plugins; the exit code. Raises UsageError, CaseInUse."""
    with CaseLock(case.root):
        load(case.manifest)
        poison.forget(case, "reports")
        supervisor = Supervisor(case, Limits(), Event(), heard, command)
        steps = plugins.names("report")
        end = supervisor.run(Task("reports", "reports", "reports", steps), ())
        if end.failed is not None:
            raise UsageError(f"reports cannot be written: {end.failed.what}")
        if end.summary.bugs:
            return 5
        return 4 if end.summary.lost else 0
