"""Verbs on a stored case: report, inventory, timeline, query. The evidence is not needed."""

import csv
import json
import sys
from argparse import Namespace
from collections.abc import Iterable
from datetime import date, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.cli.terminal import standard_output
from analyzer.errors import UsageError
from analyzer.plugin import Plugin, ReportKind, discover
from analyzer.text import show
from analyzer.times import parse_iso

if TYPE_CHECKING:
    from analyzer.case.query import CaseTables


def _writer(kind: ReportKind, format: str) -> Plugin:  # noqa: A002 - the command line's word
    """The report plugin for a format; raises UsageError."""
    found = {p.format: p for p in discover() if p.kind == "report" and p.report_kind == kind}
    if format not in found:
        raise UsageError(f"no {kind} as {format!r}; there is {', '.join(sorted(found)) or 'none'}")
    return found[format]


def report(arguments: Namespace) -> int:
    """Write report files again."""
    from analyzer.case.folder import existing
    from analyzer.engine.catalogue import Catalogue
    from analyzer.engine.reports import write_reports

    case = existing(Path(arguments.case))
    plugins = [p for p in discover() if p.kind == "report"]
    known = {p.format for p in plugins}
    for wanted in arguments.format:
        if wanted not in known:
            raise UsageError(f"no report as {wanted!r}; there is {', '.join(sorted(known))}")
    chosen = [p for p in plugins if p.format in arguments.format
              or not (arguments.format or p.on_request)]
    code = write_reports(case, Catalogue(tuple(chosen)))
    for plugin in chosen:
        path = case.reports / plugin.file
        if path.exists() and not arguments.quiet:
            sys.stdout.write(f"{path}\n")
    return code


def _print(plugin: Plugin, tables: "CaseTables") -> None:
    """Write a report to standard output; the plugin may close what it is given."""
    with standard_output() as out:
        plugin.function(tables, out)


def _zoned(plugin: Plugin, zone: str) -> Plugin:
    """The plugin, if it can show times in that zone; raises UsageError."""
    from analyzer.zones import UTC_NAME, zone_named

    zone_named(zone)
    if zone != UTC_NAME and not plugin.zoned:
        able = ", ".join(sorted(p.format for p in discover()
                                if p.report_kind == plugin.report_kind and p.zoned))
        raise UsageError(f"{plugin.format} is data, and its times are UTC; --timezone goes with "
                         f"{able}")
    return plugin


def inventory(arguments: Namespace) -> int:
    """Print the inventory."""
    from analyzer.case.folder import existing
    from analyzer.case.query import CaseTables, Window

    plugin = _zoned(_writer("inventory", arguments.format), arguments.timezone)
    _print(plugin, CaseTables(existing(Path(arguments.case)), Window(zone=arguments.timezone)))
    return 0


def _ticks(option: str, text: str) -> int | None:
    if not text:
        return None
    try:
        return parse_iso(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option} {text!r} is no time; write 2008-11-09 or "
                         f"2008-11-09T05:34:40 (UTC), or with an offset, +01:00") from error


def timeline(arguments: Namespace) -> int:
    """Print the timeline, narrowed."""
    if arguments.format == "parquet" and sys.stdout.isatty():
        raise UsageError("parquet is not for reading; send it to a file: > timeline.parquet")
    from analyzer.case.folder import existing
    from analyzer.case.query import CaseTables, Window

    window = Window(arguments.vm, _ticks("--from", arguments.begin), _ticks("--to", arguments.end),
                    arguments.story, arguments.timezone)
    if window.begin is not None and window.end is not None and window.begin >= window.end:
        raise UsageError("--from is not before --to")
    plugin = _zoned(_writer("timeline", arguments.format), arguments.timezone)
    _print(plugin, CaseTables(existing(Path(arguments.case)), window))
    return 0


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value


def query(arguments: Namespace) -> int:
    """Print what a SELECT gives."""
    from analyzer.case.folder import existing
    from analyzer.case.query import ask

    answer = ask(existing(Path(arguments.case)), arguments.sql)
    if not arguments.json and not arguments.csv:
        _aligned(answer.columns, answer.rows)
        return 0
    with standard_output() as raw, TextIOWrapper(raw, "utf-8", "backslashreplace", "") as out:
        if arguments.json:
            for row in answer.rows:
                values = dict(zip(answer.columns, map(_plain, row), strict=True))
                out.write(json.dumps(values, ensure_ascii=False, default=str) + "\n")
        else:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(answer.columns)
            writer.writerows([["" if v is None else _plain(v) for v in row]
                              for row in answer.rows])
    return 0


def _aligned(columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    """Columns for reading, 200 rows at a time."""
    block: list[list[str]] = []
    told = False
    for row in rows:
        block.append(["" if v is None else show(_plain(v)) for v in row])
        if len(block) == 200:
            _print_block(columns, block)
            block, told = [], True
    if block or not told:
        _print_block(columns, block)
    if not told and not block:
        sys.stdout.write("(no rows)\n")


def _print_block(columns: tuple[str, ...], block: list[list[str]]) -> None:
    widths = [min(60, max(map(len, cells))) for cells in zip(columns, *block, strict=True)]
    for line in ([*columns], ["-" * w for w in widths], *block):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
