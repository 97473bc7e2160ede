"""Walks of the guest's NTFS by The Sleuth Kit over each reader: the names it finds."""

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.disk import readers
from benchmarks.disk.guest import START
from benchmarks.disk.host import Site
from benchmarks.disk.readers import Opened


def walk_plain(site: Site) -> list[bytes]:
    return list(_walk(readers.image_of(readers.plain_chain(site)), START))


def walk_raw(site: Site) -> list[bytes]:
    return list(_walk(readers.image_of(readers.raw(site.guest)), START))


def walk_libvhdi(site: Site) -> list[bytes]:
    return list(_walk(readers.image_of(readers.libvhdi_chain(site)), START))


def walk_vmtrail(site: Site) -> list[bytes]:
    """Over the volume as vmtrail hands it to The Sleuth Kit, its master file table pinned."""
    from analyzer.filesystem.ntfs import Ntfs
    from analyzer.filesystem.volumes import read_partitions

    disk = readers.vmtrail_chain(site).keep
    [partition] = read_partitions(disk).partitions
    image = Ntfs.open(partition.blocks)._image
    return list(_walk(readers.image_of(Opened(image.read, image.size)), 0))


WALKS: dict[str, Callable[[Site], list[bytes]]] = {
    "walk-plain": walk_plain, "walk-raw": walk_raw, "walk-libvhdi": walk_libvhdi,
    "walk-vmtrail": walk_vmtrail}


def _walk(image: Any, start: int) -> Iterator[bytes]:
    """Paths of everything that is not deleted, with sizes."""
    import pytsk3

    volume = pytsk3.FS_Info(image, start)
    queue = [(b"", volume.info.root_inum)]
    while queue:
        path, inode = queue.pop()
        for file in volume.open_dir(inode=inode):
            name = file.info.name
            if name.name in (b".", b"..") or name.flags != pytsk3.TSK_FS_NAME_FLAG_ALLOC:
                continue
            full = path + b"/" + name.name
            yield full + b" %d" % (file.info.meta.size if file.info.meta else -1)
            if name.type == pytsk3.TSK_FS_NAME_TYPE_DIR and full != b"/$OrphanFiles":
                queue.append((full, name.meta_addr))
