"""Blocks over a file on disk, and compressed images unpacked to sparse files."""

import gzip
import io
import lzma
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from analyzer.blocks import ExtentMap

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class DiskFile:
    """A file, opened for each read."""

    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def read_at(self, offset: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def extents(self) -> ExtentMap | None:
        return None


def unpack(packed: Path, folder: Path, member: str = "") -> DiskFile:
    """The content of a .gz, .xz, .zip (one member) or plain file; zeros become holes."""
    target = folder / (member or packed.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _open(packed, member) as source, target.open("wb") as out:
        while piece := source.read(_PIECE):
            if piece.count(0) != len(piece):
                out.write(piece)
            else:
                out.seek(len(piece), io.SEEK_CUR)
        out.truncate()
    return DiskFile(target)


def _open(packed: Path, member: str) -> IO[bytes] | gzip.GzipFile:
    if packed.suffix == ".zip":
        return zipfile.ZipFile(packed).open(member)
    if packed.suffix == ".gz":
        return gzip.open(packed)
    if packed.suffix == ".xz":
        return lzma.open(packed)
    return packed.open("rb")
