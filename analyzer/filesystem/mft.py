"""One record of the master file table, from bytes; pure, no reading.

    0   4s  "FILE" ("BAAD": NTFS itself found it torn)
    4   u16 offset of the update sequence   6   u16 its length: 1 + one per 512 bytes
    8   u64 $LogFile sequence number        16  u16 sequence number   18 u16 hard links
    20  u16 offset of the first attribute   22  u16 flags: 1 in use, 2 directory
    24  u32 bytes used   28 u32 bytes allocated   32 u64 base record  40 u16 next attribute id
    44  u32 number of this record (NTFS 3.1)

The last two bytes of each 512 are kept in the update sequence, and the same number stands in
their place: where it does not, the sector is from another write and its bytes are not used.

Sources: as for attributes.py.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt
from analyzer.filesystem.attributes import (
    DOS,
    Attribute,
    AttributeType,
    FileName,
    Reference,
    StandardInformation,
    check_times,
    decode_attribute,
    decode_file_name,
    decode_standard_information,
)

SECTOR: Final = 512
_END: Final = b"\xff\xff\xff\xff"
_END_ROOM: Final = 8
"""Bytes that the end mark takes: itself and as many without meaning."""
_HEADER = struct.Struct("<4sHHQHHHHIIQ")
NUMBER_AT: Final = 44
_IN_USE, _DIRECTORY = 1, 2
_FILE_TYPES = {AttributeType.STANDARD_INFORMATION, AttributeType.FILE_NAME, AttributeType.DATA}


@dataclass(frozen=True, slots=True)
class MftRecord:
    """One record. `damage` is why it is incomplete (offset inside the record), else None.

    base    the record this one extends, None for a base record
    names   every $FILE_NAME held in this record, in order
    """

    number: int
    sequence: int
    link_count: int
    in_use: bool
    is_directory: bool
    base: Reference | None
    log_sequence: int
    standard: StandardInformation | None
    names: tuple[FileName, ...]
    attributes: tuple[Attribute, ...]
    damage: Corrupt | None

    @property
    def reference(self) -> Reference:
        """Number and sequence as they stand in the record."""
        return Reference(self.number, self.sequence)

    def is_named_by(self, sequence: int) -> bool:
        """Whether a reference with this sequence number meant the file in this record.

        Deleting a file adds one to the record's number (skipping 0), so that a deleted file is
        one ahead of the references to it. Some drivers only mark the record free. 0 in a
        reference means "any".
        """
        if sequence in (0, self.sequence):
            return True
        return not self.in_use and self.sequence == (sequence % 0xFFFF) + 1

    def of_type(self, kind: AttributeType) -> Iterator[Attribute]:
        """Its attributes of one type."""
        return (attribute for attribute in self.attributes if attribute.type == kind)


def apply_fixups(data: bytes) -> tuple[bytes, int]:
    """The record with its sectors' last bytes put back, and how many bytes are good.

    Raises Corrupt when not even the first sector is.
    """
    if len(data) < 48:
        raise Corrupt(f"MFT record of {len(data)} bytes", 0)
    at, count = struct.unpack_from("<HH", data, 4)
    if at < 40 or at % 2 or count != len(data) // SECTOR + 1 or at + 2 * count > SECTOR - 2:
        raise Corrupt(f"update sequence of {count} words at {at}", 4)
    fixed = bytearray(data)
    number = data[at:at + 2]
    for sector in range(1, count):
        end = sector * SECTOR
        if data[end - 2:end] != number:
            if sector == 1:
                raise Corrupt("first sector is from another write", end - 2)
            return bytes(fixed), end - SECTOR
        fixed[end - 2:end] = data[at + 2 * sector:at + 2 * sector + 2]
    return bytes(fixed), len(data)


def remove_fixups(data: bytes) -> bytes:
    """The reverse of `apply_fixups` on a good record."""
    at, count = struct.unpack_from("<HH", data, 4)
    raw = bytearray(data)
    for sector in range(1, count):
        end = sector * SECTOR
        raw[at + 2 * sector:at + 2 * sector + 2] = data[end - 2:end]
        raw[end - 2:end] = data[at:at + 2]
    return bytes(raw)


def has_number(data: bytes) -> bool:
    """Whether a record says which one it is (from NTFS 3.1 on)."""
    return int(struct.unpack_from("<H", data, 4)[0]) >= NUMBER_AT + 4


def stored_number(data: bytes) -> int:
    """The number that a record has for itself; 0 where it has none (NTFS 3.0)."""
    if not has_number(data):
        return 0
    return int(struct.unpack_from("<I", data, NUMBER_AT)[0])


def parse_record(data: bytes, number: int) -> MftRecord:
    """The record `number` of `data` (whole, as on disk).

    Raises Corrupt when there is no record to speak of (signature, header, first sector), or
    another record stands in its place. A record that breaks its rules further on comes back with
    what stands before, and `damage`.
    """
    signature = data[:4]
    if signature != b"FILE":
        raise Corrupt(f"MFT record {number} begins with {signature!r}", 0)
    data, good = apply_fixups(data)
    (_, _, _, log_sequence, sequence, links, first, flags, used, _,
     base) = _HEADER.unpack_from(data)
    if not 48 <= first + 6 <= len(data) or used > len(data) or first > used:
        raise Corrupt(f"MFT record {number}: attributes at {first}, {used} bytes used", 20)
    stored = stored_number(data)
    if stored and stored != number & 0xFFFFFFFF:
        raise Corrupt(f"MFT record {number}: record {stored} was written over it", NUMBER_AT)
    attributes: list[Attribute] = []
    damage = None
    try:
        for attribute in _attributes(data, first, used, min(used, good)):
            attributes.append(attribute)
    except Corrupt as error:
        damage = error
    standard, names, wrong = _values(attributes)
    damage = damage or wrong
    return MftRecord(number, sequence, links, bool(flags & _IN_USE), bool(flags & _DIRECTORY),
                     Reference.of(base) if base else None, log_sequence, standard,
                     names, tuple(attributes), damage)


def _values(attributes: list[Attribute]) -> tuple[
        StandardInformation | None, tuple[FileName, ...], Corrupt | None]:
    """What is decoded of a record at once, and the first value that could not be."""
    standard, damage = None, None
    names: list[FileName] = []
    for attribute in attributes:
        if attribute.value is None:
            continue
        try:
            if attribute.type == AttributeType.STANDARD_INFORMATION:
                standard = decode_standard_information(attribute.value)
                check_times(attribute.value, 0)
            elif attribute.type == AttributeType.FILE_NAME:
                names.append(decode_file_name(attribute.value))
                check_times(attribute.value, 8)
        except Corrupt as error:
            damage = damage or Corrupt(error.what, attribute.at)
    return standard, tuple(names), damage


def _attributes(data: bytes, at: int, used: int, good: int) -> Iterator[Attribute]:
    """In their order, which is that of their types; one out of order does not hide the rest."""
    last, wrong = 0, None
    while at + 4 <= good:
        if data[at:at + 4] == _END:
            if used - at > _END_ROOM:
                raise Corrupt(f"attributes end {used - at} bytes before those that are used", at)
            if wrong is not None:
                raise wrong
            return
        try:
            attribute, length = decode_attribute(data, at, good)
        except Corrupt:
            if good < used:
                break
            raise
        if attribute.type & 0xF or attribute.type < max(last, AttributeType.STANDARD_INFORMATION):
            wrong = wrong or Corrupt(
                f"attribute of type {attribute.type:#x} behind one of type {last:#x}", at)
        last = attribute.type
        yield attribute
        at += length
    if good < used:
        raise Corrupt("sector is from another write", good)
    raise Corrupt("attributes without an end", at)


def name_parents(data: bytes) -> tuple[int, list[tuple[int, int]]] | None:
    """Base reference and (place in `MftRecord.names`, parent reference) of a record's names.

    The quick part of `parse_record` for a pass over a whole table: both as 64-bit values, DOS
    names left out where the same record names the file in the same directory otherwise. None
    where the record holds no file (no signature, or empty). Raises Corrupt as parse_record does.
    """
    if data[:4] != b"FILE":
        return None
    data, good = apply_fixups(data)
    at, used = struct.unpack_from("<H", data, 20)[0], struct.unpack_from("<I", data, 24)[0]
    end = min(used, good)
    found: list[tuple[int, int, int]] = []
    kinds = set()
    while at + 24 <= end:
        kind, length, resident = struct.unpack_from("<IIB", data, at)
        if kind == 0xFFFF_FFFF or length < 24 or length % 8 or at + length > end:
            break
        kinds.add(kind)
        if kind == AttributeType.FILE_NAME and not resident:
            size, value_at = struct.unpack_from("<IH", data, at + 16)
            body = at + value_at
            if value_at + size > length:
                break
            if size >= 66 and 66 + 2 * data[body + 64] <= size:
                parent = struct.unpack_from("<Q", data, body)[0]
                found.append((len(found), parent, data[body + 65]))
        at += length
    if not kinds & _FILE_TYPES:
        return None
    others = {parent for _, parent, space in found if space != DOS}
    base: int = struct.unpack_from("<Q", data, 32)[0]
    return base, [(place, parent) for place, parent, space in found
                  if space != DOS or parent not in others]
