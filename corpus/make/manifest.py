"""manifest.toml: each image with its hash, what makes it and what it shows."""

from __future__ import annotations

import hashlib
from pathlib import Path

LICENCE = "Apache-2.0 (made by this project; contains nothing of anybody else's)"
SHOWS = {
    "vs2005": (
        "corpus.make.vs2005",
        (
            "Server 2003 R2 that runs Virtual Server 2005 R2, one NTFS volume",
            "ERP01: registered by a shortcut, saved (.vsv), undo disk (.vud) over its VHD; a guest",
            "ALTX: not registered; a shortcut to a machine that is gone; a network (.vnc)",
        ),
    ),
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
    "ws2012r2": (
        "corpus.make.ws2012r2",
        (
            "Server 2012 R2 host, two NTFS volumes; configuration XML 5.0, VHDX and AVHDX",
            "FILE01: two snapshots, one with saved state; guest with an event log of its own",
            "SEC10: generation 2 on D:, by link; merge pending, the AVHDX is left",
            "CLU01 (clustered, by link), REP01 (replica), PLAN01 (planned), EXP01 (export)",
            "MAIL02: known only from the access list of its disk; TEMP03: only from logs",
            "SYSTEM dirty: its two logs add a switch; authorization store without effect",
            "event log with missing record ids and an overwritten record; log cleared",
        ),
    ),
    "ws2019": (
        "corpus.make.ws2019",
        (
            "Server 2019 host, two NTFS volumes; machines in VMCX, register in data.vmcx",
            "APP01: two checkpoints over a VHDX; former values in replay log and slack; .rct, .mrt",
            "DB01: on D:, saved (.vmrs); replay log with pending changes; copy in the cache",
            "SEC02: generation 2, never started, .vmgs, EFI boot entries",
            "LOST02, WEB05: registered and missing, the second with a copy in the cache",
            "HIDDEN9: not registered; TPL01: its id twice; TORN01: damaged; ALT50: XML of 5.0",
            "OLD07: deleted; known from logs, the former register and the recycle bin",
            "event logs of host and guest; log cleared, disk attached to the host",
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
