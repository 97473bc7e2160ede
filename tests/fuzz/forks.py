"""Running one piece of work in a forked child, so that its death is a result and not the end.

For processes of one thread only: see campaign.py.
"""

import gc
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

CPU_SECONDS: Final = 25
WALL_SECONDS: Final = 300
MEMORY: Final = 4 << 30
"""Address space; RSS is measured, see Attempt."""


@dataclass(frozen=True)
class Attempt:
    """How the work ended.

    value   what it returned, JSON
    died    "" or what ended it: a signal's name, "wall time", an exception
    rss     peak resident bytes      cpu  seconds
    """

    value: Any
    died: str
    rss: int
    cpu: float


def attempt(work: Callable[[], Any]) -> Attempt:
    """Do `work` in a child held to the limits above."""
    gc.freeze()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(work, writing)
    os.close(writing)
    text, in_time = _listen(reading)
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    value = json.loads(text) if text.endswith(b"\n") else {}
    died = "wall time" if not in_time else _died(status) or value.get("error", "")
    if not died and "value" not in value:
        died = "no answer"
    return Attempt(value.get("value"), died, usage.ru_maxrss * 1024,
                   usage.ru_utime + usage.ru_stime)


def _work(work: Callable[[], Any], writing: int) -> None:
    """The child: never returns."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
        try:
            answer = {"value": work()}
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the result
            frames = [f"{frame.name}:{frame.lineno}"
                      for frame in traceback.extract_tb(error.__traceback__)[-4:]]
            answer = {"error": f"{type(error).__name__}: {error} in {' > '.join(frames)}"[:1000]}
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(answer).encode() + b"\n")
    finally:
        sys.stdout.flush()
        os._exit(0)


def _listen(reading: int) -> tuple[bytes, bool]:
    """All that the child says, and whether it ended in time."""
    text, end = b"", time.monotonic() + WALL_SECONDS
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
            data = pipe.read(1 << 16)
            if not data:
                return text, True
            text += data
    return text, False


def _died(status: int) -> str:
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else ""
