"""The command line of the verbs that hold cases against something. Imports only argparse."""

import argparse
from collections.abc import Callable
from typing import Any, Final

_DIFF: Final = """\
The same host at two dates, or two hosts. Machines are the same where their ids are. Says which
appeared in B, are not found in B, moved (other host, other configuration file) or changed, field
by field, with the place of both values. "Not found" is only as good as what was read: the summary
says what was not. The evidence is not needed. The exit code is 0 whether or not they differ."""
_ESTATE: Final = """\
Lists machine ids, BIOS GUIDs, disk ids and MAC addresses that were found on more than one host,
of one case or of several, with every place. The same Windows acquired twice (equal name and time
of installation) is one host. The evidence is not needed."""


def add_comparing_verbs(verbs: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `diff` and `estate`; `add` makes one verb."""
    parser = add(verbs, "diff", "comparing:diff", "what is different between two cases", _DIFF)
    parser.add_argument("case_a", metavar="CASE_A", help="the earlier one, or one host")
    parser.add_argument("case_b", metavar="CASE_B", help="the later one, or another host")
    _format(parser)
    parser = add(verbs, "estate", "comparing:estate", "ids found on more than one host", _ESTATE)
    parser.add_argument("cases", nargs="+", metavar="CASE")
    _format(parser)


def _format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text", metavar="F",
                        help="text, json or csv (default: %(default)s)")
