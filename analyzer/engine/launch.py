"""Launching children: the supervisor's side of the nursery.

One nursery for each command serves all threads of a process; it is started at the first need
and again where it died.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from select import select
from threading import Lock
from typing import Final

from analyzer.engine.limits import in_words
from analyzer.engine.watch import PAGE_SIZE

COMMAND: Final = (sys.executable, "-P", "-m", "analyzer.engine.nursery")
_PACKAGES: Final = str(Path(__file__).resolve().parents[2])
_LONGEST_REPORT: Final = 4_096


class NurseryDied(Exception):  # noqa: N818 - the name says what happened
    """The nursery is gone, and the child with it."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a child ended: exit status, negative for a signal; what it used."""

    status: int
    cpu_seconds: float
    peak_bytes: int

    @property
    def used(self) -> str:
        """In words: whole seconds and MiB."""
        return in_words(self.cpu_seconds, self.peak_bytes)


def _environment() -> dict[str, str]:
    """What a child may know: same hashes, same locale, no thread pools beyond its limits."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "TMPDIR", "TZDIR"}}
    path = os.environ.get("PYTHONPATH", "")
    return kept | {
        "PYTHONPATH": f"{_PACKAGES}{os.pathsep}{path}" if path else _PACKAGES,
        "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8", "TZ": "UTC", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system", "JE_ARROW_MALLOC_CONF": "background_thread:false",
        # where glibc's own thresholds end up in a long run: a short one asks for each page anew
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    }


class _Nursery:
    """A running nursery."""

    def __init__(self, command: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())], pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=_environment(),
                start_new_session=True)

    def ask(self, handles: Sequence[int]) -> None:
        """A child with these descriptors; raises OSError where the nursery is dead."""
        socket.send_fds(self._control, [os.fsencode(Path.cwd())], handles)

    def close(self) -> None:
        """It ends, and all children with it."""
        self._control.close()
        self._process.terminate()
        self._process.wait()


_NURSERIES: Final[dict[tuple[str, ...], _Nursery]] = {}
_LOCK: Final = Lock()


def prepare(command: Sequence[str] = COMMAND) -> None:
    """Have a nursery load its parsers while something else is done."""
    with _LOCK:
        if tuple(command) not in _NURSERIES:
            _NURSERIES[tuple(command)] = _Nursery(command)


def _ask(command: Sequence[str], handles: Sequence[int]) -> None:
    prepare(command)
    with _LOCK:
        nursery = _NURSERIES[tuple(command)]
        try:
            nursery.ask(handles)
        except OSError:
            nursery.close()
            nursery = _NURSERIES[tuple(command)] = _Nursery(command)
            nursery.ask(handles)


@atexit.register
def _close_all() -> None:
    with _LOCK:
        while _NURSERIES:
            _NURSERIES.popitem()[1].close()


class Child:
    """One child and the descriptors it is held by: `stdin`, `stdout`, `stderr`, `page`."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it; raises OSError where that cannot be done."""
        request, self.stdin = os.pipe()
        self.stdout, out = os.pipe()
        self.stderr, err = os.pipe()
        self.page = os.memfd_create("attention")
        os.ftruncate(self.page, PAGE_SIZE)
        self._line, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with line:
            try:
                _ask(command, (request, out, err, self.page, line.fileno()))
            finally:
                for handle in (request, out, err):
                    os.close(handle)

    def tell(self, line: bytes) -> None:
        """All that it is told, once."""
        with os.fdopen(self.stdin, "wb", 0) as pipe:
            try:
                while line:
                    line = line[pipe.write(line) or 0:]
            except BrokenPipeError:
                pass  # the child is dead already; its status says why

    def end(self, patience: float) -> Report:
        """Wait `patience` seconds for its end, then kill it; raises NurseryDied."""
        if not select([self._line], [], [], patience)[0]:
            self._line.shutdown(socket.SHUT_WR)
        said = self._line.recv(_LONGEST_REPORT)
        if not said:
            raise NurseryDied
        return Report(**json.loads(said))

    def read_page(self) -> bytes:
        """What it wrote there; any bytes at all."""
        return os.pread(self.page, PAGE_SIZE, 0)

    def close(self) -> None:
        """Let go of it; it is killed where it is not dead."""
        self._line.close()
        for handle in (self.stdout, self.stderr, self.page):
            os.close(handle)
