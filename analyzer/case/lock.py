"""One run at a time on one case: an flock, and a line that says who holds it."""

import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType


class CaseInUse(Exception):  # noqa: N818 - the name says what was found
    """Another run holds the case; exit code 6."""


def refuse_where_held(case: Path) -> None:
    """Raise CaseInUse where a run holds the case; nothing is written where none ever did."""
    if os.access(case / ".lock", os.W_OK):
        with CaseLock(case):
            pass


class CaseLock:
    """Context manager that holds `CASE/.lock`; raises CaseInUse.

    The kernel frees the lock when its holder dies, so a stale file stops nobody.
    """

    def __init__(self, case: Path) -> None:
        self._path = case / ".lock"
        self._handle = -1

    def __enter__(self) -> "CaseLock":
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 200).decode("ascii", "replace").strip() or "another run"
            os.close(handle)
            raise CaseInUse(f"case {self._path.parent} is in use by {holder}; wait for it to "
                            f"finish, or give another folder with -o") from None
        host = socket.gethostname().encode("ascii", "replace").decode()
        with suppress(OSError):  # on a full disk the lock holds without a name
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()} on {host}\n".encode(), 0)
        self._handle = handle
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        os.ftruncate(self._handle, 0)
        os.close(self._handle)
