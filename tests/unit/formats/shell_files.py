"""Files of Explorer as tests need them: compound files, jump lists, prefetch files."""

import struct
from collections.abc import Mapping

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(streams: Mapping[str, bytes]) -> bytes:
    """An OLE compound file of version 3; each stream is filled with zeros to 4,096 bytes or more.

    [MS-CFB]: header, one sector of FAT, directory, streams; siblings form a chain to the right.
    """
    padded = {name: data.ljust(4096, b"\0") + bytes(-max(len(data), 4096) % 512)
              for name, data in streams.items()}
    entries = len(padded) + 1
    directory = -(-entries // 4)
    fat = [_FAT, *range(2, directory + 1), _END]
    places = {}
    for name, data in padded.items():
        places[name] = len(fat)
        fat += [*range(len(fat) + 1, len(fat) + len(data) // 512), _END]
    assert len(fat) <= 128
    rows = [_entry("Root Entry", 5, 1 if padded else _FREE, _FREE, _END, 0)]
    for number, (name, data) in enumerate(padded.items(), 1):
        right = number + 1 if number < len(padded) else _FREE
        rows.append(_entry(name, 2, _FREE, right, places[name], len(data)))
    header = struct.pack(
        "<8s16x5H6x9I", bytes.fromhex("d0cf11e0a1b11ae1"), 0x3E, 3, 0xFFFE, 9, 6,
        0, 1, 1, 0, 4096, _END, 0, _END, 0) + struct.pack("<I", 0) + b"\xff" * 432
    return (header + struct.pack("<128I", *fat, *[_FREE] * (128 - len(fat)))
            + b"".join(rows).ljust(directory * 512, b"\0") + b"".join(padded.values()))


def _entry(name: str, kind: int, child: int, right: int, start: int, size: int) -> bytes:
    text = f"{name}\0".encode("utf-16-le")
    return (text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text), kind, 1, _FREE, right, child)
            + bytes(36) + struct.pack("<IQ", start, size))


def dest_list(version: int, *entries: tuple[int, str, int, int]) -> bytes:
    """DestList of (stream, path, last used, uses)."""
    data = struct.pack("<8I", version, len(entries), 0, 0, 0, 0, 0, 0)
    for stream, path, at, uses in entries:
        entry = bytes(72) + b"hv1".ljust(16, b"\0") + struct.pack("<3IQi", stream, 0, 0, at, -1)
        if version > 1:
            entry += struct.pack("<iIQ", -1, uses, 0)
        data += entry + struct.pack("<H", len(path)) + path.encode("utf-16-le")
        data += bytes(4) if version > 1 else b""
    return data


def prefetch_17(program: str, ran_at: int, count: int, files: tuple[str, ...]) -> bytes:
    """A prefetch file of Windows XP or 2003 with one metric, one trace and one volume."""
    names = b"".join(f"{name}\0".encode("utf-16-le") for name in files)
    names += bytes(-len(names) % 8)
    metrics, traces = 152, 172
    at_names = traces + 12
    at_volumes = at_names + len(names)
    device = "\\DEVICE\\HARDDISKVOLUME1".encode("utf-16-le") + bytes(8)
    volumes = struct.pack("<2IQ6I", 40, len(device) // 2 - 4, ran_at, 7, 0, 0, 0, 0, 0) + device
    information = struct.pack("<9IQ", metrics, 1, traces, 1, at_names, len(names), at_volumes, 1,
                              len(volumes), ran_at)
    information += bytes(16) + struct.pack("<2I", count, 0)
    body = information + struct.pack("<5I", 0, 0, 0, len(files[0]), 0) + bytes(12) + names + volumes
    data = struct.pack("<I4sII", 17, b"SCCA", 0x0F, 84 + len(body))
    data += f"{program}\0".encode("utf-16-le").ljust(60, b"\0") + struct.pack("<2I", 0x1234, 0)
    return data + body
