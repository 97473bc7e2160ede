"""Virtual disks of the VHDX format as layers of a `World`.

A child has the disk id of its parent and names it by the parent's data write id (the opposite of
VHD). The format stores no time; what the truth calls creation is that of the file.
"""

from __future__ import annotations

import ntpath
import uuid

from corpus.make import vhdx, world
from corpus.make.windows import guid
from corpus.make.world import Layer

BLOCK = 1 << 20


def dynamic(path: str, media: bytes, created: int, creator: str) -> Layer:
    """A dynamic disk."""
    data = vhdx.dynamic(media, _style(path, path, len(media), creator))
    return Layer(path, "dynamic", _disk_id(path), created, media, data, link_id=_link_id(path))


def differencing(path: str, parent: Layer, media: bytes, created: int, creator: str,
                 volume: str) -> Layer:
    """A differencing disk over `parent`, as a checkpoint makes it.

    volume  `\\\\?\\Volume{...}` of the volume both lie on
    """
    present = world.presence(parent.media, media, path)
    base = parent.chain()[-1]
    relative = ntpath.relpath(parent.path, ntpath.dirname(path))
    locators = [
        ("parent_linkage2", f"{{{vhdx.NO_ID}}}"),
        ("relative_path", relative if relative.startswith("..") else f".\\{relative}"),
        ("volume_path", f"{volume}{parent.path[2:]}"),
        ("absolute_win32_path", parent.path),
    ]
    data = vhdx.differencing(media, present, uuid.UUID(parent.link_id), locators,
                             _style(path, base.path, len(media), creator))
    return Layer(path, "differencing", base.unique_id, created, media, data, parent,
                 link_id=_link_id(path))


def _style(path: str, base: str, size: int, creator: str) -> vhdx.Style:
    """The identity of a disk, and blocks in the order they came to be written."""
    return vhdx.Style(
        disk_id=uuid.UUID(bytes=_disk_id(base)), data_write_id=uuid.UUID(_link_id(path)),
        file_write_id=uuid.UUID(guid(f"file write {path}")), block_size=BLOCK, creator=creator,
        order=world.block_order(size, path, 0, BLOCK),
    )


def _disk_id(base: str) -> bytes:
    return uuid.UUID(guid(f"vhdx {base}")).bytes


def _link_id(path: str) -> str:
    return guid(f"data write {path}")
