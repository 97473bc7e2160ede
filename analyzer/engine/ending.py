"""What came of a run, out of what its tasks said: exit code, coverage, a summary of each image."""

import signal
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analyzer.engine.messages import Summary
from analyzer.engine.planning import Host
from analyzer.engine.tasks import ImageFiles

FINISHED, UNREADABLE, PARTIAL, INTERNAL, INTERRUPTED = 0, 3, 4, 5, 130
TERMINATED: Final = 128 + signal.SIGTERM
STATES: Final = {FINISHED: "finished", UNREADABLE: "failed", PARTIAL: "partial",
                 INTERNAL: "finished with internal errors", INTERRUPTED: "interrupted",
                 TERMINATED: "interrupted"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a finished task said; `image` is "" for tasks about the whole case."""

    kind: str
    image: str
    summary: Summary


def exit_code(said: Sequence[Said], *, is_stopped: bool = False) -> int:
    """The exit code of a run, or what it would be for one image alone."""
    summaries = [one.summary for one in said]
    if any(summary.bugs for summary in summaries):
        return INTERNAL
    surveys = [one.summary for one in said if one.kind == "survey"]
    if surveys and not any(summary.images for summary in surveys):
        return UNREADABLE
    if is_stopped or any(s.lost or s.unopened for s in summaries):
        return PARTIAL
    return FINISHED


def signal_code(interrupt: KeyboardInterrupt) -> int:
    """128 and the number of the signal that ended the run."""
    return 128 + int(interrupt.args[0] if interrupt.args else signal.SIGINT)


def coverage(said: Sequence[Said]) -> dict[str, int]:
    """State -> places looked at."""
    found: dict[str, int] = {}
    for one in said:
        for state, places in one.summary.coverage.items():
            found[state] = found.get(state, 0) + places
    return dict(sorted(found.items()))


def image_summaries(images: Sequence[ImageFiles], said: Sequence[Said], hosts: Sequence[Host],
                    unfinished: Collection[str]) -> list[dict[str, Any]]:
    """For each image what came of it, for `case.json`.

    name       as in the column source_evidence
    state      finished, partial, unreadable, finished with internal errors, unfinished
    exit_code  what it would be for this image alone; None while unfinished
    computers  ids of the systems that this image is a disk of
    machines, snapshots, guests, problems
               rows stated by the tasks of this image (a guest at two states counts twice); those
               of a computer of several disks count to the one that holds Windows
    lost       tasks, parts of tasks and volumes that could not be read
    coverage   state -> places looked at
    media      what its format says of it

    `unfinished` names images with tasks under way.
    """
    return [_image(image, [one for one in said if one.image == image.name],
                   [host for host in hosts if image in host.images], unfinished)
            for image in images]


def _image(image: ImageFiles, said: Sequence[Said], hosts: Sequence[Host],
           unfinished: Collection[str]) -> dict[str, Any]:
    facts = next((i.data for s in said if s.kind == "survey" for i in s.summary.images), None)
    is_finished = bool(said) and (facts is None or "disk" not in facts or bool(hosts)) \
        and not any(host.image in unfinished for host in hosts)
    code = exit_code(said) if is_finished else None
    state = "unfinished" if code is None else "unreadable" if code == UNREADABLE else STATES[code]

    def rows(table: str) -> int:
        return sum(one.summary.rows.get(table, 0) for one in said)

    return {
        "name": image.name, "state": state, "exit_code": code,
        "computers": sorted({host.system_id for host in hosts}),
        "machines": rows("virtual_machine"), "snapshots": rows("snapshot"),
        "guests": sum(len(one.summary.guests) for one in said), "problems": rows("problem"),
        "lost": sum(one.summary.lost for one in said), "coverage": coverage(said),
        "media": (facts or {}).get("media", {})}
