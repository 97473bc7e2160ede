"""Programs with a version resource and nothing else: enough of a PE file for its reader."""

import struct

RVA, RAW = 0x2000, 0x400


def program(version: tuple[int, int, int, int], *, is_64: bool = True) -> bytes:
    """A PE file whose fixed file version is `version`."""
    fixed = struct.pack("<4sIII", (0xFEEF04BD).to_bytes(4, "little"), 0x10000,
                        version[0] << 16 | version[1], version[2] << 16 | version[3])
    info = struct.pack("<HHH", 92, 52, 0) + "VS_VERSION_INFO\0".encode("utf-16-le")
    info = info.ljust(40, b"\0") + fixed.ljust(52, b"\0")
    levels = b""
    for level, identity in enumerate((16, 1, 1033)):
        leads = (24 * (level + 1)) | (0 if level == 2 else 1 << 31)
        levels += bytes(12) + struct.pack("<HHII", 0, 1, identity, leads)
    resources = levels + struct.pack("<4I", RVA + 88, len(info), 0, 0) + info
    optional = struct.pack("<H", 0x20B if is_64 else 0x10B).ljust(112 if is_64 else 96, b"\0")
    optional += struct.pack("<6I", 0, 0, 0, 0, RVA, len(resources)).ljust(128, b"\0")
    header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 2)
    section = b".rsrc\0\0\0" + struct.pack("<4I", len(resources), RVA, len(resources), RAW)
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    head = dos.ljust(0x80, b"\0") + header + optional + section.ljust(40, b"\0")
    return head.ljust(RAW, b"\0") + resources
