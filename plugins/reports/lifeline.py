"""Dated moments of machines on an axis of time, as places for markers that never overlap."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Final

from analyzer.plugin import Tables
from analyzer.records import TABLES, Record, column_types, events
from analyzer.source import Source
from plugins.reports.hosts import Homes, Row

WIDTH: Final = 720
EDGE: Final = 14
"""Units left free at both ends of the axis."""
STEP: Final = 24
"""Units that a marker takes, both ways."""
SHOWN: Final = 60
"""Moments of one machine on the page."""
TOLD: Final = ("virtual_machine", "snapshot", "disk_layer", "system", "guest_identity")
"""Tables whose moments make a lifeline; few rows each, unlike files and events."""
SHAPES: Final = {"machine": "diamond", "snapshot": "circle", "disk": "square",
                 "system": "triangle"}


@dataclass(slots=True)
class Lifeline:
    """Moments of one machine; the same moment told twice is one."""

    rows: dict[tuple[int, str, str], Row] = field(default_factory=dict)
    told: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    """How many rows tell each moment, e.g. one for each snapshot."""

    def add(self, row: Row) -> None:
        """Take a row with the fields of an event."""
        key = row["at"], row["what"], row["subject"]
        if key in self.rows or len(self.rows) < 10 * SHOWN:
            self.rows.setdefault(key, row)
            self.told[key] += 1

    @property
    def moments(self) -> list["Moment"]:
        """In order of time, at most SHOWN."""
        keys = sorted(self.rows)[:SHOWN]
        return [Moment(number, self.rows[key], self.told[key])
                for number, key in enumerate(keys, 1)]

    @property
    def more(self) -> int:
        """Moments that are not shown."""
        return max(0, len(self.rows) - SHOWN)


@dataclass(frozen=True, slots=True)
class Moment:
    """One dated moment with its number on the page."""

    number: int
    row: Row
    told: int

    @property
    def shape(self) -> str:
        """Shape of its marker, by topic."""
        return SHAPES.get(self.row["topic"], "cross")


@dataclass(frozen=True, slots=True)
class Marker:
    """Where a moment stands: `x` along the axis, `level` above it (0 stands on it)."""

    moment: Moment
    x: int
    level: int


def lifelines(tables: Tables, homes: Homes) -> dict[int, Lifeline]:
    """Lifelines by `id` of the machine."""
    lines: defaultdict[int, Lifeline] = defaultdict(Lifeline)
    for table in TOLD:
        for row in tables.rows(table):
            if (home := homes.of(row)) is not None:
                for event in events(_record(table, row)):
                    lines[id(home)].add(row | {"at": event.at, "what": event.what,
                                               "subject": event.subject, "topic": event.topic})
    return lines


def _record(table: str, row: Row) -> Record:
    """The record that a row of a table was made of."""
    record = TABLES[table]
    values: dict[str, Any] = {
        name: tuple(row[name]) if isinstance(row[name], list) else row[name]
        for name in column_types(record) if name != "source"}
    values["source"] = Source(**{f.name: row[f"source_{f.name}"] for f in fields(Source)})
    return record(**values)


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
