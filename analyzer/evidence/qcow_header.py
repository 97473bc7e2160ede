r"""The header of a QCOW image. Big-endian.

    0  "QFI\xfb"  4 version u32  8 backing name offset u64  16 its length u32
    versions 2, 3:  20 cluster bits u32  24 size u64  32 encryption u32  36 L1 entries u32
                    40 L1 offset u64  version 3: 72 incompatible features u64
    version 1:      24 size u64  32 cluster bits u8  33 L2 bits u8  36 encryption u32
                    40 L1 offset u64

Source: as in `qcow`.
"""

import struct
from typing import Final, NamedTuple

from analyzer.blocks import Blocks
from analyzer.errors import Corrupt, NotThisFormat, Unsupported

_MAGIC: Final = b"QFI\xfb"
_LARGEST_L1: Final = 32 << 20
"""Bytes; qemu refuses more."""
_FEATURES: Final = {2: "an external data file", 3: "zstd-compressed clusters",
                    4: "extended L2 entries"}
_BACKING_NAME: Final = 1023


class Header(NamedTuple):
    """Sizes and offsets in bytes; `cluster_bits` and `l2_bits` count bits of an index."""

    version: int
    size: int
    cluster_bits: int
    l2_bits: int
    l1_at: int
    l1_entries: int
    features: int


def parse(name: str, head: bytes, container: Blocks) -> Header:
    """The header, checked; raises NotThisFormat, Corrupt, Unsupported, Unreadable."""
    magic, version, backing_at, backing = struct.unpack_from(">4sIQI", head)
    if magic != _MAGIC:
        raise NotThisFormat(f"{name} is no QCOW image", 0)
    if version == 1:
        size, bits, l2_bits, encryption, l1_at = struct.unpack_from(">QBBxxIQ", head, 24)
        entries, features = -(-size // (1 << bits + l2_bits)), 0
    elif version in (2, 3):
        bits, size, encryption, entries, l1_at = struct.unpack_from(">IQIIQ", head, 20)
        l2_bits = bits - 3
        features = int.from_bytes(head[72:80], "big") if version == 3 else 0
    else:
        raise Unsupported(f"{name} is a QCOW image of version {version}", 4)
    if encryption:
        raise Unsupported(f"{name} is an encrypted QCOW image (method {encryption})")
    for bit in range(2, 64):
        if features >> bit & 1:
            what = _FEATURES.get(bit, f"unknown feature {bit}")
            raise Unsupported(f"{name} is a QCOW image with {what}", 72)
    if not (9 <= bits <= 21 and 1 <= l2_bits <= 18):
        raise Corrupt(f"{name}: clusters of 2^{bits} bytes, L2 tables of 2^{l2_bits} entries")
    if backing_at:
        text = container.read_at(backing_at, min(backing, _BACKING_NAME))
        raise Unsupported(f"{name} holds only what differs from its backing file "
                          f"{text.decode('utf-8', 'replace')!r}, and nothing proves which file "
                          "that is; join them with qemu-img convert")
    needed = -(-size // (1 << bits + l2_bits))
    if entries < needed or 8 * needed > _LARGEST_L1 or l1_at + 8 * needed > container.size:
        raise Corrupt(f"{name}: an L1 table of {entries} entries at {l1_at:#x} for a disk of "
                      f"{size} bytes", 36)
    return Header(version, size, bits, l2_bits, l1_at, needed, features)
