"""An NTFS volume without any boot sector, by what $MFT says of itself.

The first record of $MFT has the name `$MFT` and the cluster it lies at, in its data run; its
copy in $MFTMirr says the same from another place. Offset over cluster is the size of a cluster.
"""

import struct
from collections.abc import Iterator
from typing import Final

from analyzer.blocks import Blocks
from analyzer.errors import EvidenceError
from analyzer.filesystem.attributes import AttributeType, decode_file_name
from analyzer.filesystem.boot import SIZE, BootSector, find_boot, is_record
from analyzer.filesystem.mft import SECTOR, parse_record
from analyzer.filesystem.record_scan import find_records
from analyzer.filesystem.signatures import UNKNOWN, boot_format

MOST: Final = 4 << 30
"""Bytes looked through; Windows puts $MFT at 3 GiB, or earlier."""
_NAME: Final = "$MFT".encode("utf-16-le")
_CLUSTERS: Final = tuple(SECTOR << power for power in range(13))
_SIZES: Final = (512, 1024, 2048, 4096)
_ROOT: Final = 5


def guess_boot(blocks: Blocks, failure: EvidenceError) -> tuple[BootSector, bytes]:
    """Boot sector, and its bytes as they may have been; raises `failure` where none is found.

    `failure` is why the real ones cannot be used. The serial number is "": not known.
    """
    try:
        first = blocks.read_at(0, SIZE)
    except EvidenceError:
        first = b""
    if boot_format(first) not in (UNKNOWN, "NTFS"):
        raise failure
    copies: list[tuple[int, int, int]] = []
    for at, lcn, size in _first_records(blocks):
        cluster = at // lcn if lcn else 0
        if cluster in _CLUSTERS and lcn * cluster == at:
            mirror = copies[0][0] if copies else 0
            return _made(blocks, cluster, size, at, mirror)
        copies.append((at, lcn, size))
    for at, lcn, size in copies:  # $MFT's own record is gone, its mirror is here
        for cluster in _CLUSTERS:
            if is_record(blocks, lcn * cluster + size):
                return _made(blocks, cluster, size, lcn * cluster, at)
    raise failure


def _first_records(blocks: Blocks) -> Iterator[tuple[int, int, int]]:
    """(offset, first cluster of its data, record size) of what may be $MFT's first record."""
    for at in find_records(blocks, [(0, min(MOST, blocks.size))]):
        try:
            head = blocks.read_at(at, SIZE)
            size = int.from_bytes(head[28:32], "little")
            if size not in _SIZES:
                continue
            record = parse_record(blocks.read_at(at, size), 0)
            runs = [a.runs() for a in record.of_type(AttributeType.DATA)
                    if not a.name and a.value is None and not a.first_vcn]
            names = [decode_file_name(a.value) for a in record.of_type(AttributeType.FILE_NAME)
                     if a.value is not None]
        except EvidenceError:
            continue
        is_table = any(name.raw == _NAME and name.parent.number == _ROOT for name in names)
        if is_table and record.in_use and runs and runs[0] and runs[0][0].lcn is not None:
            yield at, runs[0][0].lcn, size


def _made(blocks: Blocks, cluster: int, size: int, mft: int,
          mirror: int) -> tuple[BootSector, bytes]:
    sectors = blocks.size // SECTOR - 1
    boot = BootSector(SECTOR, cluster, size, sectors, mft, mirror, "")
    raw = bytearray(SIZE)
    raw[3:11], raw[510:] = b"NTFS    ", b"\x55\xaa"
    clusters = cluster // SECTOR
    struct.pack_into("<HB", raw, 11, SECTOR,
                     clusters if clusters <= 128 else 257 - clusters.bit_length())
    struct.pack_into("<QQQbxxxb", raw, 40, sectors, mft // cluster, mirror // cluster,
                     1 - size.bit_length(), 1)
    return boot, bytes(raw)


def best_boot(blocks: Blocks, guessed: tuple[BootSector, bytes] | None
              ) -> tuple[BootSector, EvidenceError | None, bytes, str]:
    """The boot sector, what is wrong with the first one, its bytes, what was done about it."""
    try:
        return *find_boot(blocks), "the backup boot sector is used"
    except EvidenceError as error:
        boot, raw = guessed or guess_boot(blocks, error)
        return boot, error, raw, ("there is no backup of it either: sizes are inferred from "
                                  "$MFT's own record, the serial number is not known")
