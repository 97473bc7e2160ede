"""Volumes as a system sees them, and the items (files and directories) on them.

A Medium is one disk of a system: an acquired image, or a chain of virtual disks. Its NTFS
volumes become MountedVolumes, which get a drive letter from the system that uses them.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from analyzer import attention, losses
from analyzer.blocks import Blocks, ExtentMap, Kind, flatten
from analyzer.disks.disk import Disk
from analyzer.errors import Corrupt, EvidenceError, Exhausted, Notice, NotInEvidence, Refused
from analyzer.filesystem.image import Ledger
from analyzer.filesystem.listing import Listed, gathered
from analyzer.filesystem.ntfs import Entry, File, Ntfs
from analyzer.filesystem.touched import Touched
from analyzer.filesystem.volumes import Partition, PartitionTable, read_partitions
from analyzer.formats import security_descriptor
from analyzer.formats.security_descriptor import SecurityDescriptor
from analyzer.record_places import RecordPlaces, Span
from analyzer.records import Volume
from analyzer.source import Source

LARGEST_READ = 512 << 20
"""Bytes; nothing that is read whole (a hive, a configuration) is larger."""


MOST_KEPT, MOST_KEPT_EXTENTS = 64, 4096
"""Contents that a volume keeps open for who asks again, and the extents that one may have."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerPlace:
    """Where a layer of a virtual disk lies: its file, and the medium that holds it.

    said  how many of the layer's notices were met when it was found, and said then
    """

    source: Source
    medium: "Medium"
    said: int = 0

    @property
    def address(self) -> str:
        """That of the file."""
        return self.source.address


@dataclass(eq=False)
class Medium:
    """One disk of a system. `source` is that of the disk; `blocks` its sectors.

    places  for a virtual disk, where each layer lies, in the order of its layers
    met     (offset, length) of read errors of an acquired disk; grows while it is read
    """

    source: Source
    blocks: Blocks
    notices: list[Notice] = field(default_factory=list)
    places: tuple[LayerPlace, ...] = ()
    met: list[tuple[int, int]] = field(default_factory=list)

    def locate(self, offset: int) -> tuple[str, int | None]:
        """(layer, offset in the acquired image) of one byte of this disk.

        The layer is the address of the innermost file that owns the byte, "" on an acquired
        disk; the offset is None where the byte is in no file (zeros, a missing parent).
        """
        if not isinstance(self.blocks, Disk):
            return "", offset
        extent = next(iter(self.blocks.resolve(offset, 1)))
        if extent.kind != Kind.DATA:
            return self.source.address, None
        place = self.places[extent.layer]
        map_ = self.blocks.layers[extent.layer].container.extents()
        below = next(map_.find(extent.at, 1)) if map_ is not None else None
        if below is None or below.kind != Kind.DATA:
            return place.address, None
        return place.address, place.medium.locate(below.at)[1]

    def spans(self, offset: int, length: int) -> "Iterator[Span]":
        """`locate` for every byte of a range."""
        if not isinstance(self.blocks, Disk):
            yield Span(offset, length, "", offset)
            return
        for extent in self.blocks.resolve(offset, length):
            if extent.kind != Kind.DATA:
                yield Span(extent.start, extent.length, self.source.address, None)
                continue
            place = self.places[extent.layer]
            map_ = self.blocks.layers[extent.layer].container.extents()
            reached = extent.at
            for below in map_.find(extent.at, extent.length) if map_ is not None else ():
                start, reached = below.start - extent.at + extent.start, below.end
                if below.kind != Kind.DATA:
                    yield Span(start, below.length, place.address, None)
                    continue
                for span in place.medium.spans(below.at, below.length):
                    yield Span(span.start - below.at + start, span.length, place.address, span.at)
            if reached < extent.at + extent.length:
                yield Span(reached - extent.at + extent.start,
                           extent.at + extent.length - reached, place.address, None)

    def met_in_layers(self) -> "Iterator[tuple[Source, list[Notice]]]":
        """What was noticed of each layer of a virtual disk while it was read, so far."""
        if isinstance(self.blocks, Disk):
            for place, layer in zip(self.places, self.blocks.layers, strict=True):
                yield place.source, layer.notices[place.said:]

    def lost(self) -> Ledger:
        """Ranges that are known to be unreadable by now, those of files of its layers too."""
        return losses.of_disk(self.blocks, self.met, [p.medium.lost() for p in self.places])

    @cached_property
    def table(self) -> PartitionTable:
        """Its partitions, read once; none where looking for them is refused."""
        try:
            with attention.on("partition table", self.source.address):
                return read_partitions(self.blocks)
        except Refused:
            return PartitionTable("none", None, "", ())
        except Exhausted as error:
            return PartitionTable("none", None, "", (), [Notice(
                error.code, f"looking for partitions: {error.in_full}",
                "no volume is analysed")])

    @cached_property
    def volumes(self) -> "list[MountedVolume]":
        """Its volumes in order of their offset, whether they can be read or not."""
        return [_mount(self, partition) for partition in self.table.partitions]


@dataclass(eq=False)
class MountedVolume:
    """One volume. `filesystem` is None where it could not be opened: `failure` says why."""

    medium: Medium
    partition: Partition
    filesystem: Ntfs | None
    failure: EvidenceError | None
    letter: str = ""
    letter_basis: str = ""
    guids: set[str] = field(default_factory=set)
    """`Volume{...}` GUIDs, upper case, that the system knows it by."""
    contents: OrderedDict[tuple[int, int, str], Blocks] = field(
        default_factory=OrderedDict, repr=False)
    """Of files opened last, by MFT number, sequence number and path."""
    alias: str = ""
    """What stands for the letter where none is known: `p2`, on a second disk `d2p2`."""

    @property
    def volume_id(self) -> str:
        """`p1`, `p2` ... on its medium."""
        return self.partition.volume_id

    @cached_property
    def source(self) -> Source:
        """The volume itself."""
        source = self.medium.source
        prefix = f"{source.path}!" if source.path else ""
        return replace(source, path=f"{prefix}/{self.volume_id}", image_offset=None)

    @property
    def places(self) -> tuple[tuple[object, ...], ...]:
        """How MountedDevices may name it."""
        return self.partition.places(self.medium.table.disk_signature)

    @property
    def name(self) -> str:
        """`C:`, or `p2:` where the letter is not known."""
        return f"{self.letter or self.alias or self.volume_id}:"

    def windows_path(self, path: str) -> str:
        """`/Windows/x` as `C:\\Windows\\x`."""
        return self.name + path.replace("/", "\\")

    @cached_property
    def _mft(self) -> ExtentMap | None:
        assert self.filesystem is not None
        try:
            mft = self.filesystem.open_file(self.filesystem.entry(0))
        except EvidenceError:
            return None
        return flatten(mft.blocks, self.filesystem.blocks).extents()

    def record_place(self, inode: int) -> tuple[str, int | None]:
        """(layer, offset in the acquired image) of an MFT record; see `Medium.locate`."""
        if self._mft is None or self.filesystem is None:
            return self.medium.source.layer, None
        row = next(self._mft.find(inode * self.filesystem.record_size, 1), None)
        if row is None or row.kind != Kind.DATA:
            return self.medium.source.layer, None
        return self.medium.locate(row.at)

    def place(self, offset: int) -> tuple[str, int | None]:
        """(layer, offset in the acquired image) of a byte of the volume."""
        return self.medium.locate(self.partition.offset + offset)

    def root(self) -> "Item":
        """The root directory; raises NotInEvidence where there is no file system."""
        if self.filesystem is None:
            raise NotInEvidence(f"{self.name} cannot be read: "
                                f"{self.failure or self.partition.unsupported}")
        return Item(self, self.filesystem.root())

    def item(self, entry: Entry) -> "Item":
        """An entry of this volume with its place."""
        return Item(self, entry)

    def walk(self) -> "Iterator[Item]":
        """Every file and directory, deleted ones too; nothing where there is no file system."""
        if self.filesystem is not None:
            for entry in self.filesystem.walk():
                yield Item(self, entry)

    def listing(self) -> "Iterator[Item | Listed]":
        """The same, plain ones as rows, thousands at once; what is odd comes before them."""
        if self.filesystem is not None:
            for found in gathered(self.filesystem.listing()):
                yield found if isinstance(found, Listed) else Item(self, found)

    @cached_property
    def record_places(self) -> "RecordPlaces":
        """Where all MFT records lie."""
        spans: list[Span] = []
        for row in self._mft if self._mft is not None else ():
            if row.kind == Kind.DATA:
                spans += [span._replace(start=span.start - row.at + row.start)
                          for span in self.medium.spans(row.at, row.length)]
        return RecordPlaces.of(spans, self.medium.source.layer)

    def touched(self) -> dict[tuple[int, str], Touched]:
        """Streams with bytes that are known to be unreadable, by (MFT number, stream)."""
        if self.filesystem is None:
            return {}
        medium = self.medium
        lost = losses.of_partition(medium.lost(), medium.blocks.size, self.partition)
        return self.filesystem.touched(lost.ranges)

    def record(self) -> Volume:
        """What the volume table says of it."""
        fs, partition = self.filesystem, self.partition
        state = "read" if fs else "unsupported" if partition.unsupported else "unreadable"
        layer, at = self.medium.locate(partition.offset)
        return Volume(
            source=replace(self.source, layer=layer, image_offset=at), volume_id=self.volume_id,
            drive_letter=self.letter, drive_letter_basis=self.letter_basis,
            format=partition.format, label=fs.label if fs else "",
            serial=fs.serial if fs else "", scheme=partition.scheme,
            offset=partition.offset, size=partition.size, state=state)


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A file or directory on a volume."""

    volume: MountedVolume
    entry: Entry
    stream: str = ""

    @property
    def path(self) -> str:
        """Windows path, `C:\\Windows`."""
        path = self.volume.windows_path(self.entry.path)
        return f"{path}:{self.stream}" if self.stream else path

    @property
    def name(self) -> str:
        """Last part of its path."""
        return self.entry.name

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from any other item: its volume and MFT entry."""
        return self.volume.source.address, self.entry.inode

    @property
    def folder(self) -> str:
        """Name of the directory it lies in."""
        return self.entry.path.rpartition("/")[0].rpartition("/")[2]

    @property
    def source(self) -> Source:
        """Its address, MFT entry, and where its first byte lies in the image."""
        source = self.volume.source
        path = source.path + self.entry.path.rstrip("/").replace("!/", "%21/")
        return replace(source, path=f"{path}:{self.stream}" if self.stream else path,
                       entry=self.entry.inode, image_offset=None)

    def open(self) -> File:
        """The content; raises EvidenceError where the stream cannot be opened."""
        if self.volume.filesystem is None:
            raise Corrupt("a volume without a file system")
        with self.attention():
            return self.volume.filesystem.open_file(self.entry, self.stream)

    def blocks(self) -> Blocks:
        """The content, read straight out of what was acquired where that can be done."""
        assert self.volume.filesystem is not None
        key, kept = (self.entry.inode, self.entry.sequence, self.path), self.volume.contents
        blocks = kept.get(key)
        if blocks is not None:
            attention.touch("file", self.source.address)
            return blocks
        blocks = flatten(self.open().blocks, self.volume.filesystem.blocks)
        map_ = blocks.extents()
        if map_ is None or len(map_) <= MOST_KEPT_EXTENTS:
            kept[key] = blocks
            if len(kept) > MOST_KEPT:
                kept.popitem(last=False)
        return blocks

    def read(self, limit: int = LARGEST_READ) -> bytes:
        """The whole content; raises Corrupt where it is larger than `limit` bytes."""
        with self.attention():
            blocks = self.blocks()
            if blocks.size > limit:
                raise Corrupt(f"{self.path} has {blocks.size} bytes, more than the {limit} allowed")
            return blocks.read_at(0, blocks.size)

    def attention(self) -> attention.on:
        """What is read meanwhile is this file; for decoders that read as they go."""
        return attention.on("file", self.source.address)

    def security(self) -> SecurityDescriptor:
        """Its owner and who may do what; raises EvidenceError."""
        assert self.volume.filesystem is not None
        return security_descriptor.parse(self.volume.filesystem.security_descriptor(self.entry))

    def entry_source(self) -> Source:
        """`source` with the place of its MFT record: where its name and times stand."""
        layer, at = self.volume.record_place(self.entry.inode)
        return replace(self.source, layer=layer, image_offset=at)

    def placed(self) -> Source:
        """`source` with the place of the first byte of its content.

        Resident content lies in the MFT record, whose place is given then.
        """
        try:
            map_ = self.blocks().extents()
        except EvidenceError:
            return self.entry_source()
        first = next(map_.find(0, 1), None) if map_ is not None else None
        if first is None or first.kind != Kind.DATA:
            return self.entry_source()
        layer, at = self.volume.medium.locate(first.at)
        return replace(self.source, layer=layer, image_offset=at)

    def child(self, name: str) -> "Item | None":
        """An item below it, `name` being relative with either slash; links are not followed."""
        assert self.volume.filesystem is not None
        if not self.entry.is_directory:
            return None
        below = name.replace("\\", "/").strip("/")
        entry = self.volume.filesystem.find(f"{self.entry.path.rstrip('/')}/{below}")
        return Item(self.volume, entry) if entry is not None else None

    def beside(self, name: str) -> "Item | None":
        """An item of the same directory."""
        assert self.volume.filesystem is not None
        folder = self.entry.path.rpartition("/")[0]
        entry = self.volume.filesystem.find(f"{folder}/{name}")
        return Item(self.volume, entry) if entry is not None else None

    def children(self) -> "list[Item]":
        """What lies directly in it."""
        assert self.volume.filesystem is not None
        return [Item(self.volume, e) for e in self.volume.filesystem.children(self.entry)]


def _mount(medium: Medium, partition: Partition) -> MountedVolume:
    if partition.unsupported or partition.format != "NTFS":
        return MountedVolume(medium, partition, None, None)
    volume = MountedVolume(medium, partition, None, None)
    address = volume.source.address
    try:
        with attention.on("volume", address):
            volume.filesystem = Ntfs.open(partition.blocks, address, partition.guessed)
    except EvidenceError as error:
        volume.failure = error
    return volume


def split_windows_path(path: str) -> tuple[str, list[str]]:
    """`C:\\a\\b`, `/C:/a/b`, `p2:/a/b` -> drive without colon and the names below it.

    The drive is "" where the path has none.
    """
    text = path.replace("/", "\\").lstrip("\\")
    drive, colon, rest = text.partition(":")
    if not colon or not drive.isalnum():
        drive, rest = "", text
    return drive, [part for part in rest.split("\\") if part]
