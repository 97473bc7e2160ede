"""A signal ends a query, and one that comes when the work is done does not make it look undone."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.case.folder import Case
from analyzer.case.manifest import Manifest

SCRIPT = """
import atexit, os, sys
from analyzer.cli.signals import catch_signals, settle
class Last:
    def __init__(self, kill=os.kill, pid=os.getpid()):
        self.kill, self.pid = kill, pid
    def __del__(self):  # run while the interpreter shuts down, after the handlers are reset
        self.kill(self.pid, {number})
catch_signals()
sys.last = Last()
{settle}
sys.exit(0)
"""


def ended(number: int, settle: str) -> int:
    return subprocess.run([sys.executable, "-c", SCRIPT.format(number=number, settle=settle)],
                          check=False, capture_output=True, timeout=60).returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_process_shuts_down_changes_nothing(number: int) -> None:
    assert ended(int(number), "") == -number  # what Python does by itself
    assert ended(int(number), "settle()") == 0


ENDLESS = "SELECT count(*) FROM range(100000000000) a, range(10000) b"
ASKING = """
import os, sys, threading
from analyzer.case import interruption
from analyzer.cli.main import main
submit = interruption.ThreadPoolExecutor.submit
def told(pool, call):  # the signal comes while DuckDB works
    threading.Timer(0.2, os.kill, (os.getpid(), {number})).start()
    return submit(pool, call)
interruption.ThreadPoolExecutor.submit = told
sys.exit(main(["query", {case!r}, {sql!r}]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_query_that_would_take_hours_is_ended(number: int, tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.tables.mkdir()
    Manifest("1.0", ["analyze"], "2026-11-28T02:00:00.0000000Z").save(case.manifest)
    script = ASKING.format(number=int(number), case=str(case.root), sql=ENDLESS)
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True,
                          timeout=60, text=True)
    assert done.stderr == "vmtrail: interrupted\n"
    assert done.returncode == 128 + number
