"""Host Networking Service: networks and endpoints of containers and machines, as it stores them.

A bag of properties, little-endian:

    u16 FFFEh, properties, u16 FFFDh
    property: u16 type, u32 flags, name, value; a text is u32 characters with NUL, UTF-16LE
    types: 1 u32 yes or no, 2 u32, 3 u64, 4 GUID, 5 text, 6 u32 number of texts,
           7 bag, 8 u32 number of bags

Values of `Services\\hns\\State\\HostComputeNetwork\\{Persistent,Volatile}Store\\<kind>` in SYSTEM
are such bags. Source: a public reader of them (docs/formats/hns.md) with a real endpoint.

Bounds: LARGEST bytes, MOST properties in all, DEEPEST bags in bags.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from analyzer.errors import Corrupt, NotThisFormat

LARGEST: Final = 64 << 20
MOST: Final = 20_000
DEEPEST: Final = 16
_BEGIN, _END = 0xFFFE, 0xFFFD
Property = tuple[str, str | int]
"""(path of names with backslashes, value); times stay numbers."""


@dataclass(slots=True)
class Bag:
    """Its properties in order, those of inner bags by path: `Policies[0]\\Type`.

    end  offset behind it in the data it was read from
    """

    properties: list[Property] = field(default_factory=list)
    end: int = 0

    def text(self, name: str) -> str:
        """The first property of this name as text; "" where it is absent."""
        return next((str(value) for known, value in self.properties if known == name), "")

    def number(self, name: str) -> int | None:
        """The first property of this name that is a number."""
        return next((value for known, value in self.properties
                     if known == name and isinstance(value, int)), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Texts of every property whose last name is this."""
        return tuple(str(value) for known, value in self.properties
                     if known.rpartition("\\")[2] == name)


def parse(data: bytes, at: int = 0) -> Bag:
    """The bag at `at`; raises NotThisFormat where none begins, Corrupt where it is damaged."""
    if data[at:at + 2] != b"\xfe\xff":
        raise NotThisFormat("no bag of properties", at)
    bag = Bag()
    try:
        bag.end = _bag(data, at, "", bag.properties, 0)
    except struct.error as error:
        raise Corrupt("a bag of properties cut", len(data)) from error
    return bag


def carve(data: bytes) -> Iterator[tuple[int, Bag]]:
    """(offset, bag) of every whole bag with an ID in a file of another form, outermost first."""
    at = data.find(b"\xfe\xff")
    while at >= 0:
        following = at + 1
        try:
            bag = parse(data, at)
        except (Corrupt, NotThisFormat):
            pass
        else:
            following = bag.end
            if bag.text("ID"):
                yield at, bag
        at = data.find(b"\xfe\xff", following)


def _bag(data: bytes, at: int, path: str, found: list[Property], depth: int) -> int:
    if depth > DEEPEST:
        raise Corrupt(f"bags nested deeper than {DEEPEST}", at)
    if struct.unpack_from("<H", data, at)[0] != _BEGIN:
        raise Corrupt("no bag where one should be", at)
    at += 2
    while struct.unpack_from("<H", data, at)[0] != _END:
        at = _property(data, at, path, found, depth)
    return at + 2


def _property(data: bytes, at: int, path: str, found: list[Property], depth: int) -> int:
    if len(found) >= MOST:
        raise Corrupt(f"more than {MOST} properties", at)
    kind, _ = struct.unpack_from("<HI", data, at)
    name, at = _text(data, at + 6)
    key = f"{path}{name}"
    if kind in (1, 2):
        found.append((key, struct.unpack_from("<I", data, at)[0]))
        return at + 4
    if kind == 3:
        found.append((key, struct.unpack_from("<Q", data, at)[0]))
        return at + 8
    if kind == 4:
        raw, = struct.unpack_from("<16s", data, at)
        found.append((key, str(UUID(bytes_le=raw)).upper()))
        return at + 16
    if kind == 5:
        text, at = _text(data, at)
        found.append((key, text))
        return at
    if kind == 7:
        return _bag(data, at, f"{key}\\", found, depth + 1)
    if kind in (6, 8):
        return _list(data, at, key, found, depth, is_bags=kind == 8)
    raise Corrupt(f"a property of type {kind}", at)


def _list(data: bytes, at: int, key: str, found: list[Property], depth: int, *,
          is_bags: bool) -> int:
    count, = struct.unpack_from("<I", data, at)
    at += 4
    if count > MOST:
        raise Corrupt(f"a list of {count}", at)
    for number in range(count):
        if is_bags:
            at = _bag(data, at, f"{key}[{number}]\\", found, depth + 1)
        else:
            text, at = _text(data, at)
            found.append((f"{key}[{number}]", text))
    return at


def _text(data: bytes, at: int) -> tuple[str, int]:
    length, = struct.unpack_from("<I", data, at)
    end = at + 4 + 2 * length
    if end > len(data):
        raise Corrupt(f"a text of {length} characters past the end", at)
    return data[at + 4:end].decode("utf-16-le", "backslashreplace").partition("\0")[0], end
