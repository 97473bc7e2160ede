"""Records that the case itself makes: timeline, judgements, problems, coverage, the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analyzer.records.record import Record
from analyzer.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Record):
    """One row of the timeline: a declared moment of one record."""

    at: int
    what: str
    """Label of the moment."""
    subject: str
    """What it happened to, in one line."""
    table: str
    """Table of the record that declares the moment."""
    topic: str
    """file, machine, snapshot, disk, system, evidence ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Record):
    """A judgement of an analysis, with the facts it rests on."""

    code: str
    """What kind of judgement; docs/plugins.md says what each means."""
    what: str
    """The judgement in a sentence."""
    basis: str
    """direct, derived or inferred, and from what."""

    @classmethod
    def about(cls, row: Mapping[str, Any], code: str, what: str, basis: str) -> "Finding":
        """A finding about a stored row, with the source and the ids of that row."""
        return cls(source=Source.from_columns(row), system_id=row["system_id"],
                   vm_id=row["vm_id"], snapshot_id=row["snapshot_id"], code=code, what=what,
                   basis=basis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Record):
    """Something that could not be read or trusted, and what that costs."""

    code: str
    """What kind of problem."""
    what: str
    """What was met, in a sentence."""
    effect: str
    """What that costs."""
    plugin: str = ""
    """Plugin that met it; "" for the analyzer itself."""
    start: int | None = None
    """First byte concerned, in the file or image that `source` names."""
    length: int | None = None
    """How many bytes from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage(Record):
    """A place that was looked at, and how far that went."""

    place: str
    """Path, key or volume."""
    state: str
    """read, absent, unreadable, partial, skipped by limit; "not decoded" where it is there and
    this version has no reader for it."""
    plugin: str = ""
    """Plugin that looks there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Record):
    """How the case was made."""

    tool_version: str
    """Version of vmtrail."""
    arguments: tuple[str, ...]
    """Command line, word by word."""
    started_at: int
    """When the run began, by the clock of the machine that analyzed."""
    finished_at: int
    """When it ended, before the reports were written, by the same clock."""
    exit_code: int
    """What `vmtrail analyze` ended with."""
