"""The files given on the command line: what they are before and after the run, as the operating
system says it. Nothing in them is read here.
"""

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from analyzer.errors import UsageError
from analyzer.records import Problem
from analyzer.source import Source

Facts = dict[str, Any]
_SEGMENT: Final = re.compile(r"\.(?:\d{3}|e\d\d)", re.IGNORECASE)
"""How names of segments end."""
_AFTER_E99: Final = re.compile(r"\.e[a-z]{2}", re.IGNORECASE)


def file_facts(path: str) -> Facts:
    """Name, size and time of a file given as an image; raises UsageError."""
    try:
        status = Path(path).stat()
    except OSError as error:
        raise UsageError(f"no image {path}: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{path} is a folder; give the image file in it (for a split image, "
                         f"its first segment)")
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        raise UsageError(f"{path} is neither a file nor a block device")
    if not os.access(path, os.R_OK):
        raise UsageError(f"image {path} may not be read by you")
    return {"path": path, "name": Path(path).name, "size": status.st_size,
            "modified_ns": status.st_mtime_ns}


def absolute(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths as a process with another working folder needs them; links stay."""
    return tuple(str(Path(path).absolute()) for path in paths)


def with_segments(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths, and files beside them that an image may take in unnamed: segments and extents.

    Told by their names alone, so that there may be some too many.
    """
    found, named = list(paths), set(map(Path, paths))
    for path in map(Path, paths):
        try:
            beside = sorted(path.parent.iterdir())
        except OSError:
            continue  # a folder that may be entered but not listed: nobody finds more in it
        more = [one for one in beside if one not in named and _may_belong(one, path)
                and one.is_file() and os.access(one, os.R_OK)]
        found += map(str, more)
        named.update(more)
    return tuple(found)


def _may_belong(one: Path, to: Path) -> bool:
    stem, name = to.stem.lower(), one.name.lower()
    if to.suffix.lower() == ".vmdk":
        return name.startswith(stem) and name.endswith(".vmdk")
    if one.stem.lower() != stem or not _SEGMENT.fullmatch(to.suffix):
        return False
    return bool(_SEGMENT.fullmatch(one.suffix)) or bool(
        _AFTER_E99.fullmatch(one.suffix) and one.with_suffix(to.suffix[:2] + "99").exists())


def changed(facts: Sequence[Facts]) -> list[Problem]:
    """State files that are not what they were when the run began."""
    found = []
    for before in facts:
        try:
            after: Facts | None = file_facts(before["path"])
        except UsageError:
            after = None
        if after != before:
            found.append(Problem(
                source=Source(before["name"]), code="IMG-CHANGED",
                what="the image file changed, or went away, while it was analysed",
                effect="the tables may mix two states of the image; analyse it again"))
    return found


def are_same(old: Sequence[Facts], new: Sequence[Facts]) -> bool:
    """Whether a case was begun with these files, in this order; folders may have been renamed."""
    def plain(facts: Sequence[Facts]) -> list[tuple[Any, Any]]:
        return [(fact.get("name"), fact.get("size")) for fact in facts]

    return plain(old) == plain(new)
