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
from dataclasses import dataclass
from pathlib import Path

import pytest

from analyzer.errors import EvidenceError
from analyzer.formats import vm_xml
from corpus.make import vm_xml as make
from tests.unit.formats.test_vm_xml import CREATED, MACHINE, PARENT, SNAPSHOT

COUNT = 3000 if os.environ.get("VMTRAIL_SLOW") else 240
SEED = 20261127
_TAG = re.compile(r"<(/?)([\w.-]+)([^<>]*?)(/?)>")


@dataclass(frozen=True)
class Leaf:
    """A setting: path without numbers, text, spans of characters that must be unchanged."""

    key: str
    text: str
    own: tuple[int, int]
    starts: tuple[tuple[int, int], ...]
    ends: tuple[tuple[int, int], ...]


def leaves(text: str) -> list[Leaf]:
    """Every element with a type, in the order they end."""
    open_: list[tuple[str, tuple[int, int], list[int]]] = []
    raw: list[tuple[str, str, tuple[int, int], tuple[tuple[int, int], ...], tuple[int, ...]]] = []
    closed: dict[int, tuple[int, int]] = {}
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


def mutant(clean: bytes, dice: random.Random) -> tuple[bytes, int, int]:
    """(damaged file, first and last byte that differ); the last is its size where it is cut."""
    at = dice.randrange(2, len(clean))
    kind = dice.randrange(4)
    if kind == 0:
        return clean[:at], at, len(clean)
    if kind == 1:
        flipped = bytes((clean[at] ^ 1 << dice.randrange(8),))
        return clean[:at] + flipped + clean[at + 1 :], at, at + 1
    length = min(dice.choice((1, 16, 64, 512)), len(clean) - at)
    fill = bytes(length) if kind == 2 else dice.randbytes(length)
    return clean[:at] + fill + clean[at + length :], at, at + length


def untouched(all_: list[Leaf], start: int, end: int, *, is_cut: bool) -> Iterator[Leaf]:
    """Spans count characters; `start` and `end` bytes of UTF-16 with a byte order mark."""
    first, last = (start - 2) // 2, (end - 1) // 2
    for leaf in all_:
        spans = (leaf.own, *leaf.starts) if is_cut else (leaf.own, *leaf.starts, *leaf.ends)
        if all(b <= first or a > last for a, b in spans):
            yield leaf


def check(clean: bytes) -> tuple[int, int]:
    """(untouched settings, those of them that were kept) over all mutants of a file."""
    known, dice = leaves(clean.decode("utf-16")), random.Random(SEED)
    assert len(known) == len(vm_xml.parse(clean).settings)
    wanted, kept = 0, 0
    for number in range(COUNT):
        data, start, end = mutant(clean, dice)
        whole = Counter((leaf.key, " ".join(leaf.text.split())) for leaf in untouched(
            known, start, end, is_cut=len(data) < len(clean)))
        try:
            got = vm_xml.parse(data)
        except EvidenceError:
            got = None
        found = Counter((re.sub(r"\[[0-9]+\]", "", s.key),
                         " ".join(make_raw(s.text).split())) for s in got.settings) if got else \
            Counter[tuple[str, str]]()
        if got is not None and end - start <= 1:  # one bit: no place is made up but its own
            places = {leaf.key for leaf in known}
            assert len({key for key, _ in found} - places) <= 1, (number, SEED, start)
        share = (found & whole).total() / max(whole.total(), 1)
        assert share >= 0.95 or whole.total() < 20, (number, SEED, start, end, share)
        wanted, kept = wanted + whole.total(), kept + (found & whole).total()
    return wanted, kept


def make_raw(text: str) -> str:
    """As it stands in the file."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize("clean", [
    make.machine_xml(MACHINE),
    make.snapshot_xml(make.Snapshot(SNAPSHOT, "before", CREATED, PARENT, MACHINE))])
def test_untouched_settings_are_kept(clean: bytes) -> None:
    wanted, kept = check(clean)
    assert kept >= 0.99 * wanted > 0


@pytest.mark.realdata
def test_untouched_settings_of_a_real_file_are_kept(realdata: Path) -> None:
    name = "dissect.target/hyperv/B90AC31B-C6F8-479F-9B91-07B894A6A3F6.xml"
    wanted, kept = check((realdata / name).read_bytes())
    assert kept >= 0.99 * wanted > 0


def test_a_damaged_start_tag_of_the_root_costs_nothing_else() -> None:
    clean = make.machine_xml(MACHINE)
    at = clean.index("configuration>".encode("utf-16-le"))
    got = vm_xml.parse(clean[:at] + b"\xf4" + clean[at + 1 :])
    assert len(got.settings) == len(vm_xml.parse(clean).settings)
    assert got.partial
    assert "not <configuration>" in got.notices[0].what


def test_a_declaration_without_end_costs_nothing_else() -> None:
    clean = make.machine_xml(MACHINE)
    at = clean.index("?>".encode("utf-16-le"))
    got = vm_xml.parse(clean[:at] + bytes(4) + clean[at + 4 :])
    assert len(got.settings) == len(vm_xml.parse(clean).settings)
