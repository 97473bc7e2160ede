"""Volumes of a system."""

from collections.abc import Iterator

from analyzer.plugin import artifact
from analyzer.records import Record, Volume
from analyzer.system import WindowsSystem


@artifact(Volume)
def volumes(system: WindowsSystem) -> Iterator[Record]:
    """Every volume of the system's disks, with its drive letter and whether it could be read."""
    yield from system.survey()
