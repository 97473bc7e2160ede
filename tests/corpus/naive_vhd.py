"""A second, deliberately slow VHD reader: one sector at a time, straight from the specification."""

from __future__ import annotations

import struct
from collections.abc import Sequence

SECTOR = 512
ABSENT = 0xFFFFFFFF


def media_size(image: bytes) -> int:
    """Current Size, from the footer at the end of the file."""
    return int(struct.unpack_from(">Q", image, len(image) - SECTOR + 48)[0])


def kind(image: bytes) -> int:
    """Disk type field: 2 fixed, 3 dynamic, 4 differencing."""
    return int(struct.unpack_from(">I", image, len(image) - SECTOR + 60)[0])


def read_sector(image: bytes, sector: int) -> bytes | None:
    """The sector as this file holds it, or None where it says "ask the parent"."""
    if kind(image) == 2:
        return image[sector * SECTOR : (sector + 1) * SECTOR]
    header = struct.unpack_from(">Q", image, 16)[0]
    bat = struct.unpack_from(">Q", image, header + 16)[0]
    per_block = struct.unpack_from(">I", image, header + 32)[0] // SECTOR
    block, inside = divmod(sector, per_block)
    at = struct.unpack_from(">I", image, bat + 4 * block)[0]
    absent = None if kind(image) == 4 else bytes(SECTOR)
    if at == ABSENT:
        return absent
    bit = image[at * SECTOR + inside // 8] >> (7 - inside % 8) & 1
    if not bit:
        return absent
    data = at + -(-per_block // (8 * SECTOR)) + inside
    return image[data * SECTOR : (data + 1) * SECTOR]


def read_media(chain: Sequence[bytes]) -> bytes:
    """Whole media of a chain; the newest file comes first."""
    sectors = []
    for number in range(media_size(chain[0]) // SECTOR):
        for image in chain:
            if number * SECTOR >= media_size(image):
                sectors.append(bytes(SECTOR))
                break
            data = read_sector(image, number)
            if data is not None:
                sectors.append(data)
                break
        else:
            raise AssertionError(f"sector {number} is in no layer")
    return b"".join(sectors)
