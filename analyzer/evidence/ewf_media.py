"""EWF-E01: what the image says of itself: geometry, hashes, header values, acquisition errors.

    volume, disk and data sections (1052 bytes)     hash section
     4  4  number of chunks                           0 16  MD5
     8  4  sectors in a chunk                        32  4  Adler-32 of bytes 0 to 31
    12  4  bytes in a sector                        digest section
    16  8  number of sectors                          0 16  MD5
    64 16  set identifier (GUID)                     16 20  SHA-1
  1048  4  Adler-32 of bytes 0 to 1047               76  4  Adler-32 of bytes 0 to 75
    error2 section
     0  4  number of entries;  516  4  Adler-32 of bytes 0 to 515
   520  8 each: first sector, number of sectors;  …  4  Adler-32 of the entries
    header2: zlib, UTF-16 with BOM; header: zlib, 8-bit text in the writer's code page. Lines:
    count of categories, "main", tab-separated keys, tab-separated values.

Source: J. Metz, "Expert Witness Compression Format specification", sections 3.3 to 3.19.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from analyzer.errors import Corrupt, Unsupported
from analyzer.evidence.ewf_sections import Section, adler_ok, broken
from analyzer.evidence.ledger import Ledger

_VOLUME: Final = 1052
_SMART_VOLUME: Final = 94
_LARGEST_CHUNK: Final = 1 << 26
"""64 MiB; EnCase 7 offers up to 16 MiB."""
_LARGEST_MEDIA: Final = 1 << 60
_HEADER_LIMIT: Final = 1 << 20
_ERRORS_LISTED: Final = 64
_KEYS: Final = {
    "c": "case_number", "n": "evidence_number", "a": "description", "e": "examiner",
    "t": "notes", "av": "acquisition_software", "ov": "acquisition_system",
    "m": "acquired", "u": "system_date", "p": "password_hash", "md": "model", "sn": "serial_number",
    "l": "device_label", "pid": "process_id", "ext": "extents", "r": "compression",
}


@dataclass(frozen=True, slots=True)
class Media:
    """Geometry of the acquired media; `chunk` is bytes in a chunk, `size` bytes in all."""

    chunks: int
    chunk: int
    sector: int
    size: int
    set_id: UUID

    def __str__(self) -> str:
        return f"set {self.set_id}, {self.size} bytes in {self.chunks} chunks"


@dataclass(frozen=True, slots=True)
class Hashes:
    """Stored hashes in lower-case hex; "" where there is none."""

    md5: str = ""
    sha1: str = ""


def refuse_old_layout(section: Section) -> None:
    """Raises Unsupported for the volume section of SMART and of the first EWF writers."""
    if section.type == "volume" and section.size == _SMART_VOLUME:
        raise Unsupported(f"{section.segment.name} is an EWF-S01 (SMART) image")


def read_media(sections: list[Section], ledger: Ledger) -> Media:
    """Geometry from `volume` (or `disk`), from a `data` copy of it where that is damaged.

    Raises Corrupt where no copy is whole, or a segment belongs to another image.
    """
    first = next((s for s in sections if s.type in ("volume", "disk")), None)
    if first is None:
        raise broken(sections[0].segment, "no volume section")
    media: Media | None = None
    for section in (first, *(s for s in sections if s.type == "data")):
        data = section.read(_VOLUME)
        if len(data) < _VOLUME or not adler_ok(data):
            ledger.say("EWF-CHAIN", f"{section.segment.name}: damaged section {section.type!r}",
                       "its copies in other sections are used")
            continue
        found = _geometry(section, data)
        if media is not None and found != media:
            raise broken(section.segment, f"belongs to another image ({found}, not {media})",
                         section.offset)
        media = found
    if media is None:
        raise broken(first.segment, "no copy of the volume section is whole", first.offset)
    return media


def _geometry(section: Section, data: bytes) -> Media:
    chunks, per_chunk, sector, sectors = struct.unpack_from("<IIIQ", data, 4)
    chunk, size = per_chunk * sector, sectors * sector
    if sector not in (512, 1024, 2048, 4096) or not 0 < chunk <= _LARGEST_CHUNK:
        raise broken(section.segment, f"chunks of {per_chunk} sectors of {sector} bytes",
                     section.offset)
    if not 0 < size <= _LARGEST_MEDIA or -(-size // chunk) != chunks:
        raise broken(section.segment, f"{chunks} chunks of {chunk} bytes for {size} bytes of "
                     "media", section.offset)
    return Media(chunks, chunk, sector, size, UUID(bytes_le=data[64:80]))


def read_hashes(sections: list[Section], ledger: Ledger) -> Hashes:
    """The stored hashes; a damaged section gives none, and a notice."""
    found: list[Hashes] = []
    for section in sections:
        size = {"hash": 36, "digest": 80}.get(section.type)
        if size is None:
            continue
        data = section.read(size)
        if len(data) < size or not adler_ok(data):
            ledger.say("EWF-CRC", f"{section.segment.name}: section {section.type!r} fails its "
                       "checksum", "the hash stored in it is not used")
            continue
        sha1 = data[16:36] if section.type == "digest" else b""
        found.append(Hashes(data[:16].hex() if any(data[:16]) else "",
                            sha1.hex() if any(sha1) else ""))
    md5s = sorted({h.md5 for h in found if h.md5})
    if len(md5s) > 1:
        ledger.say("EWF-CHAIN", f"two different MD5 are stored: {', '.join(md5s)}",
                   "neither can be relied on")
    return Hashes(next((h.md5 for h in found if h.md5), ""),
                  next((h.sha1 for h in found if h.sha1), ""))


def read_header(sections: list[Section], ledger: Ledger) -> dict[str, str]:
    """Header values by name; `header2` (Unicode) before `header`. Damaged ones: a notice."""
    for kind in ("header2", "header"):
        for section in (s for s in sections if s.type == kind):
            try:
                text = _header_text(section)
            except Corrupt as error:
                ledger.say("EWF-CRC", error.what, "its values are not shown")
                continue
            values = _header_values(text)
            if values:
                return values
    return {}


def _header_text(section: Section) -> str:
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(section.read(_HEADER_LIMIT), _HEADER_LIMIT)
        if not inflater.eof:
            raise broken(section.segment, f"section {section.type!r} is cut or too long",
                         section.offset)
        # cp1252 is what Western versions of EnCase write; other bytes stay visible as \\xNN
        return data.decode("utf-16" if section.type == "header2" else "cp1252",
                           "backslashreplace")
    except (zlib.error, UnicodeDecodeError) as error:
        raise broken(section.segment, f"section {section.type!r}: {error}",
                     section.offset) from error


def _header_values(text: str) -> dict[str, str]:
    lines = text.splitlines()
    if "main" not in lines:
        return {}
    at = lines.index("main")
    keys, values = (line.split("\t") for line in [*lines, "", ""][at + 1:at + 3])
    return {_KEYS.get(key, f"unknown_{key}"): value
            for key, value in zip(keys, values, strict=False) if key and value}


def acquisition_errors(sections: list[Section], media: Media,
                       ledger: Ledger) -> list[tuple[int, int]]:
    """(offset, length) of what the acquiring tool could not read, and filled; each is said."""
    ranges: list[tuple[int, int]] = []
    for section in (s for s in sections if s.type == "error2"):
        data = section.read(_HEADER_LIMIT)
        count = int.from_bytes(data[:4], "little")
        body = data[520:520 + 8 * count + 4]
        if not adler_ok(data[:520]) or len(body) < 8 * count + 4 or not adler_ok(body):
            ledger.say("EWF-CRC", f"{section.segment.name}: damaged list of acquisition errors",
                       "it is not known which sectors were not acquired")
            continue
        ranges += [(first * media.sector, number * media.sector)
                   for first, number in struct.iter_unpack("<II", body[:-4])]
    for start, length in ranges[:_ERRORS_LISTED]:
        ledger.say("IMG-EIO", "the acquiring tool could not read these sectors",
                   "the image holds filler there, which is not shown", start, length)
    if len(ranges) > _ERRORS_LISTED:
        ledger.say("IMG-EIO", f"{len(ranges)} ranges were not acquired, "
                   f"{sum(length for _, length in ranges)} bytes in all",
                   f"only the first {_ERRORS_LISTED} are listed")
    return ranges
