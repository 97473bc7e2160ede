"""Acquires a raw disk into one E01 segment with ewfacquire, and verifies it with ewfverify.

The acquisition date comes from the clock; with `faketime` installed it is the one of the recipe.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """What the examiner typed."""

    case: str
    evidence: str
    description: str
    examiner: str
    notes: str
    acquired: str
    """Local time as "2009-11-21 10:04:30"."""


def acquire(raw: bytes, target: Path, scratch: Path, case: Case) -> None:
    """Writes `target` (which ends in .E01) and verifies it."""
    source = scratch / "disk.raw"
    source.write_bytes(raw)
    stem = scratch / target.stem
    made = Path(f"{stem}.E01")
    made.unlink(missing_ok=True)
    command = ["ewfacquire", "-u", "-q", "-c", "best", "-b", "64", "-f", "encase6"]
    command += ["-m", "fixed", "-M", "physical", "-S", "1.4GiB", "-d", "sha1", "-o", "0"]
    command += ["-C", case.case, "-E", case.evidence, "-D", case.description]
    command += ["-e", case.examiner, "-N", case.notes, "-t", str(stem), str(source)]
    faketime = shutil.which("faketime")
    if faketime is not None:
        command = [faketime, "-f", case.acquired, *command]
    zone = {**os.environ, "TZ": "UTC"}
    subprocess.run(command, check=True, capture_output=True, env=zone)
    subprocess.run(["ewfverify", "-q", "-d", "sha1", str(made)], check=True, capture_output=True)
    shutil.copyfile(made, target)
    source.unlink()
    made.unlink()
