"""What every virtual disk format says of one file: identity, parent, and where its bytes are."""

from dataclasses import dataclass
from typing import Protocol

from analyzer.blocks import Blocks, Extent
from analyzer.errors import Notice

SECTOR = 512


@dataclass(frozen=True, slots=True)
class ParentLink:
    """What a differencing disk says of its parent.

    disk_id   unique id of the parent: the only thing that identifies it
    changed_at  ticks; None where the field is 0, as Windows writes it
    name      file name or path in the header
    locators  (platform code, text) in the order of the file; hints only
    """

    disk_id: str
    changed_at: int | None
    name: str
    locators: tuple[tuple[str, str], ...]

    @property
    def hints(self) -> tuple[str, ...]:
        """Paths the parent had, most useful first: relative, absolute, header name."""
        ranked = sorted(self.locators, key=lambda pair: not pair[0].endswith("ru"))
        paths = [text for _, text in ranked if text]
        return tuple(dict.fromkeys([*paths, self.name] if self.name else paths))


@dataclass(frozen=True, slots=True)
class Creator:
    """Who wrote the file, as the file says."""

    application: str
    version: str
    host_os: str
    created_at: int | None


class Layer(Protocol):
    """One virtual disk file. Offsets and sizes are bytes of the disk inside unless named."""

    container: Blocks
    format: str
    kind: str
    size: int
    original_size: int
    block_size: int | None
    disk_id: str
    parent: ParentLink | None
    creator: Creator
    in_saved_state: bool
    notices: list[Notice]

    def extents_in(self, offset: int, length: int) -> list[Extent]:
        """Extents that tile [offset, offset + length); DATA at offsets of `container`."""
