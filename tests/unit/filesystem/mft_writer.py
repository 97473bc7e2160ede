"""MFT records and whole tiny NTFS volumes from Python values, by the book and not by our reader.

A volume here has 1 KiB records, 1 KiB clusters, resident directory indexes and what The Sleuth
Kit insists on ($MFT, $Volume, $Bitmap, $AttrDef); nothing else.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CLUSTER = 1024
RECORD = 1024
ROOT = 5
T0 = 128_000_000_000_000_000
STANDARD, LIST, NAME, LABEL, INFORMATION = 0x10, 0x20, 0x30, 0x60, 0x70
DATA, INDEX_ROOT, REPARSE = 0x80, 0x90, 0xC0
IN_USE, DIRECTORY = 1, 2
WIN32 = 1


def reference(number: int, sequence: int) -> int:
    return sequence << 48 | number


def utf16(name: str) -> bytes:
    return name.encode("utf-16-le", "surrogatepass")


def encode_runs(runs: Sequence[tuple[int | None, int]]) -> bytes:
    """Mapping pairs of (cluster or None for sparse, clusters)."""
    out, last = b"", 0
    for lcn, length in runs:
        size = (length.bit_length() + 8) // 8
        offset = b""
        if lcn is not None:
            delta, last = lcn - last, lcn
            width = (abs(delta).bit_length() + 8) // 8
            offset = delta.to_bytes(width, "little", signed=True)
        out += bytes([len(offset) << 4 | size]) + length.to_bytes(size, "little") + offset
    return out + b"\0"


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def resident(kind: int, value: bytes, name: str = "", number: int = 0, flags: int = 0) -> bytes:
    at = 24 + len(_pad(utf16(name)))
    head = struct.pack("<IIBBHHHIHH", kind, at + len(_pad(value)), 0, len(name), 24, flags, number,
                       len(value), at, 0)
    return head + _pad(utf16(name)) + _pad(value)


def non_resident(kind: int, runs: Sequence[tuple[int | None, int]] | bytes, real: int, *,
                 initialized: int | None = None, first_vcn: int = 0, name: str = "",
                 flags: int = 0, unit: int = 0, number: int = 0,
                 allocated: int | None = None) -> bytes:
    mapping = runs if isinstance(runs, bytes) else encode_runs(runs)
    clusters = 0 if isinstance(runs, bytes) else sum(length for _, length in runs)
    at = 64 + len(_pad(utf16(name)))
    head = struct.pack("<IIBBHHHQQHBBIQQQ", kind, at + len(_pad(mapping)), 1, len(name), 64, flags,
                       number, first_vcn, first_vcn + clusters - 1, at, unit, 0, 0,
                       clusters * CLUSTER if allocated is None else allocated, real,
                       real if initialized is None else initialized)
    return head + _pad(utf16(name)) + _pad(mapping)


def standard(created: int = T0, flags: int = 0x20, security: int = 256) -> bytes:
    value = struct.pack("<4QIIIIIIQQ", created, created + 1, created + 2, created + 3, flags,
                        0, 0, 0, 7, security, 0, 0)
    return resident(STANDARD, value)


def file_name_value(name: str | bytes, parent: int = ROOT, parent_sequence: int = 5,
                    space: int = WIN32, created: int = T0 + 10, flags: int = 0) -> bytes:
    raw = name if isinstance(name, bytes) else utf16(name)
    return struct.pack("<Q4QQQIIBB", reference(parent, parent_sequence), created, created + 1,
                       created + 2, created + 3, 0, 0, flags, 0, len(raw) // 2, space) + raw


def file_name(name: str | bytes, parent: int = ROOT, parent_sequence: int = 5,
              space: int = WIN32) -> bytes:
    return resident(NAME, file_name_value(name, parent, parent_sequence, space))


def attribute_list(lines: Sequence[tuple[int, int, int, int]]) -> bytes:
    """Lines of (type, first VCN, record, sequence)."""
    value = b"".join(struct.pack("<IHBBQQH6x", kind, 32, 0, 26, vcn, reference(number, sequence), 0)
                     for kind, vcn, number, sequence in lines)
    return resident(LIST, value)


def index_root(entries: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Resident $I30 of (number, sequence, $FILE_NAME value)."""
    body = b""
    for number, sequence, value in entries:
        length = 16 + len(value) + -len(value) % 8
        body += struct.pack("<QHHHH", reference(number, sequence), length, len(value), 0, 0)
        body += _pad(value)
    body += struct.pack("<QHHHH", 0, 16, 0, 2, 0)
    head = struct.pack("<IIIBxxx", NAME, 1, 4096, 4)
    node = struct.pack("<IIIBxxx", 16, 16 + len(body), 16 + len(body), 0)
    return resident(INDEX_ROOT, head + node + body, "$I30")


def record(number: int, attributes: Sequence[bytes] = (), *, sequence: int = 1,
           flags: int = IN_USE, base: int = 0, links: int = 1, size: int = RECORD) -> bytes:
    """A record as on disk, with its update sequence."""
    body = b"".join(attributes) + b"\xff\xff\xff\xff" + bytes(4)
    first = 48 + -(-2 * (size // 512 + 1) // 8) * 8
    if first + len(body) > size:
        raise ValueError(f"{len(body)} bytes of attributes")
    head = struct.pack("<4sHHQHHHHIIQHHI", b"FILE", 48, size // 512 + 1, 0, sequence, links, first,
                       flags, first + len(body), size, base, 9, 0, number)
    return protect((head.ljust(first, b"\0") + body).ljust(size, b"\0"))


def protect(data: bytes, number: int = 0x77) -> bytes:
    """Put the update sequence `number` in."""
    out = bytearray(data)
    struct.pack_into("<H", out, 48, number)
    for sector in range(1, len(data) // 512 + 1):
        end = sector * 512
        out[48 + 2 * sector:50 + 2 * sector] = data[end - 2:end]
        struct.pack_into("<H", out, end - 2, number)
    return bytes(out)


def boot_sector(sectors: int, mft: int, mirror: int, serial: int = 0x1234_5678_9ABC_DEF0) -> bytes:
    out = bytearray(512)
    out[:11] = b"\xeb\x52\x90NTFS    "
    struct.pack_into("<HB", out, 11, 512, CLUSTER // 512)
    out[21] = 0xF8
    struct.pack_into("<IQQQbxxxbxxxQ", out, 36, 0x80_0080, sectors, mft, mirror, -10, 1, serial)
    out[510:] = b"\x55\xaa"
    return bytes(out)


@dataclass(slots=True)
class TinyVolume:
    """A volume of `clusters`; $MFT at cluster 16, file data from cluster 128 on.

    The metafiles have no names: the root's index must fit its record.

    names    what the root's index holds, as (number, sequence, $FILE_NAME value)
    records  number -> record, replacing or adding to the ones made
    data     cluster -> bytes
    """

    clusters: int = 512
    count: int = 64
    names: list[tuple[int, int, bytes]] = field(default_factory=list)
    records: dict[int, bytes] = field(default_factory=dict)
    data: dict[int, bytes] = field(default_factory=dict)
    is_dirty: bool = False

    def add(self, number: int, name: str | bytes, attributes: Sequence[bytes] = (), *,
            parent: int = ROOT, parent_sequence: int = 5, sequence: int = 1,
            flags: int = IN_USE) -> None:
        """A file or directory, and its line in the root's index when it is there."""
        self.records[number] = record(
            number, [standard(), file_name(name, parent, parent_sequence), *attributes],
            sequence=sequence, flags=flags)
        if parent == ROOT and flags & IN_USE:
            kind = 0x1000_0000 if flags & DIRECTORY else 0
            self.names.append((number, sequence, file_name_value(name, parent, parent_sequence,
                                                                 flags=kind)))

    def add_directory(self, number: int, name: str, entries: Sequence[tuple[int, int, bytes]] = (),
                      *, parent: int = ROOT, parent_sequence: int = 5) -> None:
        """A directory with its index."""
        self.add(number, name, [index_root(entries)], parent=parent,
                 parent_sequence=parent_sequence, flags=IN_USE | DIRECTORY)

    def _system(self) -> Mapping[int, bytes]:
        flags = struct.pack("<8xBBH", 3, 1, int(self.is_dirty))
        bitmap = [(12, 1)]
        empty = [resident(DATA, b"")]
        own: dict[int, list[bytes]] = {
            0: [non_resident(DATA, [(16, self.count)], self.count * RECORD),
                resident(0xB0, b"\xff" * 16)],
            1: [non_resident(DATA, [(8, 4)], 4096)], 2: empty,
            3: [resident(LABEL, utf16("tiny")), resident(INFORMATION, flags),
                resident(DATA, b"")],
            4: empty, 5: [index_root(self.names)],
            6: [non_resident(DATA, bitmap, self.clusters // 8)],
            7: [non_resident(DATA, [(0, 8)], 8192)],
        }
        return {
            number: record(number, [standard(), *attributes], sequence=number or 1,
                           flags=IN_USE | (DIRECTORY if number == ROOT else 0))
            for number, attributes in own.items()
        }

    def build(self) -> bytes:
        """The bytes of the volume, its backup boot sector in the last 512."""
        image = bytearray(self.clusters * CLUSTER + 512)
        boot = boot_sector(self.clusters * CLUSTER // 512, 16, 8)
        image[:512] = image[-512:] = boot
        table = bytearray(self.count * RECORD)
        for number, raw in {**self._system(), **self.records}.items():
            table[number * RECORD:(number + 1) * RECORD] = raw
        image[16 * CLUSTER:16 * CLUSTER + len(table)] = table
        image[8 * CLUSTER:8 * CLUSTER + 4 * RECORD] = table[:4 * RECORD]
        image[12 * CLUSTER:13 * CLUSTER] = b"\xff" * CLUSTER
        for cluster, data in self.data.items():
            image[cluster * CLUSTER:cluster * CLUSTER + len(data)] = data
        return bytes(image)
