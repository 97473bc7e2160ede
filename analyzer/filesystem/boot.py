"""The boot sector of an NTFS volume, and its backup.

    3   8s  "NTFS    "           11  u16 bytes per sector    13  u8 sectors per cluster
    40  u64 sectors (the backup boot sector follows them)    48  u64 cluster of $MFT
    56  u64 cluster of $MFTMirr  64  s8 clusters per MFT record, or -log2 of its bytes
    72  u64 serial number        510 55 AA

Sectors per cluster above 0x80 is -log2 as well (clusters of 128 KiB to 2 MiB, Windows 10 1709).
Source: ntfs-3g layout.h; Microsoft, "BPB for NTFS volumes".
"""

import struct
from dataclasses import dataclass
from typing import Final

from analyzer.blocks import Blocks
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat

SIZE: Final = 512
_FIELDS = struct.Struct("<HB")
_LONG = struct.Struct("<QQQb7xQ")
_OTHERS: Final = ((3, b"-FVE-FS-", "BitLocker"), (3, b"EXFAT   ", "exFAT"), (3, b"ReFS", "ReFS"),
                  (54, b"FAT1", "FAT"), (82, b"FAT32", "FAT32"))


@dataclass(frozen=True, slots=True)
class BootSector:
    """Sizes in bytes, `mft` and `mirror` byte offsets in the volume, serial 16 hex digits."""

    sector_size: int
    cluster_size: int
    record_size: int
    sectors: int
    mft: int
    mirror: int
    serial: str

    @property
    def size(self) -> int:
        """Bytes of the volume that the sectors make, without the backup boot sector."""
        return self.sectors * self.sector_size


def parse_boot(data: bytes) -> BootSector:
    """The boot sector in 512 bytes; raises NotThisFormat (no NTFS) or Corrupt (bad fields)."""
    if len(data) < SIZE or data[3:11] != b"NTFS    ":
        raise NotThisFormat("no NTFS boot sector", 3)
    sector, per_cluster = _FIELDS.unpack_from(data, 11)
    sectors, mft, mirror, record, serial = _LONG.unpack_from(data, 40)
    clusters = per_cluster if per_cluster <= 128 else 1 << (256 - per_cluster)
    if not 256 <= sector <= 4096 or sector & (sector - 1):
        raise Corrupt(f"{sector} bytes per sector", 11)
    if clusters == 0 or clusters & (clusters - 1) or sector * clusters > 2 << 20:
        raise Corrupt(f"{per_cluster} sectors per cluster", 13)
    cluster = sector * clusters
    size = record * cluster if record > 0 else 1 << min(-record, 31)
    if not 512 <= size <= 65536 or size & (size - 1):
        raise Corrupt(f"MFT record size {record}", 64)
    if not 0 < sectors < 1 << 48 or mft * cluster >= sectors * sector:
        raise Corrupt(f"$MFT at cluster {mft} of a volume of {sectors} sectors", 40)
    return BootSector(sector, cluster, size, sectors, mft * cluster, mirror * cluster,
                      f"{serial:016X}")


def find_boot(blocks: Blocks) -> tuple[BootSector, EvidenceError | None, bytes]:
    """The boot sector of a volume: parsed, what is wrong with the first (None if nothing), raw.

    When the first sector is broken, the backup is looked for in the last sector and after the
    number of sectors that the broken one gives; one that points to $MFT comes before one that
    points to its mirror only. Raises what the first sector raised when none is found, or
    NotThisFormat when the sector belongs to another file system.
    """
    raw = b""
    first: EvidenceError
    mirrored: tuple[BootSector, EvidenceError | None, bytes] | None = None
    try:
        raw = blocks.read_at(0, SIZE)
        boot = parse_boot(raw)
        if is_record(blocks, boot.mft):
            return boot, None, raw
        first = Corrupt("no MFT record where the boot sector puts $MFT", 48)
        if is_record(blocks, boot.mirror):
            mirrored = boot, None, raw
    except EvidenceError as error:
        first = error
    for at, magic, name in _OTHERS:
        if raw[at:at + len(magic)] == magic:
            raise NotThisFormat(f"{name}, not NTFS", at) from first
    for at in backup_places(blocks, raw):
        try:
            copy = blocks.read_at(at, SIZE)
            boot = parse_boot(copy)
        except EvidenceError:
            continue
        if is_record(blocks, boot.mft):
            return boot, first, copy
        if mirrored is None and is_record(blocks, boot.mirror):
            mirrored = boot, first, copy
    if mirrored is None:
        raise first
    return mirrored


def backup_places(blocks: Blocks, first: bytes) -> list[int]:
    """Byte offsets where the backup boot sector may be."""
    sizes = {512, 4096}
    places = [blocks.size - size for size in sorted(sizes)]
    if len(first) == SIZE:
        sectors = struct.unpack_from("<Q", first, 40)[0]
        places += [sectors * size for size in sorted(sizes)]
    return [at for at in dict.fromkeys(places) if 0 < at <= blocks.size - SIZE]


def is_record(blocks: Blocks, at: int) -> bool:
    """Whether an MFT record stands at a byte offset."""
    try:
        return blocks.read_at(at, 4) in (b"FILE", b"BAAD")
    except EvidenceError:
        return False
