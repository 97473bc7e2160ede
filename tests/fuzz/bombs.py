"""Bombs in the bundled hosts, each through a whole run (G8): `python -m tests.fuzz.bombs`.

Prints one JSON object a line: name, how it ended, seconds of processor time, peak bytes, and
whether all that is not the bomb was stated as before.
"""

import json
import struct
import sys
from collections.abc import Iterator

from corpus.make import vhd
from tests.fuzz.campaign import is_sound, try_mutant
from tests.fuzz.mutants import Mutant, Patch
from tests.fuzz.subjects import Subject, subject
from tests.fuzz.surface import attributes
from tests.unit.formats.hive_bombs import BOMBS

DATA = 0x80
HUGE = (1 << 40, 1 << 62, (1 << 63) - 1, 1 << 63)
_LAUGHS = "<!DOCTYPE configuration [<!ENTITY a0 'ha'>" + "".join(
    f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)) + "]>"
XML = {
    "billion laughs": f"{_LAUGHS}<configuration>&a9;</configuration>",
    "quadratic": f"<!DOCTYPE configuration [<!ENTITY a '{'x' * 4000}'>]>"
                 f"<configuration>{'&a;' * 1500}</configuration>",
    "other file": "<!DOCTYPE configuration [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
                  "<configuration>&a;</configuration>",
    "deep": "<configuration>" + "<a>" * 2_500,
}


def bombs() -> Iterator[tuple[str, str, Mutant]]:
    """(name, subject, mutant)."""
    hive = subject("empty-host").surface.spots["hive"][-1]
    for name, make in BOMBS.items():
        data = make()[:hive[1]]
        yield f"hive: {name}", "empty-host", Mutant(name, (Patch(hive[0], len(data), data),))
    at, length = max(subject("ws2008").surface.spots["xml"], key=lambda span: span[1])
    for name, text in XML.items():
        data = text.encode("utf-16")[:length].ljust(length, b"\0")
        yield f"XML: {name}", "ws2008", Mutant(name, (Patch(at, length, data),))
    for path in ("/p1/$MFT", "/p1/Windows/System32/vmms.exe"):
        for size in HUGE:
            patch = _claim(subject("empty-host"), path, size)
            yield f"{path} of {size} bytes", "empty-host", Mutant("claim", (patch,))
    for size in ((1 << 63) - 512, 64 << 40):
        yield f"VHD of {size} bytes", "host.vhd", Mutant("size", tuple(_footers(size)))


def _claim(about: Subject, path: str, size: int) -> Patch:
    """All three sizes of a file's unnamed stream."""
    span = about.surface.records[path]
    raw = about.blocks.read_at(*span)
    at = next(place for place, _ in attributes(raw)
              if raw[place:place + 4] == DATA.to_bytes(4, "little") and raw[place + 8])
    return Patch(span[0] + at + 40, 24, struct.pack("<QQQ", size, size, size))


def _footers(size: int) -> Iterator[Patch]:
    blocks = subject("host.vhd").blocks
    for at in (0, blocks.size - 512):
        foot = bytearray(blocks.read_at(at, 512))
        struct.pack_into(">Q", foot, 48, size)
        foot[64:68] = bytes(4)
        foot[64:68] = vhd.checksum(bytes(foot)).to_bytes(4, "big")
        yield Patch(at, 512, bytes(foot))


def main() -> int:
    """Run them all."""
    for name, about, mutant in bombs():
        tried = try_mutant(subject(about), mutant)
        print(json.dumps({"name": name, "sound": is_sound(tried), "died": tried.died,
                          "cpu": tried.cpu, "rss": tried.rss, **(tried.value or {})}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
