"""Ledger: what a system has to say about itself: problems, and how far each place was read."""

from collections.abc import Iterable

from analyzer.errors import EvidenceError, Exhausted, Notice, Refused, Unreadable
from analyzer.records import Coverage, Problem
from analyzer.source import Source

CODES = {"Unsupported": "UNSUPPORTED", "Unreadable": "UNREADABLE", "Corrupt": "CORRUPT",
         "MissingParent": "VHD-NOPARENT", "NotInEvidence": "NOT-IN-EVIDENCE",
         "NotThisFormat": "OTHER-FORMAT"}
"""Problem code of each error class."""


def error_code(error: EvidenceError) -> str:
    """The Problem code of an error."""
    if isinstance(error, Exhausted):
        return error.code
    return CODES.get(type(error).__name__, "EVIDENCE")


class Ledger:
    """Everything is given out once, in the order met; repeats are dropped."""

    def __init__(self, source: Source, system_id: str, vm_id: str, snapshot_id: str) -> None:
        self.source, self.system_id = source, system_id
        self.vm_id, self.snapshot_id = vm_id, snapshot_id
        self._problems: dict[Problem, None] = {}
        self._told: set[Problem] = set()
        self._coverage: dict[str, Coverage] = {}
        self._covered: set[Coverage] = set()

    def notice(self, notice: Notice, source: Source, plugin: str = "") -> None:
        """Turn a reader's notice into a Problem."""
        self._problems[Problem(
            source=source, system_id=self.system_id, vm_id=self.vm_id,
            snapshot_id=self.snapshot_id, code=notice.code, what=notice.what,
            effect=notice.effect, plugin=plugin, start=notice.start,
            length=notice.length)] = None

    def notices(self, notices: Iterable[Notice], source: Source) -> None:
        """Several, of one source."""
        for notice in notices:
            self.notice(notice, source)

    def problem(self, error: EvidenceError, source: Source, effect: str, plugin: str = "") -> None:
        """Turn an error that cost a part into a Problem; a Refused has one already."""
        if isinstance(error, Refused):
            return
        length = error.length if isinstance(error, Unreadable) else None
        self.notice(Notice(error_code(error), str(error), effect, error.at, length), source, plugin)

    def cover(self, place: str, state: str, plugin: str = "") -> None:
        """State how far a place was read: read, absent, unreadable, partial, ..."""
        self._coverage[place] = Coverage(
            source=self.source, system_id=self.system_id, vm_id=self.vm_id,
            snapshot_id=self.snapshot_id, place=place, state=state, plugin=plugin)

    def problems(self) -> list[Problem]:
        """Those not given out before."""
        found = [problem for problem in self._problems if problem not in self._told]
        self._told.update(found)
        self._problems.clear()
        return found

    def coverage(self) -> list[Coverage]:
        """By place; each state of a place is given out once."""
        found = [self._coverage[place] for place in sorted(self._coverage)]
        fresh = [row for row in found if row not in self._covered]
        self._covered.update(fresh)
        self._coverage.clear()
        return fresh
