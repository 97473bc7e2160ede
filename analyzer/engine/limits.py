"""What the operating system holds a child to.

Containment, not a sandbox: a child cannot take the machine's memory, processor or disk, and
dies with its supervisor. It runs with the rights of whoever started it.
"""

import ctypes
import resource
import signal
import sys
import time

from analyzer.engine.tasks import Limits

_PR_SET_PDEATHSIG = 1


def apply(limits: Limits) -> None:
    """Hold this process to `limits`."""
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_AS, limits.memory_bytes)
    _set(resource.RLIMIT_FSIZE, limits.file_bytes)
    _set(resource.RLIMIT_NOFILE, limits.open_files)
    more_time(limits)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _set(kind: int, wanted: int) -> None:
    """Lower a limit; one that is lower already stays."""
    soft, hard = resource.getrlimit(kind)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft > ceiling:
        resource.setrlimit(kind, (ceiling, hard))


def in_words(cpu_seconds: float, peak_bytes: int) -> str:
    """What a process used: whole seconds and MiB."""
    return (f"{cpu_seconds:.0f} s of processor time and at most {peak_bytes >> 20} MiB of memory "
            "used")


def used_by_now() -> str:
    """What this process has used, in words."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return in_words(usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)


def more_time(limits: Limits) -> None:
    """Allow `cpu_seconds` from now on; SIGXCPU ends the process when they are used up."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(time.process_time()) + 1 + limits.cpu_seconds
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (wanted, hard))
