"""How a child gets at evidence: from image paths to systems to guests.

A class rather than imports in the child, so that tests can run the same child on systems made
of dicts.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from analyzer.engine.tasks import ImageFiles
from analyzer.errors import EvidenceError, Notice
from analyzer.records import Coverage, Evidence, Problem
from analyzer.source import Source

if TYPE_CHECKING:
    from analyzer.evidence import AcquiredImage, Arranged
    from analyzer.ownership import DiskFacts
    from analyzer.system import WindowsSystem


class State(Protocol):
    """One guest at one state (machines.GuestState)."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    def to_json(self) -> dict[str, Any]: ...


class OpenSystem(Protocol):
    """What the engine itself asks of a system (system.WindowsSystem)."""

    system_id: str
    vm_id: str
    snapshot_id: str
    source: Source

    def problems(self) -> list[Problem]: ...
    def coverage(self) -> list[Coverage]: ...


class OpenImage(Protocol):
    """What the engine itself asks of an image (evidence.AcquiredImage)."""

    @property
    def name(self) -> str: ...
    @property
    def notices(self) -> list[Notice]: ...
    @property
    def lost(self) -> Sequence[tuple[int, int]]: ...
    def record(self) -> Evidence: ...
    def verify(self, progress: Callable[[int, int], None]) -> object: ...
    def changed(self) -> bool: ...


class Opening(Protocol):
    """The ways in."""

    def arrange(self, paths: Sequence[str]) -> "Sequence[Arranged]": ...
    def image(self, files: ImageFiles, *, second_opinion: bool) -> Any: ...
    def disk(self, image: Any) -> "DiskFacts": ...
    def systems(self, images: Sequence[Any]) -> Sequence[Any]: ...
    def holder(self, images: Sequence[Any]) -> Any: ...
    def states(self, system: Any) -> Sequence[State]: ...
    def guest(self, system: Any, state: dict[str, Any]) -> Sequence[Any]: ...


class EvidenceOpening:
    """The real ways in; each raises EvidenceError."""

    def arrange(self, paths: Sequence[str]) -> "Sequence[Arranged]":
        from analyzer.evidence import arrange

        return arrange([Path(path) for path in paths])

    def image(self, files: ImageFiles, *, second_opinion: bool) -> "AcquiredImage":
        from analyzer.evidence import open_evidence

        images = open_evidence([Path(path) for path in files.paths],
                               second_opinion=second_opinion)
        if len(images) != 1:
            raise EvidenceError(f"the files of {files.name} are {len(images)} images now")
        images[0].name = files.name
        for start, length in files.lost:
            images[0].ledger.foresee(start, length)
        return images[0]

    def disk(self, image: "AcquiredImage") -> "DiskFacts":
        from analyzer.computers import disk_facts
        from analyzer.system import medium_of

        return disk_facts(medium_of(image))

    def systems(self, images: "Sequence[AcquiredImage]") -> "Sequence[WindowsSystem]":
        from analyzer.system import open_systems

        return open_systems(images)

    def holder(self, images: "Sequence[AcquiredImage]") -> "WindowsSystem":
        """The volumes alone, to open guests in: finding Windows takes as long as many a guest."""
        from analyzer.system import WindowsSystem, medium_of

        return WindowsSystem([medium_of(image) for image in images])

    def states(self, system: "WindowsSystem") -> Sequence[State]:
        from analyzer.machines import guest_states

        return guest_states(system)

    def guest(self, system: "WindowsSystem", state: dict[str, Any]) -> "Sequence[WindowsSystem]":
        from analyzer.machines import GuestState, open_guest

        return open_guest(system, GuestState.from_json(state))
