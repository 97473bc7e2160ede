"""Writes small FAT volumes after Microsoft's specification."""

import struct
from collections.abc import Mapping

SECTOR = 512
SIZES = {12: 1_000, 16: 5_000, 32: 66_000}
"""Clusters of one sector that make a volume of each kind."""


def volume(bits: int, files: Mapping[str, bytes]) -> bytearray:
    """A volume with these files; names of directories and files as they are, with a long name.

    Clusters of files are given out alternately, so that no file is in one piece.
    """
    return _Writer(bits).volume(files)


class _Writer:
    def __init__(self, bits: int) -> None:
        self.bits, self.clusters = bits, SIZES[bits]
        self.table = -(-(self.clusters + 2) * bits // 8 // SECTOR) + 1
        self.reserved, self.rooted = (32, 0) if bits == 32 else (1, 512)
        self.root_at = (self.reserved + 2 * self.table) * SECTOR
        self.data_at = self.root_at + self.rooted * 32
        self.chain: dict[int, int] = {}
        self.image = bytearray(self.data_at + self.clusters * SECTOR)
        self.free = 3

    def volume(self, files: Mapping[str, bytes]) -> bytearray:
        tree: dict[str, object] = {}
        for path, data in files.items():
            *folders, name = path.split("/")
            below = tree
            for folder in folders:
                below = below.setdefault(folder, {})  # type: ignore[assignment] # a tree of dicts
            below[name] = data
        root = self._directory(tree, 0)
        if self.bits == 32:
            self._put(root, 2)
        else:
            self.image[self.root_at:self.root_at + len(root)] = root
        self._boot()
        for number in range(2):
            self._tables((self.reserved + number * self.table) * SECTOR)
        return self.image

    def _boot(self) -> None:
        sectors = len(self.image) // SECTOR
        few = sectors if sectors < 65_536 and self.bits != 32 else 0
        struct.pack_into("<3s8sHBHBHHBHHHII", self.image, 0, b"\xeb\x58\x90", b"MSDOS5.0", SECTOR,
                         1, self.reserved, 2, self.rooted, few, 0xF8,
                         0 if self.bits == 32 else self.table, 63, 255, 0, 0 if few else sectors)
        if self.bits == 32:
            struct.pack_into("<IHHIHH", self.image, 36, self.table, 0, 0, 2, 1, 6)
            self.image[66], self.image[82:90] = 0x29, b"FAT32   "
        else:
            self.image[38], self.image[54:62] = 0x29, f"FAT{self.bits}   ".encode()
        self.image[510:512] = b"\x55\xaa"

    def _tables(self, at: int) -> None:
        ends = {0: 0xFFFFFF8, 1: 0xFFFFFFF, **self.chain}
        for cluster, following in ends.items():
            following &= (1 << self.bits) - 1 & 0xFFFFFFF
            place = at + cluster * self.bits // 8
            if self.bits == 12:
                old = int.from_bytes(self.image[place:place + 2], "little")
                shift = 4 * (cluster & 1)
                following = old & ~(0xFFF << shift) | following << shift
            width = 4 if self.bits == 32 else 2
            self.image[place:place + width] = following.to_bytes(width, "little")

    def _directory(self, tree: Mapping[str, object], parent: int) -> bytes:
        out = bytearray()
        for number, (name, content) in enumerate(tree.items()):
            is_directory = isinstance(content, Mapping)
            data = self._directory(content, 0) if isinstance(content, Mapping) else content
            assert isinstance(data, bytes)
            short = f"{name[:6].upper():6}~{number}".encode()[:8].ljust(8) + b"   "
            out += _long(name, short)
            cluster = self._take(data) if data else 0
            out += struct.pack("<11sB8xHHHHI", short, 16 if is_directory else 32, cluster >> 16,
                               0x6000, 0x5921, cluster & 0xFFFF, 0 if is_directory else len(data))
        return bytes(out)

    def _take(self, data: bytes) -> int:
        first = self.free
        self._put(data, first)
        return first

    def _put(self, data: bytes, cluster: int) -> None:
        count = -(-len(data) // SECTOR) or 1
        places = [cluster] + [self.free + 2 * n + 2 for n in range(count - 1)]
        self.free = max(self.free, places[-1]) + 1
        for number, place in enumerate(places):
            piece = data[number * SECTOR:(number + 1) * SECTOR]
            at = self.data_at + (place - 2) * SECTOR
            self.image[at:at + len(piece)] = piece
            self.chain[place] = places[number + 1] if number + 1 < count else 0xFFFFFFF


def _long(name: str, short: bytes) -> bytes:
    total = 0
    for byte in short:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    text = name.encode("utf-16-le")
    if len(text) % 26:
        text = (text + b"\0\0").ljust(-(-len(text) // 26) * 26, b"\xff")
    parts = [text[at:at + 26] for at in range(0, len(text), 26)]
    rows = [struct.pack("<B10sBBB12sH4s", number | (64 if number == len(parts) else 0), part[:10],
                        15, 0, total, part[10:22], 0, part[22:])
            for number, part in enumerate(parts, 1)]
    return b"".join(reversed(rows))
