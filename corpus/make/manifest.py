"""manifest.toml: each image with its hash, what makes it and what it shows."""

from __future__ import annotations

import hashlib
from pathlib import Path

LICENCE = "Apache-2.0 (made by this project; contains nothing of anybody else's)"
SHOWS = {
    "ws2008": (
        "corpus.make.ws2008",
        (
            "Server 2008 SP2 host, two NTFS volumes on an MBR disk, three virtual switches",
            "DC01: snapshot tree with a branch; chain of three AVHDs over a base; an orphan AVHD",
            "WEB01: registered by links, all on D:; two disks; snapshot with saved state",
            "SQL01: saved; fixed disk by Virtual Server 2005; changed default folder; pass-through",
            "OLDAPP: configuration deleted, disk left",
            "TEST02: parent of its differencing disk not in the evidence",
            "FAX01 (.XML, dangling snapshot parent), PRINT01 (no extension)",
            "ARCHIVE01 (ASCII declared UTF-16), BACKUP01 (cut off), a dangling registration link",
            "junctions with a loop, alternate streams, compressed, sparse and fragmented files",
        ),
    ),
    "empty-host": (
        "corpus.make.small_hosts",
        ("Hyper-V role installed, no machine: the inventory is empty and says what was looked at",),
    ),
    "plain-windows": (
        "corpus.make.small_hosts",
        ("Windows 10 with Hyper-V drivers and guest services but no vmms: not a Hyper-V host",),
    ),
}


def write(corpus: Path) -> None:
    """Rewrites the manifest from the images that are there."""
    parts = ["# Written by `python -m corpus.make`; sizes in bytes.\n"]
    for name, (recipe, shows) in SHOWS.items():
        image = corpus / f"{name}.E01"
        if not image.exists():
            continue
        rows = "".join(f'    "{line}",\n' for line in shows)
        parts.append(
            f'[[image]]\nname = "{name}"\nfile = "{image.name}"\n'
            f"size = {image.stat().st_size}\n"
            f'sha256 = "{hashlib.sha256(image.read_bytes()).hexdigest()}"\n'
            f'truth = "truth/{name}.json"\nrecipe = "{recipe}"\nlicence = "{LICENCE}"\n'
            f"shows = [\n{rows}]\n"
        )
    (corpus / "manifest.toml").write_text("\n".join(parts), encoding="utf-8")
