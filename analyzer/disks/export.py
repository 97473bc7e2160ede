"""Export: a chain as one disk file of another format, with its hash and what could not be read.

The file is written as FILE.part beside FILE.part.journal; only a whole one, synced, gets the name
FILE, together with FILE.json, which says what it is. Unreadable ranges are zeros in FILE and
listed in FILE.json. The SHA-256 is that of the media as a raw stream, with these zeros.
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analyzer import times
from analyzer.blocks import Blocks, read_known
from analyzer.disks.export_journal import Journal, Lost, Plan, Point, joined
from analyzer.disks.export_target import Target
from analyzer.disks.layer import SECTOR
from analyzer.disks.write_output import Output, OutputFull, Writer
from analyzer.disks.write_raw import RawWriter
from analyzer.disks.write_vhd import DynamicVhdWriter, FixedVhdWriter
from analyzer.disks.write_vhdx import VhdxWriter
from analyzer.errors import Corrupt, Unreadable, Unsupported, UsageError

FORMATS: Final = ("raw", "vhd-fixed", "vhd", "vhdx")
_BETWEEN_NOTES: Final = 256 << 20
"""Bytes of the disk between two states that a killed export can go on from."""
_MOST_LOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export. `sha256` is of the media; `lost` is what is zeros in it, in order."""

    path: Path
    file_size: int
    sha256: str
    lost: tuple[Lost, ...]

    @property
    def lost_bytes(self) -> int:
        """How much could not be read."""
        return sum(lost.length for lost in self.lost)


@dataclass(frozen=True, slots=True)
class _State:
    """How far the disk was written; replaced as a whole, so that no interrupt tears it."""

    done: int
    digest: Any
    """A hashlib object that is never updated, only copied."""
    lost: int
    """How many of the lost ranges lie in what is done."""


class Export:
    """One export of `disk` to `target`. `facts` are added to FILE.json.

    strict    end with Unreadable, and remove the part, at the first range that cannot be read
    progress  called with the bytes of the disk done, and all
    """

    def __init__(self, disk: Blocks, plan: Plan, target: Target, facts: Mapping[str, Any], *,
                 strict: bool = False,
                 progress: Callable[[int, int], None] = lambda done, size: None) -> None:
        self._disk, self._plan, self._target, self._facts = disk, plan, target, facts
        self._strict, self._progress = strict, progress
        self._lost: list[Lost] = []
        self._state = _State(0, hashlib.sha256(), 0)

    def run(self, *, resume: bool = False) -> Exported:
        """Write the file, or the rest of it.

        Raises UsageError for what the target does not allow, OutputFull where there is no room
        (the part is kept), Unreadable with `strict`, EvidenceError where the evidence is gone.
        """
        self._target.check(resume=resume)
        with (self._target.opened(".part", resume=resume) as output,
              self._target.opened(".part.journal", resume=resume) as file):
            journal = Journal(file)
            try:
                if not resume:
                    self._begin(journal, output)
                return self._write(journal, output)
            except OutputFull as error:
                needed = self._plan.size - self._state.done
                raise OutputFull(f"{error}: up to {needed} bytes more are needed; {output.path} is "
                                 "kept, --resume continues it") from error

    def _begin(self, journal: Journal, output: Output) -> None:
        try:
            make_writer(self._plan, output)
            journal.begin(self._plan)
        except BaseException:  # whatever ends it, Ctrl-C too: nothing is begun, and it goes on up
            self._target.discard()
            raise

    def _write(self, journal: Journal, output: Output) -> Exported:
        writer = self._continue(journal, output)
        noted = self._state.done
        try:
            while self._state.done < self._plan.size:
                self._step(writer)
                if self._state.done - noted >= _BETWEEN_NOTES:
                    self._note(writer, output, journal)
                    noted = self._state.done
            writer.finish()
            output.sync()
            return self._publish(output)
        except Unreadable:
            self._target.discard()
            raise
        except BaseException:  # Ctrl-C too: how far it got is noted, and it goes on up
            with suppress(OutputFull, UsageError):
                self._note(writer, output, journal)
            raise

    def _continue(self, journal: Journal, output: Output) -> Writer:
        """Check that what is there is what was written, and be ready for what comes after it."""
        plan, point = journal.read()
        if not plan.same_disk(self._plan):
            raise UsageError(f"{output.path} was begun from another disk or in another format: "
                             f"{plan.source} as {plan.format}")
        if self._strict and point.lost:
            first = point.lost[0]
            raise Unreadable(first.why, first.offset, first.length)
        self._plan = plan
        writer, digest = make_writer(plan, output), hashlib.sha256()
        if point.done == 0:
            output.cut(0)
            writer.start()
            return writer
        writer.resume(point.done)
        for offset in range(0, point.done, writer.unit):
            length = min(writer.unit, point.done - offset)
            digest.update(writer.read_back(offset, length))
            self._progress(offset + length, plan.size)
        if digest.hexdigest() != point.sha256:
            raise UsageError(f"{output.path} is not what was written (its SHA-256 differs); delete "
                             f"it and {journal.output.path} to start again")
        self._lost = point.lost
        self._state = _State(point.done, digest, len(point.lost))
        return writer

    def _step(self, writer: Writer) -> None:
        """One unit of the disk."""
        start = self._state.done
        length = min(writer.unit, self._plan.size - start)
        del self._lost[self._state.lost:]
        data = self._read(start, length)
        digest = self._state.digest.copy()
        digest.update(data)
        writer.write(start, data)
        self._state = _State(start + length, digest, len(self._lost))
        self._progress(start + length, self._plan.size)

    def _read(self, offset: int, length: int) -> bytes:
        """Bytes of the disk; what cannot be read becomes zeros and is noted.

        A range that cannot be decoded is halved down to sectors, so that no more is lost.
        """
        try:
            return read_known(self._disk, offset, length, self._lose)
        except (Corrupt, Unsupported) as error:
            if length <= SECTOR:
                self._lose(Unreadable(error.what, offset, length))
                return bytes(length)
            half = length // 2 // SECTOR * SECTOR or SECTOR
        while self._lost and self._lost[-1].offset >= offset:
            self._lost.pop()
        return self._read(offset, half) + self._read(offset + half, length - half)

    def _lose(self, error: Unreadable) -> None:
        if self._strict:
            raise error
        if len(self._lost) >= _MOST_LOST:
            raise UsageError(f"more than {_MOST_LOST} ranges of the disk cannot be read")
        self._lost.append(Lost(error.start, error.length, error.what))

    def _note(self, writer: Writer, output: Output, journal: Journal) -> None:
        """Save a state to go on from."""
        writer.save()
        output.sync()
        state = self._state
        journal.note(Point(state.done, state.digest.hexdigest(), self._lost[:state.lost]))

    def _publish(self, output: Output) -> Exported:
        sha256, lost = self._state.digest.hexdigest(), tuple(joined(self._lost))
        exported = Exported(self._target.path, output.size, sha256, lost)
        plan, facts = self._plan, dict(self._facts)
        if plan.format != "raw":
            facts["disk_id"] = plan.disk_id
        self._target.publish({
            "tool": f"vmtrail {plan.version}", "source": plan.source, "layers": plan.layers,
            **facts, "file": exported.path.name, "file_size": exported.file_size,
            "format": plan.format, "begun_at": times.iso(plan.created_at),
            "media_size": plan.size, "sector_size": plan.sector_size, "sha256": sha256,
            "sha256_of": "the media as a raw stream, unreadable ranges as zeros",
            "unreadable_bytes": exported.lost_bytes,
        }, lost)
        return exported


def make_writer(plan: Plan, output: Output) -> Writer:
    """The writer for a plan; raises UsageError where its format cannot hold the disk."""
    disk_id = uuid.UUID(plan.disk_id)
    if plan.format == "raw":
        return RawWriter(output, plan.size)
    if plan.format != "raw" and plan.size % plan.sector_size:
        raise UsageError(f"the disk has {plan.size} bytes, which is no whole number of sectors; "
                         "only raw can hold it")
    if plan.format == "vhdx":
        return VhdxWriter(output, plan.size, plan.sector_size, disk_id)
    if plan.sector_size != SECTOR:
        raise UsageError(f"the disk has sectors of {plan.sector_size} bytes, a VHD only of "
                         f"{SECTOR}; export it as vhdx or raw")
    if plan.format == "vhd-fixed":
        return FixedVhdWriter(output, plan.size, disk_id, plan.created_at)
    return DynamicVhdWriter(output, plan.size, disk_id, plan.created_at)
