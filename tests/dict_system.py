"""A computer made of a dict of path -> bytes: the test double for systems and plugins.

    build({"C:/Windows/System32/config/SYSTEM": hive, "C:/link.xml": Link("D:\\\\x.xml")})

Each drive letter is a volume of one disk, at 1 MiB, 2 MiB ... in the order of the letters;
the disk signature is SIGNATURE. Missing directories are made.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from analyzer.blocks import Memory, Slice
from analyzer.errors import EvidenceError
from analyzer.filesystem.entries import Entry, File, Stream, Times
from analyzer.filesystem.name_index import NameIndex
from analyzer.filesystem.ntfs import Ntfs
from analyzer.filesystem.record_scan import Ground
from analyzer.filesystem.reparse import Reparse
from analyzer.filesystem.salvage import Salvage
from analyzer.filesystem.touched import Touched
from analyzer.filesystem.volumes import Partition, PartitionTable
from analyzer.source import Source
from analyzer.system import WindowsSystem, build_systems
from analyzer.volume import Medium, MountedVolume
from corpus.make import hive

SIGNATURE = 0xC0FFEE01
AT = 128_900_000_000_000_000
"""The time of every file, plus its MFT entry."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link; `kind` is symlink, junction or mount point."""

    target: str
    kind: str = "symlink"
    is_relative: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """A file whose entry is no longer allocated."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Filtered:
    """A file behind a reparse point that is no link; `error` is raised when it is opened."""

    error: EvidenceError
    kind: str


ORDINARY = bytes.fromhex("010004803000000000000000000000001400000002001c0001000000"
                         "00001400ff011f00010100000000000512000000010100000000000512000000")
"""Owned by SYSTEM, which has full control."""
Content = bytes | Link | Deleted | Filtered | EvidenceError
"""An EvidenceError is raised when the file is opened."""


class DictFiles:
    """A file system as Ntfs shows it."""

    record_size, cluster_size, label, serial, version, is_dirty = 1024, 4096, "", "", "3.1", False
    lacks_records = False

    def __init__(self, files: Mapping[str, Content]) -> None:
        self.blocks = Memory(b"")
        self.notices: list[object] = []
        self.lost: list[tuple[int, int]] = []
        self.content: dict[str, Content | None] = {"/": None}
        for path, content in files.items():
            parts = path.strip("/").split("/")
            for depth in range(1, len(parts)):
                self.content.setdefault("/" + "/".join(parts[:depth]), None)
            self.content["/" + "/".join(parts)] = content
        self.names = [name for name in self.content if ":" not in name]
        self.security: dict[str, bytes | EvidenceError] = {}
        """Path -> descriptor; others have ORDINARY."""
        self.stored: list[bytes] = []
        """What is in $Secure."""

    def _make(self, path: str) -> Entry:
        content, number = self.content[path], self.names.index(path)
        data = content.data if isinstance(content, Deleted) else content
        reparse = None
        if isinstance(data, Link):
            target = data.target if data.is_relative else f"\\??\\{data.target}"
            reparse = Reparse(0, data.kind, target, data.target, data.is_relative)
        elif isinstance(data, Filtered):
            reparse = Reparse(0, data.kind)
        streams = tuple(Stream(name.rpartition(":")[2], len(cast("bytes", self.content[name])))
                        for name in self.content if name.startswith(f"{path}:"))
        name = path.rpartition("/")[2] or "."
        at = AT + number
        return Entry(path, name, name.encode("utf-16-le", "surrogatepass"), number + 64, 1,
                     not isinstance(content, Deleted), content is None,
                     len(data) if isinstance(data, bytes) else 0,
                     Times(at, at, at, at, at, at, at, at), streams, reparse)

    def root(self) -> Entry:
        return self._make("/")

    def entry(self, inode: int) -> Entry:
        if not 64 <= inode < 64 + len(self.names):
            raise EvidenceError(f"no MFT entry {inode}")
        return self._make(self.names[inode - 64])

    def walk(self) -> Iterator[Entry]:
        return (self._make(path) for path in self.names if path != "/")

    def listing(self) -> Iterator[Entry]:
        """None of them as rows."""
        return self.walk()

    def children(self, directory: Entry) -> list[Entry]:
        prefix = directory.path.rstrip("/") + "/"
        return [self._make(path) for path in sorted(self.names) if path != "/"
                and path.startswith(prefix) and "/" not in path[len(prefix):]]

    def find(self, path: str) -> Entry | None:
        wanted = "/" + path.strip("/").lower()
        return next((self._make(p) for p in self.names if p.lower() == wanted), None)

    def open_file(self, entry: Entry, stream: str = "") -> File:
        content = self.content.get(f"{entry.path}:{stream}" if stream else entry.path)
        if isinstance(content, Filtered):
            raise content.error
        if isinstance(content, EvidenceError):
            raise content
        data = content.data if isinstance(content, Deleted) else content
        if not isinstance(data, bytes):
            raise EvidenceError(f"{entry.path} has no stream {stream!r}")
        return File(entry.path, entry, stream, len(data), Memory(data))

    def stored_descriptors(self) -> Iterator[tuple[int, int, bytes]]:
        return ((256 + n, 256 * n, data) for n, data in enumerate(self.stored))

    def salvage(self) -> Salvage:
        ground = Ground(self.blocks, (), 1024, None, 0)
        return Salvage(cast("NameIndex", None), ground)

    def touched(self, ranges: Sequence[tuple[int, int]]) -> dict[tuple[int, str], Touched]:
        return {}

    def security_descriptor(self, entry: Entry) -> bytes:
        data = self.security.get(entry.path, ORDINARY)
        if isinstance(data, EvidenceError):
            raise data
        return data


def medium(files: Mapping[str, Content], name: str = "test.E01",
           signature: int = SIGNATURE) -> Medium:
    """One disk with a volume for each drive letter of the paths."""
    made = Medium(Source(name, image_offset=0), Memory(bytes(512)))
    volumes = []
    for number, letter in enumerate(sorted({path[0] for path in files}), 1):
        own = {path[2:]: content for path, content in files.items() if path[0] == letter}
        partition = Partition(f"p{number}", "MBR", number << 20, 1 << 20, "0x07", "", "", "NTFS",
                              "", Slice(made.blocks, 0, 512))
        volumes.append(MountedVolume(made, partition, cast("Ntfs", DictFiles(own)), None))
    made.__dict__["volumes"] = volumes
    made.__dict__["table"] = PartitionTable("MBR", signature, "", tuple(
        volume.partition for volume in volumes))
    return made


def build(files: Mapping[str, Content], *, vm_id: str = "", depth: int = 0) -> WindowsSystem:
    """The first system on a disk with these files."""
    return build_systems([medium(files)], vm_id=vm_id, depth=depth)[0]


def mounted(*letters: str, others: Mapping[str, tuple[int, int]] | None = None) -> hive.Key:
    """SYSTEM with MountedDevices that give the volumes these letters in order.

    `others`: letter -> (disk signature, number of the volume) of volumes on other disks.
    """
    root = hive.Key("ROOT", AT)
    root.key("Select", AT).set(hive.dword("Current", 1))
    devices = root.key("MountedDevices", AT)
    own = {letter: (SIGNATURE, number) for number, letter in enumerate(letters, 1)}
    for letter, (signature, number) in {**own, **(others or {})}.items():
        place = signature.to_bytes(4, "little") + (number << 20).to_bytes(8, "little")
        devices.set(hive.binary(f"\\DosDevices\\{letter}:", place),
                    hive.binary(f"\\??\\Volume{{{number:08d}-0000-0000-0000-000000000000}}", place))
    return root


def host(files: Mapping[str, Content], *letters: str,
         software: hive.Key | None = None) -> WindowsSystem:
    """A Hyper-V host with MountedDevices for `letters` and these files besides."""
    system = mounted(*letters)
    system.key("ControlSet001\\Services\\vmms", AT)
    config = "C:/Windows/System32/config"
    return build({
        f"{config}/SYSTEM": hive.build(system),
        f"{config}/SOFTWARE": hive.build(software or hive.Key("ROOT", AT)),
        "C:/Windows/System32/vmms.exe": b"MZ", **files})
