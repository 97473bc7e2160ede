"""`vmtrail mount`: a disk of the evidence as a folder, until it is unmounted."""

import sys
from argparse import Namespace
from pathlib import Path

from analyzer.errors import UsageError
from analyzer.text import show


def _say(text: str) -> None:
    sys.stderr.write(f"vmtrail: {show(text)}\n")
    sys.stderr.flush()


def _empty_folder(text: str) -> Path:
    folder = Path(text).resolve()
    if not folder.is_dir():
        raise UsageError(f"{text} is no folder; give an empty one to mount at")
    if any(folder.iterdir()):
        raise UsageError(f"{text} is not empty; what is in it would be hidden")
    return folder


def mount(arguments: Namespace) -> int:
    """Show the disk at an address in a folder; returns when the folder is unmounted."""
    folder = _empty_folder(arguments.folder)
    from analyzer.address import open_address
    from analyzer.mounting.fuse import serve
    from analyzer.mounting.tree import Tree

    address = arguments.address
    if "!/" in address and not address.endswith("!/"):
        address += "!/"
    system = open_address(address).system
    list(system.survey())

    def ready() -> None:
        for problem in system.problems():
            _say(f"{problem.code} {problem.what}: {problem.effect}")
        _say(f"mounted at {folder}; to end: umount, fusermount3 -u, or Ctrl-C here")

    serve(Tree(system), folder, ready, _say)
    for problem in system.problems():
        _say(f"{problem.code} {problem.what}: {problem.effect}")
    return 0
