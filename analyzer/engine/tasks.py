"""Tasks: the units that run in a child process each, as plain values.

    survey ──► one task per host system ──► one per guest at each state ──► (nested guests)
                                        all of them ──► analyses ──► reports
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

TaskKind = Literal["survey", "system", "analyses", "reports"]
GUESTS: Final = "find guests"
"""The step of a system task that lists the guests inside; stands beside the plugins."""
MAX_DEPTH: Final = 8
"""Guests inside guests that are followed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use.

    memory_bytes  address space
    cpu_seconds   CPU time without a record or a message; a child that goes on stating facts
                  may take as long as it needs
    idle_seconds  wall time without a record or a message (slow evidence, dead network drive)
    file_bytes    size of one file written
    open_files    open file handles
    """

    memory_bytes: int = 6 << 30
    cpu_seconds: int = 300
    idle_seconds: int = 900
    file_bytes: int = 64 << 30
    open_files: int = 512


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work.

    task_id  safe as a file name; names the partitions
    system   id of the host system, for kind "system"
    guests   hops (messages.Guest.hop) from the host system down, innermost last
    steps    plugins to run (and GUESTS), in this order
    """

    task_id: str
    kind: TaskKind
    label: str
    steps: tuple[str, ...] = ()
    system: str = ""
    guests: tuple[dict[str, Any], ...] = ()

    @property
    def depth(self) -> int:
        return len(self.guests)


@dataclass(frozen=True, slots=True)
class Request:
    """All that a child is told, as one line of JSON."""

    task: Task
    case: str
    images: tuple[str, ...]
    limits: Limits
    verify: bool = False

    def to_line(self) -> bytes:
        """ASCII JSON with a newline."""
        return json.dumps(asdict(self), ensure_ascii=True).encode("ascii") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Request":
        """The reverse; raises ValueError, KeyError or TypeError (our own bug)."""
        data = json.loads(line)
        task = data["task"]
        if task["kind"] not in get_args(TaskKind):
            raise ValueError(f"unknown kind of task {task['kind']!r}")
        task |= {"steps": tuple(task["steps"]), "guests": tuple(task["guests"])}
        return cls(Task(**task), data["case"], tuple(data["images"]), Limits(**data["limits"]),
                   data["verify"])


def guest_task_id(parent: str, key: str) -> str:
    """Id of a guest's task: readable, and hashed where it would be too long for a file name."""
    task_id = f"{parent}.{key}"
    if len(task_id) <= 160:
        return task_id
    return f"{task_id[:100]}.{hashlib.sha256(task_id.encode()).hexdigest()[:24]}"


def step_task_id(task_id: str, step: str) -> str:
    """Id under which one step of a task that died runs alone."""
    return f"{task_id}+{step.replace(' ', '-')}"


