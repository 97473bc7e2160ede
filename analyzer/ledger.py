"""Ledger: what a system has to say about itself: problems, and how far each place was read."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from analyzer.errors import EvidenceError, Exhausted, Notice, Refused, Unreadable
from analyzer.records import Coverage, Problem
from analyzer.source import Source
from analyzer.times import TIME_RANGE

MOST_TIMES: Final = 5
"""Times of one file that are said one by one."""

CODES = {"Unsupported": "UNSUPPORTED", "Unreadable": "UNREADABLE", "Corrupt": "CORRUPT",
         "MissingParent": "VHD-NOPARENT", "NotInEvidence": "NOT-IN-EVIDENCE",
         "NotThisFormat": "OTHER-FORMAT"}
"""Problem code of each error class."""


def error_code(error: EvidenceError) -> str:
    """The Problem code of an error."""
    if isinstance(error, Exhausted):
        return error.code
    return CODES.get(type(error).__name__, "EVIDENCE")


def error_text(error: EvidenceError) -> str:
    """What the Problem says of an error."""
    return error.in_full if isinstance(error, Exhausted) else str(error)


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

    def notices(self, notices: Iterable[Notice], source: Source, plugin: str = "") -> None:
        """Several, of one source."""
        for notice in notices:
            self.notice(notice, source, plugin)

    def problem(self, error: EvidenceError, source: Source, effect: str, plugin: str = "") -> None:
        """Turn an error that cost a part into a Problem; a Refused has one already."""
        if isinstance(error, Refused):
            return
        length = error.length if isinstance(error, Unreadable) else None
        self.notice(Notice(error_code(error), error_text(error), effect, error.at, length), source,
                    plugin)

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
        return _few_times(found)

    def coverage(self) -> list[Coverage]:
        """By place; each state of a place is given out once."""
        found = [self._coverage[place] for place in sorted(self._coverage)]
        fresh = [row for row in found if row not in self._covered]
        self._covered.update(fresh)
        self._coverage.clear()
        return fresh


def _few_times(found: list[Problem]) -> list[Problem]:
    """The same, but of the times of one file that cannot be only the first, and then a count."""
    kept: list[Problem] = []
    times: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in found:
        same = times[problem.source.address] if problem.code == TIME_RANGE else []
        same.append(problem)
        if len(same) <= MOST_TIMES:
            kept.append(problem)
    return kept + [
        replace(same[-1], source=same[-1].source.at(), start=None, length=None,
                what=f"{len(same) - MOST_TIMES} more times of this file cannot be",
                effect="they are left out") for same in times.values() if len(same) > MOST_TIMES]
