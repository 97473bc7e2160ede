"""Mutants by the thousand: `python -m tests.fuzz.campaign --count 20000`, or `make fuzz`.

Mutants are run in forked children, a few in each; results are appended to a file as JSON lines,
so that a campaign that was stopped goes on where it was. Failures are shrunk, and written in the
form of tests/regress. The summary is made for programs: error rates go into VALIDATION.md.
"""

import argparse
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from analyzer import VERSION
from tests.fuzz.forks import Attempt, Work, attempt, attempts
from tests.fuzz.mutants import Mutant
from tests.fuzz.oracle import judge
from tests.fuzz.shrink import shrink, write
from tests.fuzz.subjects import Subject, of_turn, subject

Result = dict[str, Any]
TOGETHER: Final = 10
"""Mutants that one child runs, one after the other."""


def try_mutant(about: Subject, mutant: Mutant) -> Attempt:
    """What comes of one mutant, judged in the child that ran it."""
    return attempt(trial(about, mutant))


def trial(about: Subject, mutant: Mutant) -> Work:
    """Running one mutant and judging it; what is compared with is there before forking."""
    about.said, about.surface, about.stated, about.facts, about.marks  # noqa: B018 - before forking
    return lambda: asdict(judge(about, mutant, about.damaged(mutant)))


def is_sound(tried: Attempt) -> bool:
    """Whether nothing at all is wrong."""
    return not tried.died and not any(
        tried.value[name] for name in ("bugs", "uncovered", "invented", "spilled"))


def results(seed: int, numbers: Sequence[int], only: str = "") -> Iterator[Result]:
    """The result of each mutant, as plain values."""
    for at in range(0, len(numbers), TOGETHER):
        names = {number: only or of_turn(number) for number in numbers[at:at + TOGETHER]}
        mutants = {number: subject(name).mutant(seed, number) for number, name in names.items()}
        trials = [trial(subject(names[number]), mutant) for number, mutant in mutants.items()]
        for (number, mutant), tried in zip(mutants.items(), attempts(trials), strict=True):
            yield {"seed": seed, "number": number, "subject": names[number], "name": mutant.name,
                   "sound": is_sound(tried), "died": tried.died, "rss": tried.rss,
                   "cpu": round(tried.cpu, 3), **(tried.value or {})}


_MEASURED: Final = {"cpu_seconds", "slowest_cpu_seconds", "slowest", "max_rss_bytes"}
"""What another machine measures otherwise; the rest is the same for the same seed."""


def summarize(found: Sequence[Result]) -> Result:
    """Counts and extremes of a campaign."""
    slowest = max(found, key=lambda r: float(r["cpu"]), default={"cpu": 0, "name": ""})
    return {
        "mutants": len(found), "seeds": sorted({r["seed"] for r in found}),
        "by_subject": dict(sorted(Counter(r["subject"] for r in found).items())),
        "died": sum(bool(r["died"]) for r in found),
        "bugs": sum(bool(r.get("bugs")) for r in found),
        "with_uncovered_fact": sum(bool(r.get("uncovered")) for r in found),
        "with_invention": sum(bool(r.get("invented")) for r in found),
        "with_spill": sum(bool(r.get("spilled")) for r in found),
        "with_lost_fact": sum(bool(r.get("lost")) for r in found),
        "facts_lost": sum(r.get("lost", 0) for r in found),
        "facts_lost_and_said": sum(r.get("covered", 0) for r in found),
        "facts_lost_silently": sum(len(r.get("uncovered", ())) for r in found),
        "cpu_seconds": round(sum(r["cpu"] for r in found), 1),
        "slowest_cpu_seconds": slowest["cpu"], "slowest": slowest["name"],
        "max_rss_bytes": max((r["rss"] for r in found), default=0),
        "failures": [f"{r['subject']} {r['seed']}/{r['number']}" for r in found if not r["sound"]],
    }


def keep(result: Result, folder: Path) -> Path:
    """Shrink the mutant of a failure and write it down."""
    about = subject(result["subject"])
    mutant = about.mutant(result["seed"], result["number"])
    small = shrink(mutant, lambda m: not is_sound(try_mutant(about, m)))
    return write(folder, about, result["subject"], small, _why(result))


def _why(result: Result) -> str:
    for name in ("died", "bugs", "uncovered", "invented", "spilled"):
        if result.get(name):
            found = result[name]
            return f"{name}: {found if isinstance(found, str) else found[0]}"
    return ""


def _load(path: Path) -> list[Result]:
    """What is whole of a file of results; a torn last line is done again."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return [json.loads(line) for line in lines]


def _seed(path: Path, count: int) -> int:
    """The seed of the last run in a file of results if it is not finished, or a new one."""
    done = Counter(result["seed"] for result in _load(path))
    last = next(reversed(done), None)
    if last is not None and done[last] < count:
        return int(last)
    return random.SystemRandom().randrange(1 << 30)


def _share(seed: int, numbers: Sequence[int], only: str, path: Path) -> None:
    """Run `numbers` and append their results to `path`."""
    with path.open("a", encoding="utf-8") as out:
        for result in results(seed, numbers, only):
            out.write(json.dumps(result) + "\n")
            out.flush()
            if not result["sound"]:
                print(f"FAILED {json.dumps(result)[:600]}", flush=True)


def run(seed: int, numbers: Sequence[int], path: Path, jobs: int = 1,
        only: str = "") -> list[Result]:
    """All results, those of an earlier run of the same file among them."""
    done = {(r["seed"], r["number"]) for r in _load(path)}
    todo = [number for number in numbers if (seed, number) not in done]
    if jobs <= 1:
        _share(seed, todo, only, path)
        return _load(path)
    workers = []
    for job in range(jobs):
        worker = os.fork()
        if worker == 0:
            try:
                _share(seed, todo[job::jobs], only, path)
            finally:
                os._exit(0)
        workers.append(worker)
    for worker in workers:
        os.waitpid(worker, 0)
    return _load(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 1 where a mutant failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, help="else that of an unfinished run, else a new one")
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--subject", default="", help="only this one, else they take turns")
    parser.add_argument("--out", type=Path, default=Path("fuzz"), help="folder of the results")
    parser.add_argument("--keep", action="store_true", help="shrink failures into the folder")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    numbers, path = range(options.first, options.count, options.step), options.out / "results.jsonl"
    seed = options.seed if options.seed is not None else _seed(path, len(numbers))
    print(f"seed {seed}; repeat with --seed {seed}", flush=True)
    found = run(seed, numbers, path, options.jobs, options.subject)
    summary = summarize(found)
    (options.out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    counts = {key: value for key, value in summary.items() if key not in _MEASURED}
    (options.out / "recorded.json").write_text(
        json.dumps({"version": VERSION} | counts, indent=1) + "\n")
    print(json.dumps(summary, indent=1))
    for result in found if options.keep else ():
        if not result["sound"]:
            print(f"kept {keep(result, options.out)}", flush=True)
    return int(bool(summary["failures"]))


if __name__ == "__main__":
    sys.exit(main())
