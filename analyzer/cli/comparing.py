"""Verbs that hold cases against each other: diff, estate. The evidence is not needed."""

import csv
import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, fields
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analyzer.cli.terminal import standard_output
from analyzer.errors import UsageError
from analyzer.text import cell, show

if TYPE_CHECKING:
    from analyzer.case.changes import Change
    from analyzer.case.estate import Shared, Sighting
    from analyzer.case.folder import Case
    from analyzer.case.manifest import Manifest

_MARKS: Final = {"appeared": "+", "vanished": "-", "moved": ">", "changed": "~"}
_UNREAD: Final = ("unreadable", "partial", "not decoded", "skipped by limit")
"""States of coverage after which something may be there and not found."""


def diff(arguments: Namespace) -> int:
    """Print what is different between two cases."""
    from analyzer.case.changes import compare
    from analyzer.case.query import CaseTables

    cases = [_opened(name) for name in (arguments.case_a, arguments.case_b)]
    found = compare(*(CaseTables(case) for case, _ in cases))
    about = {side: _facts(name, manifest) for side, name, (_, manifest)
             in zip("AB", (arguments.case_a, arguments.case_b), cases, strict=True)}
    if arguments.format == "json":
        _json({"schema": "vmtrail diff 1", "cases": about, "machines": found.machines,
               "changes": [asdict(change) for change in found.changes]})
    elif arguments.format == "csv":
        from analyzer.case.changes import Change

        _csv([f.name for f in fields(Change)], map(astuple, found.changes))
    else:
        _say_cases(about)
        _say_changes(found.changes)
        sys.stdout.write("\nMachines: " + ", ".join(
            f"{count} {word}" for word, count in found.machines.items()) + "\n")
    return 0


def estate(arguments: Namespace) -> int:
    """Print ids that several hosts have."""
    from analyzer.case.estate import shared
    from analyzer.case.query import CaseTables

    if len(set(map(_real, arguments.cases))) < len(arguments.cases):
        raise UsageError("a case is given twice")
    opened = {name: CaseTables(_opened(name)[0]) for name in arguments.cases}
    found = shared(opened)
    rows = [(one.kind, one.value, *_sighting(sighting)) for one in found
            for sighting in one.sightings]
    names = ("kind", "value", "case", "host", "system", "vm_id", "vm_name", "source")
    if arguments.format == "json":
        _json({"schema": "vmtrail estate 1",
               "shared": [dict(zip(names, row, strict=True)) for row in rows]})
    elif arguments.format == "csv":
        _csv(names, rows)
    else:
        _say_shared(found)
    return 0


def _opened(name: str) -> "tuple[Case, Manifest]":
    from analyzer.case.folder import existing
    from analyzer.case.manifest import load

    case = existing(Path(name))
    return case, load(case.manifest)


def _real(name: str) -> Path:
    return Path(name).resolve()


def _facts(name: str, manifest: "Manifest") -> dict[str, Any]:
    return {"case": name, "tool_version": manifest.tool_version, "state": manifest.state,
            "images": [{key: image.get(key) for key in ("name", "state", "lost", "problems")}
                       for image in manifest.images],
            "not_read": {state: count for state, count in manifest.coverage.items()
                         if state in _UNREAD}}


def _say_cases(about: dict[str, dict[str, Any]]) -> None:
    for side, facts in about.items():
        images = ", ".join(f"{image['name']} ({image['state']})" for image in facts["images"])
        unread = ", ".join(f"{count} {state}" for state, count in facts["not_read"].items())
        sys.stdout.write(show(f"{side}  {facts['case']}: {images or 'no image'}; "
                              f"run {facts['state']}; places not read: {unread or 'none'}") + "\n")
    if len({facts["tool_version"] for facts in about.values()}) > 1:
        sys.stdout.write("The cases are of different versions of vmtrail; some differences may "
                         "come from that.\n")


def _say_changes(changes: "Sequence[Change]") -> None:
    machine = None
    for change in changes:
        if machine != (change.vm_id, change.vm_name):
            machine = change.vm_id, change.vm_name
            sys.stdout.write("\n" + show(f"{change.vm_name or '(no name)'}  {change.vm_id}") + "\n")
        field = f", {change.field}" if change.field else ""
        values = f": {change.before or '-'} -> {change.after or '-'}" if change.field else ""
        what = {"appeared": "not in A", "vanished": "not found in B"}.get(change.what, change.what)
        sys.stdout.write(show(f"  {_MARKS[change.what]} {change.about}{field}: {what}{values}"
                              .replace("changed: ", "")) + "\n")
        for side, place in (("A", change.source_before), ("B", change.source_after)):
            if place and change.about == "machine":
                sys.stdout.write(show(f"      {side}  {place}") + "\n")


def _say_shared(found: "Sequence[Shared]") -> None:
    for one in found:
        sys.stdout.write(show(f"{one.kind} {one.value}") + "\n")
        for sighting in one.sightings:
            name = sighting.vm_name or sighting.vm_id or "a disk that no machine names"
            sys.stdout.write(show(f"  {sighting.host} ({sighting.host.case})  {name}  "
                                  f"{sighting.source}") + "\n")
    sys.stdout.write(f"{len(found)} ids are on more than one host.\n")


def _sighting(sighting: "Sighting") -> tuple[str, ...]:
    host = sighting.host
    return (host.case, host.name, host.system_id, sighting.vm_id, sighting.vm_name,
            str(sighting.source))


def _json(data: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(data, indent=1) + "\n")


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with standard_output() as raw, TextIOWrapper(raw, "utf-8", "backslashreplace", "") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows([cell(value)[0] for value in row] for row in rows)
