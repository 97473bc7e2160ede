"""Which files of a command line make up which image, told from their names and heads alone.

Each image can then be opened by itself: a damaged one costs the others nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analyzer.errors import EvidenceError
from analyzer.evidence.grouping import Group, group
from analyzer.evidence.segment import look
from analyzer.evidence.virtual_disk import find_parts
from analyzer.source import distinct_name


@dataclass(frozen=True, slots=True)
class Arranged:
    """One image. `paths` are the places on the command line of its files, its first one first.

    name  file name of its first segment; `~2`, `~3` is added where two are alike
    """

    name: str
    paths: tuple[int, ...]


def arrange(paths: Sequence[Path]) -> list[Arranged]:
    """The images in order of first appearance; raises UsageError for what is not a file.

    What cannot be opened stands alone, and says why when it is.
    """
    places: dict[Path, int] = {}
    for place, path in enumerate(paths):
        places.setdefault(look(path).real, place)
    groups = _groups(paths)
    parts = find_parts(groups)
    for number, found in enumerate(groups):
        own = tuple(found.segments[n] for n in sorted(found.segments))
        parts.setdefault(number, own)
    names: set[str] = set()
    images = []
    for number, found in enumerate(groups):
        if found.is_part_of_another:
            continue
        name = distinct_name(parts[number][0].name, names)
        given = dict.fromkeys(places[s.real] for s in parts[number] if s.real in places)
        images.append(Arranged(name, tuple(given)))
    return images


def _groups(paths: Sequence[Path]) -> list[Group]:
    """As `group`; where files contradict each other, each is looked at by itself."""
    try:
        return group(paths)
    except EvidenceError:
        found: dict[tuple[str, Path, str], Group] = {}
        for path in paths:
            one = _alone(path)
            found.setdefault((one.kind, one.folder, one.stem.lower()), one)
        return list(found.values())


def _alone(path: Path) -> Group:
    try:
        return group([path])[0]
    except EvidenceError:
        return Group("raw", path.absolute().parent, path.name, {1: look(path)})
