"""Builds the site, measures every reader in a process of its own, and prints ratios."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.disk.host import build
from benchmarks.disk.measure import READERS
from benchmarks.disk.report import Figures, report
from benchmarks.disk.walking import WALKS


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every byte agreed, whatever the targets; else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Disk readers side by side. Needs root, ntfs-3g, "
        "mkntfs, ewfacquire and 10 GB; the packages of the extra `bench`.")
    parser.add_argument("--work", type=Path, help="folder to keep the images in for a next run")
    parser.add_argument("--json", type=Path, help="write all figures there")
    chosen = parser.parse_args(arguments)
    if chosen.work is not None:
        chosen.work.mkdir(parents=True, exist_ok=True)
        return _run(chosen.work, chosen.json)
    with tempfile.TemporaryDirectory(prefix="vmtrail-bench-") as folder:
        return _run(Path(folder), chosen.json)


def _run(folder: Path, results: Path | None) -> int:
    began = time.perf_counter()
    build(folder)
    print(f"images built in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    figures: dict[str, Mapping[str, float]] = {}
    for name in (*READERS, *WALKS, "large"):
        print(f"  {name}", file=sys.stderr)
        figures[name] = _measure(name, folder)
    if results is not None:
        results.write_text(json.dumps(figures, indent=1))
    return report(figures)


def _measure(name: str, folder: Path) -> Figures:
    done = subprocess.run([sys.executable, "-m", "benchmarks.disk.measure", name, str(folder)],
                          stdout=subprocess.PIPE, check=False)
    if done.returncode:
        print(f"  {name} could not be measured", file=sys.stderr)
        return {}
    figures: Figures = json.loads(done.stdout)
    return figures
