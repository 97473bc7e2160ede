"""Exports that were interrupted, found no room, or were tampered with, and how they go on."""

import errno
import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.blocks import Blocks, ExtentMap, Memory, withhold
from analyzer.disks import export as export_module
from analyzer.disks.export import FORMATS, Export, Exported
from analyzer.disks.export_journal import Plan
from analyzer.disks.export_target import Target
from analyzer.disks.write_output import OutputFull
from analyzer.errors import Corrupt, EvidenceError, Unreadable, UsageError

SIZE = 17 << 20
BAD = [((5 << 20) + 512, 1024), (16 << 20, 512)]


def plan(format_: str, source: str = "host.E01!/p1/a.avhd") -> Plan:
    return Plan(source, [{"path": "a"}], SIZE, 512, format_, "7A3D2C10-5B6E-4F80-9A1B-2C3D4E5F6071",
                128_952_360_170_000_000, "0")


@pytest.fixture(scope="module")
def media() -> bytes:
    rng = random.Random(3)
    data = bytearray(SIZE)
    for megabyte in (0, 1, 5, 6, 9, 12, 16):
        data[megabyte << 20:(megabyte << 20) + 600_000] = rng.randbytes(600_000)
    return bytes(data)


class Failing:
    """A disk whose reading fails with `error` from `offset` on."""

    def __init__(self, media: bytes, offset: int, error: BaseException) -> None:
        self.media, self.offset, self.error, self.size = media, offset, error, len(media)

    def read_at(self, offset: int, length: int) -> bytes:
        if offset + length > self.offset:
            raise self.error
        return self.media[offset:offset + length]

    def extents(self) -> ExtentMap | None:
        return None


def run(disk: Blocks, target: Path, format_: str, *, resume: bool = False, strict: bool = False,
        source: str = "host.E01!/p1/a.avhd",
        progress: Callable[[int, int], None] = lambda done, size: None) -> Exported:
    return Export(disk, plan(format_, source), Target(target), {}, strict=strict,
                  progress=progress).run(resume=resume)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), EvidenceError("the image is gone")])
def test_an_interrupted_export_goes_on(media: bytes, tmp_path: Path, format_: str,
                                       error: BaseException) -> None:
    whole = run(Memory(media), tmp_path / "whole", format_)
    with pytest.raises(type(error)):
        run(Failing(media, 13 << 20, error), tmp_path / "x", format_)
    assert names(tmp_path) == ["whole", "whole.json", "x.part", "x.part.journal"]
    done = run(Memory(media), tmp_path / "x", format_, resume=True)
    assert done.sha256 == whole.sha256 == hashlib.sha256(media).hexdigest()
    assert (tmp_path / "x").read_bytes() == (tmp_path / "whole").read_bytes()
    assert names(tmp_path) == ["whole", "whole.json", "x", "x.json"]


def test_what_was_lost_before_a_break_is_still_listed(media: bytes, tmp_path: Path) -> None:
    bad = withhold(Memory(media), BAD, "bad sectors")
    whole = run(bad, tmp_path / "whole", "vhd")
    with pytest.raises(KeyboardInterrupt):
        run(bad, tmp_path / "x", "vhd", progress=_stop_at(13 << 20))
    done = run(bad, tmp_path / "x", "vhd", resume=True)
    assert (done.sha256, done.lost) == (whole.sha256, whole.lost)
    assert [(lost.offset, lost.length) for lost in done.lost] == BAD


def _stop_at(offset: int) -> Callable[[int, int], None]:
    def progress(done: int, size: int) -> None:
        if done >= offset:
            raise KeyboardInterrupt
    return progress


@pytest.mark.parametrize("format_", FORMATS)
def test_a_killed_export_goes_on_from_its_last_note(media: bytes, tmp_path: Path, format_: str,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """Junk behind the last note, a torn last line: what a power cut leaves."""
    whole = run(Memory(media), tmp_path / "whole", format_)
    monkeypatch.setattr(export_module, "_BETWEEN_NOTES", 4 << 20)
    with pytest.raises(KeyboardInterrupt):
        run(Memory(media), tmp_path / "x", format_, progress=_stop_at(9 << 20))
    journal = tmp_path / "x.part.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) >= 3
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:-9])
    with (tmp_path / "x.part").open("ab") as file:
        file.write(b"\xee" * 1_000_000)
    done = run(Memory(media), tmp_path / "x", format_, resume=True)
    assert done.sha256 == whole.sha256 == hashlib.sha256(media).hexdigest()
    assert (tmp_path / "x").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("format_", FORMATS)
def test_a_changed_part_is_refused(media: bytes, tmp_path: Path, format_: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Memory(media), tmp_path / "x", format_, progress=_stop_at(9 << 20))
    with (tmp_path / "x.part").open("r+b") as file:
        data = file.read()
        at = data.index(media[:64])
        file.seek(at)
        file.write(bytes([data[at] ^ 1]))
    with pytest.raises(UsageError, match=r"SHA-256 differs"):
        run(Memory(media), tmp_path / "x", format_, resume=True)
    assert names(tmp_path) == ["x.part", "x.part.journal"]


def test_only_the_same_disk_and_format_go_on(media: bytes, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Memory(media), tmp_path / "x", "raw", progress=_stop_at(9 << 20))
    with pytest.raises(UsageError, match=r"another disk or in another format"):
        run(Memory(media), tmp_path / "x", "vhd", resume=True)
    with pytest.raises(UsageError, match=r"another disk"):
        run(Memory(media), tmp_path / "x", "raw", resume=True, source="other.E01!/p1/a.avhd")
    assert run(Memory(media), tmp_path / "x", "raw", resume=True).lost == ()


@pytest.mark.parametrize("text", [b"", b"{}\n", b"[1]\n", b"\xff\xfe\n", b'{"done": 3}\n' * 2])
def test_a_journal_that_makes_no_sense_is_refused(media: bytes, tmp_path: Path,
                                                  text: bytes) -> None:
    (tmp_path / "x.part").write_bytes(b"")
    (tmp_path / "x.part.journal").write_bytes(text)
    with pytest.raises(UsageError, match=r"cannot be used to continue"):
        run(Memory(media), tmp_path / "x", "raw", resume=True)


def test_there_must_be_something_to_continue(media: bytes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no .*x\.part to continue"):
        run(Memory(media), tmp_path / "x", "raw", resume=True)


def test_evidence_is_never_continued_or_followed_to(media: bytes, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.raw"
    evidence.write_bytes(b"evidence")
    target = Target(tmp_path / "x", (evidence,))
    for suffix in ("", ".journal"):
        (tmp_path / "x.part").unlink(missing_ok=True)
        (tmp_path / "x.part.journal").unlink(missing_ok=True)
        (tmp_path / "x.part").write_bytes(b"")
        (tmp_path / "x.part.journal").write_bytes(b"")
        wrong = tmp_path / f"x.part{suffix}"
        wrong.unlink()
        os.link(evidence, wrong)
        with pytest.raises(UsageError, match=r"file of the evidence"):
            Export(Memory(media), plan("raw"), target, {}).run(resume=True)
        wrong.unlink()
        wrong.symlink_to(evidence)
        with pytest.raises(UsageError, match=r"cannot write"):
            Export(Memory(media), plan("raw"), target, {}).run(resume=True)
    assert evidence.read_bytes() == b"evidence"


def test_two_runs_do_not_write_one_file(media: bytes, tmp_path: Path) -> None:
    def progress(done: int, size: int) -> None:
        with pytest.raises(UsageError, match=r"another run"):
            run(Memory(media), tmp_path / "x", "raw", resume=True)
    assert run(Memory(media), tmp_path / "x", "raw", progress=progress).lost == ()


@pytest.mark.parametrize("format_", FORMATS)
def test_a_full_disk_keeps_the_part(media: bytes, tmp_path: Path, format_: str,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(Memory(media), tmp_path / "whole", format_)
    real, room = os.pwrite, 9 << 20

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        if offset + len(data) > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        with pytest.raises(OutputFull, match=r"No space left.* up to \d+ bytes more are needed"):
            run(Memory(media), tmp_path / "x", format_)
    assert "x" not in names(tmp_path)
    assert "x.json" not in names(tmp_path)
    done = run(Memory(media), tmp_path / "x", format_, resume=True)
    assert done.sha256 == whole.sha256
    assert (tmp_path / "x").read_bytes() == (tmp_path / "whole").read_bytes()


def test_what_cannot_be_decoded_is_narrowed_to_its_sectors(media: bytes, tmp_path: Path) -> None:
    class Compressed(Failing):
        def read_at(self, offset: int, length: int) -> bytes:
            if offset < self.offset + 3000 and offset + length > self.offset:
                raise Corrupt("compressed unit is damaged", self.offset)
            return self.media[offset:offset + length]

    start = (6 << 20) + 1000
    done = run(Compressed(media, start, ValueError()), tmp_path / "x", "raw")
    first, last = start // 512 * 512, -(-(start + 3000) // 512) * 512
    assert [tuple(lost) for lost in done.lost] == [
        (first, last - first, "compressed unit is damaged")]
    assert (tmp_path / "x").read_bytes() == media[:first] + bytes(last - first) + media[last:]


def test_strict_does_not_go_on_from_zeros(media: bytes, tmp_path: Path) -> None:
    bad = withhold(Memory(media), BAD, "bad sectors")
    with pytest.raises(KeyboardInterrupt):
        run(bad, tmp_path / "x", "raw", progress=_stop_at(9 << 20))
    with pytest.raises(Unreadable):
        run(bad, tmp_path / "x", "raw", resume=True, strict=True)
    assert "x" not in names(tmp_path)
