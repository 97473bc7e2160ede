"""Event logs (EVTX): every record with its content, and every record that is not there.

Our own look (evtx_chunk.py) says which records exist; the Rust library evtx decodes their binary
XML, one chunk at a time, so that damage costs what it hits. What only our look sees is given as
`Unread`; record ids that no chunk has are told as gaps. The only importer of evtx.

The library's times are cut to microseconds in its text; the record's own FILETIME is used, and
TimeCreated only where that is 0 (logs that were filtered on export).
"""

import io
import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import evtx

from analyzer import times
from analyzer.errors import Notice
from analyzer.formats.evtx_chunk import (
    CHUNK,
    FIRST_RECORD,
    HEADER,
    MARK,
    Chunk,
    Found,
    check_header,
    chunks,
)
from analyzer.formats.readable import Readable

MOST_GAPS: Final = 200
_MOST_FIELDS: Final = 500
_LONGEST: Final = 32_768
_LEAST: Final = 28
"""Bytes of a record without content."""
_FILLER: Final = 1 << 32
_BLAMED: Final = re.compile(r"record number (\d{1,9})\b")
_ERRORS = (RuntimeError, ValueError, OSError, OverflowError)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event. Texts are "" and numbers None where it does not say.

    offset    of the record in the file
    template  root of its own data: EventData, or the element below UserData (VmlEventLog)
    data      (name, value) in order; unnamed ones are called by their number, from "0"
    """

    record_id: int
    offset: int
    written_at: int | None
    provider: str
    provider_guid: str
    event_id: int
    version: int | None
    level: int | None
    channel: str
    computer: str
    user_sid: str
    process_id: int | None
    template: str
    data: tuple[tuple[str, str], ...]

    def value(self, name: str) -> str:
        """The first value of a name, in any case; "" where there is none."""
        wanted = name.casefold()
        return next((value for key, value in self.data if key.casefold() == wanted), "")


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that is there and whose content is not known; `why` in words.

    is_slack  it stands behind the end of its chunk: left from earlier use of the place
    """

    record_id: int
    offset: int
    written_at: int | None
    why: str
    is_slack: bool = False


@dataclass(slots=True)
class EventLog:
    """One log. `notices` grows while `records` goes through it."""

    blocks: Readable
    notices: list[Notice] = field(default_factory=list)
    _ids: list[int] = field(default_factory=list)

    @classmethod
    def open(cls, blocks: Readable) -> "EventLog":
        """Raises NotThisFormat for other files, and what reading the header raises."""
        return cls(blocks, check_header(blocks.read_at(0, 128), blocks.size))

    def records(self) -> Iterator[EventRecord | Unread]:
        """Every record in order of its place; once."""
        for found in chunks(self.blocks):
            if isinstance(found, Notice):
                self.notices.append(found)
                continue
            self.notices += found.notices
            self.notices += [Notice("EVTX-RECORD", "no whole record where one should be",
                                    "an event or several are missing", found.offset + at, length)
                             for at, length in found.broken]
            yield from self._chunk(found)
        self._gaps()

    def _chunk(self, chunk: Chunk) -> Iterator[EventRecord | Unread]:
        decoded, why = _decoded(chunk)
        for number, record in enumerate(chunk.records):
            self._ids.append(record.record_id)
            offset = chunk.offset + record.offset
            content = decoded.get(number)
            event = _event(record, offset, content) if content is not None else None
            yield event or Unread(record.record_id, offset, record.written_at,
                                  why.get(number, "its content cannot be decoded"))
        for record in chunk.slack:
            yield Unread(record.record_id, chunk.offset + record.offset, record.written_at,
                         "behind the end of its chunk", is_slack=True)

    def _gaps(self) -> None:
        """Ids that are missing between the lowest and the highest."""
        ids, gaps = sorted(set(self._ids)), []
        for before, after in pairwise(ids):
            if after != before + 1:
                gaps.append((before + 1, after - 1))
        for first, last in gaps[:MOST_GAPS]:
            which = f"record {first} of the log is" if first == last else \
                f"records {first} to {last} of the log are"
            self.notices.append(Notice("EVTX-GAP", f"{which} missing",
                                       f"{last - first + 1} of its events are not known"))
        if len(gaps) > MOST_GAPS:
            lost = sum(last - first + 1 for first, last in gaps[MOST_GAPS:])
            self.notices.append(Notice("EVTX-GAP", f"{len(gaps) - MOST_GAPS} more gaps",
                                       f"{lost} more events are not known"))


# decoding


def _decoded(chunk: Chunk) -> tuple[dict[int, Any], dict[int, str]]:
    """Content of the records of one chunk by their number in it, and why there is none."""
    found: dict[int, Any] = {}
    why: dict[int, str] = {}
    try:
        rows = iter(evtx.PyEvtxParser(io.BytesIO(_as_file(chunk)), 1).records_json())
    except _ERRORS as error:
        return {}, dict.fromkeys(range(len(chunk.records)), str(error)[:300])
    for _ in range(len(chunk.records) + len(chunk.broken) + 1):
        try:
            row: Any = next(rows)
        except StopIteration:
            break
        except _ERRORS as error:
            named = _BLAMED.search(str(error))
            if named:
                why[int(named[1])] = str(error)[:300]
            continue
        try:
            found[row["event_record_id"]] = json.loads(row["data"])
        except (ValueError, RecursionError) as error:
            why[row["event_record_id"]] = str(error)[:300]
    return found, why


def _as_file(chunk: Chunk) -> bytes:
    """A log with this chunk only, mended so that every whole record is reached.

    Records are given their number in the chunk as id, so that two with one id stay two. What is
    broken between them becomes a record without content. Templates are found by their place in
    the chunk, so nothing is moved.
    """
    data = bytearray(chunk.data)
    for number, record in enumerate(chunk.records):
        struct.pack_into("<Q", data, record.offset + 8, number)
    for at, length in chunk.broken:
        if length >= _LEAST:
            data[at:at + 24] = MARK + struct.pack("<IQQ", length, _FILLER, 0)
            struct.pack_into("<I", data, at + length - 4, length)
    last = chunk.records[-1] if chunk.records else Found(FIRST_RECORD, 0, 0, None)
    end, count = last.offset + last.size, len(chunk.records)
    struct.pack_into("<8sQQQQIII", data, 0, b"ElfChnk\0", 0, count, 0, count, 128, last.offset, end)
    struct.pack_into("<I", data, 52, zlib.crc32(data[FIRST_RECORD:end]))
    struct.pack_into("<I", data, 124,
                     zlib.crc32(data[128:FIRST_RECORD], zlib.crc32(data[:120])))
    head = bytearray(HEADER)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, 0, 1, 128, 1, 3, HEADER, 1)
    struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
    return bytes(head + data[:CHUNK])


def _event(record: Found, offset: int, content: Any) -> EventRecord | None:
    """The event of a decoded record; None where it has no System part."""
    event = content.get("Event") if isinstance(content, dict) else None
    system = event.get("System") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(system, dict):
        return None
    provider, execution = _attributes(system, "Provider"), _attributes(system, "Execution")
    number = _number(_text_of(system.get("EventID")))
    if number is None:
        return None
    template, data = _data(event)
    return EventRecord(
        record.record_id, offset, record.written_at or _created(system),
        str(provider.get("Name") or provider.get("EventSourceName") or ""),
        str(provider.get("Guid") or "").strip("{}").upper(), number,
        _number(system.get("Version")), _number(system.get("Level")),
        str(system.get("Channel") or ""), str(system.get("Computer") or ""),
        str(_attributes(system, "Security").get("UserID") or ""),
        _number(execution.get("ProcessID")), template, data)


def _created(system: dict[str, Any]) -> int | None:
    try:
        return times.parse_iso(str(_attributes(system, "TimeCreated").get("SystemTime")))
    except ValueError:
        return None


def _attributes(element: dict[str, Any], name: str) -> dict[str, Any]:
    """The attributes of an element below."""
    below = element.get(name)
    found = below.get("#attributes") if isinstance(below, dict) else None
    return found if isinstance(found, dict) else {}


def _text_of(value: Any) -> Any:
    return value.get("#text") if isinstance(value, dict) else value


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _data(event: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Name of the template and the fields of EventData or UserData."""
    if isinstance(event.get("UserData"), dict):
        for name, below in event["UserData"].items():
            if not name.startswith("#"):
                return name, tuple(_fields("", below))[:_MOST_FIELDS]
    return ("EventData", tuple(_fields("", event["EventData"]))[:_MOST_FIELDS]) \
        if event.get("EventData") is not None else ("", ())


def _fields(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """(name, text) of every leaf: `outer/inner` for elements, `outer@name` for attributes."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key == "#attributes":
                yield from ((f"{name}@{attribute}", _text(text)) for attribute, text in
                            below.items() if not attribute.startswith("xmlns"))
                continue
            is_plain = key in ("#text", "Data")
            yield from _fields(name if is_plain else f"{name}/{key}" if name else key, below)
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _fields(f"{name}/{number}" if name else str(number), below)
    else:
        yield name or "0", _text(value)


def _text(value: Any) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text[:_LONGEST]
