"""One case of each bundled host, made once for all tests and all workers."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.loaded import Loaded

Vmtrail = Callable[..., "subprocess.CompletedProcess[str]"]


_LOADED = Loaded()


def _vmtrail(*arguments: object, **more: str) -> "subprocess.CompletedProcess[str]":
    """The command line; with an environment of its own, in a process that begins with it."""
    if not more:
        return _LOADED.run([str(argument) for argument in arguments])
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)} | more
    return subprocess.run([sys.executable, "-m", "analyzer.cli", *map(str, arguments)],
                          capture_output=True, text=True, encoding="utf-8", check=False,
                          env=environment, timeout=300)


@pytest.fixture(scope="session")
def vmtrail() -> Iterator[Vmtrail]:
    """Runs the command line as a user does."""
    yield _vmtrail
    _LOADED.close()


@pytest.fixture(scope="session")
def case_of(tmp_path_factory: pytest.TempPathFactory, corpus: Path,
            worker_id: str) -> Callable[[str], Path]:
    """The case folder of a bundled image by its name; nothing may be written to it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def made(name: str) -> Path:
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            target = shared / f"{name}-case"
            if not target.exists():
                done = _vmtrail("analyze", corpus / f"{name}.E01", "-o", target)
                (shared / f"{name}-summary.txt").write_text(done.stdout, encoding="utf-8")
                assert done.returncode == 0, done.stderr + done.stdout
        return target

    return made


@pytest.fixture(scope="session")
def case(case_of: Callable[[str], Path]) -> Path:
    """The case folder of ws2008.E01; nothing may be written to it."""
    return case_of("ws2008")


@pytest.fixture(scope="session")
def summary(case: Path) -> str:
    """What the run that made it printed."""
    return (case.parent / "ws2008-summary.txt").read_text(encoding="utf-8")
