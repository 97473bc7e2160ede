"""Dated moments of machines on an axis of time, as places for markers that never overlap."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from analyzer.plugin import Tables
from plugins.reports.hosts import LISTED, Homes, Listing, Row

WIDTH: Final = 720
EDGE: Final = 14
"""Units left free at both ends of the axis."""
STEP: Final = 24
"""Units that a marker takes, both ways."""
SHOWN: Final = 60
"""Moments of one machine on the page."""
SHAPES: Final = {"snapshot": "circle", "disk": "square", "guest": "triangle", "clock": "cross"}
"""Shapes of markers by a word of what happened; all else is of the machine."""


@dataclass(slots=True)
class Lifeline:
    """Moments of one machine, from the table life_event."""

    rows: dict[tuple[int, str, str], Row] = field(default_factory=dict)
    total: int = 0
    name: str = ""
    """Of what has no page of its own: the machine, or what its story is called."""

    def add(self, row: Row) -> None:
        """Take a line of the story with its time as `at`; they come in order of time."""
        self.total += 1
        if len(self.rows) < SHOWN:
            self.rows.setdefault((row["at"], row["what"], row["subject"]), row)

    @property
    def moments(self) -> list["Moment"]:
        """In order of time, at most SHOWN."""
        return [Moment(number, self.rows[key])
                for number, key in enumerate(sorted(self.rows), 1)]

    @property
    def more(self) -> int:
        """Lines that are not shown: later ones, and those without a time."""
        return self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class Moment:
    """One dated moment with its number on the page."""

    number: int
    row: Row

    @property
    def shape(self) -> str:
        """Shape of its marker, by what happened."""
        what = self.row["what"]
        return next((shape for word, shape in SHAPES.items() if word in what), "diamond")


@dataclass(frozen=True, slots=True)
class Marker:
    """Where a moment stands: `x` along the axis, `level` above it (0 stands on it)."""

    moment: Moment
    x: int
    level: int


def lifelines(tables: Tables, homes: Homes) \
        -> tuple[dict[int, Lifeline], Listing, dict[str, Lifeline]]:
    """Lifelines by `id` of the machine; what no machine with a page is told of, and its lines."""
    lines: defaultdict[int, Lifeline] = defaultdict(Lifeline)
    others, traces = Listing(), dict[str, Lifeline]()
    for batch in tables.batches("life_event", "happened_at"):
        for row in batch.to_pylist():
            home = homes.of(row) if row["vm_id"] else None
            if home is None:
                others.add(row)
                if row["happened_at"] is not None and (
                        row["story"] in traces or len(traces) < LISTED):
                    traces.setdefault(row["story"], Lifeline(
                        name=row["vm_name"] or row["story"])).add(row | {"at": row["happened_at"]})
            elif row["happened_at"] is None:
                lines[id(home)].total += 1
            else:
                lines[id(home)].add(row | {"at": row["happened_at"]})
    return lines, others, traces


def span(moments: Iterable[Moment]) -> tuple[int, int]:
    """First and last time; (0, 0) for no moments."""
    times = [moment.row["at"] for moment in moments]
    return (min(times), max(times)) if times else (0, 0)


def markers(moments: list[Moment], first: int, last: int, stacked: bool = True) -> list[Marker]:
    """Places on an axis from `first` to `last`; stacked ones rise where they would overlap."""
    ends: list[int] = []
    placed = []
    for moment in moments:
        x = EDGE + (moment.row["at"] - first) * (WIDTH - 2 * EDGE) // max(1, last - first)
        level = next((n for n, end in enumerate(ends) if end <= x), len(ends)) if stacked else 0
        if level == len(ends):
            ends.append(0)
        ends[level] = x + STEP
        placed.append(Marker(moment, x, level))
    return placed
