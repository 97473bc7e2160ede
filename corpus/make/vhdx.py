"""Virtual hard disk v2 (VHDX) writer: fixed, dynamic and differencing.

Layout, all integers little-endian, everything from 1 MiB on in whole MiB::

    0        file identifier       64 KiB   header       128 KiB  header
    192 KiB  region table          256 KiB  region table
    1 MiB    log                   then     metadata region, BAT, blocks and sector bitmaps

Source: Microsoft [MS-VHDX]. Logs that were not replayed: `vhdx_log`.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import google_crc32c
import numpy as np

MIB = 1 << 20
HEADERS = (64 << 10, 128 << 10)
REGION_TABLES = (192 << 10, 256 << 10)
LOG_AT = MIB
JUNK = b"\xdb"
"""What fills absent sectors inside a present block: a reader that shows it ignored the bitmap."""
NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED, PRESENT, PARTLY = 0, 1, 2, 3, 6, 7
NO_ID = uuid.UUID(int=0)
BAT_REGION = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
METADATA_REGION = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
FILE_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
DISK_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
DISK_ID = uuid.UUID("BECA12AB-B2E6-4523-93EF-C309E000C746")
LOGICAL_SECTOR = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
PHYSICAL_SECTOR = uuid.UUID("CDA348C7-445D-4471-9CC9-E9885251C556")
PARENT_LOCATOR = uuid.UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")
VHDX_LOCATOR = uuid.UUID("B04AEFB7-D19E-4A81-B789-25B8E9445913")
WINDOWS = "Microsoft Windows 10.0.17763.0"
_IDS = (uuid.UUID("1DD4C5F8-3E61-4A6D-9E0B-4B0B7E35E9D1"),
        uuid.UUID("7E1B5BF5-8F0D-4D43-97B5-0A7CFE2F83E4"),
        uuid.UUID("C0A1F1B9-5C1C-4B3F-8E0C-9F6B5D1E2A37"))
_OF_DISK, _REQUIRED = 2, 4

Presence = Sequence[bool] | Sequence[int] | bytes
"""One truthy or falsy item for each sector of the media."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a disk is like beside its content; sizes in bytes.

    order     physical order of the stored blocks; those not listed follow
    states    state of blocks that are to be other than their content asks for
    anchored  blocks that keep their place in the file although their state needs none
    sequences of the two headers
    metadata  further items: (id, data, flags 1 user's, 2 of the disk, 4 required)
    regions   further regions of 1 MiB: (id, required)
    """

    disk_id: uuid.UUID = _IDS[0]
    data_write_id: uuid.UUID = _IDS[1]
    file_write_id: uuid.UUID = _IDS[2]
    block_size: int = 2 * MIB
    sector_size: int = 512
    physical_sector_size: int = 4096
    disk_size: int | None = None
    order: Sequence[int] = ()
    states: Mapping[int, int] | None = None
    anchored: Set[int] = frozenset()
    bitmaps_last: bool = False
    creator: str = WINDOWS
    sequences: tuple[int, int] = (7, 8)
    log_size: int = MIB
    metadata: Sequence[tuple[uuid.UUID, bytes, int]] = ()
    regions: Sequence[tuple[uuid.UUID, bool]] = ()


def fixed(media: bytes, style: Style | None = None) -> bytes:
    """A fixed VHDX: every block is stored, zeros too."""
    style = style or Style()
    stored = dict(enumerate(_blocks(media, style)))
    return _assemble(media, style, dict.fromkeys(stored, PRESENT), stored, {}, flags=1)


def dynamic(media: bytes, style: Style | None = None) -> bytes:
    """A dynamic VHDX; blocks of zeros are not stored."""
    style = style or Style()
    stored = {index: data for index, data in enumerate(_blocks(media, style))
              if data.count(0) != len(data)}
    return _assemble(media, style, dict.fromkeys(stored, PRESENT), stored, {}, flags=0)


def differencing(media: bytes, present: Presence, parent_id: uuid.UUID,
                 locators: Sequence[tuple[str, str]] = (), style: Style | None = None, *,
                 always_partly: bool = False) -> bytes:
    """A differencing VHDX that holds exactly the sectors of `media` marked in `present`.

    A block with no sector present is not stored; absent sectors of the others are `JUNK`. Blocks
    with all sectors are "present" unless `always_partly`. `parent_id` is the parent's data write
    id; `locators` are further (key, text).
    """
    style = style or Style()
    here = np.frombuffer(bytes(bool(flag) for flag in present), np.uint8)
    if len(here) * style.sector_size != len(media):
        raise ValueError(f"{len(here)} presence items for {len(media)} bytes")
    per_block = style.block_size // style.sector_size
    stored: dict[int, bytes] = {}
    states: dict[int, int] = {}
    bits: dict[int, np.ndarray] = {}
    for index, data in enumerate(_blocks(media, style)):
        own = here[index * per_block:(index + 1) * per_block]
        if not own.any():
            continue
        partly = always_partly or not own.all() or len(own) < per_block
        states[index] = PARTLY if partly else PRESENT
        own = np.pad(own, (0, per_block - len(own)))
        rows = np.frombuffer(data, np.uint8).reshape(per_block, -1).copy()
        rows[own == 0] = JUNK[0]
        stored[index] = rows.tobytes()
        if partly:
            bits[index] = own
    linkage = [("parent_linkage", f"{{{parent_id}}}"), *locators]
    return _assemble(media, style, states, stored, bits, flags=2, locator=locator(linkage))


def locator(pairs: Sequence[tuple[str, str]], kind: uuid.UUID = VHDX_LOCATOR) -> bytes:
    """A parent locator item."""
    head = kind.bytes_le + struct.pack("<HH", 0, len(pairs))
    at, rows, texts = 20 + 12 * len(pairs), b"", b""
    for key, text in pairs:
        raw_key, raw_text = key.encode("utf-16-le"), text.encode("utf-16-le")
        rows += struct.pack("<IIHH", at + len(texts), at + len(texts) + len(raw_key),
                            len(raw_key), len(raw_text))
        texts += raw_key + raw_text
    return head + rows + texts


def header(sequence: int, style: Style, log_id: uuid.UUID = NO_ID, *, version: int = 1) -> bytes:
    """One header of 4 KiB."""
    body = struct.pack("<4sIQ16s16s16sHHIQ", b"head", 0, sequence, style.file_write_id.bytes_le,
                       style.data_write_id.bytes_le, log_id.bytes_le, 0, version,
                       style.log_size, LOG_AT).ljust(4096, b"\0")
    return summed(body)


def summed(body: bytes) -> bytes:
    """`body` with the CRC-32C of itself at byte 4, where it must have zeros."""
    return body[:4] + struct.pack("<I", google_crc32c.value(body)) + body[8:]


def region_table(regions: Sequence[tuple[uuid.UUID, int, int, bool]]) -> bytes:
    """A region table of 64 KiB; (id, offset, length, required) each."""
    rows = b"".join(struct.pack("<16sQII", region_id.bytes_le, offset, length, required)
                    for region_id, offset, length, required in regions)
    head = struct.pack("<4sIII", b"regi", 0, len(regions), 0)
    return summed((head + rows).ljust(64 << 10, b"\0"))


def chunk_ratio(style: Style) -> int:
    """Blocks for each sector bitmap."""
    return (style.sector_size << 23) // style.block_size


def bat_at(style: Style) -> int:
    """Where the block table begins in the file."""
    return LOG_AT + style.log_size + MIB


def entry_at(block: int, style: Style) -> int:
    """Where the table entry of a block is in the file."""
    return bat_at(style) + 8 * (block + block // chunk_ratio(style))


def _blocks(media: bytes, style: Style) -> list[bytes]:
    if len(media) % style.sector_size:
        raise ValueError(f"media of {len(media)} bytes is not a whole number of sectors")
    return [media[at:at + style.block_size].ljust(style.block_size, b"\0")
            for at in range(0, len(media), style.block_size)]


def metadata(size: int, style: Style, flags: int, link: bytes) -> bytes:
    """The metadata region, 1 MiB; flags 1 leave blocks allocated, 2 has parent."""
    items = [
        (FILE_PARAMETERS, struct.pack("<II", style.block_size, flags), _REQUIRED),
        (DISK_SIZE, struct.pack("<Q", size), _REQUIRED | _OF_DISK),
        (DISK_ID, style.disk_id.bytes_le, _REQUIRED | _OF_DISK),
        (LOGICAL_SECTOR, struct.pack("<I", style.sector_size), _REQUIRED | _OF_DISK),
        (PHYSICAL_SECTOR, struct.pack("<I", style.physical_sector_size), _REQUIRED | _OF_DISK),
        *([(PARENT_LOCATOR, link, _REQUIRED)] if link else []),
        *style.metadata,
    ]
    table = struct.pack("<8sHH20x", b"metadata", 0, len(items))
    body = b""
    for item_id, data, item_flags in items:
        at = (64 << 10) + len(body) if data else 0
        table += struct.pack("<16sIIII", item_id.bytes_le, at, len(data), item_flags, 0)
        body += data
    return (table.ljust(64 << 10, b"\0") + body).ljust(MIB, b"\0")


def _assemble(media: bytes, style: Style, states: Mapping[int, int], stored: dict[int, bytes],
              bits: Mapping[int, np.ndarray], *, flags: int, locator: bytes = b"") -> bytes:
    """Put the parts in place; `bits` are the sector bitmaps of blocks that are partly here."""
    size = len(media) if style.disk_size is None else style.disk_size
    ratio = chunk_ratio(style)
    total = -(-size // style.block_size)
    states = {**states, **(style.states or {})}
    stored = {index: data for index, data in stored.items()
              if states.get(index, 0) >= PRESENT or index in style.anchored}
    entries = np.zeros(-(-total // ratio) * (ratio + 1), "<u8")
    bat_size = -(-entries.nbytes // MIB) * MIB
    at = bat_at(style) + bat_size
    regions = [(METADATA_REGION, LOG_AT + style.log_size, MIB, True),
               (BAT_REGION, bat_at(style), bat_size, True)]
    for region_id, required in style.regions:
        regions.append((region_id, at, MIB, required))
        at += MIB
    bitmaps = _bitmaps(bits, style)
    chosen = [index for index in dict.fromkeys(style.order) if index in stored]
    parts: list[tuple[int, bytes]] = [
        (index + index // ratio, stored[index])
        for index in [*chosen, *(index for index in sorted(stored) if index not in chosen)]]
    maps = [(chunk * (ratio + 1) + ratio, data) for chunk, data in sorted(bitmaps.items())]
    parts = [*parts, *maps] if style.bitmaps_last else [*maps, *parts]
    for index, state in states.items():
        entries[index + index // ratio] = state
    for chunk in bitmaps:
        entries[chunk * (ratio + 1) + ratio] = PRESENT
    body: list[bytes] = []
    for slot, data in parts:
        entries[slot] |= np.uint64(at)
        body.append(data)
        at += len(data)
    identifier = (b"vhdxfile" + style.creator.encode("utf-16-le")).ljust(HEADERS[0], b"\0")
    heads = [header(sequence, style).ljust(64 << 10, b"\0") for sequence in style.sequences]
    front = identifier + b"".join(heads) + 2 * region_table(regions)
    return b"".join([front.ljust(MIB, b"\0"), bytes(style.log_size),
                     metadata(size, style, flags, locator),
                     entries.tobytes().ljust(bat_size, b"\0"),
                     bytes(MIB * len(style.regions)), *body])


def _bitmaps(bits: Mapping[int, np.ndarray], style: Style) -> dict[int, bytes]:
    """Sector bitmap blocks by chunk, least significant bit first."""
    ratio, per_block = chunk_ratio(style), style.block_size // style.sector_size // 8
    found: dict[int, bytearray] = {}
    for index, own in bits.items():
        chunk, inside = divmod(index, ratio)
        packed = np.packbits(own, bitorder="little").tobytes()
        found.setdefault(chunk, bytearray(MIB))[
            inside * per_block:(inside + 1) * per_block] = packed
    return {chunk: bytes(data) for chunk, data in found.items()}
