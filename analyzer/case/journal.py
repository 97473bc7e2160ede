"""`journal.jsonl`: one line for each finished task, appended and synced as it finishes.

A line counts once its line end is on the disk; what is torn after the last one is dropped when
a run goes on. A task that is finished again has a second line, and the later one holds.
"""

import errno
import json
import os
from pathlib import Path
from typing import Any, Final

from analyzer.case.whole_files import sync_directory
from analyzer.errors import UsageError

_LARGEST: Final = 16 << 20
"""Bytes of one line; the summary of a task is bounded below that."""


class Journal:
    """The finished tasks of a case: `tasks` maps ids to entries, in the order they finished.

    An entry holds `end` ("done", or "lost" where it or a part of it died), `label`, `steps` and
    `summary`.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there; raises UsageError where it is not what vmtrail wrote."""
        self._path = path
        self.tasks: dict[str, dict[str, Any]] = {}
        self._size = 0
        if path.exists():
            self._read()

    def _read(self) -> None:
        try:
            with self._path.open("rb") as file:
                for line in iter(lambda: file.readline(_LARGEST), b""):
                    if not line.endswith(b"\n"):
                        break  # torn when the run was cut
                    self._take(line)
                    self._size += len(line)
        except OSError as error:
            raise UsageError(f"{self._path} cannot be read: {error.strerror}") from error

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            task_id = entry.pop("task")
            fits = isinstance(task_id, str) and isinstance(entry["end"], str) \
                and isinstance(entry["steps"], list) and isinstance(entry["summary"], dict)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{self._path} was changed: byte {self._size}") from error
        if not fits:
            raise UsageError(f"{self._path} was changed: byte {self._size}")
        self.tasks.pop(task_id, None)
        self.tasks[task_id] = entry

    def add(self, task_id: str, entry: dict[str, Any]) -> None:
        """Note a task as finished; raises OSError, and then it is not."""
        line = json.dumps({"task": task_id, **entry}, sort_keys=True).encode("ascii") + b"\n"
        is_new = not self._path.exists()
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(handle, self._size)
            if os.pwrite(handle, line, self._size) != len(line):
                raise OSError(errno.ENOSPC, "no room for the whole line")
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, self._size)
            raise
        finally:
            os.close(handle)
        if is_new:
            sync_directory(self._path.parent)
        self._size += len(line)
        self.tasks.pop(task_id, None)
        self.tasks[task_id] = entry
