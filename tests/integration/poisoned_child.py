"""A nursery whose children meet one poisonous artefact: the real ones, on real images.

    python -m tests.integration.poisoned_child DEED KIND ADDRESS DESCRIPTOR

Reading the artefact of that kind and address does the deed.
"""

import os
import signal
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from analyzer.attention import Kind
from analyzer.engine import nursery
from analyzer.engine.watch import ChildWatch

HOARD: list[Any] = []


def loop() -> None:
    while True:
        pass


def pipes() -> list[int]:
    """What messages can go to; not the page of the watch, which has a descriptor of its own."""
    return [handle for handle in range(4, 30) if Path(f"/proc/self/fd/{handle}").exists()
            and stat.S_ISFIFO(os.fstat(handle).st_mode)]


def garbage() -> None:
    """A message that no sound child writes."""
    for handle in pipes():
        os.write(handle, b'{"summary": {"rows": {"../../x": 1}}}\n')
    time.sleep(600)


def endless() -> None:
    """Sound messages without end."""
    while True:
        for handle in pipes():
            os.write(handle, b'{"progress": {"step": "x", "note": "", "done": 0, '
                             b'"total": 0}}\n' * 50)


def fill_the_disk() -> None:
    with tempfile.TemporaryFile() as file:
        while True:
            os.write(file.fileno(), bytes(1 << 20))


def open_files() -> None:
    while True:
        HOARD.append(os.open("/dev/null", os.O_RDONLY))


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def eat_memory() -> None:
    HOARD.append(bytes(1 << 42))


DEEDS = {
    "segfault": crash,
    "loop": loop,
    "memory": eat_memory,
    "garbage": garbage,
    "endless": endless,
    "disk": fill_the_disk,
    "files": open_files,
}


class PoisonedWatch(ChildWatch):
    """Does the deed where the artefact is read."""

    def begin(self, kind: Kind, address: str) -> None:
        super().begin(kind, address)
        if (kind, address) == (sys.argv[2], sys.argv[3]):
            try:
                DEEDS[sys.argv[1]]()
            except BaseException as error:  # a limit: told to the watch, goes on up
                while HOARD and isinstance(HOARD[-1], int):
                    os.close(HOARD.pop())
                self.end(error)
                raise


if __name__ == "__main__":
    ChildWatch.__init__.__globals__["ChildWatch"] = PoisonedWatch  # as begin_watch finds it
    nursery.main()
