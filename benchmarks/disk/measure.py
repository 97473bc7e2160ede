"""One reader measured, in a process of its own: `python -m benchmarks.disk.measure READER FOLDER`.

Prints a JSON object: first_byte_s, rss_mb (after the first byte), peak_mb, sequential_mb_s,
random_per_s (best of the passes; the first pass, in which maps are built, apart), wrong_sectors
against the raw twin; or, for `walk-*`, walk_s and what was found.
Rates are by processor time, user and system: warm reads wait for nothing, and a machine that is
busy with something else does not change the ratios.
"""

import hashlib
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np

from benchmarks.disk import readers
from benchmarks.disk.host import Site
from benchmarks.disk.memory import memory
from benchmarks.disk.readers import Opened
from benchmarks.disk.walking import WALKS

BLOCK = 256 << 10
"""Bytes of one sequential request."""
WINDOWS, WINDOW = 32, 8 << 20
RANDOM, SMALL = 20_000, 4096
PASSES, PATIENCE = 4, 5.0
"""A reader that takes longer than so many seconds for a pass gets no second one."""
WHOLE = 1 << 20
OPENINGS = 5
"""The first, with the loading of modules, is not among them."""
_GUEST, _BASE = attrgetter("guest"), attrgetter("base")
_HOST, _LATER = attrgetter("host"), attrgetter("later")
_SINGLE, _E01 = attrgetter("single"), attrgetter("e01")



@dataclass(frozen=True, slots=True)
class Case:
    """A reader, the file it reads, and the raw file that holds the same bytes."""

    open: Callable[[Site], Opened]
    source: Callable[[Site], Path]
    twin: Callable[[Site], Path]


READERS = {
    "raw": Case(lambda site: readers.raw(site.guest), _GUEST, _GUEST),
    "plain": Case(readers.plain_chain, _HOST, _GUEST),
    "vmtrail": Case(readers.vmtrail_chain, _HOST, _GUEST),
    "libvhdi": Case(readers.libvhdi_chain, _HOST, _GUEST),
    "raw-vhdx": Case(readers.raw_later, _GUEST, _GUEST),
    "vmtrail-vhdx": Case(readers.vmtrail_later, _LATER, _GUEST),
    "libvhdi-vhdx": Case(readers.libvhdi_later, _LATER, _GUEST),
    "raw-single": Case(lambda site: readers.raw(site.base), _BASE, _BASE),
    "plain-single": Case(readers.plain_single, _SINGLE, _BASE),
    "vmtrail-single": Case(readers.vmtrail_single, _SINGLE, _BASE),
    "libvhdi-single": Case(readers.libvhdi_single, _SINGLE, _BASE),
    "dissect-single": Case(readers.dissect_single, _SINGLE, _BASE),
    "pyewf-media": Case(readers.pyewf_media, _E01, _HOST),
    "vmtrail-media": Case(readers.vmtrail_media, _E01, _HOST),
    "libvhdi-e01": Case(readers.libvhdi_chain_e01, _E01, _GUEST),
    "vmtrail-e01": Case(readers.vmtrail_chain_e01, _E01, _GUEST),
}


def measure(name: str, site: Site) -> dict[str, float]:
    """The figures of one reader."""
    case = READERS[name]
    _warm(case.source(site))
    opened = case.open(site)
    opened.read(WHOLE, 1)
    rss = memory("VmRSS")
    openings: list[float] = []
    for _ in range(OPENINGS):
        began = time.process_time()
        opened = case.open(site)
        opened.read(WHOLE, 1)
        openings.append(time.process_time() - began)
    random_first, random_best = _random(opened)
    sequential_first, sequential_best = _sequential(opened)
    peak = memory("VmHWM")
    return {"first_byte_s": min(openings), "rss_mb": rss, "peak_mb": peak,
            "sequential_mb_s": sequential_best, "sequential_first_mb_s": sequential_first,
            "random_per_s": random_best, "random_first_per_s": random_first,
            "wrong_sectors": _wrong(opened, case.twin(site), name.startswith("libvhdi")),
            "bytes": opened.size}


def _warm(path: Path) -> None:
    """Have the operating system hold the file in memory."""
    with path.open("rb", buffering=0) as file:
        while file.read(WHOLE):
            pass


def _windows(size: int) -> list[int]:
    """Offsets of the windows, spread evenly over a disk."""
    step = (size - WINDOW) // WINDOWS // WHOLE * WHOLE
    return [step * number for number in range(WINDOWS)]


def _sequential(opened: Opened) -> tuple[float, float]:
    """MB/s of the first pass and of the best over all windows."""
    starts = _windows(opened.size)
    rates: list[float] = []
    while len(rates) < PASSES:
        began = time.process_time()
        for start in starts:
            for offset in range(start, start + WINDOW, BLOCK):
                opened.read(offset, BLOCK)
        took = time.process_time() - began
        rates.append(WINDOWS * WINDOW / took / 1e6)
        if took > PATIENCE:
            break
    return rates[0], max(rates)


def _random(opened: Opened) -> tuple[float, float]:
    """Requests of 4 KiB a second, first and best pass, the same places for every reader."""
    rng = random.Random(4096)
    offsets = [rng.randrange(opened.size // SMALL) * SMALL for _ in range(RANDOM)]
    rates: list[float] = []
    while len(rates) < PASSES:
        began, done = time.process_time(), 0
        for done, offset in enumerate(offsets, start=1):
            opened.read(offset, SMALL)
            if done % 500 == 0 and time.process_time() - began > PATIENCE:
                break
        rates.append(done / (time.process_time() - began))
        if done < RANDOM:
            break
    return rates[0], max(rates)


def _wrong(opened: Opened, twin: Path, in_windows: bool) -> int:
    """Sectors that differ from the raw twin; of the windows only where all would take minutes."""
    offsets = (start + part for start in _windows(opened.size) for part in range(0, WINDOW, WHOLE))
    wrong = 0
    with twin.open("rb") as file:
        for offset in offsets if in_windows else range(0, opened.size, WHOLE):
            file.seek(offset)
            truth, data = file.read(WHOLE), opened.read(offset, WHOLE)
            if data != truth:
                pair = [np.frombuffer(part.ljust(WHOLE, b"\0"), np.uint8).reshape(-1, 512)
                        for part in (truth, data)]
                wrong += int((pair[0] != pair[1]).any(axis=1).sum())
    return wrong


def measure_walk(name: str, site: Site) -> dict[str, float | str]:
    """Best of three walks over every name of the guest's volume by The Sleuth Kit."""
    best, names = 1e9, b""
    for _ in range(3):
        began = time.process_time()
        names = b"\n".join(sorted(WALKS[name](site)))
        best = min(best, time.process_time() - began)
        if best > PATIENCE:
            break
    return {"walk_s": best, "entries": names.count(b"\n") + 1,
            "names": hashlib.sha256(names).hexdigest()}


if __name__ == "__main__":
    measured = sys.argv[1]
    place = Site(Path(sys.argv[2]))
    if measured == "large":
        from benchmarks.disk.large import measure_large  # its imports are not for the others

        print(json.dumps(measure_large()))
    else:
        print(json.dumps(measure_walk(measured, place) if measured in WALKS
                         else measure(measured, place)))
