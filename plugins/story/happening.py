"""One witness of one happening, and the machine it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from analyzer.source import Source
from analyzer.times import TICKS_PER_SECOND, iso

Row = Mapping[str, Any]
WINDOW: Final = 120 * TICKS_PER_SECOND
"""Times of one happening, as its witnesses give them, lie this near to each other."""
SNAPSHOT_DISKS: Final = (".avhd", ".avhdx")
DIRECT, DERIVED, INFERRED = "direct", "derived", "inferred"
RANKS: Final = {DIRECT: 0, DERIVED: 1, INFERRED: 2}


@dataclass(frozen=True, slots=True)
class Teller:
    """Whose story is told."""

    story: str
    vm_id: str = ""
    vm_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What one row says happened. `thing` tells happenings of one sort apart."""

    teller: Teller
    at: int | None
    what: str
    thing: str = ""
    subject: str = ""
    certainty: str
    basis: str
    alone: str = ""
    """What it is called where no stronger witness says the same; "" for `what`."""
    alone_basis: str = ""
    doubts: tuple[str, ...] = ()
    source: Source
    system_id: str
    snapshot_id: str
    cited: str
    """Table, address, column and time."""


def told(row: Row, table: str, column: str, teller: Teller, what: str, **more: Any) -> Happening:
    """The happening that a time of a stored row witnesses."""
    source, at = Source.from_columns(row), row[column]
    when = f"{column}, {iso(at)}" if at is not None else "no time"
    return Happening(teller=teller, at=at, what=what, source=source, system_id=row["system_id"],
                     snapshot_id=row["snapshot_id"], cited=f"{table}: {source} ({when})", **more)
