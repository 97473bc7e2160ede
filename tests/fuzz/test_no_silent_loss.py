"""No silent loss (RELIABILITY G2): one piece of damage anywhere in the bundled host, and each fact
of its truth is stated unchanged, or something says what cannot be read.

What no reader could notice is let pass: another letter in a name, another digit in a time. So a
fact that is stated otherwise than the truth has it counts only where bytes cannot be read at all.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from analyzer.blocks import Blocks
from analyzer.evidence import open_evidence
from analyzer.records import (
    Coverage,
    DiskLayer,
    FileEntry,
    Problem,
    Record,
    Snapshot,
    VirtualMachine,
)
from analyzer.source import Source
from analyzer.system import build_systems
from analyzer.volume import Medium
from tests.conftest import ROOT
from tests.fuzz.facts import (
    Fact,
    Key,
    Statement,
    marks,
    place,
    run,
    stated_facts,
    truth_facts,
)
from tests.fuzz.mutants import Damaged, Mutant, mutants, survey

# another seed shows other damage: VMTRAIL_SEED=7 VMTRAIL_SLOW=1 pytest tests/fuzz
SEED = int(os.environ.get("VMTRAIL_SEED", "4"))
COUNT = 300 if os.environ.get("VMTRAIL_SLOW") else 20
SLOWEST = 60
"""Seconds of one run on a busy machine; a whole one takes 1."""


@dataclass(frozen=True)
class Base:
    """The undamaged host: what it states, what is true, and what is wrong with it anyway."""

    blocks: Blocks
    facts: dict[Key, Fact]
    stated: dict[Key, list[Any]]
    marks: set[Record]


@cache
def base() -> Base:
    (image,) = open_evidence([ROOT / "corpus" / "ws2008.E01"])
    said = run(image.blocks)
    truth = json.loads((ROOT / "corpus" / "truth" / "ws2008.json").read_text())
    return Base(image.blocks, truth_facts(truth), stated_facts(said), marks(said))


@cache
def damage() -> list[Mutant]:
    whole = base().blocks
    (system,) = build_systems([Medium(Source("ws2008.E01", image_offset=0), whole)])
    return mutants(survey(system), whole, SEED, COUNT)


def test_the_undamaged_host_states_every_fact() -> None:
    found = base()
    assert len(found.facts) >= 500
    assert [key for key, fact in found.facts.items()
            if fact.value not in found.stated.get(key, [])] == []


@pytest.mark.parametrize("number", range(COUNT))
def test_no_fact_is_lost_without_a_line(number: int) -> None:
    mutant = damage()[number]
    started = time.process_time()
    said = run(Damaged(base().blocks, mutant))
    assert time.process_time() - started < SLOWEST
    assert said.bugs == []
    assert list(uncovered(mutant, said)) == [], (SEED, mutant.name, mutant.patches[:2])


def uncovered(mutant: Mutant, said: Statement) -> Iterator[tuple[str, Key]]:
    """The facts that are gone, or false although bytes are known to be missing."""
    stated, fresh = stated_facts(said), marks(said) - base().marks
    is_unknown = mutant.size is not None or any(p.data is None for p in mutant.patches)
    for key, fact in base().facts.items():
        values = stated.get(key, [])
        if fact.value in values or (values and not is_unknown):
            continue
        if not any(covers(mark, fact) for mark in fresh) and not is_marked(key, said):
            yield ("changed" if values else "lost"), key


def covers(mark: Record, fact: Fact) -> bool:
    """Whether a Problem, or a place not wholly read, is about an artefact of the fact."""
    if isinstance(mark, Coverage):
        path = place(mark.place) if mark.place[1:2] == ":" else \
            "/" + mark.place.partition("!/")[2].partition(":")[0]
    else:
        path = mark.source.path
    return any(below.startswith(path) or path.startswith(below) for below in fact.places) \
        if path.count("/") else isinstance(mark, Problem)


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
