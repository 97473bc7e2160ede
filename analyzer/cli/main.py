"""The command `vmtrail`: arguments in, exit code out."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from analyzer.cli.parser import build_parser
from analyzer.errors import EvidenceError, UsageError
from analyzer.text import show

USAGE, UNREADABLE, INTERNAL, IN_USE = 2, 3, 5, 6


def _complain(text: object) -> None:
    """One line, safe on a terminal."""
    sys.stderr.write(f"vmtrail: {show(text)}\n")


def _prepare_streams() -> None:
    """UTF-8 whatever the locale says; what cannot be written is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _no_reader() -> int:
    """The program that read our output has gone (`| head`): end without a word."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run(verb: str, arguments: Any) -> int:
    """Run one verb; what the evidence or the command line is to blame for becomes a code."""
    from analyzer.case.lock import CaseInUse

    module, function = verb.split(":")
    command: Callable[[Any], int] = getattr(import_module(module), function)
    try:
        return command(arguments)
    except UsageError as error:
        _complain(error)
        return USAGE
    except EvidenceError as error:
        _complain(error)
        return UNREADABLE
    except CaseInUse as error:
        _complain(error)
        return IN_USE


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    _prepare_streams()
    parser = build_parser()
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = parser.parse_args(given)
    arguments.given = tuple(given)
    from analyzer.cli.signals import catch_signals, exit_code, settle

    catch_signals()
    try:
        code = _run(arguments.command, arguments)
        sys.stdout.flush()
        if argv is None:  # a process of its own, which ends now
            settle()
    except BrokenPipeError:
        return _no_reader()
    except KeyboardInterrupt as interrupt:
        _complain("interrupted")
        return exit_code(interrupt)
    return code


if __name__ == "__main__":
    sys.exit(main())
