"""The same analysis with a child for each task and in one process, in turns; ratios by the least.

`python -m benchmarks.isolation.main [IMAGE ...]`: wall time of the whole run, its printed summary
included, and processor time of the whole tree. The smallest image shows what a start costs.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
_IMAGES: Final = ("corpus/empty-host.E01", "corpus/ws2008.E01")
_WAYS: Final = ("one process", "isolated")
Figures = tuple[float, float]
"""Seconds of wall time, and of processor time."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every run came to its end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.isolation.main", description=(
        "Analyses images with children and in one process; the bundled ones where none is given."))
    parser.add_argument("images", nargs="*", default=_IMAGES, metavar="IMAGE")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--here", nargs=3, metavar=("WAY", "IMAGE", "CASE"),
                        help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.here:
        return _analyze(*chosen.here)
    print("| image | way | wall s | processor s |\n|---|---|---|---|")
    for image in chosen.images:
        passes = [[_measured(way, image) for way in _WAYS] for _ in range(chosen.passes)]
        least = [tuple(map(min, zip(*runs, strict=True))) for runs in zip(*passes, strict=True)]
        for way, (wall, cpu) in zip(_WAYS, least, strict=True):
            print(f"| {image} | {way} | {wall:.2f} | {cpu:.2f} |")
        (wall, cpu), (apart_wall, apart_cpu) = least
        print(f"| {image} | isolated, more | {apart_wall - wall:+.2f} "
              f"({apart_wall / wall - 1:+.1%}) | {apart_cpu / cpu - 1:+.1%} |")
    return 0


def _measured(way: str, image: str) -> Figures:
    with tempfile.TemporaryDirectory(prefix="vmtrail-bench-") as folder:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-m", "benchmarks.isolation.main", "--here", way, image,
                        f"{folder}/case"], check=True, cwd=ROOT)
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def _analyze(way: str, image: str, case: str) -> int:
    """The command line as it is, or with its tasks called one after the other."""
    if way == _WAYS[0]:
        _without_children()
    main: Any = import_module("analyzer.cli.main")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    code: int = main.main(["analyze", image, "-o", case, "--jobs", "1"])
    return code


def _without_children() -> None:
    from analyzer.engine import child, launch, limits, messages
    from analyzer.engine.opening import EvidenceOpening
    from analyzer.engine.voice import Voice
    from analyzer.engine.watch import HANDLE, PAGE_SIZE, begin_watch
    from analyzer.plugin import discover

    page = os.memfd_create("attention")
    os.ftruncate(page, PAGE_SIZE)
    os.dup2(page, HANDLE)
    silence = os.open(os.devnull, os.O_WRONLY)
    opening, plugins = EvidenceOpening(), discover()

    def run_here(request: Any, *_: Any) -> Any:
        voice = Voice(silence, child._allowed(request))
        watch = begin_watch(request.refused, request.limits)
        answer = child._perform(child.TaskRun(request, opening, plugins, voice, watch))
        return messages.from_line(messages.to_line(answer))

    launch.prepare = lambda *_: None
    limits.more_time = lambda *_: None
    worker: Any = import_module("analyzer.engine.worker")
    worker.run_child = run_here


if __name__ == "__main__":
    raise SystemExit(main())
