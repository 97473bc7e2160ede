"""`vmtrail analyze`."""

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.text import show

if TYPE_CHECKING:
    from analyzer.engine.progress import Screen


def _screen(arguments: Namespace) -> "Screen":
    from analyzer.engine.progress import Bars, Lines, Quiet

    if arguments.verbose:
        return Lines()
    return Bars() if sys.stderr.isatty() and not arguments.quiet else Quiet()


def analyze(arguments: Namespace) -> int:
    """Make a case, then print its summary."""
    from analyzer.engine import launch

    launch.prepare()
    from analyzer.engine.catalogue import catalogue
    from analyzer.engine.run import Options
    from analyzer.engine.run import analyze as run
    from analyzer.plugin import discover

    options = Options(
        images=tuple(arguments.images), case=Path(arguments.output), jobs=arguments.jobs,
        guests=not arguments.no_guests, verify=arguments.verify, resume=arguments.resume,
        overwrite=arguments.overwrite, scheduler=arguments.scheduler, arguments=arguments.given)
    plugins = catalogue(discover(), arguments.plugins)
    result = run(options, plugins, _screen(arguments))
    if not arguments.quiet:
        from analyzer.cli.summary import summary

        for line in summary(result.case, result.exit_code):
            sys.stdout.write(show(line) + "\n")
    if result.stopped_by:
        sys.stderr.write(f"vmtrail: stopped: {show(result.stopped_by)}\n")
    return result.exit_code
