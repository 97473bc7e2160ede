"""Records of a change journal, versions 2 and 3, after Microsoft's USN_RECORD_V2 and _V3."""

import struct

from analyzer.formats.usn import PAGE, REASONS

NUMBERS = {word: bit for bit, word in REASONS.items()}


def record(usn: int, name: str, *reasons: str, entry: tuple[int, int] = (40, 1),
           parent: tuple[int, int] = (5, 5), at: int = 0, version: int = 2,
           attributes: int = 0x20) -> bytes:
    """One record, its length a multiple of 8."""
    text = name.encode("utf-16-le")
    file, folder = (number | sequence << 48 for number, sequence in (entry, parent))
    references = struct.pack("<QQ", file, folder) if version == 2 else \
        struct.pack("<Q8xQ8x", file, folder)
    start = 60 if version == 2 else 76
    reason = sum(NUMBERS[word] for word in reasons)
    body = references + struct.pack("<qqIIIIHH", usn, at, reason, 0, 0, attributes, len(text),
                                    start) + text
    length = (8 + len(body) + 7) // 8 * 8
    return (struct.pack("<IHH", length, version, 0) + body).ljust(length, b"\0")


def journal(*records: bytes, base: int = 0) -> bytes:
    """Records in pages that none crosses; each has to name its own place (see `places`)."""
    out = bytearray()
    for one in records:
        if len(out) % PAGE + len(one) > PAGE:
            out += bytes(-len(out) % PAGE)
        out += one
    return bytes(out) + bytes(-len(out) % PAGE)
