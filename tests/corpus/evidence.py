"""Opens a committed image with libewf and walks its NTFS volumes with The Sleuth Kit.

Independent of both the recipes and of analyzer/: the self-checks compare what these libraries say
with the truth that the construction wrote.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
_EPOCH = 116444736000000000
_SKIPPED = (".", "..", "$OrphanFiles")


@dataclass(slots=True)
class Seen:
    """One allocated file as The Sleuth Kit shows it."""

    si: list[int]
    fn: list[int]
    content: bytes
    is_directory: bool = False
    streams: dict[str, str] = field(default_factory=dict)
    reparse: bytes = b""


@cache
def media(name: str) -> bytes:
    """The whole acquired disk."""
    pyewf: Any = importlib.import_module("pyewf")
    handle = pyewf.handle()
    handle.open(pyewf.glob(str(CORPUS / f"{name}.E01")))
    try:
        return bytes(handle.read(handle.get_media_size()))
    finally:
        handle.close()


@cache
def truth(name: str) -> dict[str, Any]:
    """What the construction says."""
    loaded: dict[str, Any] = json.loads((CORPUS / "truth" / f"{name}.json").read_text("utf-8"))
    return loaded


def walk(data: bytes, offset: int, size: int) -> dict[str, Seen]:
    """Every allocated file and directory of the NTFS volume at `offset`, system files left out."""
    tsk: Any = importlib.import_module("pytsk3")

    class Part(tsk.Img_Info):  # type: ignore[misc] # pytsk3 has no types
        def get_size(self) -> int:
            return size

        def read(self, at: int, length: int) -> bytes:
            return data[offset + at : offset + min(at + length, size)]

    volume = tsk.FS_Info(Part(), 0, tsk.TSK_FS_TYPE_NTFS)
    return dict(_directory(tsk, volume.open_dir("/"), ""))


def _directory(tsk: Any, folder: Any, path: str) -> Iterator[tuple[str, Seen]]:
    for file in folder:
        name, meta = file.info.name.name.decode(), file.info.meta
        gone = int(file.info.name.flags) & int(tsk.TSK_FS_NAME_FLAG_UNALLOC)
        if name in _SKIPPED or gone or meta is None or (not path and meta.addr < 12):
            continue
        seen = _file(tsk, file)
        yield f"{path}/{name}", seen
        if meta.type == tsk.TSK_FS_META_TYPE_DIR and not seen.reparse:
            yield from _directory(tsk, file.as_directory(), f"{path}/{name}")


def _file(tsk: Any, file: Any) -> Seen:
    meta = file.info.meta
    si = [
        _EPOCH + getattr(meta, name) * 10**7 + getattr(meta, f"{name}_nano") // 100
        for name in ("crtime", "mtime", "ctime", "atime")
    ]
    seen = Seen(si, [], b"", is_directory=meta.type == tsk.TSK_FS_META_TYPE_DIR)
    for attribute in file:
        kind, size = attribute.info.type, attribute.info.size
        if kind not in (tsk.TSK_FS_ATTR_TYPE_NTFS_DATA, tsk.TSK_FS_ATTR_TYPE_NTFS_FNAME, 0xC0):
            continue
        data = file.read_random(0, size, kind, attribute.info.id) if size else b""
        if kind == tsk.TSK_FS_ATTR_TYPE_NTFS_FNAME:
            seen.fn = list(struct.unpack_from("<4Q", data, 8))
        elif kind == 0xC0:
            seen.reparse = data
        elif attribute.info.name:
            seen.streams[attribute.info.name.decode()] = hashlib.sha256(data).hexdigest()
        else:
            seen.content = data
    return seen
