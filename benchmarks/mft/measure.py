"""One measurement in this process: `python -m benchmarks.mft.measure NAME VOLUME`.

Prints what it took as JSON: seconds, processor seconds (children included), MB at the peak,
names found.
"""

import json
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.disk.memory import memory

_TIMES: Final = struct.Struct("<4Q")


def scan(path: Path) -> int:
    """All names of $MFT as columns, made and counted, batch by batch."""
    from analyzer.filesystem.listing import Listed

    return sum(len(found.columns().path) if isinstance(found, Listed) else 1
               for found in _volume(path).scan())


def scan_kept(path: Path) -> int:
    """The same with all columns in memory at the end."""
    from analyzer.filesystem.listing import Listed

    kept = [found.columns() if isinstance(found, Listed) else found
            for found in _volume(path).scan()]
    return sum(1 if isinstance(one.path, str) else len(one.path) for one in kept)


def walk(path: Path) -> int:
    """Every entry of the walk, indexes and deleted names weighed."""
    return sum(1 for _ in _volume(path).walk())


def fls(path: Path) -> int:
    """The Sleuth Kit's own program: $STANDARD_INFORMATION times, and a line for each $FILE_NAME."""
    with subprocess.Popen(["fls", "-r", "-m", "/", str(path)], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        count = 0
        while data := run.stdout.read(1 << 20):
            count += data.count(b"\n")
    return count if not run.returncode else 0


def pytsk(path: Path) -> int:
    """The walk one writes first: full paths, sizes, and the times of both attributes."""
    import pytsk3

    volume = pytsk3.FS_Info(pytsk3.Img_Info(str(path)))
    return len(list(_pytsk(volume)))


def _pytsk(volume: Any) -> Iterator[tuple[Any, ...]]:
    import pytsk3

    queue, entered = [(b"", volume.info.root_inum)], set()
    while queue:
        above, inode = queue.pop()
        entered.add(inode)
        for file in volume.open_dir(inode=inode):
            name, meta = file.info.name, file.info.meta
            if name.name in (b".", b".."):
                continue
            full = above + b"/" + name.name
            if meta is None:
                yield full, None
                continue
            standard = (meta.crtime, meta.crtime_nano, meta.mtime, meta.mtime_nano, meta.ctime,
                        meta.ctime_nano, meta.atime, meta.atime_nano)
            yield (full, meta.addr, meta.seq, name.par_addr, meta.size, int(meta.flags),
                   int(meta.type), standard, _name_times(file))
            if meta.type == pytsk3.TSK_FS_META_TYPE_DIR and meta.addr not in entered:
                queue.append((full, meta.addr))


def _name_times(file: Any) -> tuple[int, ...] | None:
    """pytsk3 does not show them: they are read out of the attribute."""
    import pytsk3

    for attribute in file:
        if int(attribute.info.type) == int(pytsk3.TSK_FS_ATTR_TYPE_NTFS_FNAME):
            value = file.read_random(8, 32, attribute.info.type, attribute.info.id)
            return _TIMES.unpack(value)
    return None


def _volume(path: Path) -> Any:
    from analyzer.evidence import open_evidence
    from analyzer.filesystem.ntfs import Ntfs

    (image,) = open_evidence([path])
    return Ntfs.open(image.blocks)


MEASURED: Final[dict[str, Callable[[Path], int]]] = {
    "scan": scan, "scan-kept": scan_kept, "walk": walk, "fls": fls, "pytsk3": pytsk}


def main(name: str, path: Path) -> None:
    """Measure one; importing is not counted."""
    import pytsk3  # noqa: F401 - loaded before the clock runs

    from analyzer.evidence import open_evidence  # noqa: F401
    from analyzer.filesystem.ntfs import Ntfs  # noqa: F401

    before, began = _used(), time.perf_counter()
    names = MEASURED[name](path)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6 if name == "fls" \
        else memory("VmHWM")
    print(json.dumps({"seconds": seconds, "cpu": _used() - before, "mb": peak, "names": names}))


def _used() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
