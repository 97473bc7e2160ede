"""Damaged configurations: nothing but a result or an EvidenceError, and what is whole is kept.

A setting is untouched where neither its element nor a tag of a container around it was changed;
where a file is cut off, end tags after the cut do not count. The places are found by a stack of
regular expression matches that shares no code with the product.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from analyzer.errors import EvidenceError
from analyzer.formats import vm_xml
from analyzer.formats.xml_salvage import APART
from corpus.make import vm_xml as make
from tests.unit.formats.test_vm_xml import CREATED, MACHINE, PARENT, SNAPSHOT

COUNT = 40
MANY = 3000 if os.environ.get("VMTRAIL_SLOW") else 40
SEED = 20261127
OVERWRITTEN = ("cut", "flip", "nul", "noise")
SHIFTED = (*OVERWRITTEN, "out", "out", "in")
"""With bytes taken out or put in, in numbers odd and even."""
_TAG = re.compile(r"<(/?)([\w.-]+)([^<>]*?)(/?)>")
Fact = tuple[str, str]
Span = tuple[int, int]


@dataclass(frozen=True)
class Leaf:
    """A setting: path without numbers, text, spans of characters that must be unchanged."""

    key: str
    text: str
    own: Span
    starts: tuple[Span, ...]
    ends: tuple[Span, ...]


@dataclass
class Tally:
    """What came of the untouched settings of all mutants."""

    untouched: int = 0
    in_place: int = 0
    apart: int = 0
    """Kept with their value, their place being called unproved."""
    misplaced: list[tuple[int, Fact]] = field(default_factory=list)
    """(number of the mutant, setting): untouched ones given where they do not stand."""
    refused: int = 0
    """Mutants of which nothing was read."""


def leaves(text: str) -> list[Leaf]:
    """Every element with a type, in the order they end."""
    open_: list[tuple[str, Span, list[int]]] = []
    raw: list[tuple[str, str, Span, tuple[Span, ...], tuple[int, ...]]] = []
    closed: dict[int, Span] = {}
    for match in _TAG.finditer(text, text.index("<configuration")):
        if not match[1]:
            open_.append((match[2], match.span(), [match.start()]))
            continue
        name, start, ids = open_.pop()
        closed[ids[0]] = match.span()
        if "type=" in text[slice(*start)]:
            key = "/".join([*(n for n, _, _ in open_), name])
            raw.append((key, text[start[1] : match.start()], (start[0], match.end()),
                        tuple(span for _, span, _ in open_), tuple(i[0] for _, _, i in open_)))
    return [Leaf(key, value, own, starts, tuple(closed[i] for i in ids))
            for key, value, own, starts, ids in raw]


def mutant(clean: bytes, dice: random.Random, kinds: tuple[str, ...]) -> tuple[bytes, list[Span]]:
    """(file with one to five damages, bytes of the clean one that each concerns)."""
    pieces, touched, at = [], [], 0
    for place in sorted(dice.randrange(2, len(clean)) for _ in range(dice.randint(1, 5))):
        if place < at:
            continue
        kind, length = dice.choice(kinds), dice.choice((1, 2, 3, 16, 17, 64, 512))
        pieces.append(clean[at:place])
        at = min(place + length, len(clean))
        if kind == "flip":
            at = place + 1
            pieces.append(bytes((clean[place] ^ 1 << dice.randrange(8),)))
        elif kind in ("nul", "noise"):
            pieces.append(bytes(at - place) if kind == "nul" else dice.randbytes(at - place))
        elif kind == "in":
            pieces.append(dice.randbytes(length))
            at = place
        touched.append((place, max(at, place + 1)))
        if kind == "cut":
            return b"".join(pieces), [*touched[:-1], (place, len(clean))]
    return b"".join([*pieces, clean[at:]]), touched


def untouched(all_: list[Leaf], touched: list[Span], size: int) -> Iterator[Leaf]:
    """Spans count characters; those in `touched` bytes of UTF-16 with a byte order mark."""
    changed = [((start - 2) // 2, (end - 1) // 2) for start, end in touched]
    is_cut = touched[-1][1] == size
    for leaf in all_:
        own = (leaf.own, *leaf.starts)
        inside = own if is_cut else (*own, *leaf.ends)
        if all(b <= first or a > last for first, last in changed[:-1]
               for a, b in (*own, *leaf.ends)) and all(
                b <= changed[-1][0] or a > changed[-1][1] for a, b in inside):
            yield leaf


def fact(key: str, text: str) -> Fact:
    """Without numbers of siblings and white space."""
    return re.sub(r"\[[0-9]+\]", "", key), " ".join(text.split())


def check(clean: bytes, kinds: tuple[str, ...], count: int) -> Tally:
    """Weighs mutants of a file."""
    known, dice, tally = leaves(clean.decode("utf-16")), random.Random(SEED), Tally()
    assert len(known) == len(vm_xml.parse(clean).settings)
    truth = Counter(fact(leaf.key, leaf.text) for leaf in known)
    for number in range(count):
        data, touched = mutant(clean, dice, kinds)
        intact = list(untouched(known, touched, len(clean)))
        try:
            got = [fact(s.key, make_raw(s.text)) for s in vm_xml.parse(data).settings]
        except EvidenceError:
            got, tally.refused = [], tally.refused + 1
        weigh(tally, number, [fact(leaf.key, leaf.text) for leaf in intact], got, truth)
    return tally


def weigh(tally: Tally, number: int, intact: list[Fact], got: list[Fact],
          truth: Counter[Fact]) -> None:
    """Adds one mutant. A changed leaf may say anything: it is none of the intact ones."""
    placed = Counter(entry for entry in got if APART not in entry[0])
    apart = Counter(_named(entry) for entry in got if APART in entry[0])
    wanted = Counter(intact)
    missing = wanted - placed
    tally.untouched += wanted.total()
    tally.in_place += (wanted & placed).total()
    tally.apart += (Counter(map(_named, missing.elements())) & apart).total()
    homeless = {_named(entry) for entry in missing}
    tally.misplaced += [(number, entry) for entry in placed - truth if _named(entry) in homeless]


def _named(entry: Fact) -> Fact:
    return entry[0].rpartition("/")[2], entry[1]


def make_raw(text: str) -> str:
    """As it stands in the file."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


CLEAN = {"machine": make.machine_xml(MACHINE),
         "snapshot": make.snapshot_xml(make.Snapshot(SNAPSHOT, "before", CREATED, PARENT, MACHINE))}
REAL = ("dissect.target/hyperv/B90AC31B-C6F8-479F-9B91-07B894A6A3F6.xml", "base-boxes/vm.xml")


def _judge(clean: bytes, count: int = COUNT) -> None:
    """Overwritten bytes put nothing in a wrong place; missing ones one setting in 200 at most."""
    tally = check(clean, OVERWRITTEN, count)
    assert tally.in_place >= 0.95 * tally.untouched > 0, tally
    assert tally.in_place + tally.apart >= 0.99 * tally.untouched, tally
    assert tally.misplaced == []
    tally = check(clean, SHIFTED, COUNT)
    assert tally.in_place >= 0.95 * tally.untouched > 0, tally
    assert tally.in_place + tally.apart >= 0.98 * tally.untouched, tally
    assert len(tally.misplaced) <= 0.005 * tally.untouched


@pytest.mark.parametrize("name", CLEAN)
def test_untouched_settings_are_kept(name: str) -> None:
    _judge(CLEAN[name])


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_untouched_settings_of_a_real_file_are_kept(realdata: Path, name: str) -> None:
    _judge((realdata / name).read_bytes(), MANY if name == REAL[0] else COUNT)


def test_a_damaged_start_tag_of_the_root_costs_nothing_else() -> None:
    clean = CLEAN["machine"]
    at = clean.index("configuration>".encode("utf-16-le"))
    for changed, why in ((b"\xf4", "a broken tag"), (b"b", "not <configuration>")):
        got = vm_xml.parse(clean[:at] + changed + clean[at + 1 :])
        assert len(got.settings) == len(vm_xml.parse(clean).settings)
        assert got.partial
        assert why in got.notices[0].what


def test_a_declaration_without_end_costs_nothing_else() -> None:
    clean = CLEAN["machine"]
    at = clean.index("?>".encode("utf-16-le"))
    got = vm_xml.parse(clean[:at] + bytes(4) + clean[at + 4 :])
    assert len(got.settings) == len(vm_xml.parse(clean).settings)
