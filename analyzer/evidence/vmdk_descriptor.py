"""The text part of a VMDK: which extents make up the disk, and whether it stands alone.

    # Disk DescriptorFile
    CID=bc97c843
    parentCID=ffffffff
    createType="twoGbMaxExtentSparse"
    RW 4192256 SPARSE "disk-s001.vmdk"
    RW 2048 FLAT "disk-f002.vmdk" 0

Sizes and offsets are sectors of 512 bytes. Source: VMware, Virtual Disk Format 5.0.
"""

import re
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt, Unsupported

SECTOR: Final = 512
LONGEST: Final = 1 << 20
"""Bytes."""
_EXTENT: Final = re.compile(
    r'^\s*(?:RW|RDONLY|NOACCESS)\s+(\d{1,18})\s+([A-Z]+)(?:\s+"([^"\n]*)"(?:\s+(\d{1,18}))?)?',
    re.MULTILINE)
_VALUE: Final = re.compile(r'^\s*([\w.]+)\s*=\s*"?([^"\n]*?)"?\s*$', re.MULTILINE)
_MOST_EXTENTS: Final = 4096
_LARGEST: Final = 1 << 60
"""Bytes."""
_KINDS: Final = {"FLAT": "FLAT", "VMFS": "FLAT", "SPARSE": "SPARSE", "ZERO": "ZERO"}


@dataclass(frozen=True, slots=True)
class Extent:
    """One extent: `kind` FLAT, SPARSE or ZERO; `size` and `start` (in its file) in bytes."""

    kind: str
    size: int
    name: str
    start: int


def parse(name: str, raw: bytes) -> tuple[Extent, ...]:
    """The extents in order; raises Corrupt, Unsupported for what is not a whole disk.

    name  of the file, for messages
    """
    try:
        text = raw.partition(b"\0")[0].decode("utf-8")
    except UnicodeDecodeError:
        text = raw.partition(b"\0")[0].decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    values = {key.lower(): value for key, value in _VALUE.findall(text)}
    if "crypt" in values.get("ddb.iofilters", "") or \
            any(key.startswith("encryption.") for key in values):
        raise Unsupported(f"{name} is an encrypted VMDK")
    parent = values.get("parentcid", "ffffffff").lower()
    if parent != "ffffffff":
        raise Unsupported(
            f"{name} holds only what differs from its parent with CID {parent} "
            f"({values.get('parentfilenamehint', '')!r}); a VMDK snapshot is not decoded")
    extents = tuple(_extent(name, *fields) for fields in _EXTENT.findall(text))
    if not 0 < len(extents) <= _MOST_EXTENTS:
        raise Corrupt(f"{name}: a VMDK descriptor with {len(extents)} extents")
    if sum(extent.start + extent.size for extent in extents) > _LARGEST:
        raise Corrupt(f"{name}: a VMDK descriptor with extents of impossible sizes")
    return extents


def _extent(disk: str, sectors: str, kind: str, name: str, start: str) -> Extent:
    if kind not in _KINDS:
        raise Unsupported(f"{disk} has an extent of kind {kind}")
    return Extent(_KINDS[kind], int(sectors) * SECTOR, name, int(start or 0) * SECTOR)
