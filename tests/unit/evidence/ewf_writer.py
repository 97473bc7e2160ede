"""Writes EWF-E01 images from nothing but the format's description, for tests.

Chunks are compressed or stored as `compressed` says for each; several tables in a segment and
several segments, each but the last ending with `next`.
"""

import hashlib
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from analyzer.evidence import AcquiredImage, open_evidence

SIGNATURE = b"EVF\x09\x0d\x0a\xff\x00"
SECTOR = 512


def adler(data: bytes) -> bytes:
    return data + struct.pack("<I", zlib.adler32(data))


@dataclass
class Writer:
    """What to write; `write` gives the bytes of each segment."""

    media: bytes
    chunk_sectors: int = 8
    table_chunks: int = 5
    tables_per_segment: int = 2
    compressed: Callable[[int], bool] = lambda index: index % 3 != 1
    set_id: UUID = field(default_factory=lambda: UUID(int=0x1234))
    acquisition_errors: tuple[tuple[int, int], ...] = ()
    header: dict[str, str] = field(default_factory=lambda: {
        "c": "case 7", "n": "item 3", "a": "Gerät des Büros", "e": "examiner", "t": "notes",
        "av": "20140608", "ov": "Linux", "m": "1226208880", "u": "1226208880", "p": "0"})
    base_offset: int = 0

    def write(self) -> list[bytes]:
        size = self.chunk_sectors * SECTOR
        chunks = [self.media[at:at + size] for at in range(0, len(self.media), size)]
        per_segment = self.table_chunks * self.tables_per_segment
        groups = [range(at, min(at + per_segment, len(chunks)))
                  for at in range(0, len(chunks), per_segment)]
        return [self._segment(number, number == len(groups), chunks, rows)
                for number, rows in enumerate(groups, start=1)]

    def _segment(self, number: int, last: bool, chunks: list[bytes], rows: range) -> bytes:
        out = bytearray(SIGNATURE + struct.pack("<BHH", 1, number, 0))
        if number == 1:
            self._section(out, "header2", self._header_text())
            self._section(out, "header2", self._header_text())
            self._section(out, "header", zlib.compress(b"1\nmain\na\nascii\n\n"))
            self._section(out, "volume", self._geometry(len(chunks)))
        else:
            self._section(out, "data", self._geometry(len(chunks)))
        for first in range(rows.start, rows.stop, self.table_chunks):
            self._chunks(out, chunks, range(first, min(first + self.table_chunks, rows.stop)))
        if last:
            self._tail(out)
        self._section(out, "done" if last else "next", b"")
        return bytes(out)

    def _chunks(self, out: bytearray, chunks: list[bytes], rows: range) -> None:
        body, entries = bytearray(), []
        start = len(out) + 76
        for row in rows:
            flag = 0x8000_0000 if self.compressed(row) else 0
            entries.append(start + len(body) - self.base_offset | flag)
            body += zlib.compress(chunks[row]) if flag else adler(chunks[row])
        self._section(out, "sectors", bytes(body))
        table = adler(struct.pack("<IIQI", len(entries), 0, self.base_offset, 0))
        table += adler(struct.pack(f"<{len(entries)}I", *entries))
        self._section(out, "table", table)
        self._section(out, "table2", table)

    def _tail(self, out: bytearray) -> None:
        md5 = hashlib.md5(self.media).digest()
        if self.acquisition_errors:
            entries = b"".join(struct.pack("<II", *e) for e in self.acquisition_errors)
            count = struct.pack("<I512x", len(self.acquisition_errors))
            self._section(out, "error2", adler(count) + adler(entries))
        self._section(out, "digest", adler(md5 + hashlib.sha1(self.media).digest() + bytes(40)))
        self._section(out, "hash", adler(md5 + bytes(16)))

    def _geometry(self, chunks: int) -> bytes:
        data = bytearray(1048)
        struct.pack_into("<B3xIIIQ", data, 0, 1, chunks, self.chunk_sectors, SECTOR,
                         len(self.media) // SECTOR)
        data[36] = 1
        data[52] = 1
        struct.pack_into("<I", data, 56, 64)
        data[64:80] = self.set_id.bytes_le
        return adler(bytes(data))

    def _header_text(self) -> bytes:
        text = "1\nmain\n" + "\t".join(self.header) + "\n" + "\t".join(self.header.values())
        return zlib.compress((text + "\n\n").encode("utf-16"))

    def _section(self, out: bytearray, kind: str, body: bytes) -> None:
        here = len(out)
        final = kind in ("next", "done")
        following = here if final else here + 76 + len(body)
        descriptor = struct.pack("<16sQQ40x", kind.encode(), following, 76 + len(body))
        out += adler(descriptor) + body


CHUNK = 8 * 512


def media(chunks: float = 43.25, seed: int = 1) -> bytes:
    """Text-like and random chunks, so that compressed ones differ in length."""
    chance = random.Random(seed)
    size = int(chunks * CHUNK)
    text = b"".join(b"sector %08d " % n for n in range(size // 16 + 1))
    chunks_of = [chance.randbytes(CHUNK) if n % 4 == 0 else text[n * CHUNK:(n + 1) * CHUNK]
                 for n in range(size // CHUNK + 1)]
    return b"".join(chunks_of)[:size]


def put(folder: Path, segments: list[bytes], stem: str = "host") -> list[Path]:
    paths = [folder / f"{stem}.E{number:02}" for number in range(1, len(segments) + 1)]
    for path, data in zip(paths, segments, strict=True):
        path.write_bytes(data)
    return paths


def one(path: Path) -> AcquiredImage:
    [image] = open_evidence([path])
    return image
