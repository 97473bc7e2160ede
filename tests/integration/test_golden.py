"""The tables of the bundled hosts, row for row as a person has looked at them.

`make golden` writes tests/golden again; `git diff` shows what a change does to the statements.
Of the three large tables only counts and hashes are kept.
"""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.case.folder import Case
from analyzer.case.query import CaseTables
from analyzer.records import TABLES

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
HOSTS = ("vs2005", "ws2008", "ws2012r2", "ws2019")
LARGE = {"file_entry", "event", "vm_setting"}
COMPARED = sorted(set(TABLES) - {"run", "finding_rule"})
"""Rules are the same for all hosts, and in docs/findings.md."""


@cache
def tables_of(case: Path) -> CaseTables:
    """Of each case once: opening it takes longer than reading a table."""
    return CaseTables(Case(case))


def line(row: dict[str, Any]) -> str:
    """A row as JSON without its empty columns."""
    kept = {name: value for name, value in row.items() if value not in (None, "", [])}
    return json.dumps(kept, ensure_ascii=False)


def lines(case: Path, table: str) -> list[str]:
    """The rows of a table; of a large one the count and hash for each system."""
    rows = tables_of(case).rows(table)
    if table not in LARGE:
        return [line(row) for row in rows]
    systems: dict[str, list[str]] = {}
    for row in rows:
        systems.setdefault(f"{row['system_id']} {row['snapshot_id']}", []).append(line(row))
    return [json.dumps({"system": system, "rows": len(texts),
                        "sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest()})
            for system, texts in sorted(systems.items())]


@pytest.mark.parametrize("table", COMPARED)
@pytest.mark.parametrize("name", HOSTS)
def test_a_bundled_host_states_what_it_stated(case_of: Callable[[str], Path], name: str,
                                              table: str, request: pytest.FixtureRequest) -> None:
    text = "".join(f"{row}\n" for row in lines(case_of(name), table))
    file = GOLDEN / name / f"{table}.jsonl"
    if request.config.getoption("--golden-write"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8").splitlines() == text.splitlines()
