"""An NTFS volume: what is on it, and the bytes of each stream. The only importer of pytsk3.

The Sleuth Kit gives the names in directory indexes and decompresses LZNT1. Everything else is
our own reading of the master file table, which it does not show (initialized sizes, raw names,
$FILE_NAME times, security ids). Where it refuses a volume, directories are read without it.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from itertools import islice
from typing import Final

import pytsk3

from analyzer import attention
from analyzer.blocks import Blocks, ExtentMap
from analyzer.errors import Corrupt, EvidenceError, Exhausted, Notice, Refused, Unsupported
from analyzer.filesystem.agreement import Agreement, index_names
from analyzer.filesystem.attributes import Attribute, AttributeType
from analyzer.filesystem.boot import SIZE, BootSector
from analyzer.filesystem.boot_guess import best_boot
from analyzer.filesystem.directory import IndexName
from analyzer.filesystem.entries import (
    ORPHANS,
    Entry,
    File,
    Link,
    Stream,
    Times,
    make_entry,
    pieces,
)
from analyzer.filesystem.image import Ledger, PaddedImage
from analyzer.filesystem.listing import Listed
from analyzer.filesystem.mft_table import MasterFileTable, open_table
from analyzer.filesystem.name_index import NameIndex
from analyzer.filesystem.paths import Children, fold, has_short_name, locate
from analyzer.filesystem.reparse import Reparse
from analyzer.filesystem.salvage import Salvage, open_ground
from analyzer.filesystem.scan import scan
from analyzer.filesystem.security import SecurityStore
from analyzer.filesystem.streams import check_lost, open_stream
from analyzer.filesystem.touched import Touched, touched
from analyzer.filesystem.volume_information import volume_information
from analyzer.filesystem.walk import ROOT, Walk
from analyzer.formats.security_descriptor import LARGEST as LARGEST_DESCRIPTOR

__all__ = ["Entry", "File", "Ntfs", "Reparse", "Stream", "Times"]
_BITMAP: Final = 6
"""MFT number of $Bitmap."""
_SECURE: Final = 9
"""MFT number of $Secure."""
_MOST_NOTICES: Final = 1000
_RECORDS_LOST: Final = frozenset(("IMG-TRUNC", "MFT-MANY", "MFT-REC", "MFT-SIZE", "NTFS-MANY"))
_CACHED_DIRECTORIES: Final = 64
_CACHED_NAMES: Final = 200_000
"""In all of them."""
_MOST_NAMES: Final = 2_000_000
"""In one directory."""


class _Image(pytsk3.Img_Info):  # type: ignore[misc]  # pytsk3 has no types
    """The padded image as The Sleuth Kit wants it. `read` never raises."""

    def __init__(self, image: PaddedImage) -> None:
        self._image = image
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def read(self, offset: int, size: int) -> bytes:
        return self._image.read(offset, size)

    def get_size(self) -> int:
        return self._image.size


class Ntfs:
    """One volume. Not for use by several threads at once.

    blocks        the volume's bytes         label, serial, version ("3.1")
    cluster_size, record_size  bytes         is_dirty  None where $Volume cannot be read
    notices       what was odd so far; grows with reading
    """

    def __init__(self, blocks: Blocks, image: PaddedImage, table: MasterFileTable,
                 notices: dict[Notice, None], address: str) -> None:
        """Use `open`."""
        self.blocks = blocks
        self.serial = table.boot.serial
        self.cluster_size = table.boot.cluster_size
        self.record_size = table.boot.record_size
        self._image, self._table, self._notices = image, table, notices
        self._address = address
        self.label, self.version, self.is_dirty = volume_information(
            table, partial(_report, notices))
        self._names: NameIndex | None = None
        self._salvage: Salvage | None = None
        self._agreement: Agreement | None = None
        self._children: OrderedDict[tuple[int, int, str], Children] = OrderedDict()

    @classmethod
    def open(cls, blocks: Blocks, address: str = "",
             guessed: tuple[BootSector, bytes] | None = None) -> "Ntfs":
        """The volume in `blocks`; raises NotThisFormat, Corrupt or Unreadable.

        `address` is that of the volume, for who watches what is read; `guessed` is what
        `guess_boot` gives, where it was asked before: it may read 4 GiB.
        """
        boot, problem, raw, effect = best_boot(blocks, guessed)
        # The Sleuth Kit refuses a volume whose last sectors are not in the image
        claimed = boot.size + boot.sector_size
        image = PaddedImage(blocks, max(blocks.size, claimed))
        notices: dict[Notice, None] = {}
        report = partial(_report, notices)
        if problem is not None:
            image.patches[0] = raw
            report(Notice("NTFS-BOOT", f"boot sector: {problem}", effect, 0, SIZE))
        if blocks.size < boot.size:
            report(Notice("IMG-TRUNC", f"the volume has {boot.size} bytes, {blocks.size} are here",
                          "what lies past them cannot be read", blocks.size,
                          boot.size - blocks.size))
        table = open_table(image, boot, report)
        image.pin(table.map)
        return cls(blocks, image, table, notices, address)

    @property
    def notices(self) -> list[Notice]:
        """Each said once, in the order met."""
        return list(self._notices)

    @property
    def lost(self) -> list[tuple[int, int]]:
        """(offset, length) of what was unreadable and zero-filled, merged, in order."""
        return list(self._image.ledger.ranges)

    @property
    def lacks_records(self) -> bool:
        """Whether records of $MFT are known to be missing or damaged, and names with them."""
        return (self._names is None or self._names.unsigned > 0
                or any(notice.code in _RECORDS_LOST for notice in self._notices))

    def touched(self, ranges: Sequence[tuple[int, int]]) -> dict[tuple[int, str], Touched]:
        """By (MFT number, stream), what lies in `ranges` (offset, length) or in `lost`.

        Takes no time where there are none; see touched.py.
        """
        bad, end = Ledger(), self._table.boot.size
        for start, length in (*ranges, *self.lost, (self.blocks.size, end - self.blocks.size)):
            bad.add(start, min(length, end - start))
        found = touched(self._table, bad) if bad.ranges else ()
        return {(one.inode, one.stream): one for one in found}

    def root(self) -> Entry:
        """The root directory; raises nothing, its note says when its record is damaged."""
        return self._root

    @cached_property
    def _root(self) -> Entry:
        raw = ".".encode("utf-16-le")
        try:
            record = self._table.record(ROOT)
        except EvidenceError as error:
            self._table.report_record(ROOT, error)
            return Entry("/", ".", raw, ROOT, ROOT, allocated=True, is_directory=True,
                         note="record unreadable")
        name = record.names[0] if record.names else None
        link = Link(raw, ROOT, record.sequence, record.in_use, is_directory=True, record=record,
                    name=name)
        made = make_entry(self._table, link, "/")
        note = "damaged record" if record.damage is not None else ""
        return Entry("/", ".", raw, ROOT, record.sequence, record.in_use, is_directory=True,
                     times=made.times, streams=made.streams, reparse=made.reparse,
                     file_attributes=made.file_attributes, security_id=made.security_id,
                     note=note)

    def walk(self, *, deleted: bool = True) -> Iterator[Entry]:
        """Every entry below the root: parents before children, in one order each time."""
        for found in self.listing(deleted=deleted):
            if isinstance(found, Listed):
                yield from found.entries()
            else:
                yield found

    def listing(self, *, deleted: bool = True) -> Iterator[Entry | Listed]:
        """The same, plain files and directories as rows, not made entries yet."""
        return self._walk(include_deleted=deleted).run(self.root())

    def scan(self) -> Iterator[Entry | Listed]:
        """Every name by $MFT alone, in no order of directories; see scan.py."""
        return scan(self._walk().names)

    def children(self, directory: Entry) -> list[Entry]:
        """Allocated and deleted, sorted by name, then number."""
        return list(self._cached_children(directory).entries)

    def find(self, path: str) -> Entry | None:
        """The entry at "/Windows/System32": any case, no link followed; None when absent.

        Short names (PROGRA~1) are found too. An allocated entry is preferred to a deleted one,
        then the name's own case.
        """
        parts = [part for part in path.split("/") if part]
        entry = self.root()
        if parts and f"/{parts[0]}" == ORPHANS:
            wanted = fold("/" + "/".join(parts))
            return next((e for e in self.walk() if fold(e.path) == wanted), None)
        for part in parts:
            folded = fold(part)
            children = self._cached_children(entry)
            found = children.by_name.get(folded, [])
            if not found and "~" in part:
                found = [e for e in children.entries
                         if has_short_name(self._table, e.inode, entry.inode, folded)]
            if not found:
                return None
            entry = min(found, key=lambda e: (not e.allocated, e.name != part))
        return entry

    def entry(self, inode: int) -> Entry:
        """The entry with an MFT number, by the first of its names; raises Corrupt, Unreadable.

        Its path is worked out through the $FILE_NAMEs of its parents.
        """
        if inode == ROOT:
            return self.root()
        link, directory = locate(self._table, inode)
        return make_entry(self._table, link, directory)

    def open_file(self, entry: Entry, stream: str = "") -> File:
        """A stream of an entry; raises EvidenceError when there is none or it makes no sense."""
        attributes, damage = self._attributes(entry)
        found = pieces(attributes, stream)
        if not found:
            raise damage or EvidenceError(f"{entry.path} has no stream {stream!r}")
        address = self._at(f"{entry.path}:{stream}" if stream else entry.path)

        def decompress(first: Attribute, table: ExtentMap, offset: int, length: int) -> bytes:
            with attention.on("file", address):  # it is read when somebody asks, long after this
                return self._decompress(entry.inode, first, table, offset, length)

        blocks = open_stream(self.blocks, self.cluster_size, entry, found, decompress)
        return File(entry.path, entry, stream, blocks.size, blocks)

    def security_descriptor(self, entry: Entry) -> bytes:
        """The self-relative descriptor of an entry; raises EvidenceError.

        That of its security id in $Secure, else its own attribute (NTFS 1.2, and files made by
        other drivers).
        """
        attributes, damage = self._attributes(entry)
        if entry.security_id:
            return self.security_store.descriptor(entry.security_id)
        for attribute in attributes:
            if attribute.type == AttributeType.SECURITY_DESCRIPTOR:
                return self._table.value(attribute, LARGEST_DESCRIPTOR)
        raise damage or Corrupt(f"{entry.path} has neither descriptor nor security id")

    @cached_property
    def security_store(self) -> SecurityStore:
        """$Secure; raises EvidenceError where the volume has none."""
        stream = self.open_file(self.entry(_SECURE), "$SDS")
        return SecurityStore(stream.blocks, partial(_report, self._notices))

    def stored_descriptors(self) -> Iterator[tuple[int, int, bytes]]:
        """(security id, offset in $SDS, descriptor) of all in $Secure, used or not.

        Raises EvidenceError where there is no $Secure; those that are damaged are noted.
        """
        return self.security_store.descriptors()

    def _attributes(self, entry: Entry) -> tuple[list[Attribute], EvidenceError | None]:
        """All of its attributes and what is missing; raises Corrupt where the record is reused."""
        record = self._table.record(entry.inode)
        if entry.sequence != record.sequence and (
                not entry.sequence or not record.is_named_by(entry.sequence)):
            raise Corrupt(f"{entry.path}: MFT entry {entry.inode} belongs to another file now")
        return self._table.whole(record)

    def _decompress(self, inode: int, first: Attribute, table: ExtentMap, offset: int,
                    length: int) -> bytes:
        """LZNT1 by The Sleuth Kit; raises Unreadable where it was given zeros for lost bytes."""
        if self._library is None:
            raise Unsupported("compressed, and The Sleuth Kit cannot open this volume")
        known = max(0, min(length, first.initialized - offset))
        data = b""
        if known:
            try:
                file = self._library.open_meta(inode)
                number = _attribute_id(file, first.name)
                data = file.read_random(offset, known, pytsk3.TSK_FS_ATTR_TYPE_NTFS_DATA, number)
            except OSError as error:
                raise Corrupt(f"compressed stream of MFT entry {inode}: {error}", offset) from error
            unit = self.cluster_size << first.compression_unit
            check_lost(self._image.ledger, table, unit, offset, known)
            if len(data) < known:
                raise Corrupt(f"compressed stream of MFT entry {inode} ends early",
                              offset + len(data))
        return data.ljust(length, b"\0")

    def salvage(self) -> Salvage:
        """Names in FILE records outside $MFT, looked for once; see salvage.py."""
        if self._salvage is None:
            names = self._walk().names
            with attention.on("volume", self._address):
                ground = open_ground(
                    self.blocks, names, {notice.code for notice in self._notices},
                    lambda: self.open_file(self.entry(_BITMAP)).blocks)
                self._salvage = Salvage(names, ground).run()
        return self._salvage

    def _walk(self, *, include_deleted: bool = True) -> Walk:
        if self._names is None or self._agreement is None:
            with attention.on("volume", self._address):
                self._names = NameIndex.build(self._table)
            self._agreement = Agreement(self._names)
        return Walk(self._names, self._agreement, self._index, partial(_report, self._notices),
                    include_deleted, self._address)

    def _cached_children(self, directory: Entry) -> Children:
        key = directory.inode, directory.sequence, directory.path
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = Children.of(self._walk().children(directory))
            count = sum(len(one.entries) for one in self._children.values())
            while len(self._children) > 1 and (len(self._children) > _CACHED_DIRECTORIES
                                               or count > _CACHED_NAMES):
                count -= len(self._children.popitem(last=False)[1].entries)
        self._children.move_to_end(key)
        return found

    def _at(self, path: str) -> str:
        """Its address, for who watches."""
        return f"{self._address}{path.replace('!/', '%21/')}" if self._address else ""

    def _index(self, inode: int, path: str) -> list[IndexName] | None:
        """The names in a directory's index and its slack; None, and a notice, where it fails.

        None without a notice where it is refused.
        """
        if self._library is None:
            return index_names(self._walk().names, inode)
        try:
            with attention.on("directory", self._at(path)):
                names = [file.info.name for file in islice(self._library.open_dir(inode=inode),
                                                           _MOST_NAMES + 1)]
        except Refused:
            return None
        except Exhausted as error:
            _report(self._notices, Notice(error.code, f"directory {path}: {error.in_full}",
                                          "its names come from the files alone"))
            return None
        except OSError as error:
            _report(self._notices, Notice("NTFS-DIR", f"directory {inode}: {error}",
                                          "its names are read without The Sleuth Kit"))
            return index_names(self._walk().names, inode)
        if len(names) > _MOST_NAMES:
            _report(self._notices, Notice(
                "NTFS-ENTRIES", f"directory {path[:200]}: more than {_MOST_NAMES} names in its "
                "index", "those behind them come from the files alone"))
            names.pop()
        # it adds names out of the master file table, without a type; those we read ourselves
        kinds = (pytsk3.TSK_FS_NAME_TYPE_DIR, pytsk3.TSK_FS_NAME_TYPE_REG)
        return [IndexName(name.name, name.meta_addr, name.meta_seq,
                          int(name.flags) == int(pytsk3.TSK_FS_NAME_FLAG_ALLOC),
                          name.type == pytsk3.TSK_FS_NAME_TYPE_DIR)
                for name in names if name.type in kinds]

    @cached_property
    def _library(self) -> "pytsk3.FS_Info | None":
        """Opened by who needs it first: where indexes and files agree, nobody does."""
        try:
            with attention.on("volume", self._address):
                return pytsk3.FS_Info(_Image(self._image), 0, pytsk3.TSK_FS_TYPE_NTFS)
        except (OSError, Exhausted) as error:
            _report(self._notices, Notice("NTFS-TSK", f"The Sleuth Kit: {error}",
                                          "directories are read without it, their slack is not"))
            return None


def _report(notices: dict[Notice, None], notice: Notice) -> None:
    if len(notices) < _MOST_NOTICES:
        notices.setdefault(notice)
    elif len(notices) == _MOST_NOTICES:
        notices[Notice("NTFS-MANY", f"over {_MOST_NOTICES} notices", "the rest is left out")] = None


def _attribute_id(file: "pytsk3.File", stream: str) -> int:
    """The Sleuth Kit's id of a $DATA attribute; it renumbers those of extension records."""
    for attribute in file:
        info = attribute.info
        if int(info.type) == int(pytsk3.TSK_FS_ATTR_TYPE_NTFS_DATA):
            name = (info.name or b"").decode("utf-8", "replace")
            if name == stream or (not stream and name in ("N/A", "$Data")):
                return int(info.id)
    raise OSError("no such attribute")
