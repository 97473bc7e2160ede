"""Files with bytes that cannot be read."""

from collections.abc import Iterator
from typing import Final

from analyzer.errors import EvidenceError
from analyzer.filesystem.touched import Touched
from analyzer.plugin import artifact
from analyzer.records import Problem, Record
from analyzer.system import WindowsSystem
from analyzer.volume import MountedVolume

MOST: Final = 1_000
"""Streams of one volume that get a Problem of their own; `file_entry.note` marks them all."""


@artifact(Problem, last=True)
def unreadable_files(system: WindowsSystem) -> Iterator[Record]:
    """Every stream that lies in sectors that cannot be read, worked out from its data runs.

    Sectors that were not acquired, those past the end of the image, read errors that the survey
    (with `--verify` it reads the whole image) or other plugins met, and what the chain of a
    virtual disk lacks; no content is read for it.
    """
    for volume in system.volumes if system.owns_volumes else ():
        found = sorted(volume.touched().items())
        for _, one in found[:MOST]:
            yield system.own(_problem(volume, one))
        if len(found) > MOST:
            yield system.own(Problem(
                source=volume.source, code="FILE-LOST", plugin="unreadable_files",
                what=f"{len(found)} streams have bytes that cannot be read",
                effect=f"the first {MOST} are listed; file_entry.note marks them all"))


def _problem(volume: MountedVolume, one: Touched) -> Problem:
    source, name = volume.source, f"MFT entry {one.inode}"
    try:
        assert volume.filesystem is not None
        item = volume.item(volume.filesystem.entry(one.inode))
        source, name = item.source, item.path
    except EvidenceError:
        pass  # its name is lost too; the number is not
    stream = f":{one.stream}" if one.stream else ""
    return Problem(source=source, code="FILE-LOST", plugin="unreadable_files",
                   what=f"{name}{stream}: {one.note}", start=one.start, length=one.length,
                   effect="these bytes are in no statement about the file")
