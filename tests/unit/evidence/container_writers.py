"""Small QCOW and VMDK files, laid out by hand from the specifications.

`media` is cut into clusters or grains; those that are all zeros are left out, the others are
stored in reverse order, so that a reader that goes straight on is found out.
"""

import struct
import zlib

SECTOR = 512


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    return packer.compress(data) + packer.flush()


def _pieces(media: bytes, size: int) -> dict[int, bytes]:
    found = {at // size: media[at:at + size].ljust(size, b"\0")
             for at in range(0, len(media), size)}
    return {index: data for index, data in found.items() if any(data)}


def qcow2(media: bytes, *, version: int = 3, bits: int = 12, compress: bool = False,
          backing: str = "", encryption: int = 0, features: int = 0,
          zero_clusters: tuple[int, ...] = ()) -> bytes:
    """QCOW of version 2 or 3; `zero_clusters` are stored, and flagged as zeros (version 3)."""
    cluster = 1 << bits
    per_table = cluster // 8
    tables = -(-len(media) // (cluster * per_table)) or 1
    l1_at, name_at = cluster, 512
    l2_at = [cluster * (2 + number) for number in range(tables)]
    file = bytearray(cluster * (2 + tables))
    entries = [0] * (per_table * tables)
    for index, data in reversed(_pieces(media, cluster).items()):
        if compress:
            packed = _raw_deflate(data)
            at, shift = len(file), 62 - (bits - 8)
            sectors = -(-(at % SECTOR + len(packed)) // SECTOR) - 1
            entries[index] = 1 << 62 | sectors << shift | at
            file += packed
        else:
            file += bytes(-len(file) % cluster)
            entries[index] = 1 << 63 | len(file)
            file += data
    for index in zero_clusters:
        entries[index] |= 1
    struct.pack_into(">4sIQIIQIIQ", file, 0, b"QFI\xfb", version, name_at if backing else 0,
                     len(backing), bits, len(media), encryption, tables, l1_at)
    if version == 3:
        struct.pack_into(">QQQII", file, 72, features, 0, 0, 4, 104)
    file[name_at:name_at + len(backing)] = backing.encode()
    struct.pack_into(f">{tables}Q", file, l1_at, *(1 << 63 | at for at in l2_at))
    for number, at in enumerate(l2_at):
        struct.pack_into(f">{per_table}Q", file, at,
                         *entries[number * per_table:(number + 1) * per_table])
    return bytes(file)


def qcow1(media: bytes, *, bits: int = 12, l2_bits: int = 9, compress: bool = False) -> bytes:
    """QCOW of version 1, with one L2 table for each 2 MiB."""
    cluster, per_table = 1 << bits, 1 << l2_bits
    tables = -(-len(media) // (cluster * per_table)) or 1
    l1_at = 64
    l2_at = [4096 + number * per_table * 8 for number in range(tables)]
    file = bytearray(4096 + tables * per_table * 8)
    struct.pack_into(">4sIQIIQBBxxIQ", file, 0, b"QFI\xfb", 1, 0, 0, 0, len(media), bits, l2_bits,
                     0, l1_at)
    struct.pack_into(f">{tables}Q", file, l1_at, *l2_at)
    for index, data in reversed(_pieces(media, cluster).items()):
        packed = _raw_deflate(data)
        file += bytes(-len(file) % SECTOR)
        at = len(file)
        smaller = compress and len(packed) < cluster
        entry = 1 << 63 | len(packed) << 63 - bits | at if smaller else at
        struct.pack_into(">Q", file, 4096 + 8 * index, entry)
        file += packed if smaller else data
    return bytes(file)


def descriptor(extents: str, *, parent: str = "ffffffff", kind: str = "monolithicSparse",
               more: str = "") -> bytes:
    """The text; `extents` are its extent lines."""
    return (f'# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID={parent}\n'
            f'createType="{kind}"\n\n# Extent description\n{extents}\n\n'
            f'# The Disk Data Base\nddb.adapterType = "ide"\n{more}').encode()


def sparse(media: bytes, *, grain: int = 8, entries: int = 16, compress: bool = False,
           text: bytes | None = b"", redundant: bool = True) -> bytes:
    """A sparse extent of `grain` sectors a grain; `text` None leaves the descriptor out."""
    capacity = len(media) // SECTOR
    tables = -(-capacity // (grain * entries)) or 1
    if text == b"":
        text = descriptor(f'RW {capacity} SPARSE "disk.vmdk"')
    table_sectors = -(-4 * entries // SECTOR)
    directory_sectors = -(-4 * tables // SECTOR)
    copy_at = 21
    main_at = copy_at + directory_sectors + tables * table_sectors
    data_at = main_at + directory_sectors + tables * table_sectors
    file = bytearray(data_at * SECTOR)
    flags = 1 | (2 if redundant and not compress else 0) | (0x30000 if compress else 0)
    struct.pack_into("<4sIIQQQQIQQQ", file, 0, b"KDMV", 1, flags, capacity, grain,
                     1 if text is not None else 0, 20 if text is not None else 0, entries,
                     copy_at, main_at, data_at)
    struct.pack_into("<H", file, 77, 1 if compress else 0)
    if text is not None:
        file[SECTOR:SECTOR + len(text)] = text
    places = [0] * (tables * entries)
    for index, data in reversed(_pieces(media, grain * SECTOR).items()):
        places[index] = len(file) // SECTOR
        if compress:
            packed = zlib.compress(data)
            data = struct.pack("<QI", index * grain, len(packed)) + packed
        file += data + bytes(-len(data) % SECTOR)
    for base in (copy_at, main_at):
        first = base + directory_sectors
        for number in range(tables):
            at = first + number * table_sectors
            struct.pack_into("<I", file, base * SECTOR + 4 * number, at)
            struct.pack_into(f"<{entries}I", file, at * SECTOR,
                             *places[number * entries:(number + 1) * entries])
    return bytes(file)
