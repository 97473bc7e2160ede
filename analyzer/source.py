"""Source: the place a statement comes from.

An address is `EVIDENCE!/p2/dir/file!/p1/dir/file`: the name of the acquired image, then, for
each level, the partition (`p1` counts volumes in order of their offset) and the path in it.
A virtual disk inside the path opens the next level. `vmtrail cat ADDRESS` reads it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from analyzer.errors import UsageError


@dataclass(frozen=True, slots=True)
class Source:
    """Where a statement comes from, down to the byte.

    evidence      name of the acquired image (file name of its first segment)
    path          path inside it, `/p1/Windows/...`, with `!/p1/...` for each nested disk;
                  "" for the image itself
    detail        place inside the innermost file in its own terms (registry key, XPath)
    entry         MFT entry of the innermost file
    offset        byte offset in the innermost file
    image_offset  byte offset in the acquired image of the first byte meant; of resident content
                  that of the MFT record; None where the bytes are in no single place. Where a log
                  replaces bytes of the file (hive, VMCX) it is that of the file as it lies there.
                  It counts in the disk that was acquired, so in the media of an E01 and in the
                  disk inside a VHD, VHDX, QCOW or VMDK, not in the file that holds it
    layer         address of the virtual disk file that owns those bytes, "" on the host itself
    """

    evidence: str
    path: str = ""
    detail: str = ""
    entry: int | None = None
    offset: int | None = None
    image_offset: int | None = None
    layer: str = ""

    @property
    def address(self) -> str:
        """What `vmtrail cat` and `vmtrail stat` take."""
        return f"{self.evidence}!{self.path}" if self.path else self.evidence

    def at(self, detail: str = "", offset: int | None = None) -> "Source":
        """The same file, another place in it."""
        return replace(self, detail=detail, offset=offset, image_offset=None)

    def in_detail(self, detail: str) -> "Source":
        """The same place, said more exactly: a key of a file that holds many."""
        return replace(self, detail=detail)

    @classmethod
    def from_columns(cls, row: Mapping[str, Any]) -> "Source":
        """The source of a stored row, from its `source_` columns."""
        return cls(row["source_evidence"], row["source_path"], row["source_detail"],
                   row["source_entry"], row["source_offset"], row["source_image_offset"],
                   row["source_layer"])

    def __str__(self) -> str:
        text = self.address
        if self.detail:
            text += f"#{self.detail}"
        return text if self.offset is None else f"{text}@{self.offset:#x}"


def split_address(address: str) -> tuple[str, list[str]]:
    """`a.E01!/p1/x!/p1/y` -> ("a.E01", ["/p1/x", "/p1/y"]); raises UsageError."""
    image, *levels = address.split("!/")
    if not image:
        raise UsageError(f"no image in {address!r}: write IMAGE!/C:/path")
    return image, [f"/{level}" for level in levels]


def escape_name(name: str) -> str:
    """A file name as it stands in an address: `%`, `/` and a closing `!` are percent-encoded."""
    name = name.replace("%", "%25").replace("/", "%2F")
    return f"{name[:-1]}%21" if name.endswith("!") else name


def unescape_name(name: str) -> str:
    """The reverse of `escape_name`."""
    return name.replace("%21", "!").replace("%2F", "/").replace("%25", "%")


def distinct_name(name: str, taken: set[str]) -> str:
    """A name for evidence, added to `taken`: `disk.dd`, `disk.dd~2`, `disk.dd~3` ...

    Names that differ in case only are alike.
    """
    number, wanted = 1, name
    while wanted.casefold() in taken:
        number += 1
        wanted = f"{name}~{number}"
    taken.add(wanted.casefold())
    return wanted
