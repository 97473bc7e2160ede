"""Damage for decoders that are given bytes: cuts and flips, and what may come of them."""

import random
from collections.abc import Callable, Iterator

from analyzer.errors import EvidenceError


def damaged(data: bytes, count: int = 400) -> Iterator[bytes]:
    """The same `count` copies each time: cut anywhere, or with one to eight bytes changed."""
    chance = random.Random(len(data))
    for _ in range(count):
        if chance.random() < 0.3:
            yield data[:chance.randrange(len(data))]
            continue
        copy = bytearray(data)
        for _ in range(chance.randint(1, 8)):
            value = chance.choice((0, 0x7F, 0xFF, chance.randrange(256)))
            copy[chance.randrange(len(copy))] = value
        yield bytes(copy)


def outcomes(parse: Callable[[bytes], object], data: bytes, count: int = 400) -> set[str]:
    """What comes of damage: "result" and names of EvidenceErrors; anything else is raised."""
    seen = set()
    for copy in damaged(data, count):
        try:
            parse(copy)
        except EvidenceError as error:
            seen.add(type(error).__name__)
        else:
            seen.add("result")
    return seen
