"""Ledger: the notices of one image; each unreadable range is said once, and not for ever."""

from dataclasses import dataclass, field
from typing import Final

from analyzer.errors import Notice, Unreadable
from analyzer.filesystem.image import Ledger as Ranges

LIMIT: Final = 1_000
"""Unreadable ranges that get a notice of their own."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """`notices` and `lost` grow while the image is read; `lost` has all ranges, merged."""

    notices: list[Notice] = field(default_factory=list)
    _lost: Ranges = field(default_factory=Ranges, repr=False)
    _starts: set[int] = field(default_factory=set, repr=False)

    @property
    def lost(self) -> list[tuple[int, int]]:
        """(offset, length) of what could not be read, in order; always the same list."""
        return self._lost.ranges

    def foresee(self, start: int, length: int) -> None:
        """Note a range that another process could not read, and has told of."""
        self._lost.add(start, length)

    def say(self, code: str, what: str, effect: str,
            start: int | None = None, length: int | None = None) -> None:
        """Add a notice."""
        self.notices.append(Notice(code, what, effect, start, length))

    def lose(self, code: str, lost: Unreadable) -> Unreadable:
        """Note a range of the image that cannot be read; returns `lost` for raising."""
        self._lost.add(lost.start, lost.length)
        if lost.start not in self._starts and len(self._starts) < LIMIT:
            self._starts.add(lost.start)
            self.say(code, lost.what, "these bytes are left out", lost.start, lost.length)
            if len(self._starts) == LIMIT:
                self.say(code, f"{LIMIT} unreadable ranges were met",
                         "further ones are not listed one by one")
        return lost
