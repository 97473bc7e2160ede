"""`case.json`: how the case was made and which tasks are finished.

Written whole or not at all, when a run begins, before its reports and when it ends; in between
`journal.jsonl` tells what is finished. It alone holds the times and the arguments of the run, and
the table `run` is read from it.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from analyzer.case.whole_files import write_whole
from analyzer.errors import UsageError
from analyzer.records import Run
from analyzer.source import Source
from analyzer.times import parse_iso

FORMAT: Final = 2


@dataclass(slots=True)
class Manifest:
    """The content of `case.json`.

    state     running, finished, partial, interrupted, failed
    images    what came of each image, see engine/ending.py
    evidence  name, path as given, size and stored hashes of each image
    plugins   name, kind, module, origin and SHA-256 of the module's file
    software  versions of Python and of the libraries
    plan      the options that decide which tasks there are
    coverage  state -> number of places looked at
    """

    tool_version: str
    arguments: list[str]
    started_at: str
    finished_at: str = ""
    state: str = "running"
    exit_code: int | None = None
    resumed: int = 0
    evidence: list[dict[str, Any]] = field(default_factory=list)
    plugins: list[dict[str, str]] = field(default_factory=list)
    software: dict[str, str] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)
    coverage: dict[str, int] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it; raises OSError."""
        data = {"format": FORMAT, **asdict(self)}
        text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=True)
        write_whole(path, text.encode("ascii") + b"\n")

    def run(self) -> Run | None:
        """The row of the table `run`; None where the run did not come to its reports."""
        if self.exit_code is None:
            return None
        return Run(source=Source(self.evidence[0]["name"]), tool_version=self.tool_version,
                   arguments=tuple(self.arguments), started_at=parse_iso(self.started_at),
                   finished_at=parse_iso(self.finished_at), exit_code=self.exit_code)


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "tool_version": (str,), "arguments": (list,), "started_at": (str,), "finished_at": (str,),
    "state": (str,), "exit_code": (int, type(None)), "resumed": (int,), "evidence": (list,),
    "plugins": (list,), "software": (dict,), "plan": (dict,), "images": (list,),
    "coverage": (dict,),
}


def load(path: Path) -> Manifest:
    """Read `case.json`; raises UsageError where it is not one that this version wrote."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(f"{path} is not a case of this version of vmtrail; "
                         f"analyze the image again with --overwrite")
    values: dict[str, Any] = {f.name: data.get(f.name) for f in fields(Manifest)}
    for name, value in values.items():
        if not isinstance(value, _TYPES[name]):
            raise UsageError(f"{path}: {name!r} is not what vmtrail writes there")
    return Manifest(**values)
