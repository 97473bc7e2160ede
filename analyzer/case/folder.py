"""The case folder: `case.json`, `journal.jsonl`, `tables/`, `reports/`, `poison/`, and no bytes of
the evidence itself.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analyzer.errors import UsageError

_OWN: Final = {"case.json", "journal.jsonl", "tables", "reports", "poison", ".lock", ".run",
               ".spill"}


@dataclass(frozen=True, slots=True)
class Case:
    """Paths of one case."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "case.json"

    @property
    def journal(self) -> Path:
        return self.root / "journal.jsonl"

    @property
    def run(self) -> Path:
        """A word that names the run under way, for workers on other machines."""
        return self.root / ".run"

    @property
    def tables(self) -> Path:
        return self.root / "tables"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def poison(self) -> Path:
        """Where it is kept which artefacts killed a process, one file for each task."""
        return self.root / "poison"

    @property
    def spill(self) -> Path:
        """Where sorting spills to when memory is short; only there while it does."""
        return self.root / ".spill"

    def partitions(self, table: str) -> list[Path]:
        """Finished partitions of a table, in order of name."""
        return sorted(p for p in (self.tables / table).glob("*.parquet")
                      if not p.name.startswith("."))

    def drop(self, task_id: str) -> None:
        """Remove the partitions of one task."""
        for path in self.tables.glob(f"*/{task_id}.parquet"):
            path.unlink(missing_ok=True)

    def forget(self, finished: set[str]) -> None:
        """Remove partitions of tasks that did not finish, and temporary files."""
        for path in self.tables.glob("*/*"):
            if path.name.startswith(".") or path.name.removesuffix(".parquet") not in finished:
                path.unlink(missing_ok=True)
        self.tidy()

    def tidy(self) -> None:
        """Remove temporary files and folders that a process left when it died."""
        for folder in (self.root, self.reports, *self.tables.glob("*")):
            for path in folder.glob(".*.tmp"):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)


def existing(root: Path) -> Case:
    """The case at `root`; raises UsageError where there is none."""
    case = Case(root)
    if not case.manifest.is_file():
        if root.is_file():
            raise UsageError(f"{root} is a file and no case; vmtrail analyze {root} -o CASE makes "
                             f"a case of an image")
        hint = "no such folder" if not root.exists() else "it has no case.json"
        raise UsageError(f"{root} is not a case ({hint}); vmtrail analyze IMAGE -o {root} "
                         f"makes one")
    return case


def prepare(root: Path, *, resume: bool, overwrite: bool) -> Case:
    """A folder to write a case to; raises UsageError rather than mix with what is there."""
    case = Case(root)
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file; -o takes a folder")
    try:
        root.mkdir(parents=True, exist_ok=True)
        names = {p.name for p in root.iterdir() if not _is_passing(p.name)} - {".lock", ".run"}
    except OSError as error:
        raise UsageError(f"cannot make the case folder {root}: {error.strerror}") from error
    if not os.access(root, os.W_OK):
        raise UsageError(f"case folder {root} is not writable")
    if names and "case.json" not in names:
        raise UsageError(f"{root} holds other files and is not a case; give a new folder with -o")
    if names and not (resume or overwrite):
        raise UsageError(f"case {root} exists; --resume goes on with it, --overwrite replaces it, "
                         f"or give another folder with -o")
    return case


def clear(case: Case) -> None:
    """Remove a case's own files; anything else in the folder raises UsageError first."""
    foreign = sorted(name for name in {p.name for p in case.root.iterdir()} - _OWN
                     if not _is_passing(name))
    if foreign:
        raise UsageError(f"case {case.root} also holds {foreign[0]!r}, which vmtrail did not "
                         f"write; move it away or give another folder with -o")
    case.journal.unlink(missing_ok=True)  # first: from now on no task counts as finished
    for path in (case.tables, case.reports, case.poison, case.spill):
        if path.is_dir():
            shutil.rmtree(path)
    case.tidy()
    case.manifest.unlink(missing_ok=True)


def _is_passing(name: str) -> bool:
    """Whether it is `case.json` on its way to its name."""
    return name.startswith(".case.json.") and name.endswith(".tmp")
