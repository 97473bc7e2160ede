"""Attributes of an MFT record: header, data runs, and the bodies that say who a file is.

Attribute header (little-endian):

    0   u32 type        4   u32 length      8  u8 non-resident   9  u8 name length
    10  u16 name offset 12  u16 flags       14 u16 attribute id
    resident:      16 u32 value length  20 u16 value offset
    non-resident:  16 u64 first VCN     24 u64 last VCN   32 u16 runs offset
                   34 u8 compression unit (log2 clusters) 40 u64 allocated  48 u64 real
                   56 u64 initialized size

Sources: ntfs-3g layout.h; Carrier, File System Forensic Analysis, chapter 13; docs/formats/ntfs.md.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from analyzer.errors import Corrupt
from analyzer.times import LATEST, from_filetime

COMPRESSED: Final = 0x0001
ENCRYPTED: Final = 0x4000
SPARSE: Final = 0x8000
DOS: Final = 2
"""$FILE_NAME namespaces: 0 POSIX, 1 Win32, 2 DOS, 3 Win32 and DOS."""
_HEADER = struct.Struct("<IIBBHHH")
_RESIDENT = struct.Struct("<IH")
_NON_RESIDENT = struct.Struct("<QQHB5xQQQ")
_STANDARD = struct.Struct("<4QI")
_FILE_NAME = struct.Struct("<Q4QQQIIBB")
_LIST_ENTRY = struct.Struct("<IHBBQQH")
_TIMES = struct.Struct("<4Q")
MAX_CLUSTERS: Final = 1 << 52
"""No volume has more clusters; keeps every byte offset inside 63 bits."""


class AttributeType(IntEnum):
    """The types that are read here."""

    STANDARD_INFORMATION = 0x10
    ATTRIBUTE_LIST = 0x20
    FILE_NAME = 0x30
    SECURITY_DESCRIPTOR = 0x50
    VOLUME_NAME = 0x60
    VOLUME_INFORMATION = 0x70
    DATA = 0x80
    INDEX_ROOT = 0x90
    INDEX_ALLOCATION = 0xA0
    REPARSE_POINT = 0xC0


class Reference(NamedTuple):
    """A file reference: MFT number and the sequence number it had when written."""

    number: int
    sequence: int

    @classmethod
    def of(cls, value: int) -> "Reference":
        """Split the 64-bit form: 48 bits number, 16 bits sequence."""
        return cls(value & 0xFFFF_FFFF_FFFF, value >> 48)


class Run(NamedTuple):
    """`length` clusters from cluster `lcn` of the volume; lcn None is sparse."""

    lcn: int | None
    length: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; `value` for resident ones, else the sizes (bytes) and `mapping`."""

    type: int
    name: str
    id: int
    flags: int
    at: int
    value: bytes | None
    first_vcn: int = 0
    allocated: int = 0
    real: int = 0
    initialized: int = 0
    compression_unit: int = 0
    mapping: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of the stream (of the whole stream in its first piece, else 0)."""
        return self.real if self.value is None else len(self.value)

    @property
    def is_encrypted(self) -> bool:
        """EFS."""
        return bool(self.flags & ENCRYPTED)

    @property
    def is_compressed(self) -> bool:
        """LZNT1 in units of 2**compression_unit clusters."""
        return bool(self.flags & COMPRESSED) and self.value is None

    def runs(self) -> list[Run]:
        """The data runs of this piece; raises Corrupt."""
        return decode_runs(self.mapping)


@dataclass(frozen=True, slots=True)
class StandardInformation:
    """$STANDARD_INFORMATION; ids are None in the short form of NTFS 1.2."""

    created: int | None
    modified: int | None
    changed: int | None
    accessed: int | None
    file_attributes: int
    owner_id: int | None
    security_id: int | None


@dataclass(frozen=True, slots=True)
class FileName:
    """$FILE_NAME: one name of the file in one directory, and that name's four times."""

    parent: Reference
    created: int | None
    modified: int | None
    changed: int | None
    accessed: int | None
    allocated: int
    real: int
    flags: int
    namespace: int
    raw: bytes


class ListEntry(NamedTuple):
    """One line of an $ATTRIBUTE_LIST: which record holds which piece."""

    type: int
    name: str
    first_vcn: int
    record: Reference
    id: int


def decode_runs(mapping: bytes) -> list[Run]:
    """Data runs of a mapping pairs array; raises Corrupt (offset inside the array).

    Each run: a byte with the sizes of two fields (low nibble length, high nibble offset), the
    length, and the signed distance from the previous run's cluster; no distance is sparse.
    """
    runs: list[Run] = []
    at = lcn = total = 0
    while at < len(mapping) and mapping[at]:
        sizes = mapping[at]
        low, high = sizes & 15, sizes >> 4
        end = at + 1 + low + high
        if not 1 <= low <= 8 or high > 8 or end > len(mapping):
            raise Corrupt(f"data run with field sizes {sizes:#04x}", at)
        length = int.from_bytes(mapping[at + 1:at + 1 + low], "little")
        lcn += int.from_bytes(mapping[at + 1 + low:end], "little", signed=True)
        total += length
        if length == 0 or total > MAX_CLUSTERS or not 0 <= lcn <= MAX_CLUSTERS:
            raise Corrupt(f"data run of {length} clusters at cluster {lcn}", at)
        runs.append(Run(lcn if high else None, length))
        at = end
    if at >= len(mapping):
        raise Corrupt("data runs without an end", at)
    return runs


def decode_attribute(data: bytes, at: int, end: int) -> tuple[Attribute, int]:
    """The attribute at `at` of a record that ends at `end`, and its length; raises Corrupt."""
    if at + 24 > end:
        raise Corrupt("attribute header past the end of the record", at)
    kind, length, non_resident, name_length, name_at, flags, number = _HEADER.unpack_from(data, at)
    if length < 24 or length % 8 or at + length > end:
        raise Corrupt(f"attribute {kind:#x} of {length} bytes", at)
    if name_length and (name_at < 16 or name_at + 2 * name_length > length):
        raise Corrupt(f"attribute {kind:#x} with its name outside it", at)
    name = text(data[at + name_at:at + name_at + 2 * name_length]) if name_length else ""
    if not non_resident:
        size, value_at = _RESIDENT.unpack_from(data, at + 16)
        if value_at + size > length or (size and value_at < 24):
            raise Corrupt(f"attribute {kind:#x} with {size} bytes of value outside it", at)
        value = data[at + value_at:at + value_at + size]
        return Attribute(kind, name, number, flags, at, value), length
    if length < 64:
        raise Corrupt(f"non-resident attribute {kind:#x} of {length} bytes", at)
    (first, _, runs_at, unit, allocated, real,
     initialized) = _NON_RESIDENT.unpack_from(data, at + 16)
    if not 64 <= runs_at <= length or unit > 16 or first > MAX_CLUSTERS:
        raise Corrupt(f"non-resident attribute {kind:#x} with impossible fields", at)
    if max(allocated, real, initialized) >> 63:
        raise Corrupt(f"non-resident attribute {kind:#x} of {real} bytes", at)
    mapping = data[at + runs_at:at + length]
    return Attribute(kind, name, number, flags, at, None, first, allocated, real, initialized,
                     unit, mapping), length


def decode_standard_information(value: bytes) -> StandardInformation:
    """$STANDARD_INFORMATION of 48 (NTFS 1.2) or 72 bytes; raises Corrupt."""
    if len(value) < 36:
        raise Corrupt(f"$STANDARD_INFORMATION of {len(value)} bytes")
    created, modified, changed, accessed, flags = _STANDARD.unpack_from(value)
    owner, security = struct.unpack_from("<II", value, 48) if len(value) >= 56 else (None, None)
    return StandardInformation(from_filetime(created), from_filetime(modified),
                               from_filetime(changed), from_filetime(accessed),
                               flags, owner, security)


def decode_file_name(value: bytes) -> FileName:
    """$FILE_NAME; raises Corrupt."""
    if len(value) < 66:
        raise Corrupt(f"$FILE_NAME of {len(value)} bytes")
    (parent, created, modified, changed, accessed, allocated, real, flags, _, length,
     space) = _FILE_NAME.unpack_from(value)
    raw = value[66:66 + 2 * length]
    if len(raw) < 2 * length:
        raise Corrupt(f"$FILE_NAME with {length} characters in {len(value)} bytes")
    return FileName(Reference.of(parent), from_filetime(created), from_filetime(modified),
                    from_filetime(changed), from_filetime(accessed),
                    allocated, real, flags, space, raw)


def check_times(value: bytes, at: int) -> None:
    """Raises Corrupt where one of the four FILETIMEs at `at` is one that no clock shows."""
    late = [time for time in _TIMES.unpack_from(value, at) if time > LATEST]
    if late:
        raise Corrupt(f"time {late[0]:#x}, past the year 9999")


def decode_attribute_list(value: bytes) -> list[ListEntry]:
    """The lines of an $ATTRIBUTE_LIST; raises Corrupt."""
    entries: list[ListEntry] = []
    at = 0
    while at + _LIST_ENTRY.size <= len(value):
        kind, length, name_length, name_at, vcn, record, number = _LIST_ENTRY.unpack_from(value, at)
        if length < _LIST_ENTRY.size or at + length > len(value):
            raise Corrupt(f"$ATTRIBUTE_LIST entry of {length} bytes", at)
        name = text(value[at + name_at:at + name_at + 2 * name_length])
        entries.append(ListEntry(kind, name, vcn, Reference.of(record), number))
        at += length
    return entries


def text(raw: bytes) -> str:
    """UTF-16LE as on disk, in a form that every sink can encode.

    A surrogate without its partner, which Windows allows in names, becomes the six characters
    `\\udXXX`: pytsk3's `^` would let two names collide. The raw bytes are kept beside it.
    """
    decoded = raw[:len(raw) & ~1].decode("utf-16-le", "surrogatepass")
    if decoded.isascii():
        return decoded
    return decoded.encode("utf-8", "backslashreplace").decode()
