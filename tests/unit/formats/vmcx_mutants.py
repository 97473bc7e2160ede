"""Damaged VMCX files with the truth about them: which keys were not touched."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.blocks import Memory
from analyzer.errors import EvidenceError
from analyzer.formats import vmcx
from analyzer.formats.vm_settings import Setting

SECTOR, PAGE = 512, 4096
ENTRY = 21

Fact = tuple[str, str, str]
"""Name, type and text of a leaf."""


@dataclass(frozen=True)
class Whole:
    """An undamaged file: each leaf, and the bytes of the file that hold it."""

    data: bytes
    leaves: tuple[tuple[Setting, int, int], ...]
    former: frozenset[tuple[str, str]]
    """(name, text) of its former values."""

    @classmethod
    def of(cls, data: bytes) -> "Whole":
        """Reads it; the length of an entry is taken from its own header."""
        file = vmcx.open_vmcx(Memory(data))
        leaves = tuple((leaf, leaf.at, leaf.at + int.from_bytes(
            data[leaf.at + 2:leaf.at + 6], "little"))
            for leaf in file.settings if leaf.at is not None)
        former = frozenset((value.key.rpartition("/")[2], value.text) for value in file.former)
        return cls(data, leaves, former)


@dataclass(frozen=True)
class Mutant:
    """A damaged copy; `touched` are the (start, end) that differ from the whole one."""

    what: str
    data: bytes
    touched: tuple[tuple[int, int], ...]


@dataclass
class Tally:
    """What mutants cost."""

    untouched: int = 0
    kept: int = 0
    in_place: int = 0
    """Kept under their own path."""
    invented: int = 0
    """Facts that the whole file has neither now nor in its former values."""
    outdated: int = 0
    """Former values given as present ones."""
    silent: int = 0
    """Mutants that lost any fact of the whole file without a notice or an error."""


def mutants(whole: Whole, count: int, seed: int) -> Iterator[Mutant]:
    """`count` of them, every kind in turn."""
    rng = random.Random(seed)
    kinds = (_flips, _sectors, _noise, _cut, _swap, _shift)
    for number in range(count):
        yield kinds[number % len(kinds)](whole.data, rng)


def _changed(what: str, data: bytes, ranges: list[tuple[int, bytes]]) -> Mutant:
    out = bytearray(data)
    for at, new in ranges:
        out[at:at + len(new)] = new
    return Mutant(what, bytes(out), tuple((at, at + len(new)) for at, new in ranges))


def _flips(data: bytes, rng: random.Random) -> Mutant:
    places = [rng.randrange(len(data)) for _ in range(rng.choice((1, 2, 8, 64)))]
    return _changed(f"bytes {places[:4]} changed", data, [
        (at, bytes((data[at] ^ rng.randrange(1, 256),))) for at in places])


def _sectors(data: bytes, rng: random.Random) -> Mutant:
    size = rng.choice((SECTOR, SECTOR, PAGE))
    at = rng.randrange(len(data) // size) * size
    return _changed(f"{size} zeros at {at:#x}", data, [(at, bytes(size))])


def _noise(data: bytes, rng: random.Random) -> Mutant:
    length = rng.randrange(1, 600)
    at = rng.randrange(len(data) - length)
    return _changed(f"{length} bytes of noise at {at:#x}", data, [(at, rng.randbytes(length))])


def _cut(data: bytes, rng: random.Random) -> Mutant:
    at = rng.randrange(len(data))
    return Mutant(f"cut at {at:#x}", data[:at], ((at, len(data)),))


def _swap(data: bytes, rng: random.Random) -> Mutant:
    one, two = (rng.randrange(len(data) // PAGE) * PAGE for _ in range(2))
    return _changed(f"pages {one:#x} and {two:#x} swapped", data, [
        (one, data[two:two + PAGE]), (two, data[one:one + PAGE])])


def _shift(data: bytes, rng: random.Random) -> Mutant:
    at = rng.randrange(len(data) - 64)
    gap = rng.randrange(1, 16)
    return Mutant(f"{gap} bytes taken out at {at:#x}", data[:at] + data[at + gap:],
                  ((at, len(data)),))


def weigh(whole: Whole, mutant: Mutant, tally: Tally) -> None:
    """Reads a mutant and counts; anything but an EvidenceError goes through."""
    want = [leaf for leaf, start, end in whole.leaves
            if not any(a < end and b > start for a, b in mutant.touched)]
    try:
        found = vmcx.open_vmcx(Memory(mutant.data))
        assert all(value.key for value in found.former)
        settings, noticed = found.settings, bool(found.notices)
    except EvidenceError:
        settings, noticed = (), True
    got, paths = Counter(map(fact, settings)), {(leaf.key, leaf.text) for leaf in settings}
    wanted = Counter(map(fact, want))
    tally.untouched += len(want)
    tally.kept += (got & wanted).total()
    tally.in_place += sum((leaf.key, leaf.text) in paths for leaf in want)
    known = {fact(leaf) for leaf, _, _ in whole.leaves}
    new = {(name, text) for name, _, text in got.keys() - known}
    tally.invented += len(new - whole.former)
    tally.outdated += len(new & whole.former)
    every = Counter(fact(leaf) for leaf, _, _ in whole.leaves)
    tally.silent += not noticed and bool(every - got)


def fact(leaf: Setting) -> Fact:
    """What a leaf says wherever it stands."""
    return leaf.key.rpartition("/")[2].partition("[")[0], leaf.type, leaf.text
