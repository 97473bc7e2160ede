"""One measurement in this process: `python -m benchmarks.timeline.measure NAME FOLDER`.

Prints what it took as JSON: seconds, processor seconds (children included), MB at the peak,
bytes written.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from analyzer.case.folder import Case
from analyzer.case.query import CaseTables, Window
from analyzer.plugin import discover
from benchmarks.disk.memory import memory
from benchmarks.timeline.case import DAY, FIRST

_DAY: Final = Window(begin=FIRST + 500 * DAY, end=FIRST + 501 * DAY)


def _report(name: str, window: Window | None = None, kind: str = "timeline") \
        -> Callable[[Path, Path], None]:
    def run(folder: Path, out: Path) -> None:
        plugin = next(p for p in discover() if p.report_kind == kind and p.format == name)
        tables = CaseTables(Case(folder), window)
        with out.open("wb") as file:
            plugin.function(tables, file)
    return run


def _copy(folder: Path, out: Path, how: str, order: str) -> None:
    """DuckDB alone: the columns as they are."""
    import duckdb

    connection = duckdb.connect(config={"memory_limit": "512MB", "threads": "2"})
    connection.execute(f"SET temp_directory='{out}.spill'")
    connection.execute(f"COPY (SELECT * FROM '{folder}/tables/event/*.parquet' {order}) "
                       f"TO '{out}' ({how})")


def write_csv(folder: Path) -> None:
    """`unsorted.csv`, what `sort` is given, and `sorted.csv`, what `cat` is."""
    if not (folder / "sorted.csv").exists():
        _copy(folder, folder / "unsorted.csv", "FORMAT csv, HEADER false", "")
        _report("csv")(folder, folder / "sorted.csv")


def _sort(folder: Path, out: Path) -> None:
    """GNU sort of the lines of the CSV, which are in no order."""
    subprocess.run(["sort", "-S", "512M", "--parallel=2", "-T", str(out.parent), "-o", str(out),
                    str(folder / "unsorted.csv")], check=True, env={"LC_ALL": "C"})


def _pandas(folder: Path, out: Path) -> None:
    """All of it in memory."""
    import pandas as pd

    frame = pd.read_parquet(folder / "tables" / "event")
    frame.sort_values("at").to_csv(out, index=False)


def _cat(folder: Path, out: Path) -> None:
    with out.open("wb") as file:
        subprocess.run(["cat", str(folder / "sorted.csv")], check=True, stdout=file)


def _open(folder: Path, out: Path) -> None:
    CaseTables(Case(folder))
    out.touch()


MEASURED: Final[dict[str, Callable[[Path, Path], None]]] = {
    "csv": _report("csv"), "jsonl": _report("jsonl"), "parquet": _report("parquet"),
    "bodyfile": _report("bodyfile"), "csv-day": _report("csv", _DAY),
    "xlsx": _report("xlsx", kind="workbook"),
    "duckdb-csv": lambda folder, out: _copy(folder, out, "FORMAT csv", 'ORDER BY "at"'),
    "duckdb-parquet": lambda folder, out: _copy(
        folder, out, "FORMAT parquet, COMPRESSION zstd", 'ORDER BY "at"'),
    "sort": _sort, "cat": _cat, "pandas": _pandas, "open": _open,
}


def main(name: str, folder: Path) -> None:
    """Measure one."""
    out = folder / f"out.{name}"
    began = time.perf_counter()
    MEASURED[name](folder, out)
    seconds = time.perf_counter() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    peak = max(memory("VmHWM"), used[1].ru_maxrss * 1024 / 1e6)
    print(json.dumps({
        "seconds": seconds, "cpu": sum(u.ru_utime + u.ru_stime for u in used), "mb": peak,
        "bytes": out.stat().st_size}))
    out.unlink()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
