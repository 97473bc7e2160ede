"""$Secure:$SDS, the store of security descriptors of an NTFS 3.x volume.

Blocks of 256 KiB, each followed by its copy; entries lie on multiples of 16 and cross no block:

    0  u32 hash of the descriptor   4  u32 security id   8  u64 offset of this entry in the stream
    16 u32 bytes of the entry, these 20 included         20 descriptor

The store is gone through once, headers only, and the descriptor is checked when it is asked for:
by its hash, in the block and else in the copy. $SII, the index by id, is not needed for that.

Bounds: MOST bytes of store, LARGEST bytes of a descriptor.

Sources: ntfs-3g layout.h; Carrier, File System Forensic Analysis, chapter 13;
docs/formats/security.md.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from analyzer.blocks import Blocks
from analyzer.errors import Corrupt, EvidenceError, Notice
from analyzer.formats.security_descriptor import LARGEST

BLOCK: Final = 256 * 1024
MOST: Final = 256 << 20
"""Bytes, copies included; a volume with a million files has a few."""
_HEADER = struct.Struct("<IIQI")


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an entry is: `at` in $SDS, and the bytes of its descriptor."""

    security_id: int
    hash: int
    at: int
    length: int


@dataclass(slots=True)
class SecurityStore:
    """The store in `blocks`, the $SDS stream; `report` gets what is odd about it."""

    blocks: Blocks
    report: Callable[[Notice], None]
    _entries: dict[int, Stored] | None = field(default=None)

    @property
    def entries(self) -> dict[int, Stored]:
        """Security id -> entry; the first of several that claim an id."""
        if self._entries is None:
            self._entries = {}
            for entry in self._scan():
                self._entries.setdefault(entry.security_id, entry)
        return self._entries

    def descriptor(self, security_id: int) -> bytes:
        """The descriptor with this id, its hash checked; raises Corrupt, Unreadable."""
        entry = self.entries.get(security_id)
        if entry is None:
            raise Corrupt(f"security id {security_id} is not in $Secure")
        failure: EvidenceError | None = None
        for at in (entry.at, entry.at + BLOCK):
            try:
                data = self.blocks.read_at(at + _HEADER.size, entry.length)
            except EvidenceError as error:
                failure = failure or error
                continue
            if descriptor_hash(data) == entry.hash and len(data) == entry.length:
                if failure is not None:
                    self._say(f"descriptor {security_id}: {failure}", "its copy is used", entry.at)
                return data
            failure = failure or Corrupt(f"descriptor {security_id} is not what its hash says", at)
        assert failure is not None
        raise failure

    def descriptors(self) -> Iterator[tuple[int, int, bytes]]:
        """(security id, offset of its entry, descriptor) of all; what is damaged is reported."""
        for security_id, entry in self.entries.items():
            try:
                yield security_id, entry.at, self.descriptor(security_id)
            except EvidenceError as error:
                self._say(str(error), "this descriptor is missing", entry.at)

    def _scan(self) -> Iterator[Stored]:
        size = self.blocks.size
        if size > MOST:
            self._say(f"$SDS of {size} bytes", f"only {MOST} are looked through", MOST)
            size = MOST
        for start in range(0, size, 2 * BLOCK):
            block, copy = self._read(start), self._read(start + BLOCK)
            if not block and not copy:
                self._say("a block of $SDS and its copy cannot be read",
                          "the descriptors in it are missing", start)
            yield from self._block(start, block, copy)

    def _read(self, at: int) -> bytes:
        """A block; empty where it cannot be read or is past the end."""
        try:
            return self.blocks.read_at(at, BLOCK) if at < self.blocks.size else b""
        except EvidenceError:
            return b""

    def _block(self, start: int, block: bytes, copy: bytes) -> Iterator[Stored]:
        """Entries of one block, and a notice about the first bytes that are none.

        Behind the last entry of a block Windows leaves what was there before; the stream ends
        where the copy of the last entry does, so that there the end is known.
        """
        used = self.blocks.size - start - BLOCK
        end = max(len(block.rstrip(b"\0")), len(copy.rstrip(b"\0")))
        at, lost, is_damage = 0, None, False
        while at < end:
            entry = _better(block, copy, at, start)
            if entry is not None:
                is_damage = is_damage or lost is not None
                yield entry
                at += -(-(_HEADER.size + entry.length) // 16) * 16
                continue
            if lost is None and (any(block[at:at + 16]) or any(copy[at:at + 16])):
                lost, is_damage = start + at, at == 0 or at < used < BLOCK
            at += 16
        if lost is not None and is_damage:
            self._say("bytes between the entries of $SDS that are none",
                      "descriptors there are missing", lost)

    def _say(self, what: str, effect: str, at: int) -> None:
        self.report(Notice("NTFS-SECURE", what, effect, at))


def _entry(block: bytes, at: int, start: int) -> Stored | None:
    """The entry at `at` of a block that begins at `start` of the stream, if one is there."""
    if at + _HEADER.size > len(block):
        return None
    digest, number, own, size = _HEADER.unpack_from(block, at)
    if own != start + at or not number or not _HEADER.size + 20 <= size <= LARGEST:
        return None
    if at + size > BLOCK or size % 4:  # its hash covers whole words only
        return None
    return Stored(number, digest, own, size - _HEADER.size)


def _better(block: bytes, copy: bytes, at: int, start: int) -> Stored | None:
    """The entry there; where block and copy do not agree, the one whose hash is right.

    The hash does not cover the id: where the same entry has two of them, neither is believed.
    """
    first, second = _entry(block, at, start), _entry(copy, at, start)
    if first == second:
        return first
    if at + _HEADER.size <= min(len(block), len(copy)):
        one, other = _HEADER.unpack_from(block, at), _HEADER.unpack_from(copy, at)
        if one[1] != other[1] and (one[0] == other[0] or one[3] == other[3]):
            return None
    if first is None or second is None:
        return first or second
    begin = at + _HEADER.size
    is_good = descriptor_hash(block[begin:begin + first.length]) == first.hash
    return first if is_good else second


def descriptor_hash(data: bytes) -> int:
    """What $SDS keeps of a descriptor: rotate left by 3, add the next 32 bits."""
    value = 0
    for (word,) in struct.iter_unpack("<I", data[:len(data) & ~3]):
        value = ((value << 3 | value >> 29) + word) & 0xFFFF_FFFF
    return value
