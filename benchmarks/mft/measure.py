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
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.disk.memory import memory

_TIMES: Final = struct.Struct("<4Q")


def scan(path: Path) -> int:
    """All names of $MFT as columns, made and counted, batch by batch."""
    from analyzer.filesystem.listing import Listed

    return sum(len(_columns(found)[1]) if isinstance(found, Listed) else 1
               for found in _volume(path).scan())


def scan_kept(path: Path) -> int:
    """The same with all columns in memory at the end."""
    from analyzer.filesystem.listing import Listed

    kept = [_columns(found) if isinstance(found, Listed) else (found, [found.path])
            for found in _volume(path).scan()]
    return sum(len(paths) for _, paths in kept)


def _columns(found: Any) -> tuple[Any, Any]:
    columns = found.columns()
    return columns, found.paths(columns.name)


def listing(path: Path) -> int:
    """The walk as `analyze` takes it: indexes and deleted names weighed, plain files as columns."""
    from analyzer.filesystem.listing import Listed, gathered

    return sum(len(_columns(found)[1]) if isinstance(found, Listed) else 1
               for found in gathered(_volume(path).listing()))


def walk(path: Path) -> int:
    """The same, an entry made of each."""
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

    found: list[tuple[Any, ...]] = []
    volume = pytsk3.FS_Info(pytsk3.Img_Info(str(path)))
    _pytsk(volume.open_dir("/"), "", {volume.info.root_inum}, found)
    return len(found)


def _pytsk(directory: Any, above: str, entered: set[int], found: list[tuple[Any, ...]]) -> None:
    import pytsk3

    for file in directory:
        name, meta = file.info.name.name.decode("utf-8", "replace"), file.info.meta
        if name in (".", ".."):
            continue
        path = f"{above}/{name}"
        if meta is None:
            found.append((path, None))
            continue
        found.append((path, meta.addr, meta.seq, file.info.name.par_addr, meta.size,
                      int(meta.flags), int(meta.type), meta.crtime, meta.crtime_nano, meta.mtime,
                      meta.mtime_nano, meta.ctime, meta.ctime_nano, meta.atime, meta.atime_nano,
                      _name_times(file)))
        if meta.type == pytsk3.TSK_FS_META_TYPE_DIR and meta.addr not in entered:
            entered.add(meta.addr)
            _pytsk(file.as_directory(), path, entered, found)


def _name_times(file: Any) -> list[tuple[int, ...]]:
    """Of each $FILE_NAME; pytsk3 does not show them: they are read out of the attribute."""
    import pytsk3

    return [_TIMES.unpack(file.read_random(8, 32, attribute.info.type, attribute.info.id))
            for attribute in file
            if attribute.info.type == pytsk3.TSK_FS_ATTR_TYPE_NTFS_FNAME]


def _volume(path: Path) -> Any:
    from analyzer.evidence import open_evidence
    from analyzer.filesystem.ntfs import Ntfs

    (image,) = open_evidence([path])
    return Ntfs.open(image.blocks)


MEASURED: Final[dict[str, Callable[[Path], int]]] = {
    "scan": scan, "scan-kept": scan_kept, "listing": listing, "walk": walk, "fls": fls,
    "pytsk3": pytsk}


def main(name: str, path: Path) -> None:
    """Measure one; importing is not counted."""
    for module in ("pytsk3", "analyzer.evidence", "analyzer.filesystem.ntfs"):
        import_module(module)
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
