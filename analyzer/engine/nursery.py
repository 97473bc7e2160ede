"""The nursery: a process that has the parsers loaded and forks one child for each task.

Loading them takes longer than most tasks; a fork takes milliseconds. The nursery itself never
touches evidence, has one thread, and does three things: fork, reap, kill.

`python -m analyzer.engine.nursery N` listens on descriptor N, a socket of its supervisor
(launch.py). One datagram asks for one child: the working folder, and as descriptors standard
input, output and error, the page of attention (watch.py), and a line for this child.
When the child has ended, all its own children are killed and its status, processor time and peak
memory are told on the line. The other end of the line closing means: kill it. The end of the
supervisor's socket is the end of the nursery and of all children.
"""

import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from analyzer.engine import child
from analyzer.engine.opening import EvidenceOpening, Opening
from analyzer.engine.watch import HANDLE
from analyzer.errors import UsageError
from analyzer.plugin import Plugin, discover

_HANDLES: Final = 5
_LONGEST_FOLDER: Final = 8192
_PR_SET_CHILD_SUBREAPER: Final = 36
_LIBRARIES: Final = ("analyzer.evidence", "analyzer.system", "analyzer.machines",
                     "analyzer.case.kept", "analyzer.case.store", "pandas",
                     "pyarrow.pandas_compat", "pyarrow.vendored.version", "numpy.ma")
"""What children need, and what libraries that they need load at their first use."""

Main = Callable[[], int]


class Nursery:
    """The loop. `main` is what a child does; its result is the child's status."""

    def __init__(self, control: socket.socket, main: Main) -> None:
        self._control, self._main = control, main
        self._selector = selectors.DefaultSelector()
        self._lines: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Until the supervisor's end of the socket is closed."""
        self._selector.register(self._control, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if not self._asked():
                        for pid in self._lines:
                            _kill(pid)
                        return
                elif isinstance(key.fileobj, int):
                    self._ended(key.fileobj, key.data)
                elif key.data in self._lines:  # not ended in this very round
                    self._selector.unregister(key.fileobj)
                    _kill(key.data)

    def _asked(self) -> bool:
        """One request; False where there will be none any more."""
        folder, handles, _, _ = socket.recv_fds(self._control, _LONGEST_FOLDER, _HANDLES)
        if len(handles) != _HANDLES:
            return False
        *own, number = handles
        gc.freeze()  # what is there by now is never collected, so its pages stay shared
        pid = os.fork()
        if not pid:
            _be_child(os.fsdecode(folder), own, self._main)
        for handle in own:
            os.close(handle)
        self._lines[pid] = line = socket.socket(fileno=number)
        self._selector.register(line, selectors.EVENT_READ, pid)
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
        return True

    def _ended(self, handle: int, pid: int) -> None:
        self._selector.unregister(handle)
        os.close(handle)
        _kill(pid)  # not reaped yet, so the number is still that of its group
        _, status, usage = os.wait4(pid, 0)
        self._bury_strays()
        line = self._lines.pop(pid)
        with suppress(KeyError):
            self._selector.unregister(line)
        with line, suppress(OSError):
            line.send(json.dumps({
                "status": os.waitstatus_to_exitcode(status),
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
                "peak_bytes": usage.ru_maxrss << 10}).encode("ascii"))

    def _bury_strays(self) -> None:
        """Kill and reap what a child left behind in a session of its own."""
        listed = Path("/proc/self/task", str(os.getpid()), "children").read_text(encoding="ascii")
        for pid in {int(number) for number in listed.split()} - self._lines.keys():
            _kill(pid)
            os.waitpid(pid, 0)


def _kill(pid: int) -> None:
    """A child of ours, and its whole group where it leads one."""
    for kill in (os.kill, os.killpg):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _be_child(folder: str, handles: Sequence[int], main: Main) -> NoReturn:
    """Do what a child does and end the process; in it, nothing of the nursery stays open.

    Its sockets stay objects of the frames below this one, so none closes a number used anew.
    """
    status = 1
    try:
        os.setsid()
        for number, handle in enumerate(handles):
            os.dup2(handle, number)
        os.closerange(HANDLE + 1, os.sysconf("SC_OPEN_MAX"))
        os.chdir(folder)
        status = main()
    except BaseException:  # noqa: BLE001 - nothing may go on in the nursery's frames
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main(opening: Opening | None = None,
         plugins: Sequence[Plugin] | None = None) -> NoReturn:
    """Entry point; tests pass their own ways in and plugins."""
    control = socket.socket(fileno=int(sys.argv[-1]))
    control.set_inheritable(False)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for module in _LIBRARIES if opening is None else ():
        importlib.import_module(module)
    try:
        known = discover() if plugins is None else plugins
    except UsageError:
        os._exit(1)  # who asked tries for itself, and says it
    ways = opening or EvidenceOpening()
    Nursery(control, lambda: child.main(ways, known)).serve()
    os._exit(0)  # taking the libraries apart costs time, and some complain about it


if __name__ == "__main__":
    main()
