"""Hives made to hang or fill a reader (RELIABILITY 4.2), built cell by cell.

`python -m tests.unit.formats.hive_bombs NAME` walks one as a careless caller would, without any
visited set of its own, and prints CPU seconds, peak megabytes, keys, values and notices.
"""

import resource
import struct
import sys
from collections.abc import Callable

from analyzer.errors import EvidenceError
from analyzer.formats.hive import Hive
from tests.peak_memory import peak_megabytes

NONE = 0xFFFFFFFF


class Cells:
    """Lays cells one after the other; offsets are those that hives use."""

    def __init__(self) -> None:
        self.out = bytearray(32)

    def __call__(self, content: bytes) -> int:
        at = len(self.out)
        size = -(-(len(content) + 4) // 8) * 8
        self.out += (struct.pack("<i", -size) + content).ljust(size, b"\0")
        return at

    def patch(self, cell: int, at: int, number: int) -> None:
        """Writes `number` at `at` of the content of `cell`."""
        struct.pack_into("<I", self.out, cell + 4 + at, number)

    def hive(self, root: int = 32) -> bytes:
        size = -(-len(self.out) // 4096) * 4096
        struct.pack_into("<4sII", self.out, 0, b"hbin", 0, size)
        base = struct.pack("<4sIIQIIIIIII", b"regf", 1, 1, 1, 1, 5, 0, 1, root, size, 1)
        base = base.ljust(508, b"\0")
        total = 0
        for (word,) in struct.iter_unpack("<I", base):
            total ^= word
        return (base + struct.pack("<I", total)).ljust(4096, b"\0") + self.out.ljust(size, b"\0")


def nk(name: str, parent: int = 0, subkeys: int = 0, listed: int = NONE, values: int = 0,
       value_list: int = NONE) -> bytes:
    return struct.pack("<2sHQIIIIIIIIIIIIIIIHH", b"nk", 0x20, 1, 0, parent, subkeys, 0, listed,
                       NONE, values, value_list, NONE, NONE, 0, 0, 0, 0, 0, len(name), 0
                       ) + name.encode()


def vk(name: str, size: int, where: int, kind: int = 3) -> bytes:
    return struct.pack("<2sHIIIHH", b"vk", len(name), size, where, kind, 1, 0) + name.encode()


def lf(*keys: int, mark: bytes = b"lf") -> bytes:
    return mark + struct.pack("<H", len(keys)) + b"".join(struct.pack("<II", k, 0) for k in keys)


def ri(*lists: int) -> bytes:
    return b"ri" + struct.pack(f"<H{len(lists)}I", len(lists), *lists)


def ri_to_itself() -> bytes:
    cells = Cells()
    root = cells(nk("root", subkeys=1))
    listed = cells(ri(0, 0))
    cells.patch(root, 28, listed)
    cells.patch(listed, 4, listed)
    cells.patch(listed, 8, listed)
    return cells.hive()


def nested_ri() -> bytes:
    """40 levels, two references to the next on each: 2^40 lists."""
    cells = Cells()
    root = cells(nk("root", subkeys=2))
    below = cells(lf(root))
    for _ in range(40):
        below = cells(ri(below, below))
    cells.patch(root, 28, below)
    return cells.hive()


def root_its_own_child() -> bytes:
    cells = Cells()
    root = cells(nk("root", parent=32, subkeys=1))
    cells.patch(root, 28, cells(lf(root)))
    return cells.hive()


def key_dag() -> bytes:
    """Six levels of 100 keys, each listing all 100 of the next: 100^6 paths."""
    cells = Cells()
    root = cells(nk("root"))
    levels = [[cells(nk(f"k{n}", subkeys=100)) for n in range(100)] for _ in range(6)]
    above = [root]
    for level in levels:
        listed = cells(lf(*level))
        for key in above:
            cells.patch(key, 20, 100)
            cells.patch(key, 28, listed)
        for key in level:
            cells.patch(key, 16, above[0])
        above = level
    return cells.hive()


def key_dag_without_parents() -> bytes:
    """The same, with parent fields that lead nowhere."""
    data = bytearray(key_dag())
    at = data.find(b"nk", 4096 + 40)
    while at >= 0:
        struct.pack_into("<I", data, at + 16, NONE)
        at = data.find(b"nk", at + 2)
    return bytes(data)


def parent_ring() -> bytes:
    """Two keys that are each other's child and parent; the root lists one."""
    cells = Cells()
    root = cells(nk("root", subkeys=1))
    one, two = cells(nk("one", subkeys=1)), cells(nk("two", subkeys=1))
    cells.patch(root, 28, cells(lf(one)))
    cells.patch(one, 28, cells(lf(two)))
    cells.patch(two, 28, cells(lf(one)))
    cells.patch(one, 16, two)
    cells.patch(two, 16, one)
    return cells.hive()


def hbin_size_0() -> bytes:
    data = bytearray(root_its_own_child())
    struct.pack_into("<I", data, 4096 + 8, 0)
    return bytes(data)


def cell_size_0() -> bytes:
    cells = Cells()
    root = cells(nk("root", subkeys=1, values=1, value_list=32))
    child = cells(nk("child"))
    cells.patch(root, 28, cells(lf(child)))
    struct.pack_into("<i", cells.out, child, 0)
    return cells.hive()


def big_data() -> bytes:
    """50 values of 268 MB each out of one segment."""
    cells = Cells()
    root = cells(nk("root"))
    segment = cells(bytes(16344))
    table = cells(struct.pack("<I", segment) * 16384)
    db = cells(struct.pack("<2sHI", b"db", 16384, table))
    values = [cells(vk(f"v{n}", 16384 * 16344, db)) for n in range(50)]
    values += [cells(vk(f"w{n}", 400 * 16344, db)) for n in range(50)]
    cells.patch(root, 36, len(values))
    cells.patch(root, 40, cells(struct.pack(f"<{len(values)}I", *values)))
    return cells.hive()


def shared_data() -> bytes:
    """60,000 values that all hold the same megabyte."""
    cells = Cells()
    root = cells(nk("root"))
    data = cells(bytes(2**20))
    values = [cells(vk(f"v{n}", 2**20, data)) for n in range(60_000)]
    cells.patch(root, 36, len(values))
    cells.patch(root, 40, cells(struct.pack(f"<{len(values)}I", *values)))
    return cells.hive()


def endless_counts() -> bytes:
    """2^32-2 subkeys and values; 20 lists that name one key 65535 times."""
    cells = Cells()
    root = cells(nk("root", subkeys=NONE - 1, values=NONE - 1))
    child = cells(nk("child", parent=root))
    listed = [cells(lf(*[child] * 65535)) for _ in range(20)]
    cells.patch(root, 28, cells(ri(*listed)))
    cells.patch(root, 40, cells(struct.pack("<I", child) * 200_000))
    return cells.hive()


def deep() -> bytes:
    """10,000 keys one below the other, with long names."""
    cells = Cells()
    above = cells(nk("root"))
    for _ in range(10_000):
        key = cells(nk("k" * 1000, parent=above))
        cells.patch(above, 20, 1)
        cells.patch(above, 28, cells(lf(key)))
        above = key
    return cells.hive()


BOMBS: dict[str, Callable[[], bytes]] = {
    make.__name__: make
    for make in (ri_to_itself, nested_ri, root_its_own_child, key_dag, key_dag_without_parents,
                 parent_ring, hbin_size_0, cell_size_0, big_data, shared_data, endless_counts,
                 deep)
}


def walk(hive: Hive) -> tuple[int, int]:
    """Counts of keys and values, met as a caller without caution meets them."""
    keys = values = 0
    pending = [hive.root]
    while pending:
        key = pending.pop()
        keys += 1
        values += sum(1 for _ in key.values())
        pending += key.subkeys()
    return keys, values


if __name__ == "__main__":
    bomb = BOMBS[sys.argv[1]]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    try:
        opened = Hive.open(bomb)
        counts = (*walk(opened), len(opened.notices))
        for path in ("k0\\k0\\k0\\k0\\k0\\k0", "one\\two\\one", "root\\root"):
            opened.key(path)
    except EvidenceError:
        counts = (*walk(opened), len(opened.notices))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(round(usage.ru_utime - before, 2), peak_megabytes(), *counts)
