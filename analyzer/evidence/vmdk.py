"""VMDK images as Blocks: the extents one after the other; sparse ones in `vmdk_sparse`.

Source: VMware, Virtual Disk Format 5.0. libvmdk gives the same bytes, but refuses disks with
extents that are cut or of kind ZERO (measured, 20260714).
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from analyzer.blocks import Blocks, ExtentMap, Slice
from analyzer.errors import Unreadable
from analyzer.evidence import vmdk_descriptor
from analyzer.evidence.ledger import Ledger
from analyzer.evidence.vmdk_descriptor import LONGEST, SECTOR, Extent
from analyzer.evidence.vmdk_sparse import SparseExtent, read_header

TEXT: Final = b"# Disk DescriptorFile"


def read_extents(name: str, file: Blocks) -> tuple[Extent, ...] | None:
    """What the descriptor in a VMDK file says; None for an extent, which has none.

    Raises NotThisFormat, Corrupt, Unsupported, Unreadable.
    """
    if file.read_at(0, len(TEXT)) == TEXT:
        return vmdk_descriptor.parse(name, file.read_at(0, LONGEST))
    header = read_header(name, file, 0)
    if header.descriptor == 0 or header.descriptor_size == 0:
        return None
    length = min(header.descriptor_size * SECTOR, LONGEST)
    text = file.read_at(header.descriptor * SECTOR, length)
    return vmdk_descriptor.parse(name, text) if text.strip(b"\0") else None


class Vmdk:
    """The disk that extents make up; `files` has one for each, None for those without a file."""

    def __init__(self, extents: Sequence[Extent], files: Sequence[tuple[str, Blocks] | None],
                 ledger: Ledger) -> None:
        """Raises EvidenceError where a sparse extent cannot be opened."""
        self._parts: list[Blocks | None] = []
        self._starts: list[int] = []
        self.size = 0
        for extent, found in zip(extents, files, strict=True):
            self._starts.append(self.size)
            self._parts.append(_open(extent, *found, ledger) if found is not None else None)
            self.size += extent.size

    def extents(self) -> ExtentMap | None:
        return None

    def read_at(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            row = bisect_right(self._starts, offset) - 1
            start, part = self._starts[row], self._parts[row]
            stop = min(end, self._starts[row + 1] if row + 1 < len(self._starts) else self.size)
            if part is None:
                parts.append(bytes(stop - offset))
            else:
                try:
                    parts.append(part.read_at(offset - start, stop - offset))
                except Unreadable as error:
                    raise Unreadable(error.what, error.start + start, error.length) from error
            offset = stop
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _open(extent: Extent, name: str, file: Blocks, ledger: Ledger) -> Blocks:
    if extent.kind == "FLAT":
        if extent.start + extent.size > file.size:
            ledger.say("IMG-TRUNC", f"{name} has {file.size} bytes, "
                       f"{extent.start + extent.size} are wanted", "its end is unreadable")
        return Slice(file, extent.start, extent.size)
    return SparseExtent(name, file, extent.size, ledger)
