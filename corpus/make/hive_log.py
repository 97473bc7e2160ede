"""Transaction logs for a hive: what turns the hive before a change into the hive after it.

Old logs (Windows up to 8) list pages of 512 bytes in a bitmap, new ones (8.1 and later) hold
entries with Marvin32 hashes. Layouts: the module text of analyzer/formats/hive_log.py names the
source; the hash here is a table-free writing of its own, so that the two can disagree.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

_PAGE, _SECTOR = 4096, 512


def dirty(hive: bytes, sequence: int | None = None) -> bytes:
    """The hive as a crash leaves it: its first sequence number is one ahead of the second."""
    out = bytearray(hive)
    second = struct.unpack_from("<I", out, 8)[0] if sequence is None else sequence
    struct.pack_into("<II", out, 4, second + 1, second)
    return sealed(out)


def new_log(before: bytes, after: bytes, first: int, pages_in_entry: int = 2) -> bytes:
    """A log of entries numbered from `first` that lead from `before` to `after`."""
    changed = _changed(before, after, _PAGE)
    out = bytearray(_base(after, first, kind=6))
    for number, at in enumerate(range(0, len(changed), pages_in_entry)):
        out += entry(after, changed[at:at + pages_in_entry], first + number)
    return bytes(out)


def entry(after: bytes, pages: Sequence[int], sequence: int) -> bytes:
    """One entry with these pages (numbers of 4096 bytes in the bins)."""
    body = b"".join(struct.pack("<II", page * _PAGE, _PAGE) for page in pages)
    body += b"".join(after[_PAGE * (page + 1):_PAGE * (page + 2)] for page in pages)
    body += bytes(-(40 + len(body)) % _SECTOR)
    head = struct.pack("<4s5I", b"HvLE", 40 + len(body), 1, sequence, len(after) - _PAGE,
                       len(pages)) + struct.pack("<Q", marvin(body))
    return head + struct.pack("<Q", marvin(head)) + body


def old_log(before: bytes, after: bytes) -> bytes:
    """A log with a bitmap of the sectors that differ."""
    changed = _changed(before, after, _SECTOR)
    bits = bytearray((len(after) - _PAGE) // _SECTOR // 8)
    for page in changed:
        bits[page // 8] |= 1 << page % 8
    vector = b"DIRT" + bits
    out = _base(after, struct.unpack_from("<I", after, 4)[0], kind=1)
    out += vector + bytes(-len(vector) % _SECTOR)
    return out + b"".join(after[_PAGE + _SECTOR * page:_PAGE + _SECTOR * (page + 1)]
                          for page in changed)


def _base(hive: bytes, sequence: int, kind: int) -> bytes:
    out = bytearray(hive[:_SECTOR])
    struct.pack_into("<II", out, 4, sequence, sequence)
    struct.pack_into("<I", out, 28, kind)
    return sealed(out)


def _changed(before: bytes, after: bytes, size: int) -> list[int]:
    """Numbers of the pieces of the bins that differ."""
    return [number for number, at in enumerate(range(_PAGE, len(after), size))
            if before[at:at + size] != after[at:at + size]]


def sealed(block: bytearray) -> bytes:
    """The base block's checksum set."""
    total = 0
    for (word,) in struct.iter_unpack("<I", block[:508]):
        total ^= word
    struct.pack_into("<I", block, 508, {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(total, total))
    return bytes(block)


def marvin(data: bytes) -> int:
    """Marvin32 with the seed of registry logs, both halves."""
    state = [0x7A4E55C5, 0x82EF4D88]
    padded = data + b"\x80" + bytes(-(len(data) + 1) % 4) + bytes(4)
    for at in range(0, len(padded), 4):
        state[0] = (state[0] + int.from_bytes(padded[at:at + 4], "little")) % 2**32
        for turn, other in ((20, 9), (27, 19)):
            state[1] ^= state[0]
            state[0] = (_turned(state[0], turn) + state[1]) % 2**32
            state[1] = _turned(state[1], other)
    return state[1] * 2**32 + state[0]


def _turned(word: int, bits: int) -> int:
    return (word << bits) % 2**32 + (word >> 32 - bits)
