"""The files of one export: FILE.part and its journal while it lasts, FILE and FILE.json after."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzer.disks.export_journal import Lost
from analyzer.disks.write_output import Output
from analyzer.errors import UsageError


@dataclass(frozen=True, slots=True)
class Target:
    """FILE. Nothing that exists is ever overwritten, and nothing in `forbidden` is opened.

    forbidden  files that are evidence
    """

    path: Path
    forbidden: Sequence[Path] = ()

    def beside(self, suffix: str) -> Path:
        """FILE with something after its name."""
        return self.path.with_name(self.path.name + suffix)

    def check(self, *, resume: bool) -> None:
        """Raises UsageError where an export, or the rest of one, may not be written here."""
        for path in (self.path, self.beside(".json")):
            if os.path.lexists(path):
                raise UsageError(f"{path} exists and is not overwritten")
        for path in (self.beside(".part"), self.beside(".part.journal")):
            if resume and not os.path.lexists(path):
                raise UsageError(f"there is no {path} to continue")
            if not resume and os.path.lexists(path):
                raise UsageError(f"{path} exists; continue with --resume, or delete it")

    @contextmanager
    def opened(self, suffix: str, *, resume: bool) -> Iterator[Output]:
        """A file beside it, new or with `resume` the one that is there; for this run alone."""
        path = self.beside(suffix)
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        flags |= 0 if resume else os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from error
        try:
            self._refuse_evidence(path, os.fstat(descriptor))
            _lock(path, descriptor)
            yield Output(path, descriptor)
        finally:
            os.close(descriptor)

    def publish(self, facts: Mapping[str, Any], lost: Sequence[Lost]) -> None:
        """Write FILE.json, then give the finished part its name. Raises OutputFull, UsageError.

        FILE.json has `facts`, and `lost` as its last value, "unreadable", a range a line.
        """
        head = json.dumps(facts, indent=1).removesuffix("\n}")
        rows = ",\n".join(f"  {json.dumps(one)}" for one in lost)
        text = f'{head},\n "unreadable": [\n{rows}\n ]\n}}\n'
        beside = self.beside(".json")
        try:
            with self.opened(".json", resume=False) as output:
                output.write_at(0, text.encode())
                output.sync()
            _move(self.beside(".part"), self.path)
        except BaseException:  # Ctrl-C too: no description without its disk; it goes on up
            beside.unlink(missing_ok=True)
            raise
        self.beside(".part.journal").unlink()
        with suppress(OSError):  # some file systems cannot sync a folder
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def discard(self) -> None:
        """Remove what is half-written."""
        for suffix in (".part", ".part.journal"):
            self.beside(suffix).unlink(missing_ok=True)

    def _refuse_evidence(self, path: Path, found: os.stat_result) -> None:
        for evidence in self.forbidden:
            if os.path.samestat(evidence.stat(), found):
                raise UsageError(f"{path} is a file of the evidence; nothing is written to it")


def _lock(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"another run is writing {path}") from error
    except OSError:
        return  # a file system without locks


def _move(part: Path, target: Path) -> None:
    """Rename, without overwriting what came in between."""
    try:
        os.link(part, target, follow_symlinks=False)
    except FileExistsError as error:
        raise UsageError(f"{target} exists and is not overwritten; {part} is whole") from error
    except OSError:  # no hard links here (FAT)
        if target.exists():
            raise UsageError(f"{target} exists and is not overwritten") from None
        part.rename(target)
    else:
        part.unlink()
