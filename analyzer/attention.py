"""Attention: which artefact is being read right now.

    with attention.on("file", address): ...     at every place where an artefact is read

Nobody listens by default. In a child of the engine the watch notes the artefact where the
supervisor finds it should the child die, refuses an artefact that killed a process before, and
turns running out of memory or descriptors into an error of the artefact.
"""

from types import TracebackType
from typing import Final, Literal, Protocol

Kind = Literal["image", "partition table", "volume", "directory", "virtual disk", "file"]


class Watch(Protocol):
    """Who wants to know. An artefact is named by its kind and its address (`Source.address`)."""

    def begin(self, kind: Kind, address: str) -> None:
        """Reading begins; raises Refused."""

    def end(self, error: BaseException | None) -> None:
        """It ended, with this error; raises Exhausted in its place for a lack of resources."""

    def touch(self, kind: Kind, address: str) -> None:
        """What was read of it before is used again."""

    def forget(self) -> None:
        """Something else begins: what was read last is not to blame any more."""

    def progress(self) -> None:
        """A piece of a long reading is done."""


_watching: Watch | None = None


def watch(watcher: Watch | None) -> None:
    """From now on tell this one; None tells nobody."""
    global _watching  # noqa: PLW0603 - one process does one task
    _watching = watcher


class on:  # noqa: N801 - reads as a word of the statement it stands in
    """Attention on one artefact; what had it before has it again afterwards.

    An empty address is no artefact of the evidence (a test, the command line).
    """

    __slots__ = ("_address", "_kind", "_told")

    def __init__(self, kind: Kind, address: str) -> None:
        self._kind: Final = kind
        self._address: Final = address
        self._told: Watch | None = None

    def __enter__(self) -> None:
        if _watching is not None and self._address:
            _watching.begin(self._kind, self._address)
            self._told = _watching

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._told is not None:
            self._told.end(error)


def touch(kind: Kind, address: str) -> None:
    """What was read of an artefact before is used again (a hive in memory)."""
    if _watching is not None and address:
        _watching.touch(kind, address)


def forget() -> None:
    """Something else begins."""
    if _watching is not None:
        _watching.forget()


def progress() -> None:
    """A piece of a long reading is done: whoever limits processor time may allow more."""
    if _watching is not None:
        _watching.progress()
