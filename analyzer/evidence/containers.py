"""What a file's first and last bytes say it is, so that no container is read as a raw disk.

VHD, VHDX, QCOW and VMDK are opened (`virtual_disk`); the others are named and refused.
"""

from typing import Final

from analyzer.blocks import Blocks, read_known
from analyzer.disks.vhdx_structures import is_vhdx
from analyzer.errors import Unsupported

EWF: Final = b"EVF\x09\x0d\x0a\xff\x00"
"""First bytes of each segment of an EWF-E01 (and SMART) image."""

_MAGIC: Final = {
    b"EVF2\r\n\x81\x00": "an EWF2 image (Ex01)",
    b"LVF\x09\x0d\x0a\xff\x00": "a logical EWF image (L01), which holds files, not a disk",
    b"LEF2\r\n\x81\x00": "a logical EWF2 image (Lx01), which holds files, not a disk",
    b"COWD": "a VMDK virtual disk of an ESX server (COWD)",
    b"\xbe\xba\xfe\xca\x00\x00\x00\x00": "a VMDK virtual disk (SESparse)",
    b"AFF10\r\n\x00": "an AFF image",
    b"\xfd7zXZ\x00": "an xz file",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
}
_OPENED: Final = {b"vhdxfile": "VHDX", b"conectix": "VHD", b"QFI\xfb": "QCOW", b"KDMV": "VMDK",
                  b"# Disk DescriptorFile": "VMDK"}
_WEAK_MAGIC: Final = {
    b"\x1f\x8b\x08": "a gzip file",
    b"BZh": "a bzip2 file",
    b"PK\x03\x04": "a ZIP archive (or an AFF4 image)",
}
"""Few bytes: not taken where a boot sector stands."""


def container_kind(data: Blocks) -> str:
    """"VHD", "VHDX", "QCOW", "VMDK", or "" for all else.

    A fixed VHD begins with the disk itself; its footer is in the last 512 bytes (511 in Virtual
    PC before 2004, so the specification). A VHDX that has lost its identifier has its headers.
    """
    head = read_known(data, 0, 32, lambda _: None)
    for magic, kind in _OPENED.items():
        if head.startswith(magic):
            return kind
    tail = read_known(data, max(0, data.size - 512), 512, lambda _: None)
    if data.size > 512 and b"conectix" in (tail[:8], tail[1:9]):
        return "VHD"
    return "VHDX" if is_vhdx(data) else ""


def refuse_container(name: str, data: Blocks) -> None:
    """Raises Unsupported, naming the format, for all that must not be read as a raw disk.

    Sectors that cannot be read say nothing: a disk with a bad first sector is still a disk.
    """
    head = read_known(data, 0, 512, lambda _: None)
    found = [what for magic, what in _MAGIC.items() if head.startswith(magic)]
    kind = container_kind(data)
    if kind:
        found.append(f"a {kind} virtual disk in pieces: join them first")
    if head[0x40:0x44] == b"\x7f\x10\xda\xbe":
        found.append("a VDI virtual disk")
    if head[510:512] != b"\x55\xaa":
        found += [what for magic, what in _WEAK_MAGIC.items() if head.startswith(magic)]
    tail = read_known(data, max(0, data.size - 512), 512, lambda _: None)
    if data.size > 512 and tail.startswith(b"koly"):
        found.append("an Apple disk image")
    if found:
        raise Unsupported(f"{name} is {found[0]}; vmtrail reads raw, split raw and E01 images, "
                          "VHD, VHDX, QCOW and VMDK")
