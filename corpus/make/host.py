"""The disk of a host: what the recipes of all hosts do alike with volumes, files and the image."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from corpus.make import disk, ewf, truth
from corpus.make.ntfs import Tree, Volume
from corpus.make.times import born, ticks
from corpus.make.windows import guid
from corpus.make.world import HostFile, World, vm_sid

SECTOR = 512
END = 2048
"""Sectors that no partition takes at the end of the disk."""


def volume(
    scratch: Path, letter: str, *, start: int, sectors: int, serial: int, made: str, label: str = ""
) -> Volume:
    """An empty volume for the partition at the sector `start`."""
    stamp = born(ticks(made), key=letter)
    return Volume(
        scratch / letter, sectors=sectors, start_sector=start, serial=serial, made=stamp,
        label=label,
    )


def mounted(name: str, letters: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """MountedDevices: letter -> (disk signature, first sector), with the names of volumes."""
    places = {letter: (disk_id, start * SECTOR) for letter, (disk_id, start) in letters.items()}
    return {
        **{f"\\DosDevices\\{letter}:": place for letter, place in places.items()},
        **{volume_name(name, letter): place for letter, place in places.items()},
    }


def volume_name(name: str, letter: str) -> str:
    """`\\??\\Volume{...}` of a volume of the host called `name`."""
    return f"\\??\\Volume{{{guid(f'{name} volume {letter}').lower()}}}"


def fill(
    tree: Tree, letter: str, world: World, former: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Puts the files and links of `world` that lie on the volume `letter` ("C:").

    former  path -> machines that a file's access list named before the present one
    """
    here = [file for file in world.files if file.path.startswith(letter)]
    for file in sorted(here, key=lambda file: (not file.fragmented, file.stamp.created)):
        _put(tree, file, (former or {}).get(file.path, ()))
    for link in world.links:
        if link.path.startswith(letter):
            tree.symlink(inside(link.path), link.target, link.stamp)


def _put(tree: Tree, file: HostFile, former: Sequence[str]) -> None:
    path = inside(file.path)
    if file.fragmented:
        tree.write_fragmented(path, file.data, file.stamp, piece=1 << 20)
    else:
        tree.write(path, file.data, file.stamp)
    if former:
        tree.grant(path, [vm_sid(machine) for machine in former])  # $Secure keeps it
    if file.owner:
        tree.grant(path, [vm_sid(file.owner)])


def inside(path: str) -> str:
    """Path within its volume of a Windows path."""
    return path[2:].replace("\\", "/")


def acquire(
    corpus: Path, scratch: Path, name: str, signature: int, case: ewf.Case,
    parts: Sequence[tuple[int, Volume]],
) -> truth.Json:
    """Writes NAME.E01 of a disk with these partitions; what is true of the image."""
    rows = [disk.Partition(start, volume.image(), active=number == 0)
            for number, (start, volume) in enumerate(parts)]
    start, last = parts[-1]
    raw = disk.assemble(start + last.sectors + END, signature, rows)
    ewf.acquire(raw, corpus / f"{name}.E01", scratch, case)
    return {
        "file": f"{name}.E01",
        "media_size": len(raw),
        "media_sha256": hashlib.sha256(raw).hexdigest(),
        "media_md5": hashlib.md5(raw, usedforsecurity=False).hexdigest(),
        "disk_signature": signature,
        "case_number": case.case,
        "evidence_number": case.evidence,
    }


def tell(corpus: Path, scratch: Path, name: str, document: truth.Json) -> None:
    """Writes truth/NAME.json and clears away."""
    (corpus / "truth").mkdir(exist_ok=True)
    truth.write(corpus / "truth" / f"{name}.json", document)
    shutil.rmtree(scratch)
