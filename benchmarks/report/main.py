"""Measures writing the report, and when Chromium first paints its pages."""

import argparse
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.disk.memory import memory
from benchmarks.report.browser import Browser
from benchmarks.report.case import make

_PAGES: Final = ("index.html", "machines.html", "machines/0010.html", "timeline.html",
                 "timeline.html#event&vm_id=0000000A-0000-0000-0000-000000000000",
                 "timeline.html#event&text=file7.dll")

def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every page was painted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report.main",
                                     description="The HTML report at scale. Needs 4 GB.")
    parser.add_argument("--work", type=Path, required=True, help="folder for case and report")
    parser.add_argument("--machines", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.write:
        return _write(chosen.work)
    make(chosen.work / "case", chosen.machines, chosen.events)
    subprocess.run([sys.executable, "-m", "benchmarks.report.main", "--write", "--work",
                    str(chosen.work)], check=True)
    return 0 if _painted(chosen.work) else 1


def _write(work: Path) -> int:
    from analyzer.case.folder import Case
    from analyzer.case.query import CaseTables
    from plugins.reports.report_html import report_html

    folder = work / "report"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    began = time.perf_counter()
    report_html(CaseTables(Case(work / "case")), folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    print(f"written in {time.perf_counter() - began:.0f} s, "
          f"{used.ru_utime + used.ru_stime:.0f} s of processor time, {memory('VmHWM'):,.0f} MB at "
          f"the peak, {len(files):,} files, {sum(files) / 1e6:,.0f} MB, "
          f"index.html {(folder / 'index.html').stat().st_size / 1e3:,.0f} kB")
    return 0


def _painted(work: Path) -> bool:
    """Print when each page is painted and has its rows; a fresh browser has nothing cached."""
    found = []
    for page in _PAGES:
        browser = Browser(work / "profile")
        told = browser.open(f"{(work / 'report').as_uri()}/{page}")
        browser.close()
        print(f"{page}: painted after {told['painted']:,.0f} ms, ready after {told['ready']:,.0f} "
              f"ms, {told['memory']:,.0f} MB of script; {told['status']}")
        found.append(told["painted"] > 0)
    return all(found)


if __name__ == "__main__":
    raise SystemExit(main())
