"""Running one child: start it, listen to it, and end it when it stops getting on.

`run_child` blocks until the child has answered or is dead; schedulers call it from threads, or
on other machines.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO, Final

from analyzer.engine.messages import MAX_LINE, BadMessage, Failed, Progress, Summary, from_line
from analyzer.engine.tasks import Request

COMMAND: Final = (sys.executable, "-P", "-m", "analyzer.engine.child")
_PACKAGES: Final = str(Path(__file__).resolve().parents[2])
_POLL: Final = 0.1
_KEPT_ERROR: Final = 8_192


@dataclass(frozen=True, slots=True)
class Died:
    """A child that gave no answer.

    code    WRK-SIG (signal), WRK-OOM (memory), WRK-TIME (a time limit), WRK-SAY (nonsense),
            BUG (an exception of ours outside any step)
    step    what it was at
    stderr  the end of what it wrote there; for developers, not for tables
    """

    code: str
    what: str
    step: str
    stderr: str = ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was interrupted and the child with it."""


Outcome = Summary | Failed | Died | Stopped


def _environment() -> dict[str, str]:
    """What a child may know: same hashes, same locale, no thread pools beyond its limits."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "TMPDIR", "TZDIR"}}
    path = os.environ.get("PYTHONPATH", "")
    return kept | {
        "PYTHONPATH": f"{_PACKAGES}{os.pathsep}{path}" if path else _PACKAGES,
        "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8", "TZ": "UTC", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }


class _Listener:
    """One child and what it has said so far."""

    def __init__(self, process: "subprocess.Popen[bytes]", request: Request,
                 heard: Callable[[Progress], None]) -> None:
        self.process, self.request, self.heard = process, request, heard
        self.step = "start"
        self.answer: Summary | Failed | None = None
        self.stderr = b""
        self._line = b""
        self.last = time.monotonic()

    def listen(self, stop: Event) -> Died | Stopped | None:
        """Until both pipes are closed; a verdict where the child has to be ended."""
        with selectors.DefaultSelector() as selector:
            for pipe in (self.process.stdout, self.process.stderr):
                assert pipe is not None
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(_POLL):
                    verdict = self._read(selector, key)
                    if verdict is not None:
                        return verdict
                if stop.is_set():
                    return Stopped()
                if time.monotonic() - self.last > self.request.limits.idle_seconds:
                    return Died("WRK-TIME", f"nothing heard for "
                                f"{self.request.limits.idle_seconds} s of wall time", self.step)
        return None

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> Died | None:
        data = os.read(key.fd, 1 << 16)
        if not data:
            selector.unregister(key.fileobj)
        elif key.fileobj is self.process.stderr:
            self.stderr = (self.stderr + data)[-_KEPT_ERROR:]
        else:
            return self._say(data)
        return None

    def _say(self, data: bytes) -> Died | None:
        self.last = time.monotonic()
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > MAX_LINE:
            return Died("WRK-SAY", "a message without end", self.step)
        for line in lines:
            try:
                message = from_line(line)
            except BadMessage as error:
                return Died("WRK-SAY", f"a message that cannot be: {error}", self.step)
            if isinstance(message, Progress):
                self.step = message.step
                self.heard(message)
            else:
                self.answer = message
        return None


def _verdict(status: int, listener: _Listener) -> Died:
    """Why a child without an answer ended."""
    limits, step = listener.request.limits, listener.step
    if status == -signal.SIGXCPU:
        return Died("WRK-TIME", f"no progress in {limits.cpu_seconds} s of processor time "
                    f"(signal SIGXCPU)", step)
    if status == -signal.SIGKILL:
        return Died("WRK-OOM", "killed from outside (signal SIGKILL), as a system short of "
                    "memory does", step)
    if b"MemoryError" in listener.stderr or b"bad_alloc" in listener.stderr:
        return Died("WRK-OOM", f"more than {limits.memory_bytes >> 20} MiB of memory wanted", step)
    if status < 0:
        return Died("WRK-SIG", f"signal {signal.Signals(-status).name}", step)
    error = listener.stderr.decode("utf-8", "backslashreplace").strip().rpartition("\n")[2]
    return Died("BUG", f"status {status}, {error[:300]}", step)


def _end(process: "subprocess.Popen[bytes]") -> int:
    """Kill the child's whole process group and reap it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _tell(pipe: IO[bytes], line: bytes) -> None:
    try:
        pipe.write(line)
        pipe.close()
    except BrokenPipeError:
        pass  # the child is dead already; its status says why


def run_child(request: Request, heard: Callable[[Progress], None], stop: Event,
              command: Sequence[str] = COMMAND) -> Outcome:
    """Run one task in a process of its own."""
    process = subprocess.Popen(
        list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=_environment(), start_new_session=True, bufsize=0)
    with process:
        assert process.stdin is not None
        listener = _Listener(process, request, heard)
        try:
            _tell(process.stdin, request.to_line())
            verdict = listener.listen(stop)
            if verdict is None:
                process.wait(request.limits.idle_seconds)
        finally:
            status = _end(process)
    stderr = listener.stderr.decode("utf-8", "backslashreplace")
    if verdict is None and listener.answer is not None:
        return listener.answer
    verdict = verdict or _verdict(status, listener)
    if isinstance(verdict, Died):
        return Died(verdict.code, verdict.what, verdict.step, stderr)
    return verdict
