"""What a file's first and last bytes say it is, so that no container is read as a raw disk."""

from typing import Final

from analyzer.blocks import Blocks, read_known
from analyzer.errors import Unsupported

EWF: Final = b"EVF\x09\x0d\x0a\xff\x00"
"""First bytes of each segment of an EWF-E01 (and SMART) image."""

_MAGIC: Final = {
    b"EVF2\r\n\x81\x00": "an EWF2 image (Ex01)",
    b"LVF\x09\x0d\x0a\xff\x00": "a logical EWF image (L01), which holds files, not a disk",
    b"LEF2\r\n\x81\x00": "a logical EWF2 image (Lx01), which holds files, not a disk",
    b"vhdxfile": "a VHDX virtual disk",
    b"conectix": "a VHD virtual disk",
    b"QFI\xfb": "a QCOW virtual disk",
    b"KDMV": "a VMDK virtual disk",
    b"COWD": "a VMDK virtual disk",
    b"# Disk DescriptorFile": "the descriptor of a VMDK virtual disk",
    b"\xbe\xba\xfe\xca\x00\x00\x00\x00": "a VMDK virtual disk (SESparse)",
    b"AFF10\r\n\x00": "an AFF image",
    b"\xfd7zXZ\x00": "an xz file",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
}
_WEAK_MAGIC: Final = {
    b"\x1f\x8b\x08": "a gzip file",
    b"BZh": "a bzip2 file",
    b"PK\x03\x04": "a ZIP archive (or an AFF4 image)",
}
"""Few bytes: not taken where a boot sector stands."""
_AT_END: Final = (
    (512, b"conectix", "a VHD virtual disk"),
    (511, b"conectix", "a VHD virtual disk"),  # Virtual PC before 2004, so the specification
    (512, b"koly", "an Apple disk image"),
)
"""Distance from the end, magic, meaning."""


def refuse_container(name: str, data: Blocks) -> None:
    """Raises Unsupported, naming the format, for all that must not be read as a raw disk.

    Sectors that cannot be read say nothing: a disk with a bad first sector is still a disk.
   """
    head = read_known(data, 0, 512, lambda _: None)
    found = [what for magic, what in _MAGIC.items() if head.startswith(magic)]
    if head[0x40:0x44] == b"\x7f\x10\xda\xbe":
        found.append("a VDI virtual disk")
    if head[510:512] != b"\x55\xaa":
        found += [what for magic, what in _WEAK_MAGIC.items() if head.startswith(magic)]
    tail = read_known(data, max(0, data.size - 512), 512, lambda _: None)
    if data.size > 512:
        found += [what for back, magic, what in _AT_END if tail[-back:].startswith(magic)]
    if found:
        raise Unsupported(f"{name} is {found[0]}; vmtrail reads raw, split raw and E01 images")
