"""VHD footer, dynamic header and parent locators: bytes -> values.

Footer, big-endian, 512 bytes at the end of the file and, for dynamic and differencing disks,
a copy at the start (old Virtual PC wrote 511 bytes at the end):

    0 cookie "conectix"   8 features u32      12 version u32       16 data offset u64
    24 created u32        28 creator app 4    32 creator version   36 creator host OS 4
    40 original size u64  48 current size u64 56 CHS 4             60 type u32
    64 checksum u32       68 unique id 16     84 saved state u8    85 reserved 427

Dynamic header, 1024 bytes at the footer's data offset:

    0 cookie "cxsparse"   8 next u64          16 BAT offset u64    24 version u32
    28 BAT entries u32    32 block size u32   36 checksum u32      40 parent id 16
    56 parent time u32    60 reserved         64 parent name UTF-16BE 512
    576 eight locators of 24: code 4, space u32, length u32, reserved, offset u64

Source: Microsoft, Virtual Hard Disk Image Format Specification 1.0 (2006).
"""

import struct
import uuid
from dataclasses import dataclass

from analyzer import times
from analyzer.blocks import Blocks
from analyzer.disks.layer import ParentLink
from analyzer.errors import Corrupt, EvidenceError, Notice, NotThisFormat

FOOTER = struct.Struct(">8sIIQI4sI4sQQ4sII16sB")
HEADER = struct.Struct(">8sQQIIII16sI4x512s")
LOCATOR = struct.Struct(">4sII4xQ")
FOOTER_SIZE, HEADER_SIZE = 512, 1024
TYPES = {2: "fixed", 3: "dynamic", 4: "differencing"}
LARGEST = 2040 << 30
"""Bytes; the format's own limit."""
LONGEST_LOCATOR = 0x10000


@dataclass(frozen=True, slots=True)
class Footer:
    """A decoded footer; sizes in bytes."""

    features: int
    data_offset: int
    created_at: int | None
    application: str
    version: int
    host_os: str
    original_size: int
    current_size: int
    kind: str
    disk_id: str
    in_saved_state: bool
    checksum_is_right: bool


@dataclass(frozen=True, slots=True)
class DynamicHeader:
    """A decoded dynamic header; offsets and sizes in bytes."""

    table_offset: int
    entries: int
    block_size: int
    parent_id: str
    parent_changed_at: int | None
    parent_name: str
    locators: tuple[tuple[str, int, int], ...]
    """(code, length, offset) of the locators in use."""
    checksum_is_right: bool


def checksum(data: bytes, field: int) -> int:
    """One's complement of the byte sum without the four bytes at `field`."""
    return ~(sum(data) - sum(data[field:field + 4])) & 0xFFFFFFFF


def guid_text(raw: bytes) -> str:
    """Sixteen bytes in the order of the file as upper-case GUID text."""
    return str(uuid.UUID(bytes=raw)).upper()


def parse_footer(data: bytes) -> Footer:
    """Decode 512 (or 511) bytes; raises NotThisFormat, Corrupt for an unknown disk type."""
    if data[:8] != b"conectix" or len(data) < FOOTER_SIZE - 1:
        raise NotThisFormat("no VHD footer")
    (_, features, _, data_offset, created, application, version, host_os, original, current,
     _, kind, stored, raw_id, saved) = FOOTER.unpack_from(data)
    if kind not in TYPES:
        raise Corrupt(f"VHD disk type {kind} is not defined", 60)
    return Footer(
        features, data_offset, times.from_vhd(created), _code(application), version,
        _code(host_os), original, current, TYPES[kind], guid_text(raw_id), bool(saved),
        stored == checksum(data, 64),
    )


def parse_header(data: bytes) -> DynamicHeader:
    """Decode 1024 bytes; raises Corrupt without the cookie or with an impossible block size."""
    if len(data) < HEADER_SIZE or data[:8] != b"cxsparse":
        raise Corrupt("no VHD dynamic header where the footer points")
    _, _, table, _, entries, block, stored, parent, changed, name = HEADER.unpack_from(data)
    if block < 512 or block & (block - 1) or block > 1 << 31:
        raise Corrupt(f"VHD block size {block} is no power of two of sectors", 32)
    rows = [LOCATOR.unpack_from(data, 576 + 24 * i) for i in range(8)]
    locators = tuple((_code(code), length, at) for code, _, length, at in rows if any(code))
    text = name.decode("utf-16-be", "replace").partition("\0")[0]
    return DynamicHeader(table, entries, block, guid_text(parent), times.from_vhd(changed),
                         text, locators, stored == checksum(data[:HEADER_SIZE], 36))


def find_footer(container: Blocks, notices: list[Notice]) -> tuple[Footer, int]:
    """The footer at the end, or its copy at the start; says which and what was wrong.

    Also the offset where data must end: that of the footer, or the end of a file without one.
    Raises NotThisFormat where neither is there.
    """
    end = container.size
    found: list[tuple[int, Footer]] = []
    for offset, length in (
        (end - FOOTER_SIZE, FOOTER_SIZE),
        (end - FOOTER_SIZE + 1, FOOTER_SIZE - 1),
        (0, FOOTER_SIZE),
    ):
        if offset < 0:
            continue
        try:
            footer = parse_footer(container.read_at(offset, length))
        except EvidenceError:
            continue
        found.append((offset, footer))
        if footer.checksum_is_right:
            break
    if not found:
        raise NotThisFormat("no VHD footer at the end or at the start")
    offset, footer = min(found, key=lambda pair: not pair[1].checksum_is_right)
    if offset == 0:
        notices.append(Notice("VHD-FOOTER", "the footer at the end is lost or damaged",
                              "its copy at the start was used"))
    if not footer.checksum_is_right:
        notices.append(Notice("VHD-CRC", "the footer's checksum is wrong",
                              "its fields were used as they stand"))
    return footer, offset or end


def read_parent(container: Blocks, header: DynamicHeader, notices: list[Notice]) -> ParentLink:
    """The parent link of a differencing disk, with every locator that can be read."""
    locators: list[tuple[str, str]] = []
    for code, length, at in header.locators:
        try:
            if length > LONGEST_LOCATOR:
                raise Corrupt(f"parent locator of {length} bytes", at)
            raw = container.read_at(at, length)
        except EvidenceError as error:
            notices.append(Notice("VHD-LOCATOR", f"parent locator {code}: {error}",
                                  "the other locators and the unique id remain", at, length))
            continue
        locators.append((code, _locator_text(code, raw)))
    return ParentLink((header.parent_id,), header.parent_changed_at, header.parent_name,
                      tuple(locators))


def _locator_text(code: str, raw: bytes) -> str:
    encoding = {"W2ku": "utf-16-le", "W2ru": "utf-16-le", "MacX": "utf-8"}.get(code, "latin-1")
    return raw.decode(encoding, "replace").rstrip("\0")


def _code(raw: bytes) -> str:
    return raw.decode("latin-1").rstrip("\0 ")
