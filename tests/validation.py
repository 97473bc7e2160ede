"""VALIDATION.md out of a run of the tests that carry `@pytest.mark.validates("VMT-...")`.

A plugin for pytest, loaded by `make validation`: what is asserted and its limits stand in
validation.toml, the rest comes from the run: which tests, how many cases, on which data, with
which versions, with what result. Form: NIST CFTT test reports, SWGDE 18-Q-001.
"""

import json
import shutil
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

import pytest

from analyzer import VERSION
from tests.conftest import ROOT, TOOLS

PAGE: Final = ROOT / "VALIDATION.md"
ASSERTIONS: Final = ROOT / "tests" / "validation.toml"
MUTANTS: Final = ROOT / "tests" / "recorded" / "mutants.json"
_KEY: Final = "validates"
_DATA: Final = {
    "realdata": "files made by real Windows", "plaso": "plaso's real test files",
    "corpus": "the bundled images", "case": "the bundled images", "case_of": "the bundled images",
    "host": "the bundled images", "truth": "truth of their construction",
}
_VERSION_OPTION: Final = {"7z": "i", "qemu-img": "--version", "fls": "-V", "chromium": "--version"}

Outcomes = dict[str, dict[str, Counter[str]]]
"""Assertion -> test -> how many of its cases had each outcome."""


def declared() -> dict[str, Any]:
    """The assertions, and the limits of the whole."""
    return tomllib.loads(ASSERTIONS.read_text(encoding="utf-8"))


class Recorder:
    """Hears what comes of each test that validates something, and writes the page."""

    def __init__(self) -> None:
        self.outcomes: Outcomes = defaultdict(lambda: defaultdict(Counter))
        self.data: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Once for each phase; setup counts only where it does not pass."""
        known = dict(report.user_properties)
        if _KEY not in known or (report.when != "call" and report.outcome == "passed"):
            return
        if report.when == "teardown" and report.outcome != "failed":
            return
        for assertion in str(known[_KEY]).split():
            test = report.nodeid.partition("[")[0]
            self.outcomes[assertion][test][report.outcome] += 1
            self.data[assertion] |= set(filter(None, str(known["data"]).split("; ")))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write it, in the process that heard all reports."""
        if not hasattr(session.config, "workerinput") and self.outcomes:
            PAGE.write_text("\n".join(page(self.outcomes, self.data)) + "\n", encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    config.pluginmanager.register(Recorder(), "validation-recorder")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tell with each report what its test validates, and on which data."""
    ids = [one for mark in item.iter_markers(_KEY) for one in mark.args]
    if not ids:
        return
    names = getattr(item, "fixturenames", ())
    data = {_DATA[name] for name in names if name in _DATA}
    data |= {"random input (hypothesis)" for _ in [0] if hasattr(item, "obj")
             and hasattr(item.obj, "hypothesis")}
    data |= {f"second opinion: {tools[0]}" for mark, tools in TOOLS.items()
             if item.get_closest_marker(mark)}
    item.user_properties += [(_KEY, " ".join(ids)), ("data", "; ".join(sorted(data)))]


def page(outcomes: Outcomes, data: dict[str, set[str]]) -> Iterator[str]:
    """The lines of VALIDATION.md."""
    said = declared()
    yield "# Validation"
    yield ""
    yield "Written by `make validation` from a run of the tests; do not edit."
    yield ""
    yield from _versions()
    yield "## Assertions"
    yield ""
    yield "| assertion | says | tests | cases passed | failed | not run |"
    yield "|---|---|---|---|---|---|"
    for name, about in said["assertions"].items():
        counts = sum(outcomes[name].values(), Counter[str]())
        yield (f"| [{name}](#{name.lower()}) | {about['says']} | {len(outcomes[name])} | "
               f"{counts['passed']} | {counts['failed']} | {counts['skipped']} |")
    yield ""
    for name, about in said["assertions"].items():
        yield from _assertion(name, about, outcomes[name], data[name])
    yield from _rates()
    yield "## Known limits"
    yield ""
    yield from (f"- {limit}" for limit in said["limits"])


def _assertion(name: str, about: dict[str, str], tests: dict[str, Counter[str]],
               data: set[str]) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield f"{about['says']}. {about['how']}"
    yield ""
    yield f"Data: {', '.join(sorted(data)) or 'made by the test'}."
    yield ""
    for test, counts in sorted(tests.items()):
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        yield f"- `{test}`: {told}"
    yield ""


def _versions() -> Iterator[str]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield "## Versions"
    yield ""
    yield f"vmtrail {VERSION}, Python {python}, {sys.platform}. Libraries, as in requirements.txt:"
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    yield ", ".join(line.replace("==", " ") for line in lines if "==" in line) + "."
    yield ""
    yield "Tools that results are compared with: " + "; ".join(_tools()) + "."
    yield ""


def _tools() -> Iterator[str]:
    for tool, option in _VERSION_OPTION.items():
        path = shutil.which(tool)
        if path is None:
            yield f"{tool} not there"
            continue
        done = subprocess.run([path, option], capture_output=True, text=True, check=False)
        yield next(filter(None, map(str.strip, done.stdout.splitlines())), tool)


def _rates() -> Iterator[str]:
    """Error rates of recorded runs; none is typed by hand."""
    yield "## Error rates"
    yield ""
    found = json.loads(MUTANTS.read_text(encoding="utf-8"))
    count, facts = found["mutants"], found["facts_lost"]
    subjects = ", ".join(f"{name} {number:,}" for name, number in found["by_subject"].items())
    yield (f"Damage: {count:,} mutants ({subjects}; `make fuzz`, seeds "
           f"{', '.join(map(str, found['seeds']))}; recorded in "
           f"{MUTANTS.relative_to(ROOT)}, version {found['version']}).")
    yield ""
    yield "| what | of | number | rate |"
    yield "|---|---|---|---|"
    for key, what in (("died", "runs that ended early"), ("bugs", "errors of vmtrail itself"),
                      ("with_uncovered_fact", "mutants with a fact lost without a line"),
                      ("with_invention", "mutants with a fact that is not there"),
                      ("with_spill", "mutants that cost a second artefact")):
        yield f"| {what} | {count:,} mutants | {found[key]:,} | {_rate(found[key], count)} |"
    yield (f"| facts lost without a line | {facts:,} facts lost | "
           f"{found['facts_lost_silently']:,} | {_rate(found['facts_lost_silently'], facts)} |")
    yield ""


def _rate(wrong: int, of: int) -> str:
    """Where none was seen, the rule of three: below 3/n with 95 % confidence."""
    if not of:
        return "no case"
    return f"{wrong / of:.3%}" if wrong else f"none seen; below {3 / of:.3%} (95 %)"
