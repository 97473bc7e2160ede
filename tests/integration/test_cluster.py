"""A scheduler and two workers of Dask on this machine, over loopback: same bytes, nothing lost."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Vmtrail

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., "subprocess.Popen[bytes]"]
SCRIPT = """
import sys
from pathlib import Path
from analyzer.cli.signals import catch_signals
from analyzer.engine.catalogue import Catalogue
from analyzer.engine.progress import Quiet
from analyzer.engine.run import Options, analyze
from tests.unit.engine.fake_child import COMMAND, PLUGINS
catch_signals()
plugins = Catalogue(tuple(p for p in PLUGINS if p.name in sys.argv[4:]))
options = Options((sys.argv[1],), Path(sys.argv[2]), 1, scheduler=sys.argv[3])
result = analyze(options, plugins, Quiet(), COMMAND)
print(*set(result.stopped_by.split()) & {"--resume"}, end="", file=sys.stderr)
sys.exit(result.exit_code)
"""


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Lab:
    """The processes of one cluster."""

    def __init__(self, folder: Path) -> None:
        self.file, self.folder = folder / "scheduler.json", folder
        self.processes = [self._dask("scheduler", "--port", "0", "--no-show")]
        wait_for(self.file.exists)
        self.address: str = json.loads(self.file.read_text())["address"]
        self.workers = [self._dask("worker", "--nthreads", "2", "--no-nanny") for _ in range(2)]
        self.processes += self.workers

    def _dask(self, what: str, *more: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1",
             "--scheduler-file", str(self.file), "--no-dashboard", *more],
            cwd=self.folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    found = Lab(tmp_path)
    yield found
    found.close()


def partitions(case: Path) -> dict[str, bytes]:
    return {str(p.relative_to(case)): p.read_bytes() for p in (case / "tables").rglob("*.parquet")
            if p.parent.name != "run"}


def descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    children = [int(c) for t in tasks.iterdir() for c in (t / "children").read_text().split()]
    return children + [d for child in children for d in descendants(child)]


def test_a_cluster_gives_the_bytes_of_one_machine(lab: Lab, case: Path, corpus: Path,
                                                  tmp_path: Path, vmtrail: Vmtrail) -> None:
    done = vmtrail("analyze", corpus / "ws2008.E01", "-o", tmp_path / "c", "--scheduler",
                   lab.address)
    assert done.returncode == 0, done.stderr + done.stdout
    assert partitions(tmp_path / "c") == partitions(case)
    assert {p.name for p in (tmp_path / "c").iterdir()} == {p.name for p in case.iterdir()}


def test_a_worker_that_is_lost_costs_nothing(lab: Lab, case: Path, corpus: Path, tmp_path: Path,
                                             vmtrail: Vmtrail) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "analyzer.cli", "analyze", corpus / "ws2008.E01", "-o",
         tmp_path / "c", "--scheduler", lab.address, "-q"],
        env=os.environ | {"PYTHONPATH": str(ROOT)})
    wait_for((tmp_path / "c/tables/file_entry/ws2008.E01@p1.parquet").exists)
    wait_for(lambda: len(descendants(lab.workers[0].pid)) > 1 or process.poll() is not None)
    lab.workers[0].kill()
    assert process.wait(240) == 0
    assert partitions(tmp_path / "c") == partitions(case)


def test_ctrl_c_ends_the_children_on_all_machines(lab: Lab, tmp_path: Path) -> None:
    image = tmp_path / "a.img"
    image.write_text(json.dumps({"systems": [{"id": "s1"}, {"id": "s2"}, {"id": "s3"}]}))
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(image), str(tmp_path / "c"),
                                lab.address, "sleep"], env=os.environ | {"PYTHONPATH": str(ROOT)})

    def busy() -> int:  # below a worker: the nursery, below it the children
        return sum(max(0, len(descendants(worker.pid)) - 1) for worker in lab.workers)

    wait_for(lambda: busy() == 3)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    wait_for(lambda: busy() == 0)
    assert json.loads((tmp_path / "c/case.json").read_bytes())["state"] == "interrupted"
    assert not list((tmp_path / "c/tables").glob("*/.*"))


def test_a_child_that_dies_takes_no_worker_along(lab: Lab, tmp_path: Path) -> None:
    image = tmp_path / "a.img"
    image.write_text(json.dumps({"systems": [{"id": "s1"}, {"id": "s2"}]}))
    process = subprocess.run([sys.executable, "-c", SCRIPT, str(image), str(tmp_path / "c"),
                              lab.address, "files", "crash"], check=False, timeout=120,
                             env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert process.returncode == 4
    assert [worker.poll() for worker in lab.workers] == [None, None]
    state = json.loads((tmp_path / "c/case.json").read_bytes())["images"][0]
    assert (state["state"], state["lost"]) == ("partial", 2)


def test_a_scheduler_that_is_lost_ends_the_run_in_words(lab: Lab, tmp_path: Path) -> None:
    image = tmp_path / "a.img"
    image.write_text(json.dumps({"systems": [{"id": "s1"}]}))
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(image), str(tmp_path / "c"),
                                lab.address, "sleep"], env=os.environ | {"PYTHONPATH": str(ROOT)},
                               stderr=subprocess.PIPE)
    wait_for(lambda: any(len(descendants(worker.pid)) > 1 for worker in lab.workers))
    lab.processes[0].kill()
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (4, b"--resume")
    case = json.loads((tmp_path / "c/case.json").read_bytes())
    assert (case["state"], case["images"][0]["state"]) == ("partial", "unfinished")


def test_no_scheduler_no_case(corpus: Path, tmp_path: Path, vmtrail: Vmtrail) -> None:
    done = vmtrail("analyze", corpus / "empty-host.E01", "-o", tmp_path / "c", "--scheduler",
                   "tcp://127.0.0.1:9")
    assert done.returncode == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "c" / "case.json").exists()
