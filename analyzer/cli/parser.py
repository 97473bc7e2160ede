"""What the command line takes, and the text of `--help`.

Only argparse is imported here: `vmtrail --help` has to answer at once.
"""

import argparse
import os
import sys
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from analyzer import VERSION
from analyzer.cli.case_arguments import add_comparing_verbs
from analyzer.cli.disk_arguments import add_disk_verbs
from analyzer.cli.verb_notes import notes

_EPILOG: Final = """\
examples:
  vmtrail analyze host.E01 -o case          read one image, write a case
  vmtrail analyze c.E01 d.E01 -o case       two disks of one host
  vmtrail inventory case                    hosts, machines, snapshots, disks
  vmtrail timeline case --vm DC01 --from 2008-11-01 --format csv > dc01.csv
  vmtrail ls 'host.E01!/C:/ProgramData'     look into an image
  vmtrail cat 'host.E01!/D:/VMs/web.avhd!/C:/Windows/win.ini'
                                            and into a disk inside it
  vmtrail config 'host.E01!/D:/VMs/web.vmcx'    a configuration as a tree; a bare file too
  vmtrail query case "SELECT name, created_at FROM snapshot ORDER BY 2"

exit codes:
  0  finished; problems, if any, are in the report
  2  the command line cannot be carried out
  3  evidence could not be read
  4  partial: a volume or a task was lost, or the disk is full;
     of vmtrail verify: something no longer holds
  5  an error of vmtrail itself; the report says where
  6  another run is using the case
  130  interrupted (143: by SIGTERM); vmtrail analyze ... --resume goes on

Evidence is opened for reading only, and never copied. All times are UTC.
"""
_ADDRESS: Final = """\
An address is IMAGE!/VOLUME/path. VOLUME is a drive letter with a colon (C:) or a partition (p1,
p2, ... in order of their offset). A virtual disk in the path opens like a folder: put !/ after
it, then a volume inside it. Quote the address: ! and \\ mean something to a shell.
"""


class _Parser(argparse.ArgumentParser):
    """argparse, with a hint where a word was nearly right."""

    def error(self, message: str) -> NoReturn:
        words = message.split("'")
        if "invalid choice" in message and len(words) > 2:
            near = get_close_matches(words[1], self.choices_of(words[0]), n=1)
            if near:
                message = f"there is no {words[1]!r}; did you mean {near[0]!r}?"
        if message.endswith("required: VERB"):
            self.print_help(sys.stderr)
            self.exit(2)
        self.exit(2, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")

    def choices_of(self, argument: str) -> list[str]:
        """What the argument named in an error message may be."""
        for action in self._actions:
            names = (action.metavar, action.dest, *action.option_strings)
            if action.choices is not None and any(n and str(n) in argument for n in names):
                return [str(c) for c in action.choices]
        return []


def _formats(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.lower().split(",") if part)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def _jobs(text: str) -> int:
    jobs = int(text) if text.isdecimal() else 0
    if not 1 <= jobs <= 1024:
        raise argparse.ArgumentTypeError("give a number of processes from 1 to 1024")
    return jobs


def _add(verbs: Any, name: str, command: str, short: str, text: str = "") -> _Parser:
    parser: _Parser = verbs.add_parser(
        name, help=short, description=f"{short[0].upper()}{short[1:]}.\n\n{text}".rstrip(),
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.epilog = notes(parser.prog.removeprefix("vmtrail "))
    parser.set_defaults(command=f"analyzer.cli.{command}")
    _loudness(parser, default=argparse.SUPPRESS)
    return parser


def _loudness(parser: argparse.ArgumentParser, default: Any = False) -> None:
    """-q and -v, before the verb or after it."""
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument("-q", "--quiet", action="store_true", default=default,
                      help="no progress, no summary")
    loud.add_argument("-v", "--verbose", action="store_true", default=default,
                      help="a line for each task")


def _analyze(verbs: Any) -> None:
    parser = _add(verbs, "analyze", "analyze:analyze", "analyze acquired images, write a case", """\
Reads every volume of the images, every virtual machine on them, and every guest at its current
state and at each snapshot. Several images are read side by side; one that cannot be read costs the
others nothing. The case folder holds tables (Parquet), reports, and case.json with the state of
each image.""")
    parser.add_argument("images", nargs="+", metavar="IMAGE",
                        help="raw, split raw (.001), E01, VHD, VHDX, QCOW or VMDK; several may be "
                             "disks of one host, hosts, or a virtual disk and its parents")
    parser.add_argument("-o", "--output", required=True, metavar="CASE", help="folder to write")
    parser.add_argument("-j", "--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N",
                        help="processes at a time (default: one for each processor, %(default)s)")
    parser.add_argument("--scheduler", default="", metavar="ADDRESS",
                        help="spread the work over a Dask cluster: tcp://host:8786 "
                             "(docs/scaling.md; needs vmtrail[cluster])")
    parser.add_argument("--no-guests", action="store_true",
                        help="leave out what is inside the virtual disks")
    parser.add_argument("--plugins", type=_names, metavar="A,B",
                        help="only these artifact and analysis plugins (vmtrail plugins)")
    parser.add_argument("--verify", action="store_true",
                        help="read each image whole and compare its stored hash")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true",
                       help="go on with a case that was interrupted; finished work is kept")
    again.add_argument("--overwrite", action="store_true", help="replace an existing case")


def _case_verbs(verbs: Any) -> None:
    parser = _add(verbs, "report", "stored:report", "write the reports of a case again",
                  "Files go to CASE/reports. The image is not needed. Formats marked \"on\n"
                  "request\" by vmtrail plugins are written only where they are named.")
    parser.add_argument("case", metavar="CASE")
    parser.add_argument("--format", type=_formats, default=(), metavar="F,G",
                        help="only these: html, csv, jsonl, bodyfile, json, xlsx, ... "
                             "(default: all but those on request)")
    parser = _add(verbs, "inventory", "stored:inventory", "show the machines of a case")
    parser.add_argument("case", metavar="CASE")
    parser.add_argument("--format", type=str.lower, default="table", metavar="F",
                        help="table, json, csv, markdown, schema or case (default: %(default)s)")
    _timezone(parser)
    parser = _add(verbs, "findings", "findings:findings", "show what the rules found", """\
The gravest first, each rule with why it matters, what else looks the same, and a reference. All
rules are in docs/findings.md and, as this case was judged by them, in its table finding_rule.""")
    parser.add_argument("case", metavar="CASE")
    parser.add_argument("--severity", choices=("high", "medium", "low", "info"), default="info",
                        help="these and graver ones only (default: %(default)s, all)")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser = _add(verbs, "timeline", "stored:timeline", "show what happened when, oldest first")
    parser.add_argument("case", metavar="CASE")
    parser.add_argument("--story", action="store_true",
                        help="the story of each machine, joined from all witnesses, "
                             "instead of every moment")
    parser.add_argument("--vm", default="", metavar="ID|NAME", help="one machine only")
    parser.add_argument("--from", dest="begin", default="", metavar="T",
                        help="from this time on, ISO 8601, UTC: 2008-11-09 or 2008-11-09T05:34")
    parser.add_argument("--to", dest="end", default="", metavar="T", help="up to before this time")
    parser.add_argument("--format", type=str.lower, default="csv", metavar="F",
                        help="csv, jsonl, bodyfile, parquet, l2tcsv, ez or ecs "
                             "(default: %(default)s)")
    _timezone(parser)
    parser = _add(verbs, "query", "stored:query", "ask a case in SQL", """\
The tables are those of docs/tables.md. A column created_at is a timestamp (microseconds, UTC);
created_at_ticks beside it is exact (100 ns since 1601). The case cannot be changed by a query.""")
    parser.add_argument("case", metavar="CASE")
    parser.add_argument("sql", metavar="SQL")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="one object a line")
    shape.add_argument("--csv", action="store_true", help="comma-separated, with a header")


def _timezone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timezone", default="UTC", metavar="ZONE",
                        help="show times in this zone too, by its IANA name: Europe/Berlin; with "
                             "formats that people read (default: %(default)s)")


def _address_verbs(verbs: Any) -> None:
    for name, short in (("ls", "list a folder of an image"), ("cat", "print a file of an image"),
                        ("stat", "show what is known about a file, volume or disk")):
        parser = _add(verbs, name, f"look:{name}", short, _ADDRESS)
        parser.add_argument("address", metavar="IMAGE!PATH")
        if name != "cat":
            parser.add_argument("--json", action="store_true", help="one object a line")
    parser = _add(verbs, "export", "look:export", "copy a file out of an image, or a case as a "
                  "database", f"""\
{_ADDRESS}
With --to it is a case that is exported: all its tables in one file, times readable (UTC) and, in
the column ..._ticks beside them, exact.""")
    parser.add_argument("address", metavar="IMAGE!PATH|CASE")
    parser.add_argument("--to", choices=("sqlite", "duckdb"), default="", metavar="KIND",
                        help="sqlite or duckdb: export a case")
    parser.add_argument("-o", "--output", required=True, metavar="FILE",
                        help="file to write; never overwritten")
    parser = _add(verbs, "config", "config:config", "print a machine configuration as a tree", """\
Reads XML and .exp, VMCX and VMRS, data.vmcx, .vmc, .vnc, Options.xml, InitialStore.xml, shortcuts
and VMGS, told apart by content. A file outside an image is given by its path alone. Settings that
no other table understands are marked ?, old values that survive in a VMCX are listed at the end.
Undo disks (.vud) are disks: see `vmtrail disk`. The form of .bin and .vsv files is not public.""")
    parser.add_argument("address", metavar="IMAGE!PATH|FILE")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser = _add(verbs, "mount", "mount:mount", "show a disk and its volumes as a folder", """\
DIR shows disk.raw, the disk as its computer sees it, and a folder for each volume (C, p2, ...),
until it is unmounted or Ctrl-C is pressed. Nothing can be written; bytes that cannot be known
give an input/output error. ADDRESS is an image, or a virtual disk in it: IMAGE!/D:/VMs/web.avhd.
Needs Linux with FUSE, and vmtrail[mount].""")
    parser.add_argument("address", metavar="IMAGE!PATH")
    parser.add_argument("folder", metavar="DIR", help="an empty folder")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(prog="vmtrail", epilog=_EPILOG, allow_abbrev=False,
                     formatter_class=argparse.RawDescriptionHelpFormatter,
                     description="Offline forensic analyzer of Hyper-V hosts: inventory and "
                                 "timeline of virtual machines out of disk images.")
    parser.add_argument("--version", action="version", version=f"vmtrail {VERSION}")
    _loudness(parser)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True,
                                  parser_class=_Parser)
    help_ = verbs.add_parser("help", help="show this, or what a verb takes: vmtrail help analyze",
                             allow_abbrev=False)
    help_.add_argument("verb", nargs="*", metavar="VERB")
    help_.set_defaults(command="analyzer.cli.listing:help_of")
    _analyze(verbs)
    _case_verbs(verbs)
    add_comparing_verbs(verbs, _add)
    _address_verbs(verbs)
    add_disk_verbs(verbs, _add)
    plugins = _add(verbs, "plugins", "listing:plugins", "list the plugins and what they yield")
    plugins.add_argument("--json", action="store_true", help="one object a line")
    return parser
