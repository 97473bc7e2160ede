"""The guest: one NTFS disk at three moments, as raw files made by mkntfs and ntfs-3g.

    base.raw   an installation: small files in many folders, and files of tens of MiB
    middle.raw the same after some use: files rewritten in place, deleted, added
    top.raw    and after some more

The volume begins at sector 63, as Windows 2003 and older put it: clusters then do not line up
with the bytes of VHD sector bitmaps, which is where readers go wrong.
Needs root, /dev/fuse, mkntfs and ntfs-3g.
"""

import random
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECTOR = 512
SIZE = 2 << 30
START = 63 * SECTOR
FOLDERS, FILES, LARGE = 400, 20_000, 46
LARGE_SIZE = 24 << 20


def build_guest(work: Path) -> list[Path]:
    """The three raw disks, oldest first."""
    volume = work / "guest.volume"
    make_volume(volume, SIZE - START - SECTOR)
    rng = random.Random(2009)
    states: list[Path] = []
    for name, change in (("base", _install), ("middle", _use), ("top", _use)):
        with mounted(volume, work / "mount") as root:
            change(root, rng)
        state = work / f"{name}.raw"
        put_volume(volume, state, SIZE, START)
        states.append(state)
    volume.unlink()
    return states


def make_volume(path: Path, size: int) -> None:
    """An empty NTFS volume in a sparse file."""
    with path.open("wb") as file:
        file.truncate(size)
    subprocess.run(["mkntfs", "-Q", "-F", "-T", "-q", "-s", "512", "-c", "4096", str(path)],
                   check=True, capture_output=True)


def put_volume(volume: Path, disk: Path, size: int, start: int) -> None:
    """`disk` of `size` bytes with a partition table and a copy of `volume` at `start`."""
    with disk.open("wb") as file:
        sector = bytearray(SECTOR)
        struct.pack_into("<I", sector, 440, 0x2009_0721)
        entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 7, b"\xfe\xff\xff",
                            start // SECTOR, volume.stat().st_size // SECTOR)
        sector[446:462], sector[510:] = entry, b"\x55\xaa"
        file.write(sector)
        file.truncate(size)
    copy_sparse(volume, disk, start)


def copy_sparse(source: Path, target: Path, start: int) -> None:
    """Copy into `target` from byte `start`, leaving out what is zeros."""
    step = 1 << 20
    nothing = bytes(step)
    with source.open("rb") as read, target.open("r+b") as write:
        while data := read.read(step):
            if data != nothing[:len(data)]:
                write.seek(start)
                write.write(data)
            start += len(data)


@contextmanager
def mounted(volume: Path, at: Path) -> Iterator[Path]:
    """The volume mounted by ntfs-3g; unmounted, and written out, at the end."""
    at.mkdir(exist_ok=True)
    daemon = subprocess.Popen(["ntfs-3g", "-o", "no_detach,noatime,big_writes", str(volume),
                               str(at)], stderr=subprocess.DEVNULL)
    while not at.is_mount():
        if daemon.poll() is not None:
            raise RuntimeError("ntfs-3g did not mount the volume (root and /dev/fuse are needed)")
        time.sleep(0.02)
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)
        daemon.wait()


def _install(root: Path, rng: random.Random) -> None:
    for number in range(FOLDERS):
        (root / f"folder {number:03}").mkdir()
    for number in range(FILES):
        _small(root, number).write_bytes(_content(rng, rng.choice((90, 700, 3000, 9000))))
    for number in range(LARGE):
        _large(root, number).write_bytes(_content(rng, LARGE_SIZE))


def _use(root: Path, rng: random.Random) -> None:
    """What guests do between two snapshots."""
    for number in rng.sample(range(FILES), FILES // 10):
        path = _small(root, number)
        if path.exists() and rng.random() < 0.3:
            path.unlink()
        else:
            path.write_bytes(_content(rng, rng.choice((90, 3000, 20_000))))
    for number in rng.sample(range(LARGE), LARGE // 2):
        with _large(root, number).open("r+b", buffering=0) as file:
            for _ in range(40):
                length = rng.choice((4096, 8192, 65_536, 524_288))
                file.seek(rng.randrange(LARGE_SIZE - length) // 4096 * 4096)
                file.write(_content(rng, length))


def _small(root: Path, number: int) -> Path:
    return root / f"folder {number % FOLDERS:03}" / f"document {number:05}.txt"


def _large(root: Path, number: int) -> Path:
    return root / f"database {number:02}.mdb"


def _content(rng: random.Random, length: int) -> bytes:
    """Half of it lines of text that differ, half noise: compresses to about three fifths."""
    text, parts = b"", []
    left = length
    while left > 0:
        text = b"".join(b"%08x job %d finished, state ok\r\n" % (rng.getrandbits(32), n)
                        for n in range(50))
        parts += [text, rng.randbytes(1000)] if left < 65_536 else \
            [text * 8, rng.randbytes(14_000)]
        left -= sum(map(len, parts[-2:]))
    return b"".join(parts)[:length]


