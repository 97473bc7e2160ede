"""Running one child: have it started, listen to it, and end it when it stops getting on.

`run_child` blocks until the child has answered or is dead; schedulers call it from threads, or
on other machines.
"""

import os
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Event
from typing import Final

from analyzer.engine.launch import COMMAND, Child, NurseryDied, Report
from analyzer.engine.messages import MAX_LINE, BadMessage, Failed, Progress, Summary, from_line
from analyzer.engine.tasks import Request
from analyzer.engine.watch import LIMIT_CODES, Noted, read_note

_POLL: Final = 0.1
_KEPT_ERROR: Final = 8_192
_OUT_OF_MEMORY: Final = (b"MemoryError", b"bad_alloc", b"memory allocation of ")
"""Last words of Python, C++ and Rust."""
_MOST_AT_ONCE, _MOST_A_SECOND = 5_000, 50
"""Messages; a sound child sends four a second and one for each step and system."""


@dataclass(frozen=True, slots=True)
class Died:
    """A child that gave no answer.

    code    WRK-SIG (signal), WRK-OOM (memory), WRK-TIME (a time limit), WRK-SAY (nonsense),
            BUG (an exception of ours outside any step)
    step    what it was at
    noted   the artefact that it was at; None where none is known
    stderr  the end of what it wrote there; for developers, not for tables
    """

    code: str
    what: str
    step: str
    stderr: str = ""
    noted: Noted | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was interrupted and the child with it."""


Outcome = Summary | Failed | Died | Stopped


class _Listener:
    """One child and what it has said so far."""

    def __init__(self, child: Child, request: Request,
                 heard: Callable[[Progress], None]) -> None:
        self.child, self.request, self.heard = child, request, heard
        self.step = "start"
        self.answer: Summary | Failed | None = None
        self.stderr = b""
        self._line = b""
        self._messages = 0
        self.last = self._begin = time.monotonic()

    def listen(self, stop: Event) -> Died | Stopped | None:
        """Until both pipes are closed; a verdict where the child has to be ended."""
        with selectors.DefaultSelector() as selector:
            for pipe in (self.child.stdout, self.child.stderr):
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
        elif key.fd == self.child.stderr:
            self.stderr = (self.stderr + data)[-_KEPT_ERROR:]
        else:
            return self._say(data)
        return None

    def _say(self, data: bytes) -> Died | None:
        self.last = time.monotonic()
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > MAX_LINE:
            return Died("WRK-SAY", "a message without end", self.step)
        self._messages += len(lines)
        if self._messages > _MOST_AT_ONCE + _MOST_A_SECOND * (self.last - self._begin):
            return Died("WRK-SAY", "more messages than a sound child sends", self.step)
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


def _verdict(report: Report, listener: _Listener) -> Died:
    """Why a child without an answer ended."""
    limits, step = listener.request.limits, listener.step
    if report.status == -signal.SIGXCPU:
        return Died("WRK-TIME", f"no progress in {limits.cpu_seconds} s of processor time "
                    f"(signal SIGXCPU)", step)
    if report.status == -signal.SIGKILL:
        return Died("WRK-OOM", "killed from outside (signal SIGKILL), as a system short of "
                    "memory does", step)
    if any(words in listener.stderr for words in _OUT_OF_MEMORY):
        return Died("WRK-OOM", f"more than {limits.memory_bytes >> 20} MiB of memory wanted "
                    "(limit of address space)", step)
    if report.status < 0:
        return Died("WRK-SIG", f"signal {_signal_name(-report.status)}", step)
    error = listener.stderr.decode("utf-8", "backslashreplace").strip().rpartition("\n")[2]
    return Died("BUG", f"status {report.status}, {error[:300]}", step)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _listened(child: Child, listener: _Listener, stop: Event) -> Outcome:
    """What became of a child; raises NurseryDied."""
    child.tell(listener.request.to_line())
    verdict = listener.listen(stop)
    idle = listener.request.limits.idle_seconds
    report = child.end(idle if verdict is None else 0)
    answer = listener.answer
    if isinstance(answer, Failed) and answer.code in LIMIT_CODES:
        verdict = verdict or Died(answer.code, answer.what, listener.step)
    elif verdict is None and answer is not None:
        return answer
    verdict = verdict or _verdict(report, listener)
    if isinstance(verdict, Stopped):
        return verdict
    return replace(verdict, what=f"{verdict.what}; {report.used}",
                   stderr=listener.stderr.decode("utf-8", "backslashreplace"),
                   noted=read_note(child.read_page()))


def run_child(request: Request, heard: Callable[[Progress], None], stop: Event,
              command: Sequence[str] = COMMAND) -> Outcome:
    """Run one task in a process of its own; once more where it was the nursery that died."""
    for _ in range(2):
        with closing(Child(command)) as child:
            try:
                return _listened(child, _Listener(child, request, heard), stop)
            except NurseryDied:
                continue
    return Died("BUG", "the process that starts children died twice", "start")
