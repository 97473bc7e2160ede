"""Volumes of a disk: MBR, GPT, or one file system without a partition table.

What is on a volume is told by its content, not by its type. Nothing here raises because of
what a disk holds: what is odd is a notice, what cannot be decoded says why in `unsupported`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import attrgetter
from typing import Final

from analyzer.blocks import Blocks, Slice, read_known
from analyzer.errors import EvidenceError, Notice, NotThisFormat
from analyzer.filesystem import gpt, mbr
from analyzer.filesystem.boot import BootSector, is_record, parse_boot
from analyzer.filesystem.boot_guess import guess_boot
from analyzer.filesystem.signatures import UNKNOWN, boot_format, ntfs_boot, volume_format

_MIB: Final = 1 << 20
_CLOSE: Final = 64
"""Sectors; one wrong bit in an entry of the partition table moves a volume so far."""
_MOST_PROBES: Final = 16_384
"""Places where a lost NTFS volume is looked for: 16 GiB between volumes."""
_RESERVED: Final = {
    "E3C9E316-0B5C-4DB8-817D-F92DF00215AE": "Microsoft reserved",
    "21686148-6449-6E6F-744E-656564454649": "BIOS boot",
}
_LDM: Final = ("LDM", "dynamic disk (LDM): which parts of which disks make a volume is not decoded")
_WINDOWS: Final = {"0x07", "0x17", "0x27", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"}
"""Types of partitions that NTFS is put on."""
_POOLED: Final = {
    "0x42": _LDM,
    "5808C8AA-7E8F-42E0-85D2-E1E90434CFB3": _LDM,  # metadata
    "AF9B60A0-1431-4F62-BC68-3311714A69AD": _LDM,  # data
    "E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D": ("Storage Spaces",
                                             "Storage Spaces: the pool is not decoded"),
}
"""Types whose content is not one volume from end to end, whatever its first sector says."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One volume's place on its disk and what is there; `offset` and `size` in bytes.

    volume_id    "p1", "p2" ... in order of offset
    scheme       "MBR", "GPT", "bare"; "salvaged" where it was found by its boot sector alone
    type         MBR type as "0x07", GPT type GUID in upper case, "" where there is no table
    guid         GPT partition GUID in upper case, else ""
    format       by content: "NTFS", "FAT", "exFAT", "ReFS", "BitLocker", "LVM" ... "unknown"
    unsupported  why vmtrail does not read it; "" for NTFS and for partitions without content
    blocks       its bytes; those past the end of the disk are Unreadable
    guessed      for NTFS without boot sectors: what `guess_boot` made of it, found once
    """

    volume_id: str
    scheme: str
    offset: int
    size: int
    type: str
    guid: str
    name: str
    format: str
    unsupported: str
    blocks: Slice
    guessed: tuple[BootSector, bytes] | None = None

    def places(self, disk_signature: int | None) -> tuple[tuple[object, ...], ...]:
        """How MountedDevices may name it: (signature of the disk, offset), (its GUID,)."""
        found: list[tuple[object, ...]] = []
        if disk_signature is not None:
            found.append((disk_signature, self.offset))
        if self.guid:
            found.append((self.guid,))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """All volumes of a disk.

    scheme          "MBR", "GPT", "bare", "salvaged", or "none"
    disk_signature  of the MBR (also of a protective one); None where sector 0 is no MBR
    disk_guid       of the GPT, upper case, else ""
    """

    scheme: str
    disk_signature: int | None
    disk_guid: str
    partitions: tuple[Partition, ...]
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class _Found:
    """A partition before it is numbered."""

    offset: int
    size: int
    scheme: str
    type: str = ""
    guid: str = ""
    name: str = ""


def read_partitions(blocks: Blocks) -> PartitionTable:
    """The volumes of a disk; never raises because of what is on it."""
    notices: list[Notice] = []
    lost: list[Notice] = []
    sector = read_known(blocks, 0, 512, lambda e: lost.append(Notice(
        "IMG-EIO", f"the first sector cannot be read: {e.what}",
        "partitions are looked for without it", 0, 512)))
    notices += lost
    bare = _bare(blocks, sector)
    if bare is not None:
        return _table(blocks, "bare", [bare], notices)
    entries = mbr.parse_entries(sector)
    signature = int.from_bytes(sector[440:444], "little") if entries is not None else None
    protective = entries is None or any(e.type == mbr.PROTECTIVE for e in entries)
    table = gpt.read_gpt(blocks, notices) if protective or not entries else None
    if table is not None:
        found = _from_gpt(table) + _hybrid(blocks, entries or [], table, notices)
        found = _once(blocks, _moved(blocks, found, notices), notices)
        return _table(blocks, "GPT", found, notices, signature, table.disk_guid)
    if entries:
        found = _once(blocks, _moved(blocks, _from_mbr(blocks, entries, notices), notices),
                      notices)
        _say_stale_ldm(blocks, found, notices)
        if found:
            found += _unlisted(blocks, found, notices)
            return _table(blocks, "MBR", found, notices, signature)
    found = _salvage(blocks, notices)
    return _table(blocks, "salvaged" if found else "none", found, notices, signature)


def _bare(blocks: Blocks, sector: bytes) -> _Found | None:
    """The whole disk, where it is one volume; a boot sector is no MBR though both end alike."""
    if boot_format(sector) != UNKNOWN:
        return _Found(0, blocks.size, "bare")
    if mbr.parse_entries(sector):
        return None
    last = read_known(blocks, max(0, blocks.size - 512), 512, lambda _: None)
    backup = ntfs_boot(last)
    if backup is not None:  # the first sector is damaged
        return _Found(0, blocks.size, "bare") if backup.size == blocks.size else None
    if sector[510:512] != b"\x55\xaa" and volume_format(blocks) not in (UNKNOWN, "NTFS"):
        return _Found(0, blocks.size, "bare")
    return None


def _from_gpt(table: gpt.Copy) -> list[_Found]:
    return [_Found(e.offset, e.size, "GPT", e.type, e.guid, e.name) for e in table.entries]


def _from_mbr(blocks: Blocks, entries: list[mbr.Entry], notices: list[Notice]) -> list[_Found]:
    """Partitions of the MBR; in 4096-byte sectors where only that meets known volumes."""
    attempts: list[tuple[list[_Found], list[Notice]]] = []
    for unit in (512, 4096):
        said: list[Notice] = []
        found = [_Found(e.offset, e.size, "MBR", f"{e.type:#04x}")
                 for e in mbr.partitions(blocks, entries, unit, said)]
        if any(_format(blocks, f) != UNKNOWN for f in found):
            if unit != 512:
                said.append(Notice("VOL-SECTOR", "the partition table counts in sectors of "
                                   f"{unit} bytes", "offsets are taken so"))
            notices += said
            return found
        attempts.append((found, said))
    found, said = attempts[0]
    notices += said
    return found


def _moved(blocks: Blocks, found: list[_Found], notices: list[Notice]) -> list[_Found]:
    """The same, those where nothing begins put where an NTFS volume begins close by."""
    known = [f for f in found if f.type not in _WINDOWS or _format(blocks, f) != UNKNOWN]
    taken = [(f.offset, f.offset + f.size) for f in known]
    result = []
    for one in found:
        offset = None if one in known else _close_by(blocks, one.offset, taken)
        if offset is not None:
            notices.append(Notice("VOL-MOVED", "the partition table has a volume begin at byte "
                                  f"{one.offset}, where nothing does; NTFS begins at byte "
                                  f"{offset}", "it is read from there", one.offset, 512))
            taken.append((offset, offset + one.size))
        result.append(one if offset is None else replace(one, offset=offset))
    return result


def _once(blocks: Blocks, found: list[_Found], notices: list[Notice]) -> list[_Found]:
    """The same, but of those where one NTFS volume begins only that of the volume's own size."""
    result: list[_Found] = []
    for offset, together in groupby(sorted(found), key=attrgetter("offset")):
        same = list(together)
        boot = ntfs_boot(read_known(blocks, offset, 512, lambda _: None)) \
            if len(same) > 1 else None
        if boot is None:
            result += same
            continue
        kept = min(same, key=lambda f: abs(f.size - boot.size))
        result.append(kept)
        sizes = " and ".join(str(f.size) for f in same)
        notices.append(Notice("VOL-DOUBLE", f"the partition table has {len(same)} volumes begin "
                              f"at byte {offset}, of {sizes} bytes; one NTFS volume does",
                              f"it is read once, with {kept.size} bytes", offset, kept.size))
    return result


def _close_by(blocks: Blocks, offset: int, taken: Sequence[tuple[int, int]]) -> int | None:
    """Where an NTFS volume begins, at most `_CLOSE` sectors away or where volumes usually do.

    Its MFT is where its boot sector says, or it is another's backup.
    """
    steps = [step * 512 for near in range(1, _CLOSE + 1) for step in (-near, near)]
    usual = (offset // _MIB * _MIB, -(-offset // _MIB) * _MIB, 63 * 512)
    for at in (*(offset + step for step in steps), *usual):
        if at < 512 or any(start <= at < end for start, end in taken):
            continue
        try:
            boot = parse_boot(blocks.read_at(at, 512))
        except EvidenceError:
            continue
        if is_record(blocks, at + boot.mft) or is_record(blocks, at + boot.mirror):
            return at
    return None


def _say_stale_ldm(blocks: Blocks, found: list[_Found], notices: list[Notice]) -> None:
    """LDM's private header is at sector 6, but the partitions are of other types."""
    header = read_known(blocks, 6 * 512, 8, lambda _: None)
    if header == b"PRIVHEAD" and not any(f.type in _POOLED for f in found):
        notices.append(Notice("VOL-LDM", "the disk holds the header of a dynamic disk (LDM)",
                              "its partitions are basic ones and are read", 6 * 512, 512))


def _hybrid(blocks: Blocks, entries: list[mbr.Entry], table: gpt.Copy,
            notices: list[Notice]) -> list[_Found]:
    """Partitions that a hybrid MBR has and the GPT has not."""
    if not any(e.type != mbr.PROTECTIVE for e in entries):
        return []
    known = {e.offset for e in table.entries}
    found = [_Found(e.offset, e.size, "MBR", f"{e.type:#04x}")
             for e in mbr.partitions(blocks, entries, table.sector, notices)
             if e.offset not in known]
    notices.append(Notice("VOL-HYBRID", "the disk has a GPT and an MBR with partitions of its own",
                          f"{len(found)} partitions are only in the MBR; Windows goes by the MBR"))
    return found


def _salvage(blocks: Blocks, notices: list[Notice]) -> list[_Found]:
    """NTFS volumes at the usual places, where the partition table is lost."""
    found: list[_Found] = []
    reached = 0
    for reached in islice(_places(blocks.size, found), _MOST_PROBES):
        boot = ntfs_boot(read_known(blocks, reached, 512, lambda _: None))
        if boot is not None:
            found.append(_Found(reached, boot.size, "salvaged"))
    notices.append(Notice("VOL-SALVAGE" if found else "VOL-NONE",
                          "the disk has no partition table that can be read",
                          f"{len(found)} NTFS volumes were found by their boot sectors, at sector "
                          f"63 and in steps of 1 MiB up to byte {reached}"))
    return found


def _unlisted(blocks: Blocks, found: list[_Found], notices: list[Notice]) -> list[_Found]:
    """NTFS volumes that fit where no partition is: their entry was wiped, or they were deleted."""
    more: list[_Found] = []
    end = 512
    # where nothing that is known begins, the entry itself may be what is wrong
    there = [f for f in sorted(found) if f.type not in _WINDOWS or _format(blocks, f) != UNKNOWN]
    for known in (*there, _Found(blocks.size, 0, "")):
        for offset in dict.fromkeys((end, end + 62 * 512, end + 63 * 512, -(-end // _MIB) * _MIB)):
            if offset + 512 > known.offset:
                continue
            boot = ntfs_boot(read_known(blocks, offset, 512, lambda _: None))
            if boot is not None and offset + boot.size <= known.offset:
                more.append(_Found(offset, boot.size, "salvaged"))
                notices.append(Notice("VOL-UNLISTED", f"an NTFS volume of {boot.size} bytes that "
                                      "the partition table does not list", "it is read like the "
                                      "others; it may be an older one", offset, boot.size))
                break
        end = max(end, known.offset + known.size)
    return more


def _places(size: int, found: list[_Found]) -> Iterator[int]:
    """Sector 63, then every MiB; behind a volume that was found, its end and 63 sectors on."""
    done = 0
    queue = [63 * 512, _MIB]
    while queue[0] + 512 <= size:
        offset = queue.pop(0)
        yield offset
        if len(found) > done:
            done = len(found)
            end = offset + found[-1].size
            queue = [end, end + 63 * 512, (end // _MIB + 1) * _MIB]
        elif not queue:
            queue = [(offset // _MIB + 1) * _MIB]


def _format(blocks: Blocks, found: _Found) -> str:
    return volume_format(Slice(blocks, found.offset, found.size))


def _table(blocks: Blocks, scheme: str, found: Iterable[_Found], notices: list[Notice],
           signature: int | None = None, guid: str = "") -> PartitionTable:
    ordered = sorted(found)
    if len(ordered) > mbr.MOST_PARTITIONS:
        notices.append(Notice("VOL-LIMIT", f"{len(ordered)} partitions",
                              f"only the first {mbr.MOST_PARTITIONS} are listed"))
        ordered = ordered[:mbr.MOST_PARTITIONS]
    _say_odd_extents(blocks, ordered, notices)
    partitions = tuple(_partition(blocks, f"p{n}", f) for n, f in enumerate(ordered, start=1))
    return PartitionTable(scheme, signature, guid, partitions, notices)


def _say_odd_extents(blocks: Blocks, ordered: list[_Found], notices: list[Notice]) -> None:
    end, owner = 0, ""
    for number, found in enumerate(ordered, start=1):
        if found.offset + found.size > blocks.size:
            start = max(found.offset, blocks.size)
            notices.append(Notice(
                "IMG-TRUNC", f"volume p{number} ends at byte {found.offset + found.size}, the disk "
                f"has {blocks.size}", "what lies past the end is unreadable", start,
                found.offset + found.size - start))
        if found.size == 0:
            notices.append(Notice("VOL-EXTENT", f"volume p{number} ends before it begins",
                                  "nothing of it can be read", found.offset, 0))
        if found.offset < end:
            notices.append(Notice("VOL-OVERLAP", f"volume p{number} begins inside {owner}",
                                  "both are read as they are declared", found.offset,
                                  min(end - found.offset, found.size)))
        _say_if_cut(blocks, found, number, notices)
        if found.offset + found.size > end:
            end, owner = found.offset + found.size, f"p{number}"


def _say_if_cut(blocks: Blocks, found: _Found, number: int, notices: list[Notice]) -> None:
    """NTFS that says it is larger than its place: the image, or the table, is cut short."""
    boot = ntfs_boot(read_known(Slice(blocks, found.offset, found.size), 0, 512, lambda _: None))
    if boot is not None and boot.size > found.size:
        notices.append(Notice("IMG-TRUNC", f"NTFS on volume p{number} has {boot.size} bytes, its "
                              f"place {found.size}", "what lies past it is not read",
                              found.offset + found.size, boot.size - found.size))


def _partition(blocks: Blocks, volume_id: str, found: _Found) -> Partition:
    content = Slice(blocks, found.offset, found.size)
    known = volume_format(content)
    pooled, reason = _POOLED.get(found.type, ("", ""))
    guessed = _guessed(content) if known == UNKNOWN and found.type in _WINDOWS else None
    if guessed is not None:
        known = "NTFS"
    elif known == UNKNOWN:
        known = pooled or _RESERVED.get(found.type, UNKNOWN)
        if known == UNKNOWN:
            reason = "no file system that vmtrail knows begins here"
    elif known != "NTFS" and not pooled:
        reason = f"{known} is not decoded by vmtrail"
    return Partition(volume_id, found.scheme, found.offset, found.size, found.type, found.guid,
                     found.name, known, reason, content, guessed)


def _guessed(content: Slice) -> tuple[BootSector, bytes] | None:
    """What may have been the boot sector of a volume that has only its master file table."""
    try:
        return guess_boot(content, NotThisFormat("no boot sector"))
    except EvidenceError:
        return None
