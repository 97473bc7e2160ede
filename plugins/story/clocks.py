"""When the clock of a system was set back: by the event that says so, or by times that fall."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.plugin import Tables
from analyzer.records import event_values
from analyzer.times import iso, parse_iso
from plugins.story.happening import WINDOW, Row


@dataclass(frozen=True, slots=True)
class SetBack:
    """The clock of a system went from `left` back to `returned`, as one of its logs shows."""

    row: Row
    left: int
    returned: int
    basis: str

    @property
    def words(self) -> str:
        """What a line between the two times has to say."""
        return (f"the clock of this system went back from {iso(self.left)} to "
                f"{iso(self.returned)} ({self.basis} {self.row['event_record_id']} of "
                f"{self.row['channel']})")


def clocks_set_back(tables: Tables) -> list[SetBack]:
    """Every such moment; what an event says is not said again by the order of the records."""
    said = list(_by_event(tables))
    known: defaultdict[str, list[SetBack]] = defaultdict(list)
    for one in said:
        known[one.row["system_id"]].append(one)
    return said + [one for one in _by_order(tables)
                   if not any(abs(one.returned - other.returned) <= WINDOW
                              for other in known[one.row["system_id"]])]


def _by_event(tables: Tables) -> Iterator[SetBack]:
    """Kernel-General 1 and Security 4616, in the releases that write both times as one value."""
    for row in tables.matching("log_event", "meaning", {"clock changed"}):
        data = event_values(row)
        left = _time(data.get("OldTime") or data.get("PreviousTime"))
        returned = _time(data.get("NewTime"))
        if left is not None and returned is not None and returned < left - WINDOW:
            yield SetBack(row, left, returned, "said by record")


def _time(text: str | None) -> int | None:
    try:
        return parse_iso(text.replace(" UTC", "Z").replace(" ", "T")) if text else None
    except (ValueError, OverflowError):  # 2008 writes date and time in two texts, by locale
        return None


def _by_order(tables: Tables) -> Iterator[SetBack]:
    """Where ids of records rise while their times fall; rows of one log come in its order."""
    last: Row | None = None
    for row in tables.rows("log_event"):
        if row["logged_at"] is None or row["event_id"] is None:
            continue
        if last is not None and last["source_path"] == row["source_path"] \
                and last["source_evidence"] == row["source_evidence"] \
                and last["event_record_id"] < row["event_record_id"] \
                and row["logged_at"] < last["logged_at"] - WINDOW:
            yield SetBack(row, last["logged_at"], row["logged_at"], "record")
        last = row
