"""NTFS volumes made with mkntfs and filled through ntfs-3g, with the truth about every file.

A `Volume` is made once, opened for changes as often as the recipe needs (`changing`), and asked
for its image (`image`) in between: that is how a guest's disk changes from snapshot to snapshot.
Needs root, /dev/fuse, mkntfs and ntfs-3g. Paths inside a volume begin with "/".
"""

from __future__ import annotations

import copy
import hashlib
import os
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from corpus.make import ntfs_times
from corpus.make.ntfs_times import SCAFFOLD
from corpus.make.times import TICKS, Stamp, born, spread

SECTOR = 512
HIDDEN, SYSTEM, ARCHIVE, COMPRESSED = 0x2, 0x4, 0x20, 0x800
TAG_SYMLINK, TAG_MOUNT_POINT = 0xA000000C, 0xA0000003
_UNIX_TICKS = 116444736000000000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, directory or link as put on the volume."""

    path: str
    kind: str
    stamp: Stamp
    size: int = 0
    sha256: str = ""
    target: str = ""
    streams: Mapping[str, str] = field(default_factory=dict)
    """Name of each alternate stream and the SHA-256 of its content."""


class Volume:
    """An NTFS volume under construction in a scratch folder."""

    def __init__(
        self,
        scratch: Path,
        *,
        sectors: int,
        start_sector: int,
        serial: int,
        made: Stamp,
        label: str = "",
    ) -> None:
        """Formats `sectors` as the partition at `start_sector` (its hidden sectors)."""
        scratch.mkdir(parents=True, exist_ok=True)
        self.sectors, self.serial, self.label = sectors, serial, label
        self.entries: dict[str, Entry] = {}
        self.deleted: dict[str, Entry] = {}
        self._made, self._scratch = made, scratch
        self._stamps: dict[int, Stamp] = {}
        self._numbers: dict[str, int] = {}
        """MFT entry of each path."""
        self._file = scratch / "volume.ntfs"
        with self._file.open("wb") as out:
            out.truncate(sectors * SECTOR)
        command = ["mkntfs", "-Q", "-F", "-T", "-q", "-s", "512", "-c", "4096", "-L", label]
        command += ["-p", str(start_sector), "-H", "255", "-S", "63", str(self._file)]
        subprocess.run(command, check=True, capture_output=True)
        self._finish()

    @contextmanager
    def changing(self) -> Iterator[Tree]:
        """Mounts the volume for changes; times are put right when it closes."""
        folder = self._scratch / "mount"
        folder.mkdir(exist_ok=True)
        options = "streams_interface=windows,noatime,compression,no_detach"
        command = ["ntfs-3g", "-o", options, str(self._file), str(folder)]
        daemon = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while not os.path.ismount(folder):
            if daemon.poll() is not None:
                raise RuntimeError("ntfs-3g did not mount the volume")
            time.sleep(0.01)
        try:
            yield Tree(folder, self.entries, self.deleted, self._stamps, self._numbers)
        finally:
            subprocess.run(["umount", str(folder)], check=True)
            daemon.wait()
        self._finish()

    def fork(self, scratch: Path) -> Volume:
        """A second volume that goes on from the present state of this one."""
        other = copy.copy(self)
        scratch.mkdir(parents=True, exist_ok=True)
        other._scratch, other._file = scratch, scratch / "volume.ntfs"
        other._file.write_bytes(self._file.read_bytes())
        other.entries, other.deleted = dict(self.entries), dict(self.deleted)
        other._stamps, other._numbers = dict(self._stamps), dict(self._numbers)
        return other

    def image(self) -> bytes:
        """The volume as it stands, all `sectors` of it."""
        return self._patched(win32_names=True)

    def _finish(self) -> None:
        self._file.write_bytes(self._patched(win32_names=False))

    def _patched(self, *, win32_names: bool) -> bytes:
        started = _UNIX_TICKS + int((time.time() - 86400) * 1e7)
        ended = started + 2 * 86400 * 10**7
        plan = ntfs_times.Plan(self._stamps, self._made, started, ended, win32_names)
        image = bytearray(self._file.read_bytes())
        ntfs_times.patch(image, plan)
        ntfs_times.set_serial(image, self.serial)
        return bytes(image)


class Tree:
    """The mounted volume: puts files on it and keeps account of them."""

    def __init__(
        self,
        folder: Path,
        entries: dict[str, Entry],
        deleted: dict[str, Entry],
        stamps: dict[int, Stamp],
        numbers: dict[str, int],
    ) -> None:
        self._folder, self._entries, self._deleted = folder, entries, deleted
        self._stamps, self._numbers = stamps, numbers

    def mkdir(self, path: str, stamp: Stamp, attributes: int = 0) -> None:
        """Makes a directory, and those above it, a little earlier, where they are absent."""
        self._make_parents(path, stamp)
        if path not in self._entries:
            self._real(path).mkdir()
        elif self._entries[path].kind != "directory":
            raise FileExistsError(path)
        self._note(Entry(path, "directory", stamp), attributes)

    def write(
        self,
        path: str,
        data: bytes,
        stamp: Stamp,
        attributes: int = ARCHIVE,
        streams: Mapping[str, bytes] | None = None,
    ) -> None:
        """Writes a whole file, new or over an old one, with its alternate streams."""
        self._make_parents(path, stamp)
        self._real(path).write_bytes(data)
        for name, content in (streams or {}).items():
            self._real(f"{path}:{name}").write_bytes(content)
        hashes = {name: _sha256(content) for name, content in (streams or {}).items()}
        entry = Entry(path, "file", stamp, len(data), _sha256(data), streams=hashes)
        self._note(entry, attributes)

    def write_fragmented(self, path: str, data: bytes, stamp: Stamp, piece: int = 1 << 18) -> None:
        """Writes a file in fragments of `piece` bytes, by leaving no other free space for it."""
        self.write(path, b"", stamp)
        folder = self._folder / SCAFFOLD
        folder.mkdir()
        count = -(-len(data) // piece) + 1
        for number in range(count):
            (folder / f"{SCAFFOLD}{number}h").write_bytes(bytes(piece))
            (folder / f"{SCAFFOLD}{number}k").write_bytes(bytes(4096))
        with suppress(OSError), (folder / f"{SCAFFOLD}rest").open("wb", buffering=0) as rest:
            while rest.write(bytes(1 << 20)):
                pass
        for number in range(count):
            (folder / f"{SCAFFOLD}{number}h").unlink()
        self._real(path).write_bytes(data)
        self._note(Entry(path, "file", stamp, len(data), _sha256(data)), ARCHIVE)
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()

    def write_sparse(self, path: str, size: int, parts: Mapping[int, bytes], stamp: Stamp) -> None:
        """Writes a file of `size` bytes with data only at the given offsets."""
        self.write(path, b"", stamp)
        content = bytearray(size)
        with self._real(path).open("r+b") as out:
            out.truncate(size)
            for at, data in parts.items():
                out.seek(at)
                out.write(data)
                content[at : at + len(data)] = data
        self._note(Entry(path, "file", stamp, size, _sha256(bytes(content))), ARCHIVE)

    def symlink(self, path: str, target: str, stamp: Stamp, *, folder: bool = False) -> None:
        """An NTFS symbolic link to the file or folder `target` (absolute Windows path)."""
        if folder:
            self._real(path).mkdir()
        else:
            self._real(path).touch()
        self._attributes(path, 0x10 if folder else ARCHIVE)
        data = _reparse(TAG_SYMLINK, target)
        os.setxattr(self._real(path), "system.ntfs_reparse_data", data)
        self._note(Entry(path, "symlink", stamp, target=target), None)

    def junction(self, path: str, target: str, stamp: Stamp, attributes: int = 0) -> None:
        """An NTFS junction (mount point reparse) to the directory `target`."""
        self._real(path).mkdir()
        self._attributes(path, attributes | 0x10)
        data = _reparse(TAG_MOUNT_POINT, target)
        os.setxattr(self._real(path), "system.ntfs_reparse_data", data)
        self._note(Entry(path, "junction", stamp, target=target), None)

    def grant(self, path: str, sids: list[bytes]) -> None:
        """Gives full control to SYSTEM, Administrators and the SIDs, as VMMS does on disks."""
        os.setxattr(self._real(path), "system.ntfs_acl", _descriptor(sids))

    def touch(self, path: str, stamp: Stamp) -> None:
        """Changes only the times."""
        self._note(replace(self._entries[path], stamp=stamp), None)

    def delete(self, path: str, at: int = 0) -> None:
        """Deletes a file or an empty directory at `at`; its MFT entry stays, unallocated."""
        self._written_to(str(PurePosixPath(path).parent), at)
        entry = self._entries.pop(path)
        self._deleted[path] = entry
        if entry.kind == "directory":
            self._real(path).rmdir()
        else:
            self._real(path).unlink()

    def _make_parents(self, path: str, stamp: Stamp) -> None:
        parent = str(PurePosixPath(path).parent)
        if parent not in ("/", *self._entries):
            self.mkdir(parent, born(stamp.fn_created - TICKS - spread(parent, TICKS), key=parent))

    def _real(self, path: str) -> Path:
        return self._folder / path.lstrip("/")

    def _attributes(self, path: str, flags: int) -> None:
        os.setxattr(self._real(path), "system.ntfs_attrib", struct.pack("<I", flags))

    def _note(self, entry: Entry, attributes: int | None) -> None:
        real = self._real(entry.path)
        if attributes is not None:
            kept = 0x10 if entry.kind == "directory" else 0
            self._attributes(entry.path, attributes | kept)
        with os.scandir(real.parent) as rows:
            number = next(row.inode() for row in rows if row.name == real.name)
        if entry.path not in self._entries:
            self._written_to(str(PurePosixPath(entry.path).parent), entry.stamp.fn_created)
        self._entries[entry.path] = entry
        self._numbers[entry.path] = number & 0xFFFFFFFFFFFF
        self._stamps[number & 0xFFFFFFFFFFFF] = entry.stamp

    def _written_to(self, folder: str, at: int) -> None:
        """A directory's times follow what is made in it."""
        entry = self._entries.get(folder)
        if entry is not None and entry.stamp.modified < at:
            stamp = replace(entry.stamp, modified=at, changed=at, accessed=at)
            self._entries[folder] = replace(entry, stamp=stamp)
            self._stamps[self._numbers[folder]] = stamp


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _reparse(tag: int, target: str) -> bytes:
    """Reparse buffer; symbolic links keep the print name first, junctions last, as Windows does."""
    shown = target.encode("utf-16-le")
    real = ("\\??\\" + target).encode("utf-16-le")
    if tag == TAG_SYMLINK:
        body = struct.pack("<HHHHI", len(shown), len(real), 0, len(shown), 0) + shown + real
    else:
        body = struct.pack("<HHHH", 0, len(real), len(real) + 2, len(shown))
        body += real + b"\0\0" + shown + b"\0\0"
    return struct.pack("<IHH", tag, len(body), 0) + body


def _descriptor(sids: list[bytes]) -> bytes:
    """Self-relative security descriptor owned by Administrators."""
    system = struct.pack("<BB6sI", 1, 1, b"\0\0\0\0\0\x05", 18)
    admins = struct.pack("<BB6sII", 1, 2, b"\0\0\0\0\0\x05", 32, 544)
    aces = b"".join(
        struct.pack("<BBHI", 0, 0, 8 + len(sid), 0x1F01FF) + sid for sid in (system, admins, *sids)
    )
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(aces), 2 + len(sids), 0) + aces
    group_at = 20 + len(admins)
    head = struct.pack("<BBHIIII", 1, 0, 0x8004, 20, group_at, 0, group_at + len(system))
    return head + admins + system + acl
