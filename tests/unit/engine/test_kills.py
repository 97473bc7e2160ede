"""Runs that are killed, interrupted or out of room at any moment end as if nothing had happened
(G11). The seed of each moment is in the name of the test; CI tries them all.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from analyzer.case.folder import Case

SLOW = bool(os.environ.get("VMTRAIL_SLOW"))
SCRIPT = """
import os
import resource
import sys
from pathlib import Path
from analyzer.cli.signals import catch_signals, exit_code, settle
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.progress import Quiet
from analyzer.engine.run import Options, analyze
from analyzer.errors import UsageError
from tests.unit.engine.fake_child import COMMAND, PLUGINS
plugins = Catalogue(tuple(p for p in PLUGINS if p.name in ("files", "count_files", "listing")))
options = Options(tuple(sys.argv[3:]), Path(sys.argv[1]), 2, resume="r" in sys.argv[2])
catch_signals()
if int(os.environ["LARGEST"]) >= 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(os.environ["LARGEST"]),) * 2)
print(flush=True)
try:
    code = analyze(options, plugins, Quiet(), COMMAND).exit_code
except UsageError as error:
    code = f"usage: {error}"
except KeyboardInterrupt as interrupt:  # after its last word
    code = exit_code(interrupt)
settle()
sys.exit(code)
"""
Process = subprocess.Popen[bytes]


def content(number: int) -> dict[str, Any]:
    guests = [{"key": f"g{g}", "systems": [{"id": "x", "files": [f"{g:x}" * 40]}]}
              for g in range(3)]
    names = [f"{n:x}" * 60 for n in range(400)]
    return {"signature": number, "systems": [{"id": "s1", "files": names, "guests": guests}]}


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("images")
    for number in (1, 2):
        (folder / f"{number}.img").write_text(json.dumps(content(number)))
    return [str(path) for path in sorted(folder.iterdir())]


def start(case: Case, how: str, images: list[str], largest: int = -1) -> Process:
    """A run that is just about to begin; no file of it may have more than `largest` bytes."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(case.root), how, *images],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=os.environ | {"LARGEST": str(largest)})
    assert process.stdout is not None
    process.stdout.readline()
    return process


def status(process: Process) -> int:
    _, errors = process.communicate(timeout=120)
    assert b"Traceback" not in errors, errors.decode()
    return process.returncode


def partitions(case: Case) -> dict[str, bytes]:
    return {str(p.relative_to(case.root)): p.read_bytes() for p in case.tables.rglob("*.parquet")
            if p.parent.name != "run"}


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory,
          images: list[str]) -> tuple[dict[str, bytes], float]:
    """What an undisturbed run gives, and its seconds."""
    case = Case(tmp_path_factory.mktemp("whole") / "case")
    begin = time.monotonic()
    assert status(start(case, "", images)) == 0
    return partitions(case), time.monotonic() - begin


def finished(case: Case) -> dict[Path, int]:
    """Partitions of finished tasks, and when they were written; whatever has a name is whole."""
    stamps: dict[Path, int] = {}
    tasks = set()
    if case.journal.exists():
        lines = case.journal.read_bytes().split(b"\n")[:-1]
        tasks = {json.loads(line)["task"] for line in lines}
    for path in case.tables.glob("*/[!.]*"):
        assert pq.read_table(path).num_rows > 0
        if path.name.removesuffix(".parquet").partition("+")[0] in tasks:
            stamps[path] = path.stat().st_mtime_ns
    return stamps


def resumed(case: Case, images: list[str], expected: dict[str, bytes]) -> None:
    """Going on gives what an undisturbed run gives, and repeats nothing."""
    before = finished(case)
    assert status(start(case, "r", images)) == 0
    assert partitions(case) == expected
    assert {p: p.stat().st_mtime_ns for p in before if p.parent.name != "run"} == \
        {p: stamp for p, stamp in before.items() if p.parent.name != "run"}
    assert not list(case.root.rglob(".*.tmp"))
    assert json.loads(case.manifest.read_bytes())["state"] == "finished"


def disturbed(case: Case, images: list[str], number: int, seconds: float, seed: str) -> int:
    """Send a signal at a random moment of a run."""
    process = start(case, "", images)
    time.sleep(random.Random(seed).uniform(0, seconds))
    process.send_signal(number)
    return status(process)


@pytest.mark.parametrize("seed", range(50 if SLOW else 3))
def test_kill_9_at_any_moment(seed: int, images: list[str], tmp_path: Path,
                              whole: tuple[dict[str, bytes], float]) -> None:
    case = Case(tmp_path / "case")
    assert disturbed(case, images, signal.SIGKILL, whole[1], f"kill {seed}") in (0, -9)
    resumed(case, images, whole[0])


@pytest.mark.parametrize(("number", "seed"), [
    *((signal.SIGINT, seed) for seed in range(10 if SLOW else 1)),
    *((signal.SIGTERM, seed) for seed in range(3 if SLOW else 1))])
def test_ctrl_c_at_any_moment(number: int, seed: int, images: list[str], tmp_path: Path,
                              whole: tuple[dict[str, bytes], float]) -> None:
    case = Case(tmp_path / "case")
    process = start(case, "", images)
    while not case.journal.exists():
        time.sleep(0.01)
    time.sleep(random.Random(f"{number} {seed}").uniform(0, whole[1] / 2))
    process.send_signal(number)
    assert status(process) in (0, 128 + number)
    assert json.loads(case.manifest.read_bytes())["state"] in ("finished", "interrupted")
    assert not list(case.root.rglob(".*.tmp"))
    resumed(case, images, whole[0])


def below(pid: int) -> list[int]:
    """Child processes of all threads."""
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]


def test_a_second_ctrl_c_ends_at_once_and_the_children_too(tmp_path: Path) -> None:
    image = tmp_path / "a.img"
    image.write_text(json.dumps({"systems": [{"id": "s1"}]}))
    script = SCRIPT.replace('"files"', '"sleep"').replace("\nprint", """
import time
from analyzer.engine.scheduler import Local
Local.cancel = lambda self: time.sleep(600)
print""")
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "case"), "",
                                str(image)], stdout=subprocess.DEVNULL,
                               env=os.environ | {"LARGEST": "-1"})
    journal = tmp_path / "case" / "journal.jsonl"
    while not (journal.exists() and journal.read_text().count("\n") == 2):
        time.sleep(0.05)
    time.sleep(0.5)
    (nursery,) = below(process.pid)
    children = below(nursery)
    assert len(children) == 1
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in (nursery, *children)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("size", [0, 300, 2_000, 6_000, 14_000] if SLOW
                         else [300, 6_000])
def test_no_file_may_be_larger_than(size: int, images: list[str], tmp_path: Path,
                                    whole: tuple[dict[str, bytes], float]) -> None:
    case = Case(tmp_path / "case")
    process = start(case, "", images, size)
    assert status(process) in (0, 1, 4)  # 1: not even begun, and said so
    resumed(case, images, whole[0])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of so many KiB, or of another size where it is there."""
    folder = tmp_path / "small"
    folder.mkdir()

    def mounted(kib: int) -> Path:
        how = "remount," if folder.is_mount() else ""
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"{how}size={kib}k", "none", folder],
                              capture_output=True, check=False)
        if done.returncode:
            pytest.skip("tool: a tmpfs cannot be mounted here")
        return folder

    yield mounted
    if folder.is_mount():
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("kib", [4, 12, 16, 20, 28, 40, 60, 100, 140, 180] if SLOW else [40])
def test_a_full_disk(kib: int, images: list[str], small_disk: Callable[[int], Path],
                     whole: tuple[dict[str, bytes], float]) -> None:
    case = Case(small_disk(kib) / "case")
    process = start(case, "", images)
    assert status(process) in (1, 4)
    small_disk(40_000)
    resumed(case, images, whole[0])
