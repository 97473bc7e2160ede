"""Opening a virtual disk file as the format its content shows."""

from analyzer import attention
from analyzer.blocks import Blocks
from analyzer.disks.layer import Layer
from analyzer.disks.vhd import Vhd
from analyzer.disks.vhdx import Vhdx
from analyzer.disks.vhdx_structures import SIGNATURE, is_vhdx
from analyzer.errors import EvidenceError, NotThisFormat


def open_layer(blocks: Blocks, address: str = "") -> Layer:
    """The virtual disk in a file, whatever the file is called; `address` is that of the file.

    A file that has lost its VHDX identifier and is no VHD is still told by a VHDX header.
    Raises NotThisFormat where it is neither, Corrupt, Unsupported, Unreadable.
    """
    with attention.on("virtual disk", address):
        layer = _open(blocks)
    layer.address = address
    return layer


def _open(blocks: Blocks) -> Layer:
    if _begins(blocks):
        return Vhdx(blocks)
    try:
        return Vhd(blocks)
    except NotThisFormat:
        if is_vhdx(blocks):
            return Vhdx(blocks)
        raise NotThisFormat("neither a VHD footer nor a VHDX identifier or header") from None


def _begins(blocks: Blocks) -> bool:
    try:
        return blocks.read_at(0, len(SIGNATURE)) == SIGNATURE
    except EvidenceError:
        return False
