"""Registry hive (regf 1.3 and 1.5) writer: a tree of keys in, the bytes of a clean hive out.

Layout, all integers little-endian, offsets counted from 0x1000::

    0x0000 base block: "regf", two equal sequence numbers, last written, version, root cell,
           size of the bins, file name, XOR checksum at 508
    0x1000 bins of 4096*n: "hbin", own offset, size, time; cells of 8*n, size negative when in use:
           nk key, vk value, lf/lh list of subkeys, sk security descriptor, db data in segments

Source: M. Suhanov, "Windows registry file format specification" (github.com/msuhanov/regf).
Times are FILETIME ticks: 100 ns since 1601-01-01 UTC.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

REG_SZ, REG_EXPAND_SZ, REG_BINARY, REG_DWORD, REG_MULTI_SZ, REG_QWORD = 1, 2, 3, 4, 7, 11
_NONE = 0xFFFFFFFF
_PAGE = 4096
_SEGMENT = 16344
"""Largest piece of data in one cell of a hive 1.4 or newer; more goes to db segments."""
_ROOT_FLAGS, _PLAIN_NAME = 0x0C, 0x20
_LIST_MAX = 1000


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its name ("" is the default value), type and raw data."""

    name: str
    kind: int
    data: bytes


@dataclass(slots=True)
class Key:
    """One key; `written` is its last-written time in FILETIME ticks."""

    name: str
    written: int
    values: list[Value] = field(default_factory=list)
    subkeys: list[Key] = field(default_factory=list)
    class_name: str = ""

    def key(self, path: str, written: int | None = None) -> Key:
        """The key at `path` below this one, created where absent with the time given or ours."""
        here = self
        for name in path.split("\\"):
            found = [sub for sub in here.subkeys if sub.name.lower() == name.lower()]
            if not found:
                found = [Key(name, here.written if written is None else written)]
                here.subkeys += found
            here = found[0]
        return here

    def set(self, *values: Value) -> Key:
        """Adds values, replacing those of the same name."""
        names = {value.name.lower() for value in values}
        self.values = [old for old in self.values if old.name.lower() not in names] + list(values)
        return self

    def walk(self, path: str = "") -> Iterator[tuple[str, Key]]:
        """Every key below and including this one, with its path from here ("" for this one)."""
        yield path, self
        for sub in self.subkeys:
            yield from sub.walk(f"{path}\\{sub.name}" if path else sub.name)


def sz(name: str, text: str) -> Value:
    """REG_SZ with its terminating NUL."""
    return Value(name, REG_SZ, (text + "\0").encode("utf-16-le"))


def expand_sz(name: str, text: str) -> Value:
    """REG_EXPAND_SZ with its terminating NUL."""
    return Value(name, REG_EXPAND_SZ, (text + "\0").encode("utf-16-le"))


def multi_sz(name: str, texts: Sequence[str]) -> Value:
    """REG_MULTI_SZ: each text with a NUL, then one more."""
    return Value(
        name, REG_MULTI_SZ, ("".join(f"{text}\0" for text in texts) + "\0").encode("utf-16-le")
    )


def dword(name: str, number: int) -> Value:
    """REG_DWORD; negative numbers as two's complement."""
    return Value(name, REG_DWORD, struct.pack("<I", number & 0xFFFFFFFF))


def qword(name: str, number: int) -> Value:
    """REG_QWORD."""
    return Value(name, REG_QWORD, struct.pack("<Q", number))


def binary(name: str, data: bytes) -> Value:
    """REG_BINARY."""
    return Value(name, REG_BINARY, data)


def build(root: Key, *, file_name: str = "", minor: int = 5, sequence: int = 1) -> bytes:
    """The hive file. `file_name` goes to the base block (its last 31 characters are kept)."""
    cells = _Cells(root.written)
    at = cells.place(bytes(76) + _name(root.name)[0])
    security = cells.place(_security_cell(sum(1 for _ in root.walk())))
    cells.patch(security + 8, struct.pack("<II", security, security))
    _write_key(cells, root, at, _NONE, security, minor)
    bins = cells.finish()
    base = struct.pack(
        "<4sIIQIIIIIII", b"regf", sequence, sequence, root.written, 1, minor, 0, 1, at, len(bins), 1
    )
    base += file_name[-31:].encode("utf-16-le").ljust(64, b"\0")
    base = base.ljust(508, b"\0")
    return (base + struct.pack("<I", _checksum(base))).ljust(_PAGE, b"\0") + bins


class _Cells:
    """Lays cells into bins one after the other; offsets are from the first bin."""

    def __init__(self, written: int) -> None:
        self._out = bytearray()
        self._written = written
        self._free_at = self._end = 0

    def place(self, content: bytes) -> int:
        """Stores one cell in use and returns its offset (that of its size field)."""
        size = -(-(len(content) + 4) // 8) * 8
        if self._free_at + size > self._end:
            self._open_bin(size)
        at = self._free_at
        self._out[at : at + size] = (struct.pack("<i", -size) + content).ljust(size, b"\0")
        self._free_at += size
        return at

    def patch(self, at: int, data: bytes) -> None:
        """Overwrites bytes of a placed cell."""
        self._out[at : at + len(data)] = data

    def finish(self) -> bytes:
        """All bins, the last one closed."""
        self._close_bin()
        return bytes(self._out)

    def _open_bin(self, cell_size: int) -> None:
        self._close_bin()
        size = -(-(cell_size + 32) // _PAGE) * _PAGE
        head = struct.pack("<4sIIQQI", b"hbin", self._end, size, 0, self._written, 0)
        self._out += head.ljust(size, b"\0")
        self._free_at, self._end = self._end + 32, self._end + size

    def _close_bin(self) -> None:
        if self._free_at < self._end:
            struct.pack_into("<i", self._out, self._free_at, self._end - self._free_at)


def _write_key(cells: _Cells, key: Key, at: int, parent: int, security: int, minor: int) -> None:
    """Fills the cell at `at`, reserved for this key, and writes everything below it."""
    name, plain = _name(key.name)
    flags = (_PLAIN_NAME if plain else 0) | (_ROOT_FLAGS if parent == _NONE else 0)
    class_name = key.class_name.encode("utf-16-le")
    class_at = cells.place(class_name) if class_name else _NONE
    value_cells = [_write_value(cells, value, minor) for value in key.values]
    values_at = (
        cells.place(struct.pack(f"<{len(value_cells)}I", *value_cells)) if value_cells else _NONE
    )
    subkeys = sorted(key.subkeys, key=lambda sub: sub.name.upper())
    placed = [(sub.name, cells.place(bytes(76) + _name(sub.name)[0])) for sub in subkeys]
    list_at = cells.place(_subkey_list(placed, minor)) if placed else _NONE
    longest = [max((2 * len(sub.name) for sub in subkeys), default=0)]
    longest += [max((2 * len(sub.class_name) for sub in subkeys), default=0)]
    longest += [max((2 * len(value.name) for value in key.values), default=0)]
    longest += [max((len(value.data) for value in key.values), default=0)]
    counts = (len(subkeys), 0, list_at, _NONE, len(value_cells), values_at, security, class_at)
    body = struct.pack("<2sHQII", b"nk", flags, key.written, 0, 0 if parent == _NONE else parent)
    body += struct.pack("<8I", *counts) + struct.pack("<5I", *longest, 0)
    cells.patch(at + 4, body + struct.pack("<HH", len(name), len(class_name)) + name)
    for sub, (_, sub_at) in zip(subkeys, placed, strict=True):
        _write_key(cells, sub, sub_at, at, security, minor)


def _write_value(cells: _Cells, value: Value, minor: int) -> int:
    name, plain = _name(value.name)
    size = len(value.data)
    if size <= 4:
        where, size = struct.unpack("<I", value.data.ljust(4, b"\0"))[0], size | 0x80000000
    elif size > _SEGMENT and minor >= 4:
        where = _write_segments(cells, value.data)
    else:
        where = cells.place(value.data)
    flags = 1 if plain and name else 0
    return cells.place(
        struct.pack("<2sHIIIHH", b"vk", len(name), size, where, value.kind, flags, 0) + name
    )


def _write_segments(cells: _Cells, data: bytes) -> int:
    pieces = [data[at : at + _SEGMENT] for at in range(0, len(data), _SEGMENT)]
    placed = [cells.place(piece) for piece in pieces]
    table = cells.place(struct.pack(f"<{len(placed)}I", *placed))
    return cells.place(struct.pack("<2sHII", b"db", len(placed), table, 0))


def _subkey_list(placed: Sequence[tuple[str, int]], minor: int) -> bytes:
    if len(placed) > _LIST_MAX:
        raise ValueError(f"{len(placed)} subkeys: this writer makes no index of lists")
    mark = b"lh" if minor >= 5 else b"lf"
    rows = [
        struct.pack("<I", at) + (_hash(name) if minor >= 5 else _hint(name)) for name, at in placed
    ]
    return mark + struct.pack("<H", len(placed)) + b"".join(rows)


def _hash(name: str) -> bytes:
    total = 0
    for unit in name.upper():
        total = (total * 37 + ord(unit)) & 0xFFFFFFFF
    return struct.pack("<I", total)


def _hint(name: str) -> bytes:
    encoded, plain = _name(name)
    return (encoded if plain else b"")[:4].ljust(4, b"\0")


def _name(name: str) -> tuple[bytes, bool]:
    """The name as stored, and whether one byte a character suffices."""
    try:
        return name.encode("latin-1"), True
    except UnicodeEncodeError:
        return name.encode("utf-16-le"), False


def _security_cell(references: int) -> bytes:
    """sk cell, links to be patched: Administrators own; SYSTEM and they have all, Users read."""
    administrators, users = _sid(32, 544), _sid(32, 545)
    entries = b""
    for mask, sid in ((0xF003F, administrators), (0xF003F, _sid(18)), (0x20019, users)):
        entries += struct.pack("<BBHI", 0, 2, 8 + len(sid), mask) + sid
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(entries), 3, 0) + entries
    group_at = 20 + len(administrators)
    acl_at = group_at + len(_sid(18))
    descriptor = struct.pack("<BBHIIII", 1, 0, 0x8004, 20, group_at, 0, acl_at)
    descriptor += administrators + _sid(18) + acl
    return struct.pack("<2sHIIII", b"sk", 0, 0, 0, references, len(descriptor)) + descriptor


def _sid(*parts: int) -> bytes:
    return struct.pack(f"<BB6s{len(parts)}I", 1, len(parts), b"\0\0\0\0\0\x05", *parts)


def _checksum(base: bytes) -> int:
    total = 0
    for (word,) in struct.iter_unpack("<I", base[:508]):
        total ^= word
    return {0: 1, _NONE: 0xFFFFFFFE}.get(total, total)
