"""Running pieces of work in a forked child, so that its death is a result and not the end.

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NoReturn

CPU_SECONDS: Final = 25
WALL_SECONDS: Final = 300
MEMORY: Final = 4 << 30
"""Address space; RSS is measured, see Attempt."""

Work = Callable[[], Any]


@dataclass(frozen=True)
class Attempt:
    """How one piece of work ended.

    value   what it returned, JSON
    died    "" or what ended it: a signal's name, "wall time", an exception
    rss     peak resident bytes of its child until then      cpu  seconds of its own
    """

    value: Any
    died: str
    rss: int
    cpu: float


def attempt(work: Work) -> Attempt:
    """Do `work` in a child held to the limits above."""
    return next(attempts([work]))


def attempts(works: Sequence[Work]) -> Iterator[Attempt]:
    """How each ended. A child goes on with the next; after one that died, another child does.

    A child of its own for each would copy the same pages of memory each time, which takes longer
    than many a mutant. Limits of time hold for each alone.
    """
    while works:
        place = 0
        for place, tried in enumerate(_in_one_child(works), 1):  # noqa: B007 - counted
            yield tried
        works = works[place:]


def _in_one_child(works: Sequence[Work]) -> Iterator[Attempt]:
    """How each ended, until one died."""
    child, reading = _forked(works)
    left, spent, late = len(works), 0.0, ""
    try:
        for line in _lines(reading):
            tried = Attempt(**json.loads(line))
            left, spent = left - 1, spent + tried.cpu
            yield tried
            if tried.died:
                return
    except TimeoutError:
        late = "wall time"
    finally:
        os.kill(child, signal.SIGKILL)  # where it ended, its status is settled by now
        _, status, usage = os.wait4(child, 0)
    if left:
        yield Attempt(None, late or _signal(status) or "no answer", usage.ru_maxrss * 1024,
                      usage.ru_utime + usage.ru_stime - spent)


def _forked(works: Sequence[Work]) -> tuple[int, int]:
    """The child, and the descriptor that its answers come from."""
    gc.freeze()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(works, writing)
    os.close(writing)
    return child, reading


def _work(works: Sequence[Work], writing: int) -> NoReturn:
    """The child: one line for each, up to the first that fails."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with os.fdopen(writing, "wb") as pipe:
            for work in works:
                done = _done(work)
                pipe.write(json.dumps(asdict(done)).encode() + b"\n")
                pipe.flush()
                if done.died:
                    break
    finally:
        sys.stdout.flush()
        os._exit(0)


def _done(work: Work) -> Attempt:
    """In the child: do it, with processor time of its own."""
    begun, (_, hard) = _cpu(), resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(begun) + CPU_SECONDS, hard))
    value, died = None, ""
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the result
        frames = [f"{frame.name}:{frame.lineno}"
                  for frame in traceback.extract_tb(error.__traceback__)[-4:]]
        died = f"{type(error).__name__}: {error} in {' > '.join(frames)}"[:1000]
    return Attempt(value, died, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                   _cpu() - begun)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _lines(reading: int) -> Iterator[bytes]:
    """Each whole line that the child says; raises TimeoutError where one takes too long."""
    text, end = b"", time.monotonic() + WALL_SECONDS
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
            data = pipe.read(1 << 16)
            if not data:
                return
            *lines, text = (text + data).split(b"\n")
            for line in lines:
                yield line
                end = time.monotonic() + WALL_SECONDS
    raise TimeoutError


def _signal(status: int) -> str:
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else ""
