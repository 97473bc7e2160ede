"""Virtual hard disk (VHD) writer: fixed, dynamic and differencing, as Windows lays them out.

Layout of a dynamic or differencing file, all integers big-endian::

    0x000  footer copy (512)
    0x200  dynamic header (1024): BAT offset, block size, parent identity, 8 parent locators
    0x1000 W2ku text (differencing only), BAT, W2ru text
    ...    blocks: sector bitmap (rounded up to 512, MSB first) + block_size bytes of data
    end    footer (512)

A fixed file is the media and then the footer. Source: Microsoft "Virtual Hard Disk Image Format
Specification" 1.0 (2006); places of locators and BAT in differencing files as measured on disks
made by Windows (field guide 8.2: locator space counts bytes, text is UTF-16LE without NUL).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

SECTOR = 512
JUNK = b"\xdb"
"""What fills absent sectors inside a present block: a reader that shows it ignored the bitmap."""
NO_PARENT = bytes(16)
ABSENT = 0xFFFFFFFF
_NOWHERE = 0xFFFFFFFFFFFFFFFF
_FIXED, _DYNAMIC, _DIFFERENCING = 2, 3, 4
_HEADER_AT = 0x200
_LOCATORS_MAX = 8
_LOCATOR_SPACE: Mapping[bytes, int] = {b"W2ru": 0x10000}
_LOCATOR_SPACE_DEFAULT = 0x1000

Presence = Sequence[bool] | Sequence[int] | bytes
"""One truthy or falsy item for each sector of the media."""


def geometry(sectors: int) -> tuple[int, int, int]:
    """Cylinders, heads and sectors per track for a disk of `sectors` (specification, appendix)."""
    total = min(sectors, 65535 * 16 * 255)
    if total >= 65535 * 16 * 63:
        return total // 255 // 16, 16, 255
    per_track, tracks = 17, total // 17
    heads = max((tracks + 1023) // 1024, 4)
    if tracks >= heads * 1024 or heads > 16:
        per_track, heads, tracks = 31, 16, total // 31
    if tracks >= heads * 1024:
        per_track, heads, tracks = 63, 16, total // 63
    return tracks // heads, heads, per_track


def checksum(structure: bytes) -> int:
    """One's complement of the byte sum; the checksum field itself must be zero in `structure`."""
    return ~sum(structure) & 0xFFFFFFFF


def footer(
    size: int,
    kind: int,
    *,
    unique_id: bytes,
    created: int,
    creator: bytes = b"win ",
    creator_version: int = 0x00060000,
    host_os: bytes = b"Wi2k",
    saved_state: bool = False,
    original_size: int | None = None,
) -> bytes:
    """The 512-byte footer; `size` (bytes) becomes Current Size, `created` is seconds since 2000."""
    if len(unique_id) != 16 or len(creator) != 4 or len(host_os) != 4:
        raise ValueError("unique_id takes 16 bytes, creator and host_os 4")
    cylinders, heads, per_track = geometry(size // SECTOR)
    body = struct.pack(
        ">8sIIQI4sI4sQQHBBII16sB",
        b"conectix",
        2,
        0x00010000,
        _NOWHERE if kind == _FIXED else _HEADER_AT,
        created,
        creator,
        creator_version,
        host_os,
        size if original_size is None else original_size,
        size,
        cylinders,
        heads,
        per_track,
        kind,
        0,
        unique_id,
        saved_state,
    ).ljust(SECTOR, b"\0")
    return body[:64] + struct.pack(">I", checksum(body)) + body[68:]


def fixed(
    media: bytes,
    *,
    unique_id: bytes,
    created: int,
    creator: bytes = b"win ",
    creator_version: int = 0x00060000,
    host_os: bytes = b"Wi2k",
    saved_state: bool = False,
    original_size: int | None = None,
) -> bytes:
    """A fixed VHD: the media, then the footer."""
    _sectors(media)
    return bytes(media) + footer(
        len(media),
        _FIXED,
        unique_id=unique_id,
        created=created,
        creator=creator,
        creator_version=creator_version,
        host_os=host_os,
        saved_state=saved_state,
        original_size=original_size,
    )


def dynamic(
    media: bytes,
    *,
    unique_id: bytes,
    created: int,
    block_size: int = 2 << 20,
    order: Sequence[int] | None = None,
    skip_zero: bool = True,
    bat_offset: int = 0x600,
    align: int = SECTOR,
    creator: bytes = b"win ",
    creator_version: int = 0x00060000,
    host_os: bytes = b"Wi2k",
    saved_state: bool = False,
    original_size: int | None = None,
) -> bytes:
    """A dynamic VHD; blocks of zeros are not stored when `skip_zero`.

    `order` is the physical order of stored blocks: listed blocks that are not stored are passed
    over, stored blocks that are not listed follow at the end. `align` is what the data (not the
    bitmap) of the first block is aligned to, in bytes.
    """
    blocks: dict[int, bytes] = {}
    sectors = block_size // SECTOR
    for index, data in enumerate(_blocks(media, block_size)):
        if not skip_zero or data.strip(b"\0"):
            blocks[index] = _bitmap([1] * sectors) + data
    tail = footer(
        len(media),
        _DYNAMIC,
        unique_id=unique_id,
        created=created,
        creator=creator,
        creator_version=creator_version,
        host_os=host_os,
        saved_state=saved_state,
        original_size=original_size,
    )
    entries = -(-len(media) // block_size)
    head = _header(entries, block_size, bat_offset)
    return _assemble(tail, head, {}, bat_offset, entries, blocks, order, align)


def differencing(
    media: bytes,
    present: Presence,
    *,
    unique_id: bytes,
    created: int,
    parent_id: bytes,
    parent_name: str,
    locators: Sequence[tuple[bytes, str]] = (),
    parent_time: int = 0,
    block_size: int = 2 << 20,
    order: Sequence[int] | None = None,
    align: int = SECTOR,
    creator: bytes = b"win ",
    creator_version: int = 0x00060000,
    host_os: bytes = b"Wi2k",
    saved_state: bool = False,
    original_size: int | None = None,
) -> bytes:
    """A differencing VHD that holds exactly the sectors of `media` marked in `present`.

    A block with no present sector is absent from the BAT; absent sectors inside a present block
    are filled with `JUNK`. `locators` are (code, text): b"W2ku" absolute and b"W2ru" relative.
    The rest as for `dynamic`.
    """
    if len(present) != _sectors(media):
        raise ValueError(f"{len(present)} presence items for {_sectors(media)} sectors")
    if len(parent_id) != 16 or len(locators) > _LOCATORS_MAX:
        raise ValueError("parent_id takes 16 bytes, and there is room for 8 locators")
    entries = -(-len(media) // block_size)
    bat_offset, texts, table = _place_locators(locators, entries)
    tail = footer(
        len(media),
        _DIFFERENCING,
        unique_id=unique_id,
        created=created,
        creator=creator,
        creator_version=creator_version,
        host_os=host_os,
        saved_state=saved_state,
        original_size=original_size,
    )
    head = _header(entries, block_size, bat_offset, parent_id, parent_time, parent_name, table)
    blocks = _present_blocks(media, present, block_size)
    return _assemble(tail, head, texts, bat_offset, entries, blocks, order, align)


def diff(parent_media: bytes, child_media: bytes) -> bytes:
    """Presence, one byte 0 or 1 a sector: the sectors of the child that differ from the parent.

    Beyond the end of a smaller parent every sector of the child that is not zero is present.
    """
    count = _sectors(child_media)
    parent = bytes(parent_media[: len(child_media)]).ljust(len(child_media), b"\0")
    out = bytearray(count)
    step = 4096
    for first in range(0, count, step):
        at, end = first * SECTOR, min(first + step, count) * SECTOR
        if parent[at:end] == child_media[at:end]:
            continue
        for sector in range(first, end // SECTOR):
            here = slice(sector * SECTOR, (sector + 1) * SECTOR)
            out[sector] = parent[here] != child_media[here]
    return bytes(out)


def _sectors(media: bytes) -> int:
    if len(media) % SECTOR:
        raise ValueError(f"media of {len(media)} bytes is not a whole number of sectors")
    return len(media) // SECTOR


def _blocks(media: bytes, block_size: int) -> list[bytes]:
    if block_size < SECTOR or block_size & (block_size - 1):
        raise ValueError(f"block size {block_size} is not a power of two from 512 up")
    _sectors(media)
    return [
        bytes(media[at : at + block_size]).ljust(block_size, b"\0")
        for at in range(0, len(media), block_size)
    ]


def _bitmap(present: Presence) -> bytes:
    """Sector bitmap, most significant bit first, rounded up to whole sectors."""
    out = bytearray(-(-len(present) // (8 * SECTOR)) * SECTOR)
    for index, here in enumerate(present):
        if here:
            out[index >> 3] |= 0x80 >> (index & 7)
    return bytes(out)


def _present_blocks(media: bytes, present: Presence, block_size: int) -> dict[int, bytes]:
    per_block = block_size // SECTOR
    blocks: dict[int, bytes] = {}
    for index, data in enumerate(_blocks(media, block_size)):
        flags = [bool(here) for here in present[index * per_block : (index + 1) * per_block]]
        if any(flags):
            flags += [False] * (per_block - len(flags))
            body = b"".join(
                data[at * SECTOR : (at + 1) * SECTOR] if here else JUNK * SECTOR
                for at, here in enumerate(flags)
            )
            blocks[index] = _bitmap(flags) + body
    return blocks


def _place_locators(
    locators: Sequence[tuple[bytes, str]], entries: int
) -> tuple[int, dict[int, bytes], bytes]:
    """BAT offset, text by file offset, and the locator table; W2ku lies before the BAT."""
    texts: dict[int, bytes] = {}
    rows: list[bytes] = []
    at, bat_offset = 0x1000, 0
    for code, text in sorted(locators, key=lambda locator: locator[0] != b"W2ku"):
        if code != b"W2ku" and not bat_offset:
            bat_offset, at = at, _up(at + 4 * entries, 0x1000)
        data = text.encode("utf-16-le")
        space = max(_LOCATOR_SPACE.get(code, _LOCATOR_SPACE_DEFAULT), _up(len(data), 0x1000))
        rows.append(struct.pack(">4sIIIQ", code, space, len(data), 0, at))
        texts[at] = data.ljust(space, b"\0")
        at += space
    return bat_offset or at, texts, b"".join(rows)


def _header(
    entries: int,
    block_size: int,
    bat_offset: int,
    parent_id: bytes = NO_PARENT,
    parent_time: int = 0,
    parent_name: str = "",
    locators: bytes = b"",
) -> bytes:
    name = parent_name.encode("utf-16-be")
    if len(name) > 512:
        raise ValueError("parent name is longer than 256 UTF-16 units")
    body = struct.pack(
        ">8sQQIIII16sII",
        b"cxsparse",
        _NOWHERE,
        bat_offset,
        0x00010000,
        entries,
        block_size,
        0,
        parent_id,
        parent_time,
        0,
    )
    body = (body + name.ljust(512, b"\0") + locators).ljust(1024, b"\0")
    return body[:36] + struct.pack(">I", checksum(body)) + body[40:]


def _assemble(
    tail: bytes,
    head: bytes,
    texts: Mapping[int, bytes],
    bat_offset: int,
    entries: int,
    blocks: Mapping[int, bytes],
    order: Sequence[int] | None,
    align: int,
) -> bytes:
    chosen = [index for index in dict.fromkeys(order or ()) if index in blocks]
    chosen += [index for index in sorted(blocks) if index not in set(chosen)]
    bitmap_size = len(_bitmap([0] * (struct.unpack_from(">I", head, 32)[0] // SECTOR)))
    end = max([bat_offset + 4 * entries, *(at + len(text) for at, text in texts.items())])
    at = _up(end + bitmap_size, max(align, SECTOR)) - bitmap_size
    front = bytearray(at)
    front[:SECTOR], front[_HEADER_AT : _HEADER_AT + 1024] = tail, head
    for where, text in texts.items():
        front[where : where + len(text)] = text
    bat_end = _up(bat_offset + 4 * entries, SECTOR)
    front[bat_offset:bat_end] = b"\xff" * (bat_end - bat_offset)
    for index in chosen:
        struct.pack_into(">I", front, bat_offset + 4 * index, at // SECTOR)
        at += len(blocks[index])
    return b"".join([bytes(front), *(blocks[index] for index in chosen), tail])


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit
