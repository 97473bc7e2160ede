r"""Single files of a FAT volume, as an EFI system partition is one: found by path, read whole.

Boot sector, little-endian:
    11 u16 bytes in a sector    13 u8 sectors in a cluster   14 u16 sectors before the first FAT
    16 u8 FATs                  17 u16 entries of the root   19 u16 sectors, 0: u32 at 32
    22 u16 sectors in a FAT, 0: u32 at 36                    44 u32 cluster of the root (FAT32)
The number of clusters tells the kind: below 4085 FAT12, below 65,525 FAT16, else FAT32.
Directory entry, 32 bytes:
    0 name, 8 and 3 characters  11 u8 attributes (16 directory, 8 volume label, 15 long name)
    20, 26 u16 first cluster, high and low   22 u16 time, 24 u16 date of the last write
    28 u32 size; first byte 0: no more, E5: deleted. Long names stand before it, last part first:
    0 u8 number (64: last)      13 u8 checksum of the short name   1, 14, 28 UTF-16 characters

Source: Microsoft, "FAT: General Overview of On-Disk Format" 1.03. Times are local and not told
here: which zone they are in is not recorded. Deleted files are left alone.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer.blocks import Blocks
from analyzer.errors import Corrupt, NotThisFormat

LARGEST: Final = 64 << 20
"""Bytes of a file that is read; no boot store is as large."""
MOST: Final = 65_536
"""Entries of a directory; more are not allowed."""
_CHARACTERS: Final = ((1, 11), (14, 26), (28, 32))


@dataclass(frozen=True, slots=True)
class FatFile:
    """A file or directory: its first cluster, and where its entry stands on the volume."""

    name: str
    is_directory: bool
    cluster: int
    size: int
    entry_at: int


@dataclass(frozen=True, slots=True)
class Fat:
    """A FAT volume. Offsets and sizes in bytes; clusters count from 2."""

    blocks: Blocks
    cluster_size: int
    clusters: int
    table_at: int
    bits: int
    root_at: int
    root_size: int
    root_cluster: int
    data_at: int

    def find(self, path: str) -> FatFile | None:
        """The file at `EFI/Boot/x`, in any case; raises EvidenceError."""
        found: FatFile | None = None
        for part in path.strip("/").split("/"):
            if found is not None and not found.is_directory:
                return None
            below = self._root() if found is None else self._content(found.cluster, MOST * 32)
            found = next((entry for entry in self._entries(below)
                          if entry.name.casefold() == part.casefold()), None)
            if found is None:
                return None
        return found

    def read(self, file: FatFile) -> bytes:
        """All of a file; raises Corrupt where its clusters end before it does."""
        if file.size > LARGEST:
            raise Corrupt(f"{file.name} has {file.size} bytes, more than {LARGEST}", file.entry_at)
        data = b"".join(piece for _, piece in self._content(file.cluster, file.size))
        if len(data) < file.size:
            raise Corrupt(f"{file.name} has {len(data)} of {file.size} bytes", file.entry_at)
        return data[:file.size]

    def _root(self) -> Iterator[tuple[int, bytes]]:
        if self.root_cluster:
            yield from self._content(self.root_cluster, MOST * 32)
        else:
            yield self.root_at, self.blocks.read_at(self.root_at, self.root_size)

    def _content(self, cluster: int, most: int) -> Iterator[tuple[int, bytes]]:
        """(offset on the volume, bytes) of each cluster of a chain, up to `most` bytes."""
        seen: set[int] = set()
        for _ in range(-(-most // self.cluster_size)):
            if not 2 <= cluster < self.clusters + 2:
                return  # the end mark, or damage: who reads sees that bytes are missing
            at = self.data_at + (cluster - 2) * self.cluster_size
            piece = self.blocks.read_at(at, self.cluster_size)
            if len(piece) < self.cluster_size or cluster in seen:
                raise Corrupt(f"cluster {cluster} is past the end or comes twice", at)
            seen.add(cluster)
            yield at, piece
            cluster = self._next(cluster)

    def _next(self, cluster: int) -> int:
        at, width = self.table_at + cluster * self.bits // 8, 4 if self.bits == 32 else 2
        number = int.from_bytes(self.blocks.read_at(at, width), "little")
        if self.bits == 12:
            return number >> 4 if cluster & 1 else number & 0xFFF
        return number & 0x0FFFFFFF

    def _entries(self, pieces: Iterator[tuple[int, bytes]]) -> Iterator[FatFile]:
        long_name: list[bytes] = []
        for start, piece in pieces:
            for at in range(0, len(piece) - 31, 32):
                entry = piece[at:at + 32]
                if entry[0] == 0:
                    return
                if entry[11] & 0x3F == 0x0F and entry[0] != 0xE5:
                    long_name.append(entry)
                    continue
                if entry[0] != 0xE5 and not entry[11] & 8:
                    high, low = struct.unpack_from("<H4xH", entry, 20)
                    yield FatFile(_name(entry, long_name), bool(entry[11] & 16),
                                  (high if self.bits == 32 else 0) << 16 | low,
                                  int.from_bytes(entry[28:], "little"), start + at)
                long_name = []


def _name(entry: bytes, parts: list[bytes]) -> str:
    """The long name where its checksum is that of the short one."""
    total = 0
    for byte in entry[:11]:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    if parts and all(part[13] == total for part in parts):
        text = b"".join(part[a:b] for part in reversed(parts) for a, b in _CHARACTERS)
        return text.decode("utf-16-le", "surrogatepass").partition("\0")[0]
    base, extension = (entry[a:b].decode("cp437").rstrip() for a, b in ((0, 8), (8, 11)))
    return f"{base}.{extension}" if extension else base


def open_fat(blocks: Blocks) -> Fat:
    """The FAT volume in these bytes; raises NotThisFormat, Corrupt, Unreadable."""
    sector = blocks.read_at(0, 512)
    if len(sector) < 512 or sector[510:] != b"\x55\xaa":
        raise NotThisFormat("no boot sector", 0)
    size, per_cluster, reserved, tables, rooted, few, table = struct.unpack_from(
        "<HBHBHH1xH", sector, 11)
    many, long_table, root_cluster = struct.unpack_from("<I", sector, 32)[0], *struct.unpack_from(
        "<I4xI", sector, 36)
    if size not in (512, 1024, 2048, 4096) or per_cluster.bit_count() != 1 or not reserved \
            or not 1 <= tables <= 4:
        raise NotThisFormat("no parameters of a FAT volume", 11)
    sectors, table = few or many, table or long_table
    root_at = (reserved + tables * table) * size
    data_at = root_at + -(-rooted * 32 // size) * size
    cluster_size = per_cluster * size
    clusters = (sectors * size - data_at) // cluster_size
    if clusters <= 0 or not table:
        raise Corrupt(f"a volume of {sectors} sectors has no clusters", 11)
    bits = 12 if clusters < 4085 else 16 if clusters < 65_525 else 32
    if bits == 32 and root_cluster < 2:
        raise Corrupt("no cluster of the root directory", 44)
    return Fat(blocks, cluster_size, clusters, reserved * size, bits, root_at, rooted * 32,
               root_cluster if bits == 32 else 0, data_at)
