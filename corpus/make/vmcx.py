"""HyperVStorage files (VMCX, VMRS, data.vmcx), every published container version.

    build([("configuration", [("properties", [("name", "web"), ("version", 2304)])])])

Follows microsoft/openvmm support/hvs_file/FORMAT.md, and real files where they differ from it
(replay log entries) or say more (spare bytes behind values, 0xFD in free entries). Of versions
below 4.0 only this is public: 1.0 has UTF-16 names, the checksums of object slots are wrong
before 3.1 (zero here), siblings have no stable order before 4.0 (sequence 0 here).
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from corpus.make import vm_xml

PAGE = 4096
LOG_ENTRIES = 145
SPARE = 12
"""Bytes behind every value, as real files have them."""
LARGE = 2048
"""Values of this many bytes lie in file objects."""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An unsigned number."""

    value: int


@dataclass(frozen=True, slots=True)
class Was:
    """A text that was written over a longer one, whose end is left in the slack."""

    now: str
    former: str


Key = tuple[str, "bool | int | Unsigned | float | str | bytes | Was | list[Key]"]
Keys = Sequence[Key]


def build(keys: Keys, *, version: int = 0x0400, sequence: int = 9, pending: Keys | None = None,
          stale: Sequence[tuple[int, Keys]] = (), free: tuple[int, Keys] | None = None,
          tail: bytes = b"") -> bytes:
    """The bytes of a file.

    pending  what the keys are once its replay log is applied
    stale    (sequence, keys) of former states, in entries of the log that are done with
    free     (sequence, keys) of a former state, in an extent that was freed
    tail     bytes behind the last object
    """
    body = _body(keys, version, sequence, free)
    after = body if pending is None else _body(pending, version, sequence + 1, free)
    log_at = max(len(body), len(after))
    body, after = body.ljust(log_at, b"\0"), after.ljust(log_at, b"\0")
    changes = [(at, after[at:at + PAGE]) for at in range(0, log_at, PAGE)
               if after[at:at + PAGE] != body[at:at + PAGE]]
    old = [(3 * PAGE + PAGE * number, table) for former, then in stale
           for number, table in enumerate(_tables(then, version, former, 0)[0])]
    log = _log(changes, old)
    heads = b"".join(_header(version, sequence + number, log_at, len(log)).ljust(PAGE, b"\0")
                     for number in (1, 0))
    return heads + body[2 * PAGE:] + log + tail


def _header(version: int, sequence: int, log_at: int, log_size: int) -> bytes:
    raw = struct.pack("<IIHIIIIQQI", 0x01282014, 0, sequence, version, 0, 0, PAGE, log_at,
                      log_size, PAGE)
    return _summed(raw, 4)


def _summed(raw: bytes, at: int) -> bytes:
    """`raw` with its CRC-32 put at `at`, where zeros stand."""
    return raw[:at] + zlib.crc32(raw).to_bytes(4, "little") + raw[at + 4:]


def _body(keys: Keys, version: int, sequence: int, free: tuple[int, Keys] | None) -> bytes:
    """Everything before the log: room for headers, object tables, key tables, file objects."""
    number = len(_tables(keys, version, sequence, 0)[0])
    large_at = PAGE * (3 + number)
    tables, large = _tables(keys, version, sequence, large_at)
    objects = [(2, 3 * PAGE + PAGE * nth, PAGE) for nth in range(number)]
    at = large_at
    for blob in large:
        objects.append((3, at, len(blob)))
        at += len(blob)
    body = b"".join(tables) + b"".join(large)
    if free is not None:
        old = b"".join(_tables(free[1], version, free[0], 0)[0])
        objects.append((4, at, len(old)))
        body += old
        at += len(old)
    first, *more = _object_tables(objects, version, at)
    return bytes(2 * PAGE) + first + body + b"".join(more)


def _object_tables(objects: list[tuple[int, int, int]], version: int, at: int) -> list[bytes]:
    """Tables of 227 slots, the last of each leading to the next, which lie from `at` on."""
    slots = (PAGE - 8) // 18
    tables = []
    chunks = [objects[n:n + slots - 1] for n in range(0, max(1, len(objects)), slots - 1)]
    for nth, chunk in enumerate(chunks):
        rows = chunk + [(0, 0, 0)] * (slots - 1 - len(chunk))
        rows.append((1, at + nth * PAGE, PAGE) if chunk is not chunks[-1] else (0, 0, 0))
        raw = struct.pack("<II", 0x01110001, slots)
        for kind, where, size in rows:
            slot = struct.pack("<BIQIB", kind, 0, where, size, 1 if kind else 0)
            raw += _summed(slot, 1) if version >= 0x0301 else slot
        tables.append(raw.ljust(PAGE, b"\0"))
    return tables


class _Tables:
    """Key tables as they fill up."""

    def __init__(self, version: int, sequence: int, large_at: int) -> None:
        self.version, self.sequence, self.large_at = version, sequence, large_at
        self.tables: list[bytearray] = []
        self.large: list[bytes] = []
        self._open()

    def _open(self) -> None:
        head = struct.pack("<HHHI", 2, len(self.tables) + 1, self.sequence, 0)
        self.tables.append(bytearray(_summed(head, 6)))

    def _close(self) -> None:
        table = self.tables[-1]
        rest = PAGE - len(table)
        if rest:
            table += struct.pack("<BBIHIIIB", 1, 0, rest, 0, 0, 0, 0, 0).ljust(rest, b"\xfd")

    def put(self, parent: tuple[int, int], nth: int, name: str, kind: int, flags: int,
            data: bytes, slack: bytes) -> tuple[int, int]:
        """Adds an entry; its place."""
        wide = self.version == 0x0100
        text = f"{name}\0".encode("utf-16-le" if wide else "utf-8", "surrogateescape")
        size = 21 + len(text) + len(data) + len(slack)
        rest = PAGE - len(self.tables[-1]) - size
        if rest < 0 or 0 < rest <= 21:
            self._close()
            self._open()
        head = struct.pack("<BBIHIIIB", kind, flags, size, *parent, 0,
                           nth if self.version >= 0x0400 else 0, len(text) // (1 + wide))
        place = len(self.tables), len(self.tables[-1])
        self.tables[-1] += _summed(head + text + data, 12) + slack
        return place

    def outside(self, data: bytes) -> bytes:
        """Puts a value into a file object; the pointer to it."""
        at = self.large_at + sum(map(len, self.large))
        self.large.append(data.ljust(-(-len(data) // PAGE) * PAGE, b"\0"))
        return struct.pack("<IQ", len(data), at)

    def done(self) -> list[bytes]:
        """Tables of one page each."""
        self._close()
        return [bytes(table) for table in self.tables]


def _tables(keys: Keys, version: int, sequence: int,
            large_at: int) -> tuple[list[bytes], list[bytes]]:
    """(key tables, file objects)."""
    out = _Tables(version, sequence, large_at)
    pending: list[tuple[tuple[int, int], int, Key]] = [
        ((0, 0), nth, key) for nth, key in enumerate(keys, 1)][::-1]
    while pending:
        parent, nth, (name, value) = pending.pop()
        kind, flags, data, slack = _value(out, value)
        place = out.put(parent, nth, name, kind, flags, data, slack)
        if isinstance(value, list):
            pending += [(place, nth, key) for nth, key in enumerate(value, 1)][::-1]
    return out.done(), out.large


def _value(out: _Tables, value: object) -> tuple[int, int, bytes, bytes]:
    """(type, flags, data, slack)."""
    spare = bytes(SPARE)
    if isinstance(value, list):
        return 9, 0, struct.pack("<QI", 0, len(value) + 1), b""
    if isinstance(value, bool):
        return 8, 0, struct.pack("<I", value), spare
    if isinstance(value, int):
        return 3, 0, struct.pack("<q", value), spare
    if isinstance(value, Unsigned):
        return 4, 0, struct.pack("<Q", value.value), spare
    if isinstance(value, float):
        return 5, 0, struct.pack("<d", value), spare
    if isinstance(value, Was):
        now = value.now.encode("utf-16-le")
        former = value.former.encode("utf-16-le")
        return 6, 0, struct.pack("<I", len(now)) + now, former[len(now):] + spare
    kind = 6 if isinstance(value, str) else 7
    data = value.encode("utf-16-le", "surrogatepass") if isinstance(value, str) else value
    assert isinstance(data, bytes)
    if len(data) >= LARGE:
        return kind, 1, out.outside(data), b""
    return kind, 0, struct.pack("<I", len(data)) + data, spare


def _log(changes: list[tuple[int, bytes]], stale: list[tuple[int, bytes]]) -> bytes:
    """The replay log: pending changes first, then entries that are done with."""
    raw = struct.pack("<IIIBIBQII", 0x01110003, 0, len(changes), 0, LOG_ENTRIES, 0, 0, 0, 0)
    raw = _summed(raw, 4)
    data = b""
    for destination, content in [*changes, *stale]:
        entry = struct.pack("<QIQII", destination, len(content), PAGE + len(data), 0,
                            zlib.crc32(content))
        raw += _summed(entry, 20)
        data += content
    log = raw.ljust(PAGE, b"\0") + data
    return log.ljust(-(-max(len(log), 5 * PAGE) // PAGE) * PAGE, b"\0")


def from_settings(node: vm_xml.Node) -> list[Key]:
    """Keys of the settings that an XML configuration would hold."""
    return [(name, _plain(*below) if isinstance(below, tuple) else from_settings(below))
            for name, below in sorted(node.items())]


def _plain(kind: str, text: str) -> int | bool | bytes | str:
    """Value of a leaf of an XML configuration."""
    if kind == "integer":
        return int(text)
    if kind == "bool":
        return text == "True"
    return base64.b64decode(text) if kind == "bytes" else text


def register(machines: Sequence[tuple[str, str]], cache: Sequence[tuple[str, str]] = (), *,
             former: Sequence[tuple[str, str]] = ()) -> bytes:
    """`data.vmcx` of a host: (GUID, path) of each machine; `former` were registered once."""

    def keys(rows: Sequence[tuple[str, str]]) -> list[Key]:
        return [("Configurations", [
            ("FormatVersion", 2), ("RegID", "A4F9FA6C-ACDE-42F0-9A9E-B222A1D1C0DE"),
            ("ResourceTypes", []),
            ("VirtualMachines", [(f"_{guid}_", path) for guid, path in rows]),
            ("VirtualMachinesCache", [(f"_{guid}_", path) for guid, path in cache])])]

    return build(keys(machines), free=(3, keys([*machines, *former])) if former else None)


def machine_vmcx(machine: vm_xml.Machine) -> bytes:
    """The configuration of a machine with the keys that its XML would have."""
    return build(from_settings(vm_xml.settings_of(machine)))
