"""What a run on a mutant must not do: lose or change a fact without a line, state what is not
there, or let damage to one artefact cost another.

What no reader could notice is let pass: another letter in a name, another digit in a time. So a
fact that is stated otherwise than the truth has it counts only where bytes cannot be read at all,
or where nothing that it rests on was touched.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from analyzer.records import (
    Coverage,
    DiskLayer,
    FileEntry,
    Problem,
    Record,
    Snapshot,
    System,
    VirtualMachine,
    Volume,
)
from analyzer.registry import LOGS
from tests.fuzz.facts import CONFIG, Fact, Key, Statement, marks, place, stated_facts
from tests.fuzz.mutants import Mutant
from tests.fuzz.subjects import Subject
from tests.fuzz.surface import Surface

LETTERS = (f"{CONFIG}/SYSTEM", f"{CONFIG}/SOFTWARE")
"""What every path of the host rests on: its drive letter."""


@dataclass
class Verdict:
    """What is wrong with a run on a mutant, and how many facts it lost and said so.

    uncovered  facts gone, or false although bytes are missing, and no line about it
    invented   machines, snapshots, systems and files that are not there
    spilled    facts and rows that are not what they were although nothing of theirs was touched
    """

    bugs: list[str] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    spilled: list[str] = field(default_factory=list)
    lost: int = 0
    covered: int = 0

    @property
    def is_sound(self) -> bool:
        return not (self.bugs or self.uncovered or self.invented or self.spilled)


def judge(subject: Subject, mutant: Mutant, said: Statement) -> Verdict:
    """Hold what was said of a mutant against what is true of its subject."""
    verdict = Verdict(said.bugs)
    stated, fresh = stated_facts(said), marks(said) - subject.marks
    touched = Touched(subject.surface, mutant, subject.blocks.size)
    for key, fact in subject.facts.items():
        values = [value for value in stated.get(key, []) if not _is_hollow(value, fact.value)]
        if fact.value in values:
            continue
        verdict.lost += not values
        if not touched.hurts(fact.places):
            verdict.spilled.append(f"{key}: {values[:2]}")
        elif values and not mutant.is_known_missing:
            continue
        elif any(covers(mark, fact) for mark in fresh) or is_marked(key, said):
            verdict.covered += not values
        else:
            verdict.uncovered.append(f"{'changed' if values else 'lost'} {key}")
    verdict.spilled += _changed_rows(subject, said, touched)
    verdict.invented += _invented(subject, said)
    return verdict


@dataclass
class Touched:
    """Whose bytes a mutant touches."""

    surface: Surface
    mutant: Mutant
    size: int

    @cached_property
    def paths(self) -> set[str]:
        """Owners of what is not as it was; "" where everything rests on it."""
        found: set[str] = set()
        for start, end in self.mutant.spans(self.size):
            found |= self.surface.hurt(start, end)
        return found

    def hurts(self, places: tuple[str, ...]) -> bool:
        """Whether one of these artefacts, or a directory above one, was touched."""
        logs = [f"{path}{suffix}" for path in (*places, *LETTERS) if path.startswith(CONFIG)
                for suffix in LOGS]
        return "" in self.paths or any(above in self.paths for path in (*places, *LETTERS, *logs)
                                       for above in _with_parents(path))


def _with_parents(path: str) -> Iterator[str]:
    """`/p1/a/b`, `/p1/a`, `/p1`."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _is_hollow(value: Any, true: Any) -> bool:
    """Whether a value says nothing where there is something: a row whose record is lost."""
    pairs = zip(value, true, strict=True) if isinstance(value, tuple) else [(value, true)]
    return any(one in (None, "") and other not in (None, "") for one, other in pairs)


def covers(mark: Record, fact: Fact) -> bool:
    """Whether a Problem, or a place not wholly read, is about an artefact of the fact."""
    if isinstance(mark, Coverage):
        path = place(mark.place) if mark.place[1:2] == ":" else \
            "/" + mark.place.partition("!/")[2].partition(":")[0]
        return path != "/" and _is_about(path, fact)
    assert isinstance(mark, Problem)
    path = mark.source.path
    if not path:
        return True
    return _is_about(path, fact)


def _is_about(path: str, fact: Fact) -> bool:
    return any(below.startswith(path) or path.startswith(below) for below in fact.places)


def is_marked(key: Key, said: Statement) -> bool:
    """Whether the record itself says that it is not whole."""
    if key[0] == "machine":
        return any(row.partial for row in said.of(VirtualMachine) if row.vm_id == key[1])
    if key[0] == "snapshot":
        return any(row.state != "complete" for row in said.of(Snapshot)
                   if row.snapshot_id == key[1])
    if key[0] == "file":
        return any(row.note for row in said.of(FileEntry) if row.path == key[1])
    return key[0] in ("layer", "media") and any(
        row.verdict != "complete" for row in said.of(DiskLayer) if row.path == key[1])


def _changed_rows(subject: Subject, said: Statement, touched: Touched) -> Iterator[str]:
    """Rows of single files of the host that are gone or changed though the files are not."""
    now = set(said.records)
    for row in subject.said.records:
        if isinstance(row, (FileEntry, Volume)) and "!" not in row.source.path \
                and row not in now and not touched.hurts(
                    (row.source.path, f"{row.source.path}/$Volume")):
            yield f"row of {row.source.path}"


def _invented(subject: Subject, said: Statement) -> Iterator[str]:
    """What is stated as sound of things that the image does not have."""
    known = {identity for _, identities in _things(subject.said) for identity in identities}
    for row, identities in _things(said):
        if known.isdisjoint(identities) and not _is_qualified(row):
            yield f"{identities[0]} {row.source.path}"


def _things(said: Statement) -> Iterator[tuple[Any, list[tuple[Any, ...]]]]:
    """Rows, each with all that may tell that two rows are about the same thing.

    A guest's file is one wherever its disk was found: beside its machine, or as a loose disk.
    """
    volumes = {volume.source.address: volume for volume in said.of(Volume)}
    for row in said.records:
        outer, _, inner = row.source.address.rpartition("!/")
        volume = volumes.get(f"{outer}!/{inner.partition('/')[0]}")
        where = (volume.offset, volume.serial, volume.volume_id) if volume else ("",)
        if isinstance(row, FileEntry) and row.allocated:
            is_guest = "!" in row.source.path
            yield row, [("file", is_guest, place, row.entry) for place in where]
        elif isinstance(row, (VirtualMachine, Snapshot)):  # a volume may be another's number
            yield row, [("configuration", place, row.source.entry) for place in where[:2]]
        elif isinstance(row, System):
            yield row, [("system", row.vm_id, row.snapshot_id)]


def _is_qualified(row: Any) -> bool:
    if isinstance(row, FileEntry):
        return bool(row.note)
    if isinstance(row, VirtualMachine):
        return row.partial or row.state not in ("registered", "unregistered", "planned")
    return isinstance(row, Snapshot) and row.state != "complete"
