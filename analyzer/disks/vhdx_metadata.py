"""VHDX metadata region: what the disk is, and who its parent is. Little-endian.

    0       "metadata", 10 entries u16, 32 entries of 32: item GUID, offset u32 from the start of
            the region, length u32, flags u32 (1 user's item, 2 of the virtual disk, 4 required)
    64 KiB  the items, anywhere

    file parameters       block size u32, flags u32: 1 leave blocks allocated, 2 has parent
    virtual disk size     u64      virtual disk id       GUID
    logical sector size   u32      physical sector size  u32
    parent locator        type GUID, u16, count u16, rows of 12: key offset u32, value offset u32,
                          key length u16, value length u16; text is UTF-16LE

Nothing here has a checksum. Source: [MS-VHDX] 2.6; the last three ids of `_IGNORED` from
microsoft/openvmm, vhdx/src/format.rs.
"""

import struct
from dataclasses import dataclass

from analyzer.blocks import Blocks
from analyzer.disks.layer import ParentLink
from analyzer.disks.vhdx_structures import MIB, NO_GUID, Region, guid_text
from analyzer.errors import Corrupt, Notice, Unsupported
from analyzer.formats.guid import normalise

TABLE_SIZE = 64 << 10
MOST_ENTRIES = 2047
LONGEST_ITEM = MIB
MOST_PAIRS = 256
LARGEST = 64 << 40
"""Bytes of a virtual disk; the format's own limit."""
SECTOR_SIZES = (512, 4096)
_ENTRY = struct.Struct("<16sIIII")
_PAIR = struct.Struct("<IIHH")
_FILE_PARAMETERS = "CAA16737-FA36-4D43-B3B6-33F0AA44E76B"
_DISK_SIZE = "2FA54224-CD1B-4876-B211-5DBED83BF4B8"
_DISK_ID = "BECA12AB-B2E6-4523-93EF-C309E000C746"
_LOGICAL_SECTOR = "8141BF1D-A96F-4709-BA47-F233A8FAAB5F"
_PHYSICAL_SECTOR = "CDA348C7-445D-4471-9CC9-E9885251C556"
_PARENT_LOCATOR = "A8D35F2D-B30B-454D-ABF7-D3D84834AB0C"
_VHDX_LOCATOR = "B04AEFB7-D19E-4A81-B789-25B8E9445913"
_INCOMPLETE = "71CC85F0-1B69-4E28-9558-C3BF83AE75D3"
_CHS = "DA02D7BC-3D3A-423C-AC88-2A36AB21479B"
_PMEM_LABELS = "10E1AE8A-4B7E-4169-A40F-CD70DE928393"
_KNOWN = {_FILE_PARAMETERS, _DISK_SIZE, _DISK_ID, _LOGICAL_SECTOR, _PHYSICAL_SECTOR,
          _PARENT_LOCATOR, _INCOMPLETE, _CHS, _PMEM_LABELS}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the metadata items say; sizes in bytes."""

    block_size: int
    is_fixed: bool
    disk_size: int
    disk_id: str
    sector_size: int
    physical_sector_size: int | None
    parent: ParentLink | None


def read_metadata(view: Blocks, region: Region, notices: list[Notice]) -> Metadata:
    """Read the metadata region; raises Corrupt, Unsupported, Unreadable."""
    items = _read_items(view, region)
    block_size, flags = struct.unpack("<II", _item(items, _FILE_PARAMETERS, 8))
    size = int.from_bytes(_item(items, _DISK_SIZE, 8), "little")
    sector = int.from_bytes(_item(items, _LOGICAL_SECTOR, 4), "little")
    if not MIB <= block_size <= 256 * MIB or block_size & (block_size - 1):
        raise Corrupt(f"VHDX block size {block_size} is no power of two of 1 to 256 MiB")
    if sector not in SECTOR_SIZES:
        raise Corrupt(f"VHDX sector size {sector}")
    if not 0 < size <= LARGEST or size % sector:
        raise Corrupt(f"VHDX disk of {size} bytes")
    has_parent = bool(flags & 2)
    if not has_parent and _PARENT_LOCATOR in items:
        raise Corrupt("VHDX with a parent locator and no mark that it has a parent: which of the "
                      "two is wrong cannot be told")
    if _INCOMPLETE in items:
        notices.append(Notice("VHDX-INCOMPLETE", "this file was never completely created",
                              "it was read as it stands", region.offset))
    parent = read_link(items.get(_PARENT_LOCATOR, b""), notices) if has_parent else None
    return Metadata(block_size, bool(flags & 1) and not has_parent, size,
                    _disk_id(items, notices), sector, _physical(items, notices), parent)


def _read_items(view: Blocks, region: Region) -> dict[str, bytes]:
    """The system's items by id, each read once and inside the region."""
    if region.offset + TABLE_SIZE > view.size:
        raise Corrupt("the VHDX metadata lie behind the end of the file", region.offset)
    table = view.read_at(region.offset, TABLE_SIZE)
    count = int.from_bytes(table[10:12], "little")
    if table[:8] != b"metadata" or count > MOST_ENTRIES:
        raise Corrupt("no VHDX metadata table where the region table points", region.offset)
    items: dict[str, bytes] = {}
    for index in range(count):
        raw, offset, length, flags, _ = _ENTRY.unpack_from(table, 32 + 32 * index)
        item_id, is_users = guid_text(raw), bool(flags & 1)
        if is_users or item_id not in _KNOWN:
            if flags & 4:
                raise Unsupported(f"VHDX metadata {item_id}, which must be understood",
                                  region.offset + 32 + 32 * index)
            continue
        inside = offset >= TABLE_SIZE and offset + length <= region.length
        if item_id in items or length > LONGEST_ITEM or (length and not inside):
            raise Corrupt(f"VHDX metadata {item_id} is there twice or lies outside its region",
                          region.offset + 32 + 32 * index)
        items[item_id] = view.read_at(region.offset + offset, length) if length else b""
    return items


def _item(items: dict[str, bytes], item_id: str, size: int) -> bytes:
    if len(items.get(item_id, b"")) < size:
        raise Corrupt(f"VHDX metadata {item_id} is missing or too short")
    return items[item_id][:size]


def _disk_id(items: dict[str, bytes], notices: list[Notice]) -> str:
    raw = items.get(_DISK_ID, b"")
    if len(raw) >= 16:
        return guid_text(raw[:16])
    notices.append(Notice("VHDX-META", "the virtual disk id is missing", "it is left empty"))
    return ""


def _physical(items: dict[str, bytes], notices: list[Notice]) -> int | None:
    size = int.from_bytes(items.get(_PHYSICAL_SECTOR, b"")[:4], "little")
    if size in SECTOR_SIZES:
        return size
    notices.append(Notice("VHDX-META", f"the physical sector size is {size}",
                          "it is left empty; nothing depends on it"))
    return None


def read_link(item: bytes, notices: list[Notice]) -> ParentLink:
    """The parent link in a parent locator item, as far as it can be read.

    The parent's data write GUID stands in `parent_linkage`; while a merge is under way its
    next one stands in `parent_linkage2`.
    """
    pairs = _pairs(item, notices)
    wanted = [normalise(pairs.pop(key, "")) for key in ("parent_linkage", "parent_linkage2")]
    wanted = [guid for guid in dict.fromkeys(wanted) if guid not in ("", NO_GUID)]
    if not wanted:
        notices.append(Notice("VHDX-LOCATOR", "the parent locator names no parent that can be "
                              "recognised", "the sectors that lie in the parent are unreadable"))
    return ParentLink(tuple(wanted), None, "", tuple(pairs.items()))


def _pairs(item: bytes, notices: list[Notice]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    kind = guid_text(item[:16]) if len(item) >= 20 else ""
    if kind != _VHDX_LOCATOR:
        notices.append(Notice("VHDX-LOCATOR", f"parent locator of type {kind or '(none)'}",
                              "it is not understood"))
        return pairs
    count = int.from_bytes(item[18:20], "little")
    if count > min(MOST_PAIRS, (len(item) - 20) // 12):
        notices.append(Notice("VHDX-LOCATOR", f"parent locator of {count} entries",
                              "those that are there were read"))
    for index in range(min(count, MOST_PAIRS, (len(item) - 20) // 12)):
        key_at, value_at, key_size, value_size = _PAIR.unpack_from(item, 20 + 12 * index)
        key, value = item[key_at:key_at + key_size], item[value_at:value_at + value_size]
        name = key.decode("utf-16-le", "replace")
        if not key or len(key) < key_size or len(value) < value_size or name in pairs:
            notices.append(Notice("VHDX-LOCATOR", f"entry {index} of the parent locator lies "
                                  "outside it or is there twice", "the other entries remain"))
            continue
        pairs[name] = value.decode("utf-16-le", "replace").rstrip("\0")
    return pairs
