"""A signal that comes when the work is done does not make it look undone."""

import signal
import subprocess
import sys

import pytest

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
