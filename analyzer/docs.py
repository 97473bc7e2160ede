"""Writes docs/plugins.md, docs/tables.md, docs/coverage.md and the files that plugins publish,
out of the declarations.

`python -m analyzer.docs` (make docs) writes them, `--check` says whether they are up to date.
"""

import inspect
import sys
import types
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin

from analyzer.places import PLACES
from analyzer.plugin import Plugin, discover, published, rules
from analyzer.records import SEVERITIES, TABLES, Record, column_types, moments, table_name
from analyzer.records.descriptions import field_texts
from analyzer.source import Source

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs"
_ABOUT_TABLES: Final = """\
Ticks count 100 ns from 1601-01-01 UTC. In `vmtrail query` a time is a timestamp (microseconds,
UTC) and `<column>_ticks` beside it is exact. Text that UTF-8 cannot hold (a lone surrogate) is
written `\\udc80`; a backslash that would then be misread is written `\\u005c`."""
_ABOUT_COVERAGE: Final = """\
The table `coverage` says of each of these places, in every system with a Windows, whether it was
read, is absent, unreadable, read in part, skipped by a limit, or present and not decoded by this
version: nothing is wrong with it and no limit was met, so it is neither unreadable nor skipped.
Places of a plugin that killed its process are absent or unreadable. Volumes and the folders that
a configuration or the registry names are told there too."""
_ABOUT_UNSEEN: Final = """\
No file of a real Hyper-V host with machines is public. What these tables say of such a host rests
on documents, message tables and single samples; the bundled images are built after them and read
by a second reader. Raw values stand beside what is derived, and `docs/formats` marks what is
guessed."""
_ABOUT_FINDINGS: Final = """\
A finding is a judgement about rows of other tables, which it names with their place. Each code is
one rule; `vmtrail findings CASE` shows what it found, and the table `finding_rule` of a case keeps
these texts as they were when the case was judged. What a rule did not find is not thereby absent:
see the table `coverage`."""
_TITLES: Final = {"artifact": "Artifacts", "analysis": "Analyses", "report": "Reports"}
_NAMES: Final[dict[Any, str]] = {str: "text", int: "integer", bool: "yes or no"}


def _type_name(name: str, hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (a for a in get_args(hint) if a is not type(None))
        return f"{_type_name(name, inner)}, may be missing"
    if name == "at" or name.endswith("_at"):
        return "time (ticks)"
    return _NAMES.get(hint, "list of texts")


def _paragraphs(record: type) -> Iterator[str]:
    """Its docstring; columns of text that line up are kept as they are."""
    for paragraph in (inspect.getdoc(record) or "").split("\n\n"):
        is_aligned = any("  " in line.strip() for line in paragraph.splitlines())
        yield f"```\n{paragraph}\n```" if is_aligned else f"{paragraph}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _table(record: type[Record]) -> Iterator[str]:
    common = {f.name for f in fields(Record)}
    labels, texts = moments(record), field_texts(record)
    yield f"## {table_name(record)}"
    yield ""
    yield from _paragraphs(record)
    yield ""
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for name, hint in column_types(record).items():
        if name not in common:
            meaning = texts.get(name, "")
            if name in labels:
                meaning = f"{meaning} Timeline: “{labels[name]}”.".strip()
            yield f"| `{name}` | {_type_name(name, hint)} | {_cell(meaning)} |"
    yield ""


def tables_page() -> str:
    """docs/tables.md"""
    lines = ["# Tables", "", "Written by `make docs` from analyzer/records; do not edit.", "",
             _ABOUT_TABLES, "", "## In every table", "", *_paragraphs(Source), "",
             "| column | type | meaning |", "|---|---|---|"]
    lines += [f"| `source_{f.name}` | "
              f"{'integer, may be missing' if f.default is None else 'text'} | see above |"
              for f in fields(Source)]
    texts = field_texts(Record)
    lines += [f"| `{name}` | text | {_cell(texts[name])} |"
              for name in texts if name in column_types(Record)]
    lines.append("")
    lines += ["## Never seen on a real host", "", _ABOUT_UNSEEN, "", "| table | what |",
              "|---|---|"]
    lines += [f"| [`{name}`](#{name}) | {_cell(TABLES[name].NEVER_SEEN)} |"
              for name in sorted(TABLES) if TABLES[name].NEVER_SEEN]
    lines.append("")
    for name in sorted(TABLES):
        lines += _table(TABLES[name])
    return "\n".join(lines).rstrip() + "\n"


def _plugin(plugin: Plugin) -> Iterator[str]:
    yield f"### {plugin.name}"
    yield ""
    yield inspect.cleandoc(plugin.doc)
    yield ""
    if plugin.reads:
        yield f"Reads {', '.join(f'`{t}`' for t in plugin.reads)}.  "
    if plugin.yields:
        tables = ", ".join(f"[`{table_name(r)}`](tables.md#{table_name(r)})"
                           for r in plugin.yields)
        yield f"Yields {tables}.  "
    if plugin.file:
        yield f"Writes `reports/{plugin.file}` (format `{plugin.format}`).  "
    yield f"Module `{plugin.module}`."
    yield ""


def plugins_page() -> str:
    """docs/plugins.md"""
    lines = ["# Plugins", "", "Written by `make docs` from the plugins; do not edit.", ""]
    found = [p for p in discover() if p.module.startswith("plugins.")]
    for kind, title in _TITLES.items():
        lines += [f"## {title}", ""]
        for plugin in found:
            if plugin.kind == kind:
                lines += _plugin(plugin)
    return "\n".join(lines).rstrip() + "\n"


def findings_page() -> str:
    """docs/findings.md"""
    lines = ["# Findings", "", ("Written by `make docs` from the rules in `plugins/analyses`; do "
             "not edit."), "", _ABOUT_FINDINGS, "", "| severity | meaning |", "|---|---|"]
    lines += [f"| {severity} | {meaning} |" for severity, meaning in SEVERITIES.items()]
    own = {p.name: p.module for p in discover() if p.module.startswith("plugins.")}
    found = [(rule, plugin) for rule, plugin in rules() if plugin in own]
    lines += ["", "| code | severity | title |", "|---|---|---|"]
    lines += [f"| [{rule.code}](#{rule.code.lower()}) | {rule.severity} | {rule.title} |"
              for rule, _ in found]
    for rule, plugin in found:
        lines += ["", f"## {rule.code}", "", f"{rule.title} ({rule.severity}).", "",
                  f"- Why it matters: {rule.reason}",
                  f"- What else looks so: {rule.false_positives}",
                  f"- Reference: {rule.reference}", f"- Rule: `{own[plugin]}`"]
    return "\n".join(lines) + "\n"


def coverage_page() -> str:
    """docs/coverage.md"""
    lines = ["# Coverage", "", "Written by `make docs` from `analyzer/places.py`; do not edit.",
             "", _ABOUT_COVERAGE, "", "| Place | Holds | Windows | Read by |", "|---|---|---|---|"]
    for place in PLACES:
        reader = f"`{place.reader}`" if place.reader else "nobody as yet"
        lines.append(f"| `{place.path}` | {place.holds} | {place.releases} | {reader} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Each generated file and what it should hold."""
    discover()
    return {FOLDER / "plugins.md": plugins_page(), FOLDER / "tables.md": tables_page(),
            FOLDER / "findings.md": findings_page(),
            FOLDER / "coverage.md": coverage_page(),
            **{path: make() for path, make in published().items()
               if path.is_relative_to(FOLDER.parent)}}


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` name those that are out of date (exit code 1)."""
    stale = [path for path, text in pages().items()
             if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" in arguments:
            sys.stderr.write(f"{path.name} is out of date: run make docs\n")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(pages()[path], encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
