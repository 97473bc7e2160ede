"""The readers, each opened from nothing but the site's files: name -> read(offset, length)."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.disk.host import LATER_NAMES, LATER_SIZE, NAMES, START, Site
from benchmarks.disk.plain_layers import PlainLayer

Read = Callable[[int, int], bytes]


@dataclass
class Opened:
    """`read` and `size` of what is compared; `keep` what must stay alive."""

    read: Read
    size: int
    keep: Any = None


# --- what a guest disk is read through ----------------------------------------------------------

def raw(path: Path) -> Opened:
    """The limit: os.pread of a raw file."""
    number = os.open(path, os.O_RDONLY)

    def read(offset: int, length: int) -> bytes:
        return os.pread(number, length, offset)

    return Opened(read, path.stat().st_size)


def plain_chain(site: Site) -> Opened:
    """Plain layers over files of The Sleuth Kit, on the raw host."""
    files = _sleuthkit_files(_raw_image(site.host))
    layer = None
    for name in NAMES:
        layer = PlainLayer(files[name].read_random, layer)
    assert layer is not None
    return Opened(layer.read_at, layer.size, files)


def vmtrail_chain(site: Site) -> Opened:
    return _vmtrail(site.host)


def vmtrail_chain_e01(site: Site) -> Opened:
    return _vmtrail(site.e01)


def libvhdi_chain(site: Site) -> Opened:
    return _libvhdi(_sleuthkit_files(_raw_image(site.host)))


def libvhdi_chain_e01(site: Site) -> Opened:
    return _libvhdi(_sleuthkit_files(_pyewf_image(site.e01)))


# --- the beginning of the guest, as VHDX ----------------------------------------------------------

def raw_later(site: Site) -> Opened:
    return Opened(raw(site.guest).read, LATER_SIZE)


def vmtrail_later(site: Site) -> Opened:
    return _vmtrail(site.later, LATER_NAMES)


def libvhdi_later(site: Site) -> Opened:
    return _libvhdi(_sleuthkit_files(_raw_image(site.later), LATER_NAMES))


# --- one dynamic VHD, a plain file ----------------------------------------------------------------

def plain_single(site: Site) -> Opened:
    file = raw(site.single)
    layer = PlainLayer(file.read, None)
    return Opened(layer.read_at, layer.size, file)


def vmtrail_single(site: Site) -> Opened:
    from analyzer.disks.disk import Disk
    from analyzer.disks.vhd import Vhd
    from analyzer.evidence.segment import look

    disk = Disk([Vhd(look(site.single))])
    return Opened(disk.read_at, disk.size)


def libvhdi_single(site: Site) -> Opened:
    import pyvhdi

    file = pyvhdi.file()
    file.open(str(site.single))
    return Opened(lambda o, n: file.read_buffer_at_offset(n, o), file.get_media_size(), file)


def dissect_single(site: Site) -> Opened:
    """AGPL: only ever loaded in a process of the benchmark's own."""
    from dissect.hypervisor.disk.vhd import VHD

    disk = VHD(site.single.open("rb"))

    def read(offset: int, length: int) -> bytes:
        disk.seek(offset)
        data: bytes = disk.read(length)
        return data

    return Opened(read, disk.size, disk)


# --- the E01 alone --------------------------------------------------------------------------------

def pyewf_media(site: Site) -> Opened:
    import pyewf

    handle = pyewf.handle()
    handle.open([str(site.e01)])
    return Opened(lambda o, n: handle.read_buffer_at_offset(n, o), handle.get_media_size(), handle)


def vmtrail_media(site: Site) -> Opened:
    from analyzer.evidence import open_evidence

    [image] = open_evidence([site.e01], second_opinion=False)
    return Opened(image.blocks.read_at, image.blocks.size)


# --- parts ------------------------------------------------------------------------------------

def _vmtrail(path: Path, names: Sequence[str] = NAMES) -> Opened:
    """As `vmtrail analyze` opens a guest: partition, volume, files, layers, disk."""
    from analyzer.blocks import flatten
    from analyzer.disks.disk import Disk
    from analyzer.disks.open import open_layer
    from analyzer.evidence import open_evidence
    from analyzer.filesystem.ntfs import Ntfs
    from analyzer.filesystem.volumes import read_partitions

    [image] = open_evidence([path], second_opinion=False)
    [partition] = read_partitions(image.blocks).partitions
    volume = Ntfs.open(partition.blocks)
    layers = []
    for name in reversed(names):
        entry = volume.find(f"/VMs/{name}")
        assert entry is not None
        blocks = flatten(volume.open_file(entry).blocks, volume.blocks)
        layers.append(open_layer(blocks))
    disk = Disk(layers)
    return Opened(disk.read_at, disk.size, disk)


def _raw_image(path: Path) -> Any:
    import pytsk3

    return pytsk3.Img_Info(str(path))


def _pyewf_image(path: Path) -> Any:
    return image_of(pyewf_media(Site(path.parent)))


def image_of(opened: Opened) -> Any:
    """What The Sleuth Kit reads, over any reader."""
    import pytsk3

    class Image(pytsk3.Img_Info):  # type: ignore[misc]  # pytsk3 has no types
        def __init__(self) -> None:
            super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

        def read(self, offset: int, length: int) -> bytes:
            return opened.read(offset, max(0, min(length, opened.size - offset)))

        def get_size(self) -> int:
            return opened.size

    return Image()


def _sleuthkit_files(image: Any, names: Sequence[str] = NAMES) -> dict[str, Any]:
    import pytsk3

    volume = pytsk3.FS_Info(image, START)
    return {name: volume.open(f"/VMs/{name}") for name in names}


class _FileObject:
    """A file of The Sleuth Kit with a cursor, for libvhdi."""

    def __init__(self, file: Any) -> None:
        self.file, self.size, self.at = file, file.info.meta.size, 0

    def read(self, length: int) -> bytes:
        length = max(0, min(length, self.size - self.at))
        data: bytes = self.file.read_random(self.at, length) if length else b""
        self.at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> None:
        self.at = offset + (0, self.at, self.size)[whence]

    def tell(self) -> int:
        return self.at

    def get_size(self) -> int:
        return int(self.size)


def _libvhdi(files: dict[str, Any]) -> Opened:
    import pyvhdi

    chain: list[Any] = []
    for content in files.values():
        file = pyvhdi.file()
        file.open_file_object(_FileObject(content))
        if chain:
            file.set_parent(chain[-1])
        chain.append(file)
    top = chain[-1]
    return Opened(lambda o, n: top.read_buffer_at_offset(n, o), top.get_media_size(), chain)
