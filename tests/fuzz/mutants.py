"""Damage to an image, aimed at its structures; never to the file itself.

A mutant is a list of patches, plain enough to be kept as JSON (tests/regress).
"""

import random
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from analyzer.blocks import Blocks, ExtentMap
from analyzer.errors import Unreadable
from tests.fuzz.surface import Span, Surface, attributes, register_records

WORDS: Final = (0, 1, 2, 7, 0x18, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 1 << 20,
                (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 62), (1 << 63) - 1, 1 << 63,
                (1 << 64) - 1)
"""Values at the borders of what a field may hold."""


@dataclass(frozen=True)
class Patch:
    """What a read of [offset, offset + length) meets.

    how  "data" `data` stands there, "unreadable", "flicker" `data` at every second read,
         "slow" the bytes as they are, late
    """

    offset: int
    length: int
    data: bytes = b""
    how: str = "data"

    def to_json(self) -> list[Any]:
        return [self.offset, self.length, self.how, self.data.hex()]

    @classmethod
    def from_json(cls, value: Sequence[Any]) -> "Patch":
        return cls(value[0], value[1], bytes.fromhex(value[3]), value[2])


@dataclass(frozen=True)
class Mutant:
    """What was done, and where in the image; `size` where it was cut."""

    name: str
    patches: tuple[Patch, ...]
    size: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "size": self.size,
                "patches": [patch.to_json() for patch in self.patches]}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Mutant":
        return cls(value["name"], tuple(map(Patch.from_json, value["patches"])), value["size"])

    @property
    def is_known_missing(self) -> bool:
        """Whether bytes cannot be read at all, which a reader cannot fail to see."""
        return self.size is not None or any(p.how == "unreadable" for p in self.patches)

    def spans(self, whole: int) -> list[tuple[int, int]]:
        """(start, end) of all that is not as it was, in an image of `whole` bytes."""
        cut = [(self.size, whole)] if self.size is not None else []
        return cut + [(p.offset, p.offset + p.length) for p in self.patches]

    def spares(self, whole: int, spans: Sequence[tuple[int, int]]) -> bool:
        """Whether none of the (start, end) spans is touched."""
        return not any(low < end and start < high for low, high in self.spans(whole)
                       for start, end in spans)


@dataclass(frozen=True)
class Damaged:
    """`whole` with the patches of a mutant over it."""

    whole: Blocks
    mutant: Mutant
    reads: list[int] = field(default_factory=lambda: [0])

    @property
    def size(self) -> int:
        return self.whole.size if self.mutant.size is None else self.mutant.size

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        if end <= offset:
            return b""
        whole = self.whole.read_at(offset, end - offset)
        patches = [patch for patch in self.mutant.patches
                   if patch.offset < end and offset < patch.offset + patch.length]
        if not patches:
            return whole
        data = bytearray(whole)
        for patch in patches:
            low, high = max(offset, patch.offset), min(end, patch.offset + patch.length)
            if self._is_seen(patch, low, high):
                data[low - offset:high - offset] = \
                    patch.data[low - patch.offset:high - patch.offset]
        return bytes(data)

    def _is_seen(self, patch: Patch, low: int, high: int) -> bool:
        if patch.how == "unreadable":
            raise Unreadable("bad sector", low, high - low)
        if patch.how == "slow":
            time.sleep(0.002)
        self.reads[0] += 1
        return patch.how == "data" or (patch.how == "flicker" and self.reads[0] % 2 == 0)

    def extents(self) -> ExtentMap | None:
        return None


Draw = random.Random
Made = tuple[Patch, ...]


def _flip(span: Span, whole: Blocks, draw: Draw) -> Made:
    patches = []
    for _ in range(draw.choice([1, 1, 2, 4])):
        at = span[0] + draw.randrange(span[1])
        patches.append(Patch(at, 1, bytes([whole.read_at(at, 1)[0] ^ 1 << draw.randrange(8)])))
    return tuple(patches)


def _integer(span: Span, whole: Blocks, draw: Draw) -> Made:
    """A border value where a field may stand: aligned, 1 to 8 bytes, either byte order."""
    size = draw.choice([1, 2, 2, 4, 4, 8])
    at = min(draw.randrange(0, span[1], min(size, span[1])), max(0, span[1] - size))
    value = draw.choice(WORDS) & ((1 << 8 * size) - 1)
    data = value.to_bytes(size, draw.choice(["little", "little", "big"]))[:span[1] - at]
    return (Patch(span[0] + at, len(data), data),)


def _piece(span: Span, draw: Draw) -> Span:
    start = draw.randrange(span[1])
    return span[0] + start, min(span[1] - start, draw.choice([2, 4, 8, 64, 512, 4096]))


def _zero(span: Span, whole: Blocks, draw: Draw) -> Made:
    at, length = span if draw.random() < 0.4 else _piece(span, draw)
    return (Patch(at, length, bytes(length)),)


def _ones(span: Span, whole: Blocks, draw: Draw) -> Made:
    at, length = _piece(span, draw)
    return (Patch(at, length, b"\xff" * length),)


def _noise(span: Span, whole: Blocks, draw: Draw) -> Made:
    at, length = _piece(span, draw)
    return (Patch(at, length, draw.randbytes(length)),)


def _unreadable(span: Span, whole: Blocks, draw: Draw) -> Made:
    patches = []
    for _ in range(draw.choice([1, 1, 1, 3])):
        sector = (span[0] + draw.randrange(span[1])) & ~511
        patches.append(Patch(sector, 512 * draw.choice([1, 1, 8, 64]), how="unreadable"))
    return tuple(patches)


def _flicker(span: Span, whole: Blocks, draw: Draw) -> Made:
    """Bytes that are not the same each time, as from a dying disk."""
    return tuple(Patch(p.offset, p.length, p.data, "flicker")
                 for p in draw.choice([_flip, _zero, _noise])(span, whole, draw))


def _slow(span: Span, whole: Blocks, draw: Draw) -> Made:
    return (Patch(span[0], span[1], how="slow"),)


def _header(span: Span, whole: Blocks, draw: Draw) -> Made:
    """One field of one attribute's header in an MFT record."""
    found = list(attributes(whole.read_at(*span)))
    if not found:
        return _integer(span, whole, draw)
    place, length = draw.choice(found)
    start, size = draw.choice([(0, 4), (4, 4), (8, 1), (9, 1), (10, 2), (12, 2), (14, 2), (16, 4),
                               (20, 2), (24, 8), (32, 2), (34, 2), (40, 8), (48, 8), (56, 8)])
    if start + size > length:
        start, size = 4, 4
    at = span[0] + place + start
    return (Patch(at, size, _near(whole, at, size, draw)),)


def _near(whole: Blocks, at: int, size: int, draw: Draw) -> bytes:
    """A border value, or one a little beside what stands there."""
    old = int.from_bytes(whole.read_at(at, size), "little")
    value = draw.choice([*WORDS, old + 1, old - 1, old + 8, old - 8, old * 2, old ^ 0x80])
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def _node(span: Span, whole: Blocks, draw: Draw) -> Made:
    """One field of an index block: its header, or an entry's."""
    block = span[0] + draw.randrange(0, max(1, span[1]), 4096)
    raw = whole.read_at(block, 4096)
    entries = [24 + struct.unpack_from("<I", raw, 24)[0]] if len(raw) >= 64 else [0]
    while raw[:4] == b"INDX" and entries[-1] + 16 < len(raw) and len(entries) < 200:
        length, flags = struct.unpack_from("<H2xH", raw, entries[-1] + 8)
        if length < 16 or flags & 2:
            break
        entries.append(entries[-1] + length)
    if draw.random() < 0.3 or len(raw) < 4096:
        start, size = draw.choice([(0, 4), (4, 2), (6, 2), (16, 8), (24, 4), (28, 4), (32, 4),
                                   (36, 4)])
    else:
        start, size = draw.choice([(0, 8), (6, 2), (8, 2), (10, 2), (12, 2), (16, 8), (72, 4),
                                   (80, 1), (81, 1)])
        start += draw.choice(entries)
    return (Patch(block + start, size, _near(whole, block + start, size, draw)),)


def _cell(span: Span, whole: Blocks, draw: Draw) -> Made:
    """A field of a hive's cell: size, signature, or one of the first words behind it."""
    at = span[0] + draw.randrange(0, max(1, span[1]), 8)
    start, size = draw.choice([(0, 4), (4, 2), (6, 2), (8, 4), (24, 4), (28, 4), (32, 4), (40, 4),
                               (44, 4), (76, 2)])
    return (Patch(at + start, size, _near(whole, at + start, size, draw)),)


How = Callable[[Span, Blocks, Draw], Made]
ANYWHERE: Final[dict[str, How]] = {
    "flip": _flip, "integer": _integer, "zero": _zero, "ones": _ones, "noise": _noise,
    "unreadable": _unreadable, "flicker": _flicker, "slow": _slow}
_WEIGHTS: Final = (6, 6, 3, 2, 3, 4, 1, 1)
SPECIAL: Final[dict[str, How]] = {
    "record": _header, "register record": _header, "index": _node, "hive": _cell}
"""What else is done to a kind of place."""


def _splice(found: Surface, whole: Blocks, draw: Draw) -> Made:
    """One MFT record written over another, as a lost write does."""
    (source, size), (target, _) = draw.sample(sorted(found.records.values()), 2)
    return (Patch(target, size, whole.read_at(source, size)),)


def _cut(found: Surface, draw: Draw) -> int:
    spans = found.spots[draw.choice([kind for kind, spans in found.spots.items() if spans])]
    at, length = draw.choice(spans)
    return (at + draw.randrange(length)) & ~511


def mutant(found: Surface, whole: Blocks, seed: int, number: int) -> Mutant:
    """Mutant `number` of a seed: always the same one."""
    draw = random.Random(seed * 1_000_003 + number)
    spots = {"record": sorted(found.records.values()),
             "register record": register_records(found), **found.spots}
    kinds = [kind for kind, spans in spots.items() if spans] + ["cut"]
    kind = draw.choice(kinds + ["splice"] * (len(found.records) > 1))
    if kind == "splice":
        return Mutant(f"{number} splice", _splice(found, whole, draw))
    if kind == "cut":
        return Mutant(f"{number} cut", (), _cut(found, draw))
    span = draw.choice(spots[kind])
    if kind in SPECIAL and draw.random() < 0.4:
        return Mutant(f"{number} {kind} field", SPECIAL[kind](span, whole, draw))
    (how,) = draw.choices(list(ANYWHERE), _WEIGHTS)
    return Mutant(f"{number} {kind} {how}", ANYWHERE[how](span, whole, draw))
