"""Tasks: the units that run in a child process each, as plain values.

    images ──► one survey per image ──► one task per host system ──► one per guest at each state
                                        ──► (nested guests) ──► all of them: analyses ──► reports

Ids begin with the name of the image, so that a task is called the same whatever else is in the
case: `ws2008.E01@survey`, `ws2008.E01@p1`, `ws2008.E01@p1.0-DC01...`.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

TaskKind = Literal["images", "survey", "system", "analyses", "reports", "plugins", "overview"]
GUESTS: Final = "find guests"
"""The step of a system task that lists the guests inside; stands beside the plugins."""
MAX_DEPTH: Final = 8
"""Guests inside guests that are followed."""
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST: Final = 80
"""Characters of an image's name that stand in ids."""


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """One image: its name in this case ("" before that is known), and the files to open.

    lost  (offset, length) in the image that its survey could not read
    """

    name: str
    paths: tuple[str, ...]
    lost: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use.

    memory_bytes  address space
    cpu_seconds   CPU time without a record, a message or another artefact; a child that gets on
                  may take as long as it needs
    idle_seconds  wall time without a record or a message (slow evidence, dead network drive)
    file_bytes    size of one file written
    open_files    open file handles
    """

    memory_bytes: int = 6 << 30
    cpu_seconds: int = 60
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
    image    name of the image that it counts to, "" for tasks about the whole case
    above    ids of the tasks that this one came out of, the survey first
    """

    task_id: str
    kind: TaskKind
    label: str
    steps: tuple[str, ...] = ()
    system: str = ""
    guests: tuple[dict[str, Any], ...] = ()
    image: str = ""
    above: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        return len(self.guests)


@dataclass(frozen=True, slots=True)
class Work:
    """A task and the images that it opens."""

    task: Task
    images: tuple[ImageFiles, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """All that a child is told, as one line of JSON.

    images  the one that is surveyed, or the disks of the one computer that `task` is about
    refused  artefacts that are not to be read, named as in watch.py
    is_rest  the task was run step by step, and `steps` killed whoever ran them: say that their
             places were not read, and count what all steps together covered
    """

    task: Task
    case: str
    images: tuple[ImageFiles, ...]
    limits: Limits
    verify: bool = False
    refused: tuple[str, ...] = ()
    is_rest: bool = False

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
        task |= {name: tuple(task[name]) for name in ("steps", "guests", "above")}
        images = tuple(ImageFiles(i["name"], tuple(i["paths"]),
                                  tuple((start, length) for start, length in i["lost"]))
                       for i in data["images"])
        return cls(Task(**task), data["case"], images, Limits(**data["limits"]), data["verify"],
                   tuple(data["refused"]), data["is_rest"])


def image_task_id(image: str, part: str) -> str:
    """Id of a task about an image: `part` is "survey", the volume of its Windows, or "disk".

    `@` is in no cleaned name, so no two images can have ids in common.
    """
    cleaned = _UNFIT.sub("_", image)
    if cleaned != image or len(image) > _LONGEST or image.startswith("."):
        digest = hashlib.sha256(image.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        cleaned = f"{cleaned[:_LONGEST].lstrip('.')}-{digest}"
    return f"{cleaned}@{part}"


def guest_task_id(parent: str, key: str) -> str:
    """Id of a guest's task: readable, and hashed where it would be too long for a file name."""
    task_id = f"{parent}.{key}"
    if len(task_id) <= 160:
        return task_id
    return f"{task_id[:100]}.{hashlib.sha256(task_id.encode()).hexdigest()[:24]}"


def step_task_id(task_id: str, step: str) -> str:
    """Id under which one step of a task that died runs alone."""
    return f"{task_id}+{step.replace(' ', '-')}"


