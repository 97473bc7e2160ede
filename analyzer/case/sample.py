"""A share of the citations of a case, the same for the same seed on every machine."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from analyzer.case.folder import Case
from analyzer.case.query import CaseTables
from analyzer.records import TABLES
from analyzer.source import Source

_LEFT_OUT: Final = {"event": "projections of other rows", "run": "about the run",
                    "problem": "about what could not be read",
                    "finding_rule": "stated by vmtrail, not by the evidence",
                    "coverage": "about what was looked for"}
TABLES_CITED: Final = tuple(table for table in TABLES if table not in _LEFT_OUT)
_SOURCE: Final = tuple(f"source_{f.name}" for f in fields(Source))


@dataclass(frozen=True, slots=True)
class Citation:
    """One place; `file` is the row of `file_entry` that it comes from, if any."""

    table: str
    source: Source
    file: dict[str, Any] | None = None


def citations(case: Case, share: float, seed: int) -> Iterator[Citation]:
    """About `share` (0 to 1) of the distinct places of each table, by evidence and path."""
    tables = CaseTables(case)
    for table in TABLES_CITED:
        for row in tables.sample(table, _SOURCE, share, seed, whole=table == "file_entry"):
            yield Citation(table, Source.from_columns(row),
                           row if table == "file_entry" else None)
