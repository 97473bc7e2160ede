"""What every virtual disk format says of one file: identity, parent, and where its bytes are."""

from dataclasses import dataclass
from typing import Protocol

from analyzer.blocks import Blocks, Extent
from analyzer.errors import Notice

SECTOR = 512
_RANKS = {"W2ru": 0, "relative_path": 0, "W2ku": 1, "absolute_win32_path": 1, "volume_path": 2}


@dataclass(frozen=True, slots=True)
class ParentLink:
    """What a differencing disk says of its parent.

    wanted    ids the parent may have, any one of them: the only thing that identifies it; a
              VHDX has two while a merge is under way
    changed_at  ticks; None where the field is 0, as Windows writes it
    name      file name or path in the header, VHD only
    locators  (platform code or key, text) in the order of the file; hints only
    """

    wanted: tuple[str, ...]
    changed_at: int | None
    name: str
    locators: tuple[tuple[str, str], ...]

    @property
    def parent_id(self) -> str:
        """The ids as one text."""
        return " or ".join(self.wanted)

    @property
    def hints(self) -> tuple[str, ...]:
        """Paths the parent had, most useful first: relative, absolute, header name."""
        ranked = sorted(self.locators, key=lambda pair: _RANKS.get(pair[0], len(_RANKS)))
        paths = [_without_prefix(text) for _, text in ranked if text]
        return tuple(dict.fromkeys([*paths, self.name] if self.name else paths))


def _without_prefix(path: str) -> str:
    r"""`\\?\D:\x` is D:\x, `\\?\UNC\server` is \\server; a volume's GUID stays."""
    if path.startswith("\\\\?\\UNC\\"):
        return "\\\\" + path[8:]
    return path[4:] if path.startswith("\\\\?\\") and path[5:6] == ":" else path


@dataclass(frozen=True, slots=True)
class Creator:
    """Who wrote the file, as the file says."""

    application: str
    version: str
    host_os: str
    created_at: int | None


class Layer(Protocol):
    """One virtual disk file. Offsets and sizes are bytes of the disk inside unless named.

    disk_id    identity of the disk; a VHDX has that of its parent
    link_id    what its children call it, "" for none; `link_name` is the name of that field
    address    of the file, for who watches what is read; "" where nobody does
    in_saved_state  None where the format has no such mark
    """

    container: Blocks
    address: str
    format: str
    kind: str
    size: int
    original_size: int
    block_size: int | None
    sector_size: int
    disk_id: str
    link_id: str
    link_name: str
    parent: ParentLink | None
    creator: Creator
    in_saved_state: bool | None
    notices: list[Notice]

    def extents_in(self, offset: int, length: int) -> list[Extent]:
        """Extents that tile [offset, offset + length); DATA at offsets of `container`."""
