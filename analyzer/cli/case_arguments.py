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

_VERIFY: Final = """\
Opens the images again: their files' sizes, the size and the stored hashes of each disk, and a
share of the places that the case cites: is the file there under this path and MFT entry, do the
offsets lead to it, are its size and times those of the case. Says each that no longer holds, and
exits 4 if there is one. Problems and coverage cite what was not read, and are left out. The same
seed asks the same places; --share 1 asks all."""


def add_comparing_verbs(verbs: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `diff`, `estate` and `verify`; `add` makes one verb."""
    parser = add(verbs, "diff", "comparing:diff", "what is different between two cases", _DIFF)
    parser.add_argument("case_a", metavar="CASE_A", help="the earlier one, or one host")
    parser.add_argument("case_b", metavar="CASE_B", help="the later one, or another host")
    _format(parser)
    parser = add(verbs, "estate", "comparing:estate", "ids found on more than one host", _ESTATE)
    parser.add_argument("cases", nargs="+", metavar="CASE")
    _format(parser)
    parser = add(verbs, "verify", "verify:verify", "check a case against its evidence", _VERIFY)
    parser.add_argument("case", metavar="CASE")
    parser.add_argument("--share", type=_share, default=0.1, metavar="S",
                        help="of the citations, above 0 and up to 1 (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N",
                        help="chooses which ones (default: %(default)s)")
    parser.add_argument("--evidence", default="", metavar="FOLDER",
                        help="where the images are now, if not where they were")
    parser.add_argument("--no-hash", action="store_true", help="do not read the images whole")
    parser.add_argument("--json", action="store_true", help="one object, for a program")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError("give a share above 0 and up to 1: 0.1 is a tenth")
    return share


def _format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text", metavar="F",
                        help="text, json or csv (default: %(default)s)")
