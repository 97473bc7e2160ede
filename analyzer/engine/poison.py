"""The poison list: artefacts and steps that killed a process, kept with the task that met them.

One file for each task, written the moment a child died, by whichever machine runs the task: a
run that is killed itself does not try them again when it is resumed. (The manifest has one
writer and is written when a task ends.)
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from analyzer.case.folder import Case
from analyzer.case.whole_files import write_whole
from analyzer.engine.watch import Noted, kind_and_address
from analyzer.engine.worker import Died
from analyzer.errors import UsageError
from analyzer.records import Problem
from analyzer.source import Source

_EFFECTS: Final = {
    "image": "nothing of it is analysed",
    "partition table": "no volume of this disk is analysed",
    "volume": "the files of this volume are missing",
    "directory": "its index is not read; names in it come from the files themselves",
    "virtual disk": "it is not opened; what lies in it, or needs it, is missing",
    "file": "it is not read; what it would have told is missing",
}


@dataclass(frozen=True, slots=True)
class Culprit:
    """An artefact (named as in watch.py), and the death that it is blamed for.

    step    what the child was at
    in_use  it had been read, and something made of it killed the child
    """

    artefact: str
    code: str
    what: str
    step: str = ""
    in_use: bool = False

    def problem(self, system_id: str) -> Problem:
        """What is said of it, once in a case."""
        kind, address = kind_and_address(self.artefact)
        evidence, _, path = address.partition("!")
        when = "had just read" if self.in_use else "was reading"
        return Problem(source=Source(evidence, path), system_id=system_id, code=self.code,
                       what=f"a process that {when} the {kind} {address} died: {self.what}",
                       effect=_EFFECTS[kind], plugin=self.step)


@dataclass(slots=True)
class Poison:
    """What is known to kill the children of one task.

    artefacts  those that are to blame
    whole      the death of the task that no artefact could be blamed for: its steps run alone
    steps      the deaths of such steps
    """

    artefacts: list[Culprit] = field(default_factory=list)
    whole: Died | None = None
    steps: list[Died] = field(default_factory=list)


def load(case: Case, task_id: str) -> Poison:
    """The poison of a task; raises UsageError where the file is not ours."""
    path = _path(case, task_id)
    try:
        data = json.loads(path.read_bytes())
        return Poison([Culprit(**one) for one in data["artefacts"]],
                      None if data["whole"] is None else _died(data["whole"]),
                      [_died(one) for one in data["steps"]])
    except FileNotFoundError:
        return Poison()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _died(data: dict[str, Any]) -> Died:
    noted = data["noted"]
    return Died(**data | {"noted": None if noted is None else Noted(**noted)})


def save(case: Case, task_id: str, poison: Poison) -> None:
    """Keep it, without what children wrote for developers; raises OSError."""
    case.poison.mkdir(exist_ok=True)
    short = replace(poison, whole=poison.whole and replace(poison.whole, stderr=""),
                    steps=[replace(step, stderr="") for step in poison.steps])
    text = json.dumps(asdict(short), indent=1, ensure_ascii=True)
    write_whole(_path(case, task_id), text.encode("ascii") + b"\n")


def forget(case: Case, task_id: str) -> None:
    """Have everything tried again."""
    _path(case, task_id).unlink(missing_ok=True)


def _path(case: Case, task_id: str) -> Path:
    return case.poison / f"{task_id}.json"
