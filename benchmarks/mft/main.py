"""Makes the volumes, measures each way to list them in a process of its own, prints ratios."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.mft.measure import MEASURED
from benchmarks.mft.volume import make_small, make_table

Figures = dict[str, float]
_LENGTHS: Final = (200_000, 2_000_000)
_PASSES: Final = 3
_RATIOS: Final = (
    ("C `fls -r -m` / scan, processor time", "fls", "scan", 1.0),
    ("pytsk3 walk / scan, processor time", "pytsk3", "scan", 8.0),
    ("C `fls -r -m` / listing, processor time", "fls", "listing", None),
    ("pytsk3 walk / listing, processor time", "pytsk3", "listing", None),
    ("C `fls -r -m` / walk, processor time", "fls", "walk", None),
    ("pytsk3 walk / walk, processor time", "pytsk3", "walk", None),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every measurement came to its end."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mft.main", description="Listing 202,000 files, and tables of "
        "200,000 and 2,000,000 records. Needs root, mkntfs, ntfs-3g, fls and 3 GB.")
    parser.add_argument("--work", type=Path, help="folder to keep the volumes in for a next run")
    chosen = parser.parse_args(arguments)
    if chosen.work is not None:
        chosen.work.mkdir(parents=True, exist_ok=True)
        return _run(chosen.work)
    with tempfile.TemporaryDirectory(prefix="vmtrail-bench-") as folder:
        return _run(Path(folder))


def _run(folder: Path) -> int:
    """Everything in turns, so that what else the machine does falls on all of it alike."""
    small = make_small(folder / "small.ntfs")
    wanted = {name: (name, small) for name in MEASURED}
    for length in _LENGTHS:
        wanted[f"scan, {length:,} records"] = (
            "scan", make_table(folder / f"table-{length}.ntfs", length))
    passes: dict[str, list[Figures]] = {title: [] for title in wanted}
    for _ in range(_PASSES):
        for title, (name, volume) in wanted.items():
            passes[title].append(_measure(name, volume))
    figures = {title: _least(found) for title, found in passes.items()}
    _print(figures)
    return 0 if all(figures.values()) else 1


def _measure(name: str, volume: Path) -> Figures:
    done = subprocess.run([sys.executable, "-m", "benchmarks.mft.measure", name, str(volume)],
                          stdout=subprocess.PIPE, check=False)
    found: Figures = {} if done.returncode else json.loads(done.stdout)
    return found


def _least(passes: list[Figures]) -> Figures:
    """The least of some passes, for what else the machine does only adds to it."""
    return {key: min(one[key] for one in passes) for key in passes[0]} if all(passes) else {}


def _print(figures: dict[str, Figures]) -> None:
    print("| what | s | processor s | MB at the peak | names or lines |\n|---|---|---|---|---|")
    for name, found in figures.items():
        if found:
            print(f"| {name} | {found['seconds']:.2f} | {found['cpu']:.2f} | {found['mb']:,.0f} "
                  f"| {found['names']:,.0f} |")
    print("\n| ratio | measured | target |\n|---|---|---|")
    for title, other, ours, target in _RATIOS:
        if figures[other] and figures[ours]:
            measured = figures[other]["cpu"] / figures[ours]["cpu"]
            print(f"| {title} | {measured:.1f} | {'' if target is None else f'{target:.0f}'} |")
    short, long = (figures[f"scan, {length:,} records"] for length in _LENGTHS)
    if short and long:
        print(f"| scan, 2,000,000 records / 200,000, processor time | "
              f"{long['cpu'] / short['cpu']:.1f} | 10 |")


if __name__ == "__main__":
    raise SystemExit(main())
