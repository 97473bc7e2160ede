"""AcquiredImage: one piece of evidence as the command line names it, whatever its format."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from analyzer import attention
from analyzer.blocks import Blocks, read_known, withhold
from analyzer.errors import EvidenceError, Notice
from analyzer.evidence.containers import refuse_container
from analyzer.evidence.ewf import open_ewf
from analyzer.evidence.grouping import Group, group
from analyzer.evidence.ledger import Ledger
from analyzer.evidence.raw import open_raw
from analyzer.evidence.second_opinion import compare
from analyzer.evidence.segment import Segment
from analyzer.evidence.virtual_disk import open_virtual_disks
from analyzer.records import Evidence
from analyzer.source import Source, distinct_name
from analyzer.times import from_unix

_STEP: Final = 1 << 20
"""Bytes hashed at a time."""


@dataclass(slots=True)
class AcquiredImage:
    """One acquired image, open for reading only.

    name        file name of the first segment; `~2`, `~3` is added where two are alike
    format      "raw", "split raw", "EWF", "VHD", "VHDX", "QCOW", "QCOW2", "VMDK"
    files       paths as given or found, in order of their segments; a virtual disk first, then
                its parents or extents
    real_files  the same with links resolved
    media       all bytes of the image, filler of sectors that were not acquired included; of a
                virtual disk, those of the disk inside
    blocks      the same with those sectors unreadable: what analysis works on
    header      what the acquiring tool wrote down (case_number, examiner, ...)
    acquired_at ticks; None where the image does not say, or not in which time zone
    verified    "" until `verify` was called, then its answer
    hashes      after `verify`: md5, sha1, sha256 of the media, hex
    """

    name: str
    format: str
    segments: tuple[Segment, ...]
    media: Blocks
    blocks: Blocks
    ledger: Ledger
    stored_md5: str = ""
    stored_sha1: str = ""
    header: dict[str, str] = field(default_factory=dict)
    acquired_at: int | None = None
    verified: str = ""
    hashes: dict[str, str] = field(default_factory=dict)

    @property
    def notices(self) -> list[Notice]:
        """What was odd at opening, and each unreadable range that was met since."""
        return self.ledger.notices

    @property
    def lost(self) -> list[tuple[int, int]]:
        """(offset, length) of what could not be read so far, merged and in order."""
        return self.ledger.lost

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(segment.path for segment in self.segments)

    @property
    def real_files(self) -> tuple[Path, ...]:
        return tuple(segment.real for segment in self.segments)

    def record(self) -> Evidence:
        """The row of the table `evidence`."""
        return Evidence(
            source=Source(self.name), name=self.name, format=self.format, size=self.blocks.size,
            files=tuple(segment.name for segment in self.segments),
            stored_md5=self.stored_md5, stored_sha1=self.stored_sha1, verified=self.verified,
            acquired_at=self.acquired_at, case_number=self.header.get("case_number", ""),
            evidence_number=self.header.get("evidence_number", ""),
            examiner=self.header.get("examiner", ""),
            description=self.header.get("description", ""))

    def verify(self, progress: Callable[[int, int], None] | None = None) -> str:
        """Read the media once and compare: "match", "mismatch" or "no stored hash".

        `progress` is called with bytes done and bytes in all. Unreadable ranges are hashed as
        zeros, so that the rest is still read and they are all noted; they make a mismatch.
        """
        sums = {name: hashlib.new(name, usedforsecurity=False)
                for name in ("md5", "sha1", "sha256")}
        lost: list[EvidenceError] = []
        for offset in range(0, self.media.size, _STEP):
            data = read_known(self.media, offset, _STEP, lost.append)
            for one in sums.values():
                one.update(data)
            if progress is not None:
                progress(offset + len(data), self.media.size)
        self.hashes = {name: one.hexdigest() for name, one in sums.items()}
        stored = {"md5": self.stored_md5, "sha1": self.stored_sha1}
        wrong = [n for n, value in stored.items() if value and value != self.hashes[n]]
        if not any(stored.values()):
            self.verified = "no stored hash"
        else:
            self.verified = "mismatch" if wrong or lost else "match"
        return self.verified

    def changed(self) -> bool:
        """True where a file's size or time of change is not what it was at opening."""
        return any(segment.changed() for segment in self.segments)

    def close(self) -> None:
        """Close the files; reading opens them again."""
        for segment in self.segments:
            segment.close()


def open_evidence(paths: Sequence[Path], *, second_opinion: bool = True) -> list[AcquiredImage]:
    """The images that the paths belong to, in order of first appearance.

    A path may be the first segment of an image, or any; segments beside it are found. Raises
    UsageError for what is not a file or block device, EvidenceError (which file, why) where an
    image cannot be opened. `second_opinion=False` leaves out the comparison with libewf, for
    processes that open what was compared before.
    """
    images: list[AcquiredImage] = []
    names: set[str] = set()
    groups = group(paths)
    disks = open_virtual_disks(groups)
    for number, found in enumerate(groups):
        if found.is_part_of_another:
            continue
        disk = disks.get(number)
        image = _watched(found, second_opinion) if disk is None else AcquiredImage(
            disk.segments[0].name, disk.format, disk.segments, disk, disk, disk.ledger)
        image.name = distinct_name(image.name, names)
        images.append(image)
    return images


def _watched(found: Group, second_opinion: bool) -> AcquiredImage:
    with attention.on("image", found.segments[min(found.segments)].name):
        return _open(found, second_opinion)


def _open(found: Group, second_opinion: bool) -> AcquiredImage:
    segments = tuple(found.segments[number] for number in sorted(found.segments))
    name = segments[0].name
    if found.kind != "EWF":
        refuse_container(name, segments[0])
        raw = open_raw(found.segments)
        kind = "raw" if len(segments) == 1 else "split raw"
        return AcquiredImage(name, kind, segments, raw, raw, raw.ledger)
    ewf = open_ewf(found.segments)
    if second_opinion:
        compare([segment.path for segment in segments], ewf)
    seconds = ewf.header.get("acquired", "")
    known = withhold(ewf, ewf.errors, "sectors that the acquiring tool could not read")
    return AcquiredImage(
        name, "EWF", segments, ewf, known, ewf.ledger, ewf.hashes.md5, ewf.hashes.sha1, ewf.header,
        from_unix(int(seconds)) if seconds.isdecimal() and len(seconds) < 12 else None)

