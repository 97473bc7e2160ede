"""Which tasks there are: from files to images, from images to computers, from hosts to guests.

Decided from what children said, and from nothing else, so that a task is the same whoever runs
it and whatever else the case holds.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from analyzer.engine.catalogue import Catalogue
from analyzer.engine.messages import Summary
from analyzer.engine.tasks import (
    GUESTS,
    MAX_DEPTH,
    ImageFiles,
    Task,
    Work,
    guest_task_id,
    image_task_id,
)
from analyzer.ownership import DiskFacts, group_by_computer
from analyzer.source import distinct_name

ARRANGE: Final = "images"


def arranging(paths: Sequence[str], task_id: str = ARRANGE) -> Work:
    """The task that tells which files make up which image."""
    return Work(Task(task_id, "images", "images"), tuple(ImageFiles("", (p,)) for p in paths))


def arranged(paths: Sequence[str], summary: Summary) -> list[ImageFiles]:
    """Its answer. Only files that were given can be in it; one that is in none stands alone."""
    images, taken = [], set[str]()
    for image in summary.images:
        places = image.data.get("paths")
        if isinstance(places, list) and places and all(
                type(p) is int and 0 <= p < len(paths) for p in places):
            images.append(ImageFiles(distinct_name(image.name, taken),
                                     tuple(paths[p] for p in places)))
    used = {os.path.realpath(path) for image in images for path in image.paths}
    left = [path for path in dict.fromkeys(paths) if os.path.realpath(path) not in used]
    return images + [ImageFiles(distinct_name(Path(path).name, taken), (path,)) for path in left]


def each_alone(paths: Sequence[str]) -> list[ImageFiles]:
    """Each file as an image, where no child lived to tell."""
    taken: set[str] = set()
    return [ImageFiles(distinct_name(Path(path).name, taken), (path,)) for path in paths]


def surveys(images: Sequence[ImageFiles]) -> list[Work]:
    """One survey for each image."""
    return [Work(Task(image_task_id(image.name, "survey"), "survey", f"survey of {image.name}",
                      image=image.name), (image,)) for image in images]


def with_losses(images: Sequence[ImageFiles],
                surveyed: Mapping[str, Summary]) -> list[ImageFiles]:
    """The images with what their surveys could not read, so that every task marks what lies there.

    A survey that verifies the image has read all of it.
    """
    return [replace(image, lost=tuple(
        (start, length) for said in surveyed[image.name].images
        for start, length in said.data.get("lost", ()))) for image in images]


@dataclass(frozen=True, slots=True)
class Host:
    """One computer's Windows, or a set of disks without one.

    images     its disks
    system_id  address of the volume with Windows, or the first disk
    """

    images: tuple[ImageFiles, ...]
    system_id: str
    image: str
    part: str


def hosts(images: Sequence[ImageFiles], surveyed: Mapping[str, Summary]) -> list[Host]:
    """The systems on the images; `surveyed` maps names of images to what their surveys said."""
    disks: dict[str, DiskFacts] = {}
    for image in images:
        for said in surveyed[image.name].images:
            if "disk" in said.data:
                disks[image.name] = DiskFacts.from_json(said.data["disk"])
    readable = [image for image in images if image.name in disks]
    groups = group_by_computer([disks[image.name] for image in readable],
                               are_all=len(readable) == len(images))
    return [host for group in groups
            for host in _hosts_of([readable[index] for index in group], disks)]


def _hosts_of(images: Sequence[ImageFiles], disks: Mapping[str, DiskFacts]) -> list[Host]:
    found = [Host(tuple(images), f"{image.name}!/{volume}", image.name, volume)
             for image in images for volume in disks[image.name].windows]
    return found or [Host(tuple(images), images[0].name, images[0].name, "disk")]


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes the tasks of systems and of what comes after them."""

    plugins: Catalogue
    guests: bool

    def systems(self, found: Sequence[Host]) -> list[Work]:
        """One task for each host."""
        return [Work(Task(image_task_id(host.image, host.part), "system", host.system_id,
                          self._steps(0), host.system_id, image=host.image, above=tuple(
                              image_task_id(image.name, "survey") for image in host.images)),
                     host.images)
                for host in found]

    def inside(self, work: Work, summary: Summary) -> list[Work]:
        """One task for each guest at each state that a system's task found."""
        task = work.task
        if task.kind != "system":
            return []
        return [replace(work, task=replace(
            task, task_id=guest_task_id(task.task_id, f"{guest.inside}-{guest.key}"),
            label=guest.label, guests=(*task.guests, guest.hop),
            above=(*task.above, task.task_id),
            steps=self._steps(task.depth + 1))) for guest in summary.guests]

    def analyses(self) -> list[Work]:
        steps = self.plugins.names("analysis")
        return [Work(Task("analyses", "analyses", "analyses", steps))] if steps else []

    def reports(self) -> list[Work]:
        steps = self.plugins.usual_reports()
        return [Work(Task("reports", "reports", "reports", steps))] if steps else []

    def _steps(self, depth: int) -> tuple[str, ...]:
        guests = (GUESTS,) if self.guests and depth < MAX_DEPTH else ()
        return self.plugins.names("artifact") + guests
