"""A Tree as a read-only file system. The only importer of mfusepy.

A read that meets bytes which cannot be known fails as a whole (EIO); it is never shortened, for
the kernel would fill the rest with zeros. The kernel then asks page by page, so that 4 KiB are
lost around a bad sector; a program that opens the file with O_DIRECT loses just that sector.
"""

import errno
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from analyzer.blocks import Blocks
from analyzer.errors import EvidenceError, UsageError
from analyzer.mounting.tree import Node, Tree
from analyzer.times import UNIX_EPOCH

_INSTEAD: Final = "vmtrail ls, cat and export read the same files without it"
try:
    import mfusepy
except ModuleNotFoundError as missing:
    raise UsageError("mounting needs mfusepy (pip install 'vmtrail[mount]'); "
                     f"{_INSTEAD}") from missing
except (OSError, AttributeError) as missing:  # no libfuse, or one that it cannot use
    raise UsageError(f"mounting needs libfuse (apt install fuse3): {missing}; "
                     f"{_INSTEAD}") from missing
_MODES: Final = {"directory": stat.S_IFDIR | 0o555, "file": stat.S_IFREG | 0o444,
                 "link": stat.S_IFLNK | 0o777}
_MOST_LINES: Final = 1000
_CACHED: Final = 86_400
"""Seconds that the kernel may keep names and sizes: evidence does not change."""


class View:
    """What libfuse calls, by mfusepy's names. `say` gets a line for each range that is lost."""

    use_ns = True

    def __init__(self, tree: Tree, ready: Callable[[], None], say: Callable[[str], None]) -> None:
        self._tree, self._ready, self._say = tree, ready, say
        self._open: dict[int, tuple[Node, Blocks]] = {}
        self._next = 1
        self._said: set[str] = set()
        self._owner = os.getuid(), os.getgid()

    def init(self, path: str) -> None:
        """The folder is mounted."""
        self._ready()

    def getattr(self, path: str, handle: int | None = None) -> dict[str, int]:
        """Kind, size and times; a time that is not known is 0 (1970)."""
        node = self._node(path)
        size = len(self.readlink(path).encode()) if node.kind == "link" else node.size
        times = node.times
        return {"st_mode": _MODES[node.kind], "st_nlink": 1, "st_size": size,
                "st_blocks": -(-size // 512), "st_uid": self._owner[0], "st_gid": self._owner[1],
                "st_mtime": _nanoseconds(times.si_modified),
                "st_atime": _nanoseconds(times.si_accessed),
                "st_ctime": _nanoseconds(times.si_changed)}

    def readdir(self, path: str, handle: int) -> list[tuple[str, int, int]]:
        """Names and kinds."""
        try:
            children = self._tree.children(path)
        except EvidenceError as error:
            raise self._lost(path, error) from error
        return [(".", stat.S_IFDIR, 0), ("..", stat.S_IFDIR, 0),
                *((name, _MODES[node.kind], 0) for name, node in children.items())]

    def readlink(self, path: str) -> str:
        """See Tree.link_text."""
        node = self._node(path)
        if node.kind != "link":
            raise OSError(errno.EINVAL, path)
        return self._tree.link_text(path, node)

    def open(self, path: str, flags: int) -> int:
        """A number for reading."""
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, path)
        node = self._node(path)
        try:
            blocks = self._tree.open(node)
        except EvidenceError as error:
            raise self._lost(path, error) from error
        handle, self._next = self._next, self._next + 1
        self._open[handle] = node, blocks
        return handle

    def read(self, path: str, size: int, offset: int, handle: int) -> bytes:
        """Every byte asked for up to the end of the file, or EIO."""
        node, blocks = self._open[handle]
        wanted = max(0, min(size, node.size - offset))
        try:
            data = blocks.read_at(offset, wanted)
        except EvidenceError as error:
            raise self._lost(path, error) from error
        if len(data) != wanted:
            raise self._lost(path, EvidenceError("ends before its size", offset + len(data)))
        return data

    def release(self, path: str, handle: int) -> int:
        """The file is closed."""
        self._open.pop(handle, None)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        """A full file system; its blocks are those of the disk."""
        disk = self._tree.children("/").values()
        size = max((node.size for node in disk if node.blocks is not None), default=0)
        return {"f_bsize": 512, "f_frsize": 512, "f_blocks": -(-size // 512), "f_namemax": 1024}

    def _node(self, path: str) -> Node:
        try:
            node = self._tree.node(path)
        except EvidenceError as error:
            raise self._lost(path, error) from error
        if node is None:
            raise OSError(errno.ENOENT, path)
        return node

    def _lost(self, path: str, error: EvidenceError) -> OSError:
        line = f"{path}: {error}"
        if line not in self._said and len(self._said) < _MOST_LINES:
            self._said.add(line)
            self._say(line)
        return OSError(errno.EIO, path)


def serve(tree: Tree, folder: Path, ready: Callable[[], None], say: Callable[[str], None]) -> None:
    """Mount and answer until the folder is unmounted or the process is interrupted.

    Raises UsageError where that cannot be done; libfuse says why on stderr.
    """
    if not Path("/dev/fuse").exists():
        raise UsageError(f"mounting needs /dev/fuse, which is not there; {_INSTEAD}")
    options: dict[str, Any] = {
        "foreground": True, "nothreads": True, "ro": True, "nosuid": True, "nodev": True,
        "noexec": True, "default_permissions": True, "kernel_cache": True, "fsname": "vmtrail",
        "subtype": "vmtrail", "attr_timeout": _CACHED, "entry_timeout": _CACHED}
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # libfuse unmounts on it, if it may
    try:
        mfusepy.FUSE(View(tree, ready, say), str(folder), **options)
    except RuntimeError as error:
        raise UsageError(f"{folder} cannot be mounted (libfuse error {error})") from error
    finally:
        signal.signal(signal.SIGTERM, before)


def _nanoseconds(ticks: int | None) -> int:
    """Since 1970; 0 where the time is not known, for a file's status has no word for that."""
    return 0 if ticks is None else (ticks - UNIX_EPOCH) * 100
