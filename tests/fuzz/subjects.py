"""What is damaged: the bundled images as media, and as files in several containers."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from analyzer.blocks import Blocks, ExtentMap, Memory, read_known
from analyzer.errors import EvidenceError, Notice
from analyzer.evidence import open_evidence
from analyzer.records import Problem, Record
from analyzer.source import Source
from analyzer.system import build_systems
from analyzer.volume import Medium
from corpus.make import vhd, vhdx
from tests.conftest import ROOT
from tests.fuzz import mutants
from tests.fuzz.facts import Fact, Key, Statement, marks, run, stated_facts, truth_facts
from tests.fuzz.mutants import Damaged, Mutant
from tests.fuzz.surface import Span, Surface, survey
from tests.unit.filesystem.disk_tables import BASIC_DATA, MIB, gpt


@dataclass
class Subject:
    """One image: its bytes, what is true of it, and how it is opened.

    blocks   what mutants are made of: the media, or for a container the file
    opened   the media and notices of (damaged) blocks; raises EvidenceError
    spots    for a container, where its structures are; for media it is surveyed
    """

    name: str
    truth: str
    blocks: Blocks
    opened: Callable[[Blocks], tuple[Blocks, list[Notice]]]
    spots: tuple[Span, ...] = ()

    @cached_property
    def said(self) -> Statement:
        """What is stated of it undamaged."""
        return self.state(self.blocks)

    @cached_property
    def facts(self) -> dict[Key, Fact]:
        return truth_facts(json.loads((ROOT / "corpus" / "truth" / self.truth).read_text()))

    @cached_property
    def stated(self) -> dict[Key, list[Any]]:
        return stated_facts(self.said)

    @cached_property
    def marks(self) -> set[Record]:
        """What is wrong with it anyway."""
        return marks(self.said)

    @cached_property
    def surface(self) -> Surface:
        """Structures of the media; of a container, its own."""
        if self.spots:
            whole = [(0, self.blocks.size)]
            return Surface({"container": list(self.spots), "anywhere": whole}, vital=whole)
        media = self.opened(self.blocks)[0]
        return survey(build_systems([Medium(Source(self.name, image_offset=0), media)]))

    @cached_property
    def sha256(self) -> str:
        """Of the blocks: what a kept mutant belongs to."""
        digest = hashlib.sha256()
        for offset in range(0, self.blocks.size, MIB):
            digest.update(self.blocks.read_at(offset, MIB))
        return digest.hexdigest()

    def mutant(self, seed: int, number: int) -> Mutant:
        """See mutants.mutant."""
        return mutants.mutant(self.surface, self.blocks, seed, number)

    def state(self, blocks: Blocks, mutant: Mutant | None = None) -> Statement:
        """All that is stated of these blocks; guests that `mutant` spared are not read again."""
        try:
            media, notices = self.opened(blocks)
        except EvidenceError as error:
            return Statement([Problem(source=Source(self.name), code="IMG-OPEN", what=str(error),
                                      effect="nothing of this image is analysed")])
        if mutant is None or self.spots:
            return run(media, self.name, notices)
        return run(media, self.name, notices, self.said.parts,
                   lambda spans: mutant.spares(self.blocks.size, spans))

    def damaged(self, mutant: Mutant, *, whole: bool = False) -> Statement:
        """What is stated of a mutant; `whole` reads every guest again."""
        return self.state(Damaged(self.blocks, mutant), None if whole else mutant)


class Mapped:
    """The media of an image in a file that has no name, so that all mutants share its pages.

    Most of a disk was never written: what lies in such MiB is not copied.
    """

    def __init__(self, blocks: Blocks) -> None:
        self.size = blocks.size
        self._written: list[bool] = []
        with tempfile.TemporaryFile() as file:
            file.truncate(self.size)
            for offset in range(0, self.size, MIB):
                data = blocks.read_at(offset, MIB)
                self._written.append(any(data))
                if self._written[-1]:
                    os.pwrite(file.fileno(), data, offset)
            self._map = mmap(file.fileno(), self.size, access=ACCESS_READ)

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        if offset < end and not any(self._written[offset // MIB:-(-end // MIB)]):
            return _zeros(end - offset)
        return self._map[offset:end]

    def extents(self) -> ExtentMap | None:
        return None


@lru_cache(maxsize=16)
def _zeros(length: int) -> bytes:
    return bytes(length)


def _media(blocks: Blocks) -> tuple[Blocks, list[Notice]]:
    return blocks, []


def _as_file(suffix: str) -> Callable[[Blocks], tuple[Blocks, list[Notice]]]:
    def opened(blocks: Blocks) -> tuple[Blocks, list[Notice]]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"host.{suffix}"
            path.write_bytes(read_known(blocks, 0, blocks.size, lambda lost: None))
            (image,) = open_evidence([path])
            image.blocks.read_at(0, 1)  # keeps the file open when its name goes
            return image.blocks, image.notices
    return opened


def _image(name: str) -> Blocks:
    (image,) = open_evidence([ROOT / "corpus" / f"{name}.E01"])
    return image.blocks


@cache
def _bytes(name: str) -> bytes:
    media = _image(name)
    return media.read_at(0, media.size)


def _on_gpt() -> bytes:
    """The volume of the empty host on a GPT disk."""
    media, size = bytearray(_bytes("empty-host")), 0
    volume = media[MIB:]
    size = MIB + len(volume) + MIB
    parts: list[tuple[UUID, int, int, str]] = [
        (BASIC_DATA, MIB // 512, (MIB + len(volume)) // 512 - 1, "Basic data partition")]
    disk = bytearray(size)
    disk[MIB:MIB + len(volume)] = volume
    for at, piece in gpt(size, parts).items():
        disk[at:at + len(piece)] = piece
    return bytes(disk)


def _container(kind: str) -> Subject:
    """The empty host in a container; its structures are in front, behind, and in its tables."""
    if kind == "E01":
        data = (ROOT / "corpus" / "empty-host.E01").read_bytes()
        spots = [(at, min(152, len(data) - at)) for name in _SECTIONS
                 for at in _every(data, name.ljust(16, b"\0"))]
    elif kind == "vhdx":
        data = vhdx.dynamic(_bytes("empty-host"))
        style = vhdx.Style()
        spots = [(at, 80) for at in (*vhdx.HEADERS, *vhdx.REGION_TABLES)]
        spots += [(0, 64), (2 * MIB, 260), (2 * MIB + 65536, 300), (vhdx.bat_at(style), 104)]
    else:
        data = vhd.dynamic(_bytes("empty-host"), unique_id=bytes(range(16)), created=300_000_000)
        spots = [(0, 512), (512, 128), (1536, 64), (len(data) - 512, 512)]
    return Subject(f"host.{kind}", "empty-host.json", Memory(data), _as_file(kind), tuple(spots))


_SECTIONS: Final = (b"header2", b"volume", b"sectors", b"table", b"table2", b"hash", b"digest",
                    b"done")


def _every(data: bytes, name: bytes) -> Iterable[int]:
    at = data.find(name)
    while at >= 0:
        yield at
        at = data.find(name, at + 1)


@cache
def subject(name: str) -> Subject:
    """A subject by its name."""
    if name.startswith("host."):
        return _container(name.removeprefix("host."))
    if name == "gpt":
        return Subject("gpt.raw", "empty-host.json", Memory(_on_gpt()), _media)
    return Subject(f"{name}.E01", f"{name}.json", Mapped(_image(name)), _media)


TURNS: Final[Sequence[str]] = (
    "ws2008", "empty-host", "host.E01", "ws2008", "plain-windows", "host.vhdx", "ws2008", "gpt",
    "host.vhd")
"""Which subject is whose turn, so that a third of all mutants are of the whole host."""


def of_turn(number: int) -> str:
    return TURNS[number % len(TURNS)]
