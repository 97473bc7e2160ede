"""The journal beside a half-written export, from which it can be continued.

One JSON object a line. The first is the plan; each other says how far the disk was written and
synced, the SHA-256 up to there, and the unreadable ranges met since the line before. A last line
that was cut is passed over.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from analyzer.disks.write_output import Output
from analyzer.errors import UsageError


class Lost(NamedTuple):
    """A range of the disk, bytes, that could not be read, and why."""

    offset: int
    length: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is exported, and what the new file says of itself.

    source      address of the disk file on top
    layers      the files of the chain, top first, as JSON values
    size        bytes of the disk; sector_size those of its logical sectors
    disk_id     unique id of the new disk, GUID text
    created_at  of the new disk, ticks
    """

    source: str
    layers: list[dict[str, Any]]
    size: int
    sector_size: int
    format: str
    disk_id: str
    created_at: int
    version: str

    def same_disk(self, other: "Plan") -> bool:
        """Whether a run for `other` may go on with a file that was begun for this."""
        return (self.source, self.layers, self.size, self.sector_size, self.format,
                self.version) == (other.source, other.layers, other.size, other.sector_size,
                                  other.format, other.version)


@dataclass(frozen=True, slots=True)
class Point:
    """A state to go on from: bytes of the disk done, their SHA-256, what was lost in them."""

    done: int = 0
    sha256: str = ""
    lost: list[Lost] = field(default_factory=list)


class Journal:
    """Raises OutputFull and UsageError where a line cannot be written."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._told = 0
        """Unreadable ranges that the lines so far name."""

    def begin(self, plan: Plan) -> None:
        """The first line."""
        self._append(asdict(plan))

    def note(self, point: Point) -> None:
        """One more state."""
        self._append({"done": point.done, "sha256": point.sha256,
                      "lost": point.lost[self._told:]})
        self._told = len(point.lost)

    def read(self) -> tuple[Plan, Point]:
        """The plan and the last state; raises UsageError where they make no sense."""
        whole, _, _ = self.output.read_at(0, self.output.size).rpartition(b"\n")
        try:
            first, *rows = [json.loads(line) for line in whole.split(b"\n")]
            plan = Plan(**first)
            lost = [Lost(int(at), int(length), str(why))
                    for row in rows for at, length, why in row["lost"]]
            point = Point()
            if rows:
                point = Point(int(rows[-1]["done"]), str(rows[-1]["sha256"]), lost)
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{self.output.path} cannot be used to continue: {error}; delete it "
                             "and the partial file to start again") from error
        self._told = len(lost)
        self.output.cut(len(whole) + 1)
        return plan, point

    def _append(self, row: dict[str, Any]) -> None:
        self.output.write_at(self.output.size, json.dumps(row).encode() + b"\n")
        self.output.sync()


def joined(lost: Sequence[Lost]) -> list[Lost]:
    """The same ranges, neighbours with one reason as one."""
    rows: list[Lost] = []
    for one in lost:
        last = rows[-1] if rows else None
        if last is not None and last.offset + last.length == one.offset and last.why == one.why:
            rows[-1] = last._replace(length=last.length + one.length)
        else:
            rows.append(one)
    return rows
