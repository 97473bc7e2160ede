"""The one place that catches: what goes wrong in a step becomes a Problem.

An EvidenceError says something about the evidence. Anything else is our own bug: the Problem
says so, and the run exits 5. Records stated before it happened are kept.
"""

import re
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Final

from analyzer import attention
from analyzer.engine.watch import ChildWatch
from analyzer.errors import EvidenceError, Exhausted, Notice, Unreadable
from analyzer.records import Batch, Coverage, Problem, Record
from analyzer.source import Source

BUG: Final = "BUG"
_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]{6,}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step works: for the Problems it may cost."""

    source: Source
    system_id: str = ""
    vm_id: str = ""
    snapshot_id: str = ""

    def problem(self, code: str, what: str, effect: str, step: str = "") -> Problem:
        return Problem(source=self.source, system_id=self.system_id, vm_id=self.vm_id,
                       snapshot_id=self.snapshot_id, code=code, what=what, effect=effect,
                       plugin=step)

    def noticed(self, notice: Notice) -> Problem:
        """What a reader noticed, as a Problem of this place."""
        return replace(self.problem(notice.code, notice.what, notice.effect),
                       start=notice.start, length=notice.length)


def _excerpt(error: BaseException) -> str:
    """The exception and its last four frames, without machine paths or memory addresses."""
    frames = [f"{PurePath(f.filename).name}:{f.lineno} {f.name}"
              for f in traceback.extract_tb(error.__traceback__)[-4:]]
    text = _ADDRESS.sub("0x…", f"{type(error).__name__}: {error}"[:500])
    return f"{text} in {' > '.join(frames)}"


def problem_of(error: BaseException, step: str, place: Place) -> Problem:
    """The Problem that an exception in `step` is worth."""
    if isinstance(error, EvidenceError):
        from analyzer.ledger import error_code, error_text

        length = error.length if isinstance(error, Unreadable) else None
        problem = place.problem(error_code(error), error_text(error),
                                f"what {step} had not stated by then is missing here", step)
        return replace(problem, start=error.at, length=length)
    return place.problem(BUG, _excerpt(error),
                         f"an error of vmtrail, not of the evidence: what {step} had not "
                         f"stated by then is missing here; please report it", step)


def guarded(step: str, place: Place, work: Callable[[], Iterable[Record | Batch]],
            declared: tuple[type[Record], ...], take: Callable[[Record | Batch], None],
            watch: ChildWatch) -> Problem | None:
    """Hand each record of a step to `take`; the Problem where the step fails.

    OSError from `take` (disk full) is not the step's fault and is raised as `CannotWrite`; a
    partition larger than a file may be is, and is raised as `Overdrawn`, with no artefact to
    blame. So is another limit that was hit where the watch has one.
    """
    try:
        for record in work():
            kind = record.kind if isinstance(record, Batch) else type(record)
            if not issubclass(kind, (*declared, Problem, Coverage)):
                raise TypeError(f"{step} yields {kind.__name__} without declaring it")
            try:
                take(record)
            except OSError as error:
                raise refusal(error, watch) from error
    except (CannotWrite, Overdrawn):
        raise
    except Exception as error:  # the one place that catches all: a step's error is a Problem
        lack = watch.lack(error)
        if lack is not None and watch.last():
            raise Overdrawn(lack) from error
        return problem_of(lack or error, step, place)
    return None


class Overdrawn(Exception):  # noqa: N818 - the name says what happened
    """A step hit a limit that costs more than the step; `cause` says which limit."""

    def __init__(self, cause: Exhausted) -> None:
        super().__init__(str(cause))
        self.cause = cause


class CannotWrite(Exception):  # noqa: N818 - the name says what happened
    """The case cannot be written; `cause` is the OSError."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def refusal(error: OSError, watch: ChildWatch) -> CannotWrite | Overdrawn:
    """What an error in writing partitions means: the disk's fault, or too many records."""
    lack = watch.lack(error)
    if lack is None:
        return CannotWrite(error)
    attention.forget()
    return Overdrawn(lack)
