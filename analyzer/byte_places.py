"""Where the byte that a statement stands at lies in the acquired image.

A decoder says where in its file a key, record or setting begins. The map of the file leads from
there to the image, through every virtual disk on the way, and to the layer that owns the byte.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from analyzer.blocks import Kind
from analyzer.errors import EvidenceError
from analyzer.source import Source
from analyzer.volume import Item, MountedVolume

MOST_KEPT: Final = 256
"""Files whose MFT entry is kept for the next statement about them."""


class BytePlaces:
    """Completes sources that lie on the volumes of one system."""

    def __init__(self, volumes: Sequence[MountedVolume]) -> None:
        self._volumes = volumes
        self._items: OrderedDict[tuple[str, int | None], Item | None] = OrderedDict()

    def complete(self, source: Source) -> Source:
        """`source` with image offset and layer.

        As it is where it has them, is of no file here, or its bytes lie in no single place. Bytes
        that a log beside the file replaces (a hive, a VMCX) are those of the file as it lies there.
        """
        if source.image_offset is not None or source.entry is None:
            return source
        try:
            item = self._item(source)
            return source if item is None else _completed(item, source)
        except EvidenceError:  # said by who reads the file; the statement itself stands
            return source

    def _item(self, source: Source) -> Item | None:
        key = source.path, source.entry
        if key not in self._items:
            self._items[key] = next(filter(None, (_on(v, source) for v in self._volumes)), None)
            if len(self._items) > MOST_KEPT:
                self._items.popitem(last=False)
        return self._items[key]


def _on(volume: MountedVolume, source: Source) -> Item | None:
    """The item that a source names, where it lies on this volume under that very path."""
    if volume.filesystem is None or source.entry is None or \
            not source.address.startswith(f"{volume.source.address}/"):
        return None
    entry = volume.filesystem.entry(source.entry)
    streams = ("", *(stream.name for stream in entry.streams))
    items = (Item(volume, entry, stream) for stream in streams)
    return next((item for item in items if item.source.path == source.path), None)


def _completed(item: Item, source: Source) -> Source:
    placed = item.entry_source()  # where resident content is
    if source.offset is None:
        placed = placed if item.entry.is_directory else item.placed()
        return replace(source, layer=placed.layer, image_offset=placed.image_offset)
    map_ = item.blocks().extents()
    if map_ is None:
        return replace(source, layer=placed.layer, image_offset=placed.image_offset)
    found = next(map_.find(source.offset, 1), None)
    if found is None or found.kind != Kind.DATA:
        return source
    layer, at = item.volume.medium.locate(found.at)
    return replace(source, layer=layer, image_offset=at)
