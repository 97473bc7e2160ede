"""`vmtrail findings CASE`: what the rules found, the gravest first, and why it matters."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from analyzer.records import SEVERITIES, gravity
from analyzer.source import Source
from analyzer.text import show

_TEXTS: Final = (("reason", "Why it matters"), ("false_positives", "What else looks so"),
                 ("reference", "Reference"))
Row = Mapping[str, Any]


def findings(arguments: Namespace) -> int:
    """Print the findings of a case by rule."""
    from analyzer.case.folder import existing
    from analyzer.case.query import CaseTables

    tables = CaseTables(existing(Path(arguments.case)))
    rules = {row["code"]: row for row in tables.rows("finding_rule")}
    order = list(SEVERITIES)
    wanted = order[:order.index(arguments.severity) + 1]
    rows = [row for row in tables.rows("finding") if row["severity"] in wanted]
    rows.sort(key=lambda row: (gravity(row), row["code"]))
    lines = _objects(rows, rules) if arguments.json else _sections(rows, rules)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _objects(rows: Sequence[Row], rules: Mapping[str, Row]) -> Iterator[str]:
    for row in rows:
        rule = rules.get(row["code"], {})
        kept = {**row, **{name: rule.get(name, "") for name, _ in _TEXTS}}
        yield json.dumps(kept, ensure_ascii=True)


def _sections(rows: Sequence[Row], rules: Mapping[str, Row]) -> Iterator[str]:
    if not rows:
        yield "The rules found nothing in what could be read."
    for code, group in groupby(rows, key=lambda row: str(row["code"])):
        found, rule = list(group), rules.get(code, {})
        yield show(f"{found[0]['severity'].upper()}  {code}  {found[0]['title']} ({len(found)})")
        for name, words in _TEXTS:
            if rule.get(name):
                yield show(f"  {words}: {rule[name]}")
        for row in found:
            yield show(f"  - {row['what']} [{row['basis']}]")
            yield show(f"    {Source.from_columns(row)}")
        yield ""
