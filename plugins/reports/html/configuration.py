"""The configuration of a machine now and at each snapshot, with what differs."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from analyzer.plugin import Tables
from plugins.reports.hosts import Homes, Machine, Row

BATCH: Final = 50
"""Machines whose settings are held at a time."""
KEPT: Final = 20_000
"""Rows held of one machine."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a configuration and its row at each state that has it."""

    key: str
    rows: dict[str, Row]
    """By snapshot id, "" for the present state."""

    @property
    def any(self) -> Row:
        """The present one, else the first."""
        return self.rows.get("") or next(iter(self.rows.values()))

    def differs(self, states: Collection[str]) -> bool:
        """Whether a state has another value, or none."""
        return len(self.rows) < len(states) or \
            len({(row["value"], row["value_length"]) for row in self.rows.values()}) > 1

    def groups(self, states: Collection[str]) -> Iterator[tuple[Row | None, list[str]]]:
        """Each value and the states that have it; None for the states that have no such key."""
        found: defaultdict[tuple[str, int] | None, list[str]] = defaultdict(list)
        first: dict[tuple[str, int] | None, Row | None] = {}
        for state in states:
            row = self.rows.get(state)
            value = None if row is None else (row["value"], row["value_length"])
            found[value].append(state)
            first.setdefault(value, row)
        for value, having in found.items():
            yield first[value], having


@dataclass(slots=True)
class Configuration:
    """All settings of one machine."""

    rows: defaultdict[str, dict[str, Row]] = field(
        default_factory=lambda: defaultdict(dict))
    states: dict[str, None] = field(default_factory=dict)
    total: int = 0

    def add(self, row: Row) -> None:
        """Take a row of `vm_setting`."""
        self.total += 1
        if self.total <= KEPT:
            self.states.setdefault(row["snapshot_id"])
            self.rows[row["key"]].setdefault(row["snapshot_id"], row)

    def arrange(self, snapshots: Iterable[str]) -> None:
        """Put the states in this order, the present one first."""
        known = [state for state in ("", *snapshots) if state in self.states]
        self.states = dict.fromkeys([*known, *self.states])

    @property
    def settings(self) -> list[Setting]:
        """In order of their keys."""
        return [Setting(key, self.rows[key]) for key in sorted(self.rows)]

    @property
    def differences(self) -> list[Setting]:
        """Those that are not the same at every state that has a configuration."""
        return [s for s in self.settings if s.differs(self.states)]


def configurations(tables: Tables, machines: list[Machine], homes: Homes) \
        -> Iterator[Configuration]:
    """One for each machine, in their order; read for BATCH machines at a time."""
    for start in range(0, len(machines), BATCH):
        batch = machines[start:start + BATCH]
        found = {id(machine): Configuration() for machine in batch}
        ids = sorted({machine.row["vm_id"].rpartition("\\")[2] for machine in batch})
        for row in tables.matching("vm_setting", "vm_id", ids):
            home = homes.of(row)
            if home is not None and id(home) in found:
                found[id(home)].add(row)
        yield from found.values()
