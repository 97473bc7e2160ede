"""A nursery whose children do one odd thing each, named by their line of input."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from analyzer.engine import child, nursery
from analyzer.engine.opening import Opening
from analyzer.engine.watch import HANDLE
from analyzer.plugin import Plugin


def tell(text: object) -> None:
    os.write(1, str(text).encode())


def threads(process: str) -> int:
    return len(list(Path("/proc", process, "task").iterdir()))


def leave(*, new_session: bool) -> None:
    left = subprocess.Popen(["/bin/sleep", "600"], start_new_session=new_session)
    tell(left.pid)
    os._exit(0)


def use() -> None:
    kept = bytearray(200 << 20)
    while time.process_time() < 1:
        kept[::4096] = bytes(len(kept) // 4096)


def descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    found = [number for number in range(64) if Path(f"/proc/self/fd/{number}").exists()]
    tell(" ".join(map(str, found)))
    os.pwrite(HANDLE, b"page", 0)


def do(deed: str) -> int:
    if deed == "nothing":
        return 7
    if deed == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif deed == "raise":
        raise ZeroDivisionError
    elif deed == "use":
        use()
    elif deed == "descriptors":
        descriptors()
    elif deed == "session":
        tell(f"{os.getsid(0) == os.getpid()} {threads('self')} {hash('x')}")
    elif deed == "sleep":
        time.sleep(600)
    elif deed.startswith("leave"):
        leave(new_session=deed != "leave")
    elif deed == "nursery":
        tell(os.getppid())
    elif deed == "threads":
        tell(threads(str(os.getppid())))
    return 0


def main(opening: Opening, plugins: tuple[Plugin, ...]) -> int:
    from analyzer.engine import limits
    from analyzer.engine.tasks import Limits

    limits.apply(Limits())
    return do(sys.stdin.readline().strip())


if __name__ == "__main__":
    child.main = main  # type: ignore[assignment] # the nursery's own child is stood in for
    nursery.main(plugins=())
