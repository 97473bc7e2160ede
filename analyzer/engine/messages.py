"""What a child says to its supervisor: one JSON object a line, bounded and checked.

A child parses hostile evidence and may have been taken over; nothing it says is trusted beyond
these types and sizes, and nothing is ever unpickled.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from analyzer.ownership import DiskFacts

MAX_LINE: Final = 4 << 20
MAX_GUESTS: Final = 4_096
MAX_RANGES: Final = 4_096
_KEY: Final = re.compile(r"[A-Za-z0-9_{}@-][A-Za-z0-9_.{}@-]{0,119}")
_TABLE: Final = re.compile(r"[a-z_]{1,60}")


class BadMessage(Exception):  # noqa: N818 - the name says what came
    """A line that no sound child writes."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`step` is under way: `done` of `total` of something named in `note` (total 0: unknown)."""

    step: str
    note: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The whole task cannot go on, for a reason that is nobody's bug.

    code  "IMG-OPEN" (evidence cannot be opened), "OUT-ENOSPC" (disk full), "OUT-IO",
          "SYS-OPEN" (this system cannot be opened), "SYS-REFUSED" (for it needs an artefact
          that is not to be read), or a limit (watch.LIMIT_CODES)
    """

    code: str
    what: str


@dataclass(frozen=True, slots=True)
class Guest:
    """One guest at one state.

    state   for `GuestState.from_json`
    inside  which of the task's systems it is a guest of, counted from 0
    """

    key: str
    label: str
    state: dict[str, Any]
    inside: int = 0

    @property
    def hop(self) -> dict[str, Any]:
        """The step from the task's systems to this guest, for `Task.guests`."""
        return {"state": self.state, "inside": self.inside}


@dataclass(frozen=True, slots=True)
class Image:
    """One acquired image.

    data  what a survey found: "media" (goes to the manifest as it is), "disk"
          (ownership.DiskFacts) and "lost" (ranges that it could not read: offset, length); what
          tells images apart found: "paths", places on the command line
    """

    name: str
    data: dict[str, Any]


@dataclass(slots=True)
class Summary:
    """What a finished task found, beyond its tables.

    rows     table -> rows written
    bugs     problems that are our fault
    lost     volumes or parts of the task that could not be read
    reports  files written
    lines    what was asked for in text: the plugins there are, the overview of a case
    coverage state -> places
    """

    rows: dict[str, int] = field(default_factory=dict)
    systems: list[dict[str, str]] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    unopened: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    coverage: dict[str, int] = field(default_factory=dict)
    bugs: int = 0
    lost: int = 0

    def add(self, other: "Summary") -> None:
        """Take in the summary of another part of the same task."""
        for table, rows in other.rows.items():
            self.rows[table] = self.rows.get(table, 0) + rows
        for state, places in other.coverage.items():
            self.coverage[state] = max(self.coverage.get(state, 0), places)
        self.systems += other.systems
        self.guests += other.guests
        self.images += other.images
        self.unopened += other.unopened
        self.reports += other.reports
        self.bugs += other.bugs
        self.lost += other.lost


Message = Progress | Failed | Summary
_KINDS: Final[dict[str, type]] = {"progress": Progress, "failed": Failed, "summary": Summary}


def to_line(message: Message) -> bytes:
    """ASCII JSON with a newline."""
    kind = next(k for k, v in _KINDS.items() if isinstance(message, v))
    return json.dumps({kind: asdict(message)}, ensure_ascii=True).encode("ascii") + b"\n"


def _text(data: dict[str, Any], name: str, limit: int = 2_000) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise BadMessage(f"{name} is not text")
    return value[:limit]


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise BadMessage("a count is not a count")
    return value


def _counts(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > 200:
        raise BadMessage("counts are not counts")
    return {str(k)[:60]: _count(v) for k, v in value.items()}


def _items(data: dict[str, Any], name: str, kind: type) -> list[Any]:
    values = data[name]
    if not isinstance(values, list) or len(values) > MAX_GUESTS \
            or not all(isinstance(v, kind) for v in values):
        raise BadMessage(f"{name} is not a list of {kind.__name__}")
    return values


def _guest(data: dict[str, Any]) -> Guest:
    key = _text(data, "key")
    if not _KEY.fullmatch(key) or not isinstance(data["state"], dict):
        raise BadMessage(f"guest {key[:80]!r} cannot be")
    return Guest(key, _text(data, "label"), data["state"], _count(data["inside"]))


def _check_ranges(value: Any) -> None:
    if not isinstance(value, list) or len(value) > MAX_RANGES:
        raise BadMessage("ranges are not a list")
    for one in value:
        if not isinstance(one, list) or len(one) != 2:
            raise BadMessage("a range is not a range")
        for number in one:
            _count(number)


def _image(data: dict[str, Any]) -> Image:
    if not isinstance(data["data"], dict):
        raise BadMessage("image without data")
    if "disk" in data["data"]:
        try:
            DiskFacts.from_json(data["data"]["disk"])
        except ValueError as error:
            raise BadMessage(str(error)) from error
    _check_ranges(data["data"].get("lost", []))
    return Image(_text(data, "name"), data["data"])


def _summary(data: dict[str, Any]) -> Summary:
    rows = _counts(data["rows"])
    if not all(_TABLE.fullmatch(table) for table in rows):
        raise BadMessage("no such table")
    systems = [{"id": _text(s, "id"), "label": _text(s, "label")}
               for s in _items(data, "systems", dict)]
    return Summary(
        rows=rows, systems=systems,
        guests=[_guest(g) for g in _items(data, "guests", dict)],
        images=[_image(i) for i in _items(data, "images", dict)],
        unopened=_items(data, "unopened", str), reports=_items(data, "reports", str),
        lines=_items(data, "lines", str),
        coverage=_counts(data["coverage"]), bugs=_count(data["bugs"]), lost=_count(data["lost"]))


def _build(kind: str, data: dict[str, Any]) -> Message:
    if kind == "progress":
        return Progress(_text(data, "step", 200), _text(data, "note", 500),
                        _count(data["done"]), _count(data["total"]))
    if kind == "failed":
        return Failed(_text(data, "code", 40), _text(data, "what"))
    if kind == "summary":
        return _summary(data)
    raise BadMessage(f"unknown message {kind[:80]!r}")


def summary_from(data: Any) -> Summary:
    """A summary stored in the manifest; raises BadMessage."""
    try:
        return _summary(data)
    except (KeyError, TypeError) as error:
        raise BadMessage(str(error)) from error


def from_line(line: bytes) -> Message:
    """One message; raises BadMessage."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadMessage("not JSON") from error
    if not isinstance(data, dict) or len(data) != 1:
        raise BadMessage("not one message")
    (kind, content), = data.items()
    if not isinstance(content, dict):
        raise BadMessage("message without content")
    try:
        return _build(kind, content)
    except (KeyError, TypeError) as error:
        raise BadMessage(f"{kind[:80]!r} lacks {error}") from error
