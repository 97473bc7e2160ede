"""VHDX file identifier, headers and region tables: bytes -> values. Little-endian.

    0        file identifier: "vhdxfile", creator UTF-16LE 512
    64 KiB   header, 4 KiB, and its copy at 128 KiB
    192 KiB  region table, 64 KiB, and its copy at 256 KiB

Header: 0 "head", 4 CRC-32C u32, 8 sequence number u64, 16 file write GUID, 32 data write GUID,
48 log GUID, 64 log version u16, 66 version u16, 68 log length u32, 72 log offset u64.
Region table: 0 "regi", 4 CRC-32C u32, 8 entries u32, 16 entries of 32: GUID, offset u64,
length u32, required u32.

The headers are written in turn; the valid one with the higher sequence number counts. Checksums
are over the whole structure with their own field zero. Source: [MS-VHDX] 2.2.
"""

import struct
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import google_crc32c

from analyzer.blocks import Blocks
from analyzer.errors import Corrupt, EvidenceError, Notice, NotThisFormat, Unsupported

SIGNATURE = b"vhdxfile"
MIB = 1 << 20
HEADER_SIZE = 4096
HEADERS_AT = (64 << 10, 128 << 10)
TABLE_SIZE = 64 << 10
TABLES_AT = (192 << 10, 256 << 10)
MOST_REGIONS = 2047
FURTHEST = 1 << 60
"""Bytes; a place that is no place in a file."""
NO_GUID = "00000000-0000-0000-0000-000000000000"
BAT_REGION = "2DC27766-F623-4200-9D64-115E9BFD4A08"
METADATA_REGION = "8B7CA206-4790-4B9A-B8FE-575F050F886E"
_HEADER = struct.Struct("<4sIQ16s16s16sHHIQ")
_REGION = struct.Struct("<16sQII")
_Structure = TypeVar("_Structure")


@dataclass(frozen=True, slots=True)
class Header:
    """A decoded header; offset and length in bytes, GUIDs upper case."""

    sequence: int
    file_write_id: str
    data_write_id: str
    log_id: str
    log_version: int
    version: int
    log_length: int
    log_offset: int

    @property
    def has_log(self) -> bool:
        """Whether the log must be replayed before anything else is read."""
        return self.log_id != NO_GUID


@dataclass(frozen=True, slots=True)
class Region:
    """One entry of a region table; offset and length in bytes of the file."""

    region_id: str
    offset: int
    length: int
    required: bool


def guid_text(raw: bytes) -> str:
    """Sixteen bytes as Windows writes a GUID, as upper-case text."""
    return str(uuid.UUID(bytes_le=raw)).upper()


def _checked(data: bytes, size: int, signature: bytes, name: str) -> None:
    if len(data) < size or data[:4] != signature:
        raise Corrupt(f"no VHDX {name}")
    stored = int.from_bytes(data[4:8], "little")
    if google_crc32c.value(data[:4] + bytes(4) + data[8:size]) != stored:
        raise Corrupt(f"the checksum of the VHDX {name} is wrong", 4)


def parse_header(data: bytes) -> Header:
    """Decode 4 KiB; raises Corrupt without signature or with a wrong checksum."""
    _checked(data, HEADER_SIZE, b"head", "header")
    _, _, sequence, file_write, data_write, log, log_version, version, length, offset = \
        _HEADER.unpack_from(data)
    return Header(sequence, guid_text(file_write), guid_text(data_write), guid_text(log),
                  log_version, version, length, offset)


def parse_regions(data: bytes) -> tuple[Region, ...]:
    """Decode 64 KiB; raises Corrupt without signature, with a wrong checksum or count."""
    _checked(data, TABLE_SIZE, b"regi", "region table")
    count = int.from_bytes(data[8:12], "little")
    if count > MOST_REGIONS:
        raise Corrupt(f"VHDX region table of {count} entries", 8)
    rows = [_REGION.unpack_from(data, 16 + 32 * i) for i in range(count)]
    return tuple(Region(guid_text(raw), offset, length, bool(required & 1))
                 for raw, offset, length, required in rows)


def creator(container: Blocks) -> tuple[str, str]:
    """Program and version out of the file identifier; raises NotThisFormat, Unreadable.

    "Microsoft Windows 10.0.17763.0" is ("Microsoft Windows", "10.0.17763.0").
    """
    data = container.read_at(0, 8 + 512)
    if data[:8] != SIGNATURE:
        raise NotThisFormat("no VHDX file identifier")
    text = data[8:].decode("utf-16-le", "replace").partition("\0")[0].strip()
    program, _, version = text.rpartition(" ")
    number = version.removeprefix("v")
    return (program, number) if program and number[:1].isdigit() else (text, "")


def _both(container: Blocks, places: Sequence[int], size: int,
          parse: Callable[[bytes], _Structure]) -> list[_Structure | EvidenceError]:
    found: list[_Structure | EvidenceError] = []
    for at in places:
        try:
            found.append(parse(container.read_at(at, size)))
        except EvidenceError as error:
            found.append(error)
    return found


def find_header(container: Blocks, notices: list[Notice]) -> Header:
    """The header that counts; says where one of the two is damaged or they contradict.

    Raises Corrupt where neither is valid, or both claim to be the last and name different
    logs; Unsupported for a later version of the format.
    """
    found = _both(container, HEADERS_AT, HEADER_SIZE, parse_header)
    valid = [header for header in found if isinstance(header, Header)]
    if not valid:
        raise Corrupt(f"neither VHDX header is valid: {found[0]}; {found[1]}", HEADERS_AT[0])
    for at, header in zip(HEADERS_AT, found, strict=True):
        if isinstance(header, EvidenceError):
            notices.append(Notice("VHDX-HDR", f"one of the two headers is damaged: {header.what}",
                                  "the other one was used", at, HEADER_SIZE))
    chosen = max(valid, key=lambda header: header.sequence)
    for other in valid:
        if other.sequence == chosen.sequence and other != chosen:
            _contradiction(chosen, other, notices)
    if chosen.version != 1 or (chosen.log_version and chosen.has_log):
        raise Unsupported(f"VHDX of version {chosen.version}, log version {chosen.log_version}",
                          HEADERS_AT[0])
    return chosen


def _contradiction(chosen: Header, other: Header, notices: list[Notice]) -> None:
    logs = [(header.log_id, header.log_offset, header.log_length) for header in (chosen, other)]
    if logs[0] != logs[1]:
        raise Corrupt(f"both VHDX headers have sequence number {chosen.sequence} and they name "
                      "different logs", HEADERS_AT[0])
    notices.append(Notice("VHDX-HDR2", f"both headers have sequence number {chosen.sequence} and "
                          "different GUIDs", "the first one was used", HEADERS_AT[0]))


def find_regions(view: Blocks, notices: list[Notice]) -> dict[str, Region]:
    """The regions by id, from the first valid region table; says where the two differ.

    Raises Corrupt where neither is valid or a region lies where none can, Unsupported for a
    region that must be understood and is not known.
    """
    found = _both(view, TABLES_AT, TABLE_SIZE, parse_regions)
    valid = [table for table in found if not isinstance(table, EvidenceError)]
    if not valid:
        raise Corrupt(f"neither VHDX region table is valid: {found[0]}; {found[1]}", TABLES_AT[0])
    for at, table in zip(TABLES_AT, found, strict=True):
        if isinstance(table, EvidenceError):
            notices.append(Notice("VHDX-REGI", "one of the two region tables is damaged: "
                                  f"{table.what}", "the other one was used", at, TABLE_SIZE))
    if set(valid[0]) != set(valid[-1]):
        notices.append(Notice("VHDX-REGI2", "the two region tables differ",
                              "the first one was used", TABLES_AT[0]))
    regions: dict[str, Region] = {}
    for region in valid[0]:
        if region.region_id in regions:
            raise Corrupt(f"VHDX region {region.region_id} is there twice", TABLES_AT[0])
        if region.region_id not in (BAT_REGION, METADATA_REGION) and region.required:
            raise Unsupported(f"VHDX region {region.region_id}, which must be understood",
                              TABLES_AT[0])
        regions[region.region_id] = region
    return regions


def check_places(header: Header, regions: dict[str, Region]) -> list[tuple[int, int]]:
    """(offset, length) of all that no block may lie on: header section, log, regions.

    Raises Corrupt where a region or the log is not in whole MiB behind the header section, or
    where they lie on each other.
    """
    named = [(region.offset, region.length, region.region_id) for region in regions.values()]
    if header.log_length:
        named.append((header.log_offset, header.log_length, "log"))
    end = MIB
    for offset, length, name in sorted(named):
        if offset % MIB or length % MIB or not length or offset > FURTHEST:
            raise Corrupt(f"VHDX region {name} is not in whole MiB of a file", offset)
        if offset < end:
            raise Corrupt(f"VHDX region {name} lies on another structure", offset)
        end = offset + length
    if BAT_REGION not in regions or METADATA_REGION not in regions:
        raise Corrupt("a VHDX file without block table or without metadata", TABLES_AT[0])
    return [(0, MIB), *((offset, length) for offset, length, _ in sorted(named))]


def is_vhdx(container: Blocks) -> bool:
    """Whether this is a VHDX file, told by its identifier or, if that is lost, by a header."""
    try:
        return container.read_at(0, len(SIGNATURE)) == SIGNATURE or _has_header(container)
    except EvidenceError:
        return _has_header(container)


def _has_header(container: Blocks) -> bool:
    return any(isinstance(header, Header)
               for header in _both(container, HEADERS_AT, HEADER_SIZE, parse_header))


