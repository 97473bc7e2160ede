"""The master file table of one volume: its records, and what several hold together.

Records are read through the padded image in chunks of 1 MiB; a record that touches bytes in
the ledger says so. Nothing here needs The Sleuth Kit.
"""

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analyzer.blocks import ExtentMap, Kind
from analyzer.errors import Corrupt, EvidenceError, Notice, Unreadable
from analyzer.filesystem.attributes import (
    Attribute,
    AttributeType,
    Reference,
    decode_attribute_list,
)
from analyzer.filesystem.boot import BootSector
from analyzer.filesystem.image import PaddedImage
from analyzer.filesystem.mft import MftRecord, apply_fixups, parse_record, remove_fixups
from analyzer.filesystem.stream import stream_map

_CHUNK: Final = 1 << 20
_CHUNKS: Final = 32
_MOST_RECORDS: Final = 1 << 24
"""Read in one pass: 16 GiB of $MFT. The volume may claim that all of it is $MFT."""
_MOST_KEPT: Final = 1024
"""Records that are kept for who asks again."""
_LARGEST_LIST: Final = 256 * 1024
_MOST_EXTENSIONS: Final = 8192
_MOST_PIECES: Final = 512
"""Of $MFT; each holds a hundred runs and more."""
_MOST_FAILURES: Final = 64
"""Then an attribute list is taken for noise; it could name any number of records."""


@dataclass(slots=True)
class MasterFileTable:
    """`map` says where $MFT lies in the volume, `count` how many records it has there."""

    image: PaddedImage
    boot: BootSector
    report: Callable[[Notice], None]
    map: ExtentMap
    count: int = 0
    _chunks: OrderedDict[int, bytes] = field(default_factory=OrderedDict)
    _records: OrderedDict[int, MftRecord] = field(default_factory=OrderedDict)

    def set_map(self, table: ExtentMap) -> None:
        """Read through `table` from now on."""
        ends = [extent.end for extent in table if extent.kind == Kind.DATA]
        known = min(ends[-1] if ends else 0, self.image.blocks.size)
        self.map, self.count = table, known // self.boot.record_size
        self._chunks.clear()
        self._records.clear()

    def raw(self, number: int) -> bytes:
        """The bytes of a record; zeros where they could not be read."""
        at = number * self.boot.record_size
        chunk = self._chunk(at // _CHUNK)
        return chunk[at % _CHUNK:at % _CHUNK + self.boot.record_size]

    def batches(self, size: int, room: NDArray[np.uint8]) -> Iterator[NDArray[np.int64]]:
        """The records that lie in the volume, without the table's holes, at most `size` at once.

        Their numbers, in order; their bytes stand in `room`, zeros for what is unreadable.
        """
        wide, after, most = self.boot.record_size, 0, _MOST_RECORDS
        for extent in self.map:
            if extent.kind != Kind.DATA:
                continue
            low = max(after, extent.start // wide)
            after = max(after, min(self.count, -(-extent.end // wide)))
            while low < after:
                high = min(low + size, after, low + most)
                if low == high:
                    self.report(Notice("MFT-MANY", f"more than {_MOST_RECORDS} MFT records",
                                       "the rest is not read"))
                    return
                most -= high - low
                self._fill(low * wide, room[:(high - low) * wide])
                yield np.arange(low, high)
                low = high

    def _fill(self, at: int, room: NDArray[np.uint8]) -> None:
        """`_bytes` into `room`."""
        for extent in self.map.find(at, len(room)):
            part, room = room[:extent.length], room[extent.length:]
            if extent.kind == Kind.DATA:
                self.image.fill(extent.at, part)
            else:
                part[:] = 0
        room[:] = 0

    def _bytes(self, at: int, length: int) -> bytes:
        """Bytes of $MFT, zeros where there are none."""
        return b"".join([self.image.read(extent.at, extent.length) if extent.kind == Kind.DATA
                         else bytes(extent.length) for extent in self.map.find(at, length)])

    def is_lost(self, number: int) -> bool:
        """Whether a part of the record could not be read."""
        return bool(self.image.ledger.ranges) and self.lost(number) is not None

    def lost(self, number: int) -> tuple[int, int] | None:
        """(volume offset, length) of a part of the record that could not be read."""
        for start, length in self.places(number):
            lost = self.image.ledger.overlap(start, length)
            if lost is not None:
                return lost
        return None

    def places(self, number: int) -> list[tuple[int, int]]:
        """(volume offset, length) of the pieces of a record."""
        size = self.boot.record_size
        return [(extent.at, extent.length) for extent in self.map.find(number * size, size)
                if extent.kind == Kind.DATA]

    def record(self, number: int) -> MftRecord:
        """The record `number`; raises Corrupt or Unreadable with the offset in the volume."""
        if not 0 <= number < self.count:
            raise Corrupt(f"MFT entry {number} of a table of {self.count}")
        known = self._records.get(number)
        if known is not None:
            return known
        data = self.raw(number)
        try:
            record = parse_record(data, number)
        except Corrupt as error:
            lost = self.lost(number) if self.image.ledger.ranges else None
            if lost is not None:
                raise Unreadable(f"MFT record {number}", *lost) from error
            places = self.places(number)
            raise Corrupt(error.what, places[0][0] if places else None) from error
        self._records[number] = record
        if len(self._records) > _MOST_KEPT:
            self._records.popitem(last=False)
        return record

    def whole(self, record: MftRecord) -> tuple[list[Attribute], EvidenceError | None]:
        """All attributes of a file, those of its extension records too, and what is missing.

        Extension records are those in the attribute list that name this record as their base.
        """
        attributes, damage = list(record.attributes), self._torn(record) or record.damage
        lists = list(record.of_type(AttributeType.ATTRIBUTE_LIST))
        if not lists:
            return attributes, damage
        try:
            entries = decode_attribute_list(self.value(lists[0], _LARGEST_LIST))
        except EvidenceError as error:
            return attributes, damage or error
        holders = dict.fromkeys(entry.record for entry in entries)
        failed = 0
        for reference in islice(holders, _MOST_EXTENSIONS):
            if reference.number == record.number:
                continue
            try:
                attributes += self.extension(record, reference).attributes
            except EvidenceError as error:
                damage, failed = damage or error, failed + 1
            if failed > _MOST_FAILURES:
                break
        return attributes, damage

    def value(self, attribute: Attribute, largest: int) -> bytes:
        """The bytes of a small attribute, resident or not; raises EvidenceError."""
        if attribute.value is not None:
            return attribute.value
        if attribute.size > largest:
            raise Corrupt(f"attribute {attribute.type:#x} of {attribute.size} bytes")
        table = stream_map([attribute], self.boot.cluster_size, self.image.blocks.size)
        data = b""
        for extent in table:
            if extent.kind == Kind.UNREADABLE:
                raise Corrupt(f"attribute {attribute.type:#x} outside the volume")
            if extent.kind == Kind.ZERO:
                data += bytes(extent.length)
                continue
            data += self.image.read(extent.at, extent.length)
            lost = self.image.ledger.overlap(extent.at, extent.length)
            if lost is not None:
                raise Unreadable(f"attribute {attribute.type:#x}", *lost)
        return data

    def _torn(self, record: MftRecord) -> EvidenceError | None:
        lost = self.lost(record.number) if self.image.ledger.ranges else None
        if lost is None or record.damage is None:
            return None
        return Unreadable(f"MFT record {record.number}", *lost)

    def extension(self, base: MftRecord, reference: Reference) -> MftRecord:
        """The record that `reference` names, if it extends `base`; raises EvidenceError."""
        part = self.record(reference.number)
        if part.base is None or part.base.number != base.number:
            raise Corrupt(f"MFT record {part.number} does not extend {base.number}")
        if not base.is_named_by(part.base.sequence):
            raise Corrupt(f"MFT record {part.number} extends an earlier use of {base.number}")
        if part.damage is not None:
            self.report_record(part.number, part.damage)
        return part

    def report_record(self, number: int, error: EvidenceError) -> None:
        """Say once that a record is not whole."""
        places = self.places(number) if 0 <= number < self.count else []
        start, length = places[0] if places else (None, None)
        self.report(Notice("MFT-REC", f"MFT record {number}: {error}",
                           "what it holds is missing or partial", start, length))

    def _chunk(self, number: int) -> bytes:
        if number in self._chunks:
            self._chunks.move_to_end(number)
            return self._chunks[number]
        self._chunks[number] = self._bytes(number * _CHUNK, _CHUNK)
        if len(self._chunks) > _CHUNKS:
            self._chunks.popitem(last=False)
        return self._chunks[number]


def open_table(image: PaddedImage, boot: BootSector,
               report: Callable[[Notice], None]) -> MasterFileTable:
    """The table that the boot sector points to; raises Corrupt or Unreadable.

    When record 0 is broken its copy in $MFTMirr takes its place, for every reader of `image`.
    """
    table = MasterFileTable(image, boot, report, ExtentMap.build([]))
    first = _first_record(image, boot, report)
    pieces = [a for a in first.of_type(AttributeType.DATA) if not a.name]
    table.set_map(stream_map(pieces, boot.cluster_size, image.blocks.size))
    for holder in _holders(table, first)[:_MOST_PIECES]:
        try:
            pieces += [a for a in table.extension(first, holder).of_type(AttributeType.DATA)
                       if not a.name]
            table.set_map(stream_map(pieces, boot.cluster_size, image.blocks.size))
        except EvidenceError as error:
            report(Notice("MFT-SIZE", f"a part of $MFT is missing: {error}",
                          "files in that part are not seen", boot.mft))
            break
    _clamp(table, pieces[0])
    return table


def _first_record(image: PaddedImage, boot: BootSector,
                  report: Callable[[Notice], None]) -> MftRecord:
    """$MFT's own record, or its mirror."""
    problems: list[EvidenceError] = []
    unfit: MftRecord | None = None
    for at in (boot.mft, boot.mirror):
        raw = image.read(at, boot.record_size)
        try:
            record = parse_record(raw, 0)
            data = [a for a in record.of_type(AttributeType.DATA) if not a.name]
            table = stream_map(data, boot.cluster_size, image.blocks.size)
            if not any(record.of_type(AttributeType.ATTRIBUTE_LIST)) and (
                    (table.kind != Kind.DATA).any() or table.at[0] != boot.mft):
                unfit = unfit or record
                raise Corrupt("data runs that do not hold all of $MFT")
        except Corrupt as error:
            lost = image.ledger.overlap(at, boot.record_size)
            problems.append(Corrupt(error.what, at) if lost is None
                            else Unreadable("MFT record 0", *lost))
            continue
        if unfit is not None and _claim(unfit) != _claim(record):
            break  # it claims too much: `_clamp` says so
        if problems:
            image.patches[boot.mft] = raw
            report(Notice("MFT-BOOT", f"MFT record 0: {problems[0]}",
                          "its copy in $MFTMirr is used", boot.mft, boot.record_size))
        return record
    if unfit is not None:  # the mirror is no better
        return unfit
    raise problems[0]


def _claim(first: MftRecord) -> int:
    """Bytes that $MFT says it has."""
    return next(a.real for a in first.of_type(AttributeType.DATA) if not a.name)


def _holders(table: MasterFileTable, first: MftRecord) -> list[Reference]:
    """The records that hold further pieces of $MFT, in the order of the pieces."""
    for attribute in first.of_type(AttributeType.ATTRIBUTE_LIST):
        try:
            entries = decode_attribute_list(table.value(attribute, _LARGEST_LIST))
        except EvidenceError as error:
            table.report_record(0, error)
            return []
        data = [e for e in entries if e.type == AttributeType.DATA and not e.name]
        data.sort(key=lambda entry: entry.first_vcn)
        return [e for e in dict.fromkeys(e.record for e in data) if e.number]
    return []


def _clamp(table: MasterFileTable, first: Attribute) -> None:
    """Say where $MFT claims more than lies in the volume, and tell The Sleuth Kit the truth.

    It would go through every record that the size claims, up to 2**63 bytes of them.
    """
    known = table.count * table.boot.record_size
    if first.initialized - known < table.boot.record_size:
        return
    table.report(Notice("MFT-SIZE", f"$MFT claims {first.real} bytes, {known} lie in the volume",
                        "only those are read", table.boot.mft))
    image = table.image
    raw = image.read(table.boot.mft, table.boot.record_size)
    data = bytearray(apply_fixups(raw)[0])
    struct.pack_into("<QQQ", data, first.at + 40, known, known, known)
    image.patches[table.boot.mft] = remove_fixups(bytes(data))
