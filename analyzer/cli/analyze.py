"""`vmtrail analyze`."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analyzer.text import show

if TYPE_CHECKING:
    from analyzer.engine.progress import Screen
    from analyzer.engine.run import Result

_ENDS: Final = {
    0: "finished", 3: "failed: no image could be read",
    4: "PARTIAL: something was lost, see the problems",
    5: "finished, with internal errors of vmtrail, see the problems (code BUG)",
    130: "INTERRUPTED: run the same command with --resume to go on",
    143: "TERMINATED: run the same command with --resume to go on",
}


def _screen(arguments: Namespace) -> "Screen":
    from analyzer.engine.progress import Bars, Lines, Quiet

    if arguments.verbose:
        return Lines()
    return Bars() if sys.stderr.isatty() and not arguments.quiet else Quiet()


def _summary(result: "Result") -> Iterator[str]:
    """What was found, what was not, where it lies; as yet unescaped."""
    from analyzer.engine.asking import overview

    yield from overview(result.case)
    yield ""
    yield f"{_ENDS[result.exit_code][0].upper()}{_ENDS[result.exit_code][1:]}."
    for report in sorted(result.case.reports.glob("[!.]*")):
        yield f"  {report / 'index.html' if report.is_dir() else report}"
    yield f"  {result.case.root}  (the case; vmtrail inventory, timeline and query read it)"


def analyze(arguments: Namespace) -> int:
    """Make a case, then print its summary."""
    from analyzer.engine import launch

    launch.prepare()  # loads while this process does
    from analyzer.engine.asking import known_plugins
    from analyzer.engine.catalogue import catalogue
    from analyzer.engine.run import Options
    from analyzer.engine.run import analyze as run

    options = Options(
        images=tuple(arguments.images), case=Path(arguments.output), jobs=arguments.jobs,
        guests=not arguments.no_guests, verify=arguments.verify, resume=arguments.resume,
        overwrite=arguments.overwrite, scheduler=arguments.scheduler, arguments=arguments.given)
    plugins = catalogue(known_plugins(), arguments.plugins)
    result = run(options, plugins, _screen(arguments))
    if not arguments.quiet:
        for line in _summary(result):
            sys.stdout.write(show(line) + "\n")
    if result.stopped_by:
        sys.stderr.write(f"vmtrail: stopped: {show(result.stopped_by)}\n")
    return result.exit_code
