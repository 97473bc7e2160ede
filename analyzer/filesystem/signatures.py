"""What a volume is, told by its content.

    NTFS, ReFS, exFAT, BitLocker   OEM name at byte 3 of the boot sector
    BitLocker To Go                looks like FAT; its GUID at byte 424 (libbde documentation)
    FAT                            "FAT…" at byte 54 or 82, over a plausible parameter block
    others                         magic at the offset in `_MAGIC`

Sources: Microsoft "EFI FAT32 File System Specification" 1.03; [MS-exFAT]; libfsntfs, libfsrefs
and libbde format documentation; Linux headers of the respective file systems.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from analyzer.blocks import Blocks, read_known

UNKNOWN: Final = "unknown"
_OEM: Final = {b"NTFS    ": "NTFS", b"ReFS\0\0\0\0": "ReFS", b"EXFAT   ": "exFAT",
               b"-FVE-FS-": "BitLocker"}
_BITLOCKER_TO_GO: Final = frozenset(UUID(guid).bytes_le for guid in (
    "4967D63B-2E29-4AD8-8399-F6A339E3D001", "92A84D3B-DD80-4D0E-9E4E-B1E3284EAED8"))
_MAGIC: Final = (
    (0, b"LUKS\xba\xbe", "LUKS"), (0, b"XFSB", "XFS"), (0, b"SPACEDB ", "Storage Spaces"),
    (512, b"LABELONE", "LVM"), (0, b"LABELONE", "LVM"), (1024, b"LABELONE", "LVM"),
    (1536, b"LABELONE", "LVM"), (1024, b"H+\0\x04", "HFS+"), (1024, b"HX\0\x05", "HFS+"),
    (1080, b"\x53\xef", "ext"), (4086, b"SWAPSPACE2", "Linux swap"),
    (32_769, b"CD001", "ISO 9660"), (65_600, b"_BHRfS_M", "Btrfs"),
)
_HEAD: Final = 65_608


@dataclass(frozen=True, slots=True)
class NtfsBoot:
    """The part of an NTFS boot sector that says how large the volume is; sizes in bytes."""

    sector: int
    size: int


def volume_format(blocks: Blocks) -> str:
    """Name of the file system; NTFS also by its backup in the last sector alone."""
    head = read_known(blocks, 0, 4096, lambda _: None)
    found = boot_format(head[:512])
    if found != UNKNOWN:
        return found
    for at, magic, name in _MAGIC:
        if at + len(magic) <= len(head) and head[at:at + len(magic)] == magic:
            return name
    for sector in (512, 4096):
        last = read_known(blocks, max(0, blocks.size - sector), 512, lambda _: None)
        if boot_format(last) == "NTFS":
            return "NTFS"
    head = read_known(blocks, 0, _HEAD, lambda _: None)
    return next((name for at, magic, name in _MAGIC if head[at:at + len(magic)] == magic), UNKNOWN)


def boot_format(sector: bytes) -> str:
    """Name of the file system whose boot sector this is, else "unknown"."""
    if len(sector) < 512:
        return UNKNOWN
    found = _OEM.get(sector[3:11], UNKNOWN)
    if found == UNKNOWN and sector[510:512] == b"\x55\xaa" and _is_fat(sector):
        found = "BitLocker" if sector[424:440] in _BITLOCKER_TO_GO else "FAT"
    return found


def ntfs_boot(sector: bytes) -> NtfsBoot | None:
    """Extent of the NTFS volume whose boot sector this is; None where it is no whole one."""
    if boot_format(sector) != "NTFS" or sector[510:512] != b"\x55\xaa":
        return None
    bytes_per_sector = int.from_bytes(sector[11:13], "little")
    sectors = int.from_bytes(sector[40:48], "little")
    if bytes_per_sector not in (512, 1024, 2048, 4096) or not 0 < sectors < 1 << 52:
        return None
    # the backup boot sector, the last of the volume, is not counted
    return NtfsBoot(bytes_per_sector, (sectors + 1) * bytes_per_sector)


def _is_fat(sector: bytes) -> bool:
    named = sector[54:59] in (b"FAT12", b"FAT16", b"FAT  ") or sector[82:87] == b"FAT32"
    jump = sector[0] == 0xEB or sector[0] == 0xE9
    bytes_per_sector = int.from_bytes(sector[11:13], "little")
    return named and jump and bytes_per_sector in (512, 1024, 2048, 4096) and sector[16] in (1, 2)
