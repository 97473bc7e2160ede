"""Measures the timeline's writers, DuckDB alone and peers, each in a process of its own."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.timeline.case import make, make_crowded
from benchmarks.timeline.measure import MEASURED, write_csv

Figures = dict[str, float]
_ROWS: Final = ("csv", "jsonl", "parquet", "duckdb-csv", "duckdb-parquet", "sort", "cat",
                "csv-day", "bodyfile")
_FEW: Final = ("csv", "pandas")
"""What is also measured with a tenth of the events: pandas holds all of them."""
_RATIOS: Final = (
    ("CSV, processor time / DuckDB's own COPY", "csv", "duckdb-csv"),
    ("CSV, processor time / GNU sort of its lines", "csv", "sort"),
    ("JSONL, processor time / DuckDB's COPY as CSV", "jsonl", "duckdb-csv"),
    ("Parquet, processor time / DuckDB's own COPY", "parquet", "duckdb-parquet"),
    ("one day of 1,000, processor time / all", "csv-day", "csv"),
    ("CSV of a tenth, processor time / pandas", "csv (tenth)", "pandas (tenth)"),
    ("CSV of a tenth, memory / pandas", "csv (tenth) mb", "pandas (tenth) mb"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every measurement came to its end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timeline.main",
                                     description="The timeline at scale. Needs 20 GB.")
    parser.add_argument("--work", type=Path, help="folder to keep the cases in for a next run")
    parser.add_argument("--events", type=int, default=10_000_000)
    chosen = parser.parse_args(arguments)
    if chosen.work is not None:
        return _run(chosen.work, chosen.events)
    with tempfile.TemporaryDirectory(prefix="vmtrail-bench-") as folder:
        return _run(Path(folder), chosen.events)


def _run(folder: Path, events: int) -> int:
    whole = make(folder / "whole", events, events // 5)
    tenth = make(folder / "tenth", events // 10, 0)
    write_csv(whole)
    crowded = make_crowded(folder / "crowded")
    figures = {name: _measure(name, whole) for name in _ROWS}
    figures |= {f"{name} (tenth)": _measure(name, tenth) for name in _FEW}
    figures["open, 1,000 files a table"] = _measure("open", crowded)
    _print(figures)
    return 0 if all(figures.values()) else 1


def _measure(name: str, folder: Path) -> Figures:
    assert name in MEASURED
    done = subprocess.run([sys.executable, "-m", "benchmarks.timeline.measure", name, str(folder)],
                          stdout=subprocess.PIPE, check=False)
    figures: Figures = json.loads(done.stdout) if not done.returncode else {}
    return figures


def _print(figures: dict[str, Figures]) -> None:
    print("| what | s | processor s | MB at the peak | MB written |\n|---|---|---|---|---|")
    values: dict[str, float] = {}
    for name, found in figures.items():
        if found:
            print(f"| {name} | {found['seconds']:.1f} | {found['cpu']:.1f} | {found['mb']:,.0f} "
                  f"| {found['bytes'] / 1e6:,.0f} |")
            values |= {name: found["cpu"], f"{name} mb": found["mb"]}
    print("\n| ratio | measured |\n|---|---|")
    for title, ours, other in _RATIOS:
        if ours in values and other in values:
            print(f"| {title} | {values[ours] / values[other]:.2f} |")


if __name__ == "__main__":
    raise SystemExit(main())
