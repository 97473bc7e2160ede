"""Records that the case itself makes: timeline, judgements, problems, coverage, the run."""

from dataclasses import dataclass

from analyzer.records.record import Record


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
    """A judgement of an analysis, with the facts it rests on.

    `finding_rule` has, by `code`, the reason, what else looks the same, and a reference.
    """

    code: str
    """What kind of judgement; docs/findings.md says what each means."""
    severity: str
    """high, medium, low, info."""
    title: str
    """What all findings of this code have in common."""
    what: str
    """The judgement in a sentence."""
    basis: str
    """direct, derived or inferred, and from what."""


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
    """How the case was made; read from `case.json`."""

    tool_version: str
    """Version of vmtrail."""
    arguments: tuple[str, ...]
    """Command line, word by word."""
    started_at: int
    """When the run began, by the clock of the machine that analyzed."""
    finished_at: int
    """When it ended, by the same clock; in its own reports, when they were begun."""
    exit_code: int
    """What `vmtrail analyze` ended with."""
