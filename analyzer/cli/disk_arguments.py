"""The command line of `vmtrail disk`, and the text of its `--help`. Imports only argparse."""

import argparse
from collections.abc import Callable
from typing import Any, Final

_ADDRESS: Final = """\
An address is IMAGE!/VOLUME/path of a VHD, AVHD, VHDX or AVHDX file, as for vmtrail ls; the
address of a differencing disk is the disk at that state. Parents are found by their ids among the
files of the image. A disk file that lies on this computer is given by its path alone; its parents
are those of --parent FILE, and no others are looked for. Quote addresses: ! and \\ mean something
to a shell."""
_EXPORT: Final = """\
Writes the whole disk, all layers merged, and prints the SHA-256 of its content. FILE.json is
written beside it: where it comes from, its layers, and the ranges that could not be read, which
are zeros in FILE. If there are any the exit code is 4. While it lasts the file is called
FILE.part; after an interrupt or a full disk --resume goes on with it, once it has been checked.

formats:
  raw        the bytes of the disk; long runs of zeros are holes
  vhd-fixed  the same, and a footer
  vhd        dynamic VHD; blocks of zeros are left out
  vhdx       dynamic VHDX; blocks of zeros are left out
"""
_COMPARE: Final = """\
Prints the guest's files that changed from A to B, by the maps of both disks: content is not read,
so "content" means that it lies in a place that was written. With --bytes both sides are read
where the maps differ, and what holds equal bytes is left out. For two snapshots of one machine
only the layers they do not share are looked at.

changes: added, deleted, renamed (or moved), content, record (times, attributes, place)
"""


def add_disk_verbs(verbs: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `disk` and what stands below it; `add` makes one verb."""
    disk = verbs.add_parser(
        "disk", help="look into, export and compare virtual disks", allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Look into, export and compare virtual disks.\n\n{_ADDRESS}")
    below = disk.add_subparsers(title="verbs", metavar="VERB", required=True,
                                parser_class=type(disk))
    for name, short in (("info", "show what a disk file says of itself"),
                        ("chain", "show a disk file and its parents, top first")):
        parser = add(below, name, f"disk:{name}", short, _ADDRESS)
        _one_disk(parser)
        parser.add_argument("--json", action="store_true", help="one object")
    parser = add(below, "export", "disk_export:export", "copy a disk out of an image",
                 f"{_EXPORT}\n{_ADDRESS}")
    _one_disk(parser)
    parser.add_argument("-o", "--output", required=True, metavar="FILE",
                        help="file to write; never overwritten")
    parser.add_argument("--format", required=True, choices=("raw", "vhd-fixed", "vhd", "vhdx"),
                        help="see above")
    parser.add_argument("--snapshot", default="", metavar="NAME|ID",
                        help="the disk at this snapshot, or `now`, of the machine that uses the "
                             "file as its disk or as the base of it")
    parser.add_argument("--strict", action="store_true",
                        help="write nothing where a range cannot be read")
    parser.add_argument("--resume", action="store_true", help="go on with FILE.part")
    parser = add(below, "compare", "disk_compare:compare", "show what changed between two states "
                 "of a disk", f"{_COMPARE}\n{_ADDRESS}")
    parser.add_argument("before", metavar="IMAGE!PATH_A")
    parser.add_argument("after", metavar="IMAGE!PATH_B")
    _parents(parser)
    parser.add_argument("--bytes", action="store_true",
                        help="read both sides and leave out what is equal")
    parser.add_argument("--ranges", action="store_true",
                        help="print the changed ranges instead of the files")
    parser.add_argument("--json", action="store_true", help="one object a line")


def _one_disk(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="IMAGE!PATH")
    _parents(parser)


def _parents(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parent", action="append", default=[], metavar="FILE",
                        help="a disk file on this computer that may be a parent of one given by "
                             "its path alone; can be repeated")
