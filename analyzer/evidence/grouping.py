"""Which files belong to one image: the command line may name one segment, or all, or several
images.

Split raw: `disk.001`, `disk.002` ... or from `.000`. EWF: `.E01` to `.E99`, then `.EAA` to
`.EZZ`, `.FAA` to `.ZZZ` (libyal, "EWF file format", 1.1), told by content, not by name. Names
are matched without regard to case. Segments that were not named are taken from the folder of
those that were. A virtual disk is told by its content (`containers`); the other files that it
needs are found by `virtual_disk`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, product
from pathlib import Path
from string import ascii_uppercase
from typing import Final

from analyzer.blocks import read_known
from analyzer.errors import EvidenceError
from analyzer.evidence.containers import EWF, container_kind
from analyzer.evidence.segment import Segment, look

_RAW: Final = re.compile(r"\d{3}")
_DIGITS: Final = 99
"""Last EWF segment whose suffix ends in digits, and so is no word."""
_RAW_NUMBERS: Final = {f"{number:03}": number for number in range(1000)}
_EWF_NUMBERS: Final = {suffix: number for number, suffix in enumerate(chain(
    (f"E{digits:02}" for digits in range(1, _DIGITS + 1)),
    map("".join, product(ascii_uppercase[4:], ascii_uppercase, ascii_uppercase))), start=1)}


@dataclass(slots=True)
class Group:
    """Segments of one image by their number (EWF counts from 1, split raw from 0 or 1)."""

    kind: str
    """"raw", "split raw", "EWF", "VHD", "VHDX", "QCOW" or "VMDK"."""
    folder: Path
    stem: str
    segments: dict[int, Segment] = field(default_factory=dict)
    is_part_of_another: bool = False
    """True for a parent or an extent of a virtual disk that was given too."""

    @property
    def is_headless(self) -> bool:
        """True where the first segment is not among them."""
        return bool(self.segments) and min(self.segments) > 1


def group(paths: Sequence[Path]) -> list[Group]:
    """Groups in order of first appearance.

    Raises UsageError for what is not a file, EvidenceError where first segments are missing or
    two files claim to be the same segment.
    """
    groups: dict[tuple[str, Path, str], Group] = {}
    seen: set[Path] = set()
    for path in paths:
        segment = look(path)
        if segment.real in seen:
            continue
        seen.add(segment.real)
        kind, number, stem = _classify(segment)
        key = (kind, path.absolute().parent, stem.lower())
        found = groups.setdefault(key, Group(kind, key[1], stem))
        _put(found, number, segment)
    for found in groups.values():
        _complete(found)
    return _adopt(list(groups.values()))


def _classify(segment: Segment) -> tuple[str, int, str]:
    """Kind, segment number and stem; an image in one file is number 1 with its whole name."""
    stem, _, suffix = segment.name.rpartition(".")
    by_name = _EWF_NUMBERS.get(suffix.upper(), 0) if stem else 0
    head = read_known(segment, 0, 11, lambda _: None)
    if head.startswith(EWF):
        number = int.from_bytes(head[9:11], "little")
        if by_name and (by_name <= _DIGITS or by_name == number):
            return "EWF", by_name, stem
        return "EWF", number, segment.name
    if 0 < by_name <= _DIGITS:
        return "EWF", by_name, stem  # damaged: whoever walks it says how
    if stem and _RAW.fullmatch(suffix):
        return "split raw", int(suffix), stem
    return container_kind(segment) or "raw", 1, segment.name


def _put(found: Group, number: int, segment: Segment) -> None:
    other = found.segments.setdefault(number, segment)
    if other is not segment:
        raise EvidenceError(
            f"{segment.name} and {other.name} both say that they are segment {number}")


def _complete(found: Group) -> None:
    """Add the segments that lie in the same folder but were not named."""
    if any(s.name == found.stem for s in found.segments.values()):
        return  # one file with a name of its own
    names = _neighbours(found.folder, found.stem)
    known = {s.name for s in found.segments.values()}
    for suffix, number in (_EWF_NUMBERS if found.kind == "EWF" else _RAW_NUMBERS).items():
        path = names.get(suffix)
        if path is None and number > _DIGITS and found.kind == "EWF":
            break
        if path is None or number in found.segments or path.name in known:
            continue
        segment = look(path)
        if found.kind == "EWF" and number > _DIGITS and segment.read_at(0, len(EWF)) != EWF:
            break  # .EXE, .LOG, .TXT ...: another file with the same stem
        found.segments[number] = segment


def _neighbours(folder: Path, stem: str) -> dict[str, Path]:
    """Upper-case suffix -> file in `folder` with that stem; same case of the stem preferred."""
    found: dict[str, Path] = {}
    try:
        paths = sorted(folder.iterdir(), key=lambda p: (not p.name.startswith(stem), p.name))
    except OSError:
        return found  # a folder that may be entered but not listed: only what was named
    for path in paths:
        name, _, suffix = path.name.rpartition(".")
        if name.lower() == stem.lower():
            found.setdefault(suffix.upper(), path)
    return found


def _adopt(groups: list[Group]) -> list[Group]:
    """Join groups without a first segment to the one image of that stem in another folder."""
    whole = [g for g in groups if not g.is_headless]
    for part in (g for g in groups if g.is_headless):
        homes = [g for g in whole if g.kind == part.kind and g.stem.lower() == part.stem.lower()
                 and not g.segments.keys() & part.segments.keys()]
        if len(homes) != 1:
            first = part.segments[min(part.segments)]
            raise EvidenceError(f"{first.name} is segment {min(part.segments)} of an image whose "
                                "first segment is missing")
        homes[0].segments.update(part.segments)
    return whole
