"""Rules: what a finding means, why it matters, and what else looks like it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from analyzer.records.record import Record
from analyzer.records.results import Finding
from analyzer.source import Source

Row = TypeVar("Row", bound=Mapping[str, Any])
Severity = Literal["high", "medium", "low", "info"]
SEVERITIES: Final[dict[Severity, str]] = {
    "high": "what an intruder or someone who hides something does, and seldom anyone else",
    "medium": "has to be explained by whoever ran the host",
    "low": "is usual in operation, and matters for what other statements are worth",
    "info": "says how to read the rest"}
"""In order, with what it means."""


def gravity(row: Mapping[str, Any]) -> int:
    """Place of a finding's severity among SEVERITIES, 0 for the gravest; for sorting."""
    severities = list(SEVERITIES)
    return severities.index(row["severity"]) if row["severity"] in SEVERITIES else len(severities)


def once_each(rows: Iterable[Row], *columns: str) -> Iterator[Row]:
    """The first row of each value of these columns: what is judged once, however often it stands
    in a table.
    """
    told = set()
    for row in rows:
        key = tuple(row[column] for column in columns)
        if key not in told:
            told.add(key)
            yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all findings of one code have in common; stated once, in the file that looks for them.

    reason           why an examiner wants to know
    false_positives  what else looks the same
    reference        public description of the technique or of the format
    """

    code: str
    severity: Severity
    title: str
    reason: str
    false_positives: str
    reference: str

    def found(self, row: Mapping[str, Any], what: str, basis: str) -> Finding:
        """A finding about a stored row, with the source and the ids of that row."""
        return Finding(source=Source.from_columns(row), system_id=row["system_id"],
                       vm_id=row["vm_id"], snapshot_id=row["snapshot_id"], code=self.code,
                       severity=self.severity, title=self.title, what=what, basis=basis)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRule(Record):
    """What a code of `finding` means; one row for each rule that this version looks for.

    `source` is the case itself: a rule is stated by vmtrail, not by the evidence.
    """

    code: str
    """As in `finding`."""
    severity: str
    """high, medium, low, info (docs/findings.md)."""
    title: str
    """What all findings of this code have in common."""
    reason: str
    """Why an examiner wants to know."""
    false_positives: str
    """What else looks the same."""
    reference: str
    """Public description of the technique or of the format."""
    plugin: str
    """Which looks for it."""
