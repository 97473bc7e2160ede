"""Event log (EVTX 3.1) writer: events in, the bytes of a closed log out.

Each record holds its XML as a template of its own without values: start tags, attributes, text.
Layout of files, chunks and records: analyzer/formats/evtx_chunk.py. Binary XML, little-endian::

    0F 01 01 00              begin
    0C 01 id(4) place(4) next(4) guid(16) size(4) [its binary XML] values(4)   template
    01|41 dep(2) size(4) name(4) [name] [size(4) of attributes]   start tag, 40: has attributes
    06|46 name(4) [name]     attribute, 40: more follow         05 01 chars(2) text   text
    02 end of start tag      03 end of an empty element         04 end tag      00 end
    a name, where it stands first in the chunk: 0(4) hash(2) chars(2) text 0(2)

Source: J. Metz, "Windows XML Event Log (EVTX) format"; [MS-EVEN6] 2.2.12.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from corpus.make import times

CHUNK, HEADER, FIRST = 65_536, 4096, 512
VM_NAMESPACE = "http://www.microsoft.com/Windows/Virtualization/Events"
_BEGIN = b"\x0f\x01\x01\x00"
_EVENT_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `at` in ticks.

    data      fields in order, as EventData/Data or, with a `template`, as elements below
              UserData/<template>
    """

    at: int
    provider: str
    event_id: int
    channel: str
    data: tuple[tuple[str, str], ...] = ()
    template: str = ""
    computer: str = "HOST"
    user_sid: str = ""
    guid: str = ""
    level: int = 4
    process_id: int = 1000


def vml(at: int, provider: str, event_id: int, channel: str, *values: str,
        names: Sequence[str] = (), **more: str) -> Event:
    """An event of Hyper-V: `Parameter0` ... as older hosts write it, or the newer `names`."""
    keys = list(names) or [f"Parameter{number}" for number in range(len(values))]
    return Event(at, f"Microsoft-Windows-Hyper-V-{provider}", event_id,
                 f"Microsoft-Windows-Hyper-V-{channel}", tuple(zip(keys, values, strict=True)),
                 "VmlEventLog", **more)  # type: ignore[arg-type]  # texts only, as declared


def build(events: Iterable[Event], first_id: int = 1, *, dirty: bool = False,
          gaps: Mapping[int, int] | None = None) -> bytes:
    """A whole log. `dirty`: as copied from a running host, the header counts no chunk.

    gaps  place of an event, counted from 0 -> how many record ids are missing before it
    """
    chunks, rows, record_id = list[bytes](), list[tuple[int, Event]](), first_id
    for place, event in enumerate(events):
        record_id += (gaps or {}).get(place, 0)
        rows.append((record_id, event))
        record_id += 1
    while rows or not chunks:
        chunk, used = _chunk(rows)
        chunks.append(chunk)
        rows = rows[used:]
    last = 0 if dirty else len(chunks) - 1
    head = bytearray(HEADER)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, last, record_id, 128, 1, 3,
                     HEADER, last + 1)
    struct.pack_into("<I", head, 120, int(dirty))
    struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
    return bytes(head) + b"".join(chunks)


def overwritten(log: bytes, record_id: int) -> bytes:
    """The log with what one record says overwritten, and the checksum of its chunk as it was."""
    at = log.index(b"**\0\0", HEADER + FIRST)
    while struct.unpack_from("<Q", log, at + 8)[0] != record_id:
        at = log.index(b"**\0\0", at + 4)
    return log[:at + 24] + b"\xa5" * 64 + log[at + 88:]


def _chunk(rows: Sequence[tuple[int, Event]]) -> tuple[bytes, int]:
    """One chunk, and how many events are in it."""
    out, names, places = bytearray(FIRST), dict[str, int](), list[int]()
    for record_id, event in rows:
        if places and record_id != rows[len(places) - 1][0] + 1:
            break  # a chunk has no gaps
        known = dict(names)
        record = _record(record_id, event, len(out), names)
        if len(out) + len(record) > CHUNK:
            names = known
            break
        places.append(len(out))
        out += record
    if rows and not places:
        raise ValueError("an event that no chunk can hold")
    ids = [record_id for record_id, _ in rows[:len(places)]] or [0]
    struct.pack_into("<8sQQQQIII", out, 0, b"ElfChnk\0", ids[0], ids[-1], ids[0], ids[-1], 128,
                     places[-1] if places else 0, len(out))
    struct.pack_into("<I", out, 52, zlib.crc32(out[FIRST:]))
    struct.pack_into("<I", out, 124, zlib.crc32(out[128:FIRST], zlib.crc32(out[:120])))
    return bytes(out.ljust(CHUNK, b"\0")), len(places)


def _record(record_id: int, event: Event, at: int, names: dict[str, int]) -> bytes:
    body = bytearray(_BEGIN + b"\x0c\x01")
    body += struct.pack("<III", record_id, at + 24 + len(body) + 8, 0)
    body += struct.pack("<I12sI", record_id, b"vmtrail test", 0)
    size_at = len(body) - 4
    body += _BEGIN
    _element(_xml(record_id, event), body, at + 24, names)
    body += b"\0"
    struct.pack_into("<I", body, size_at, len(body) - size_at - 4)
    body += bytes(4) + b"\0"
    size = 24 + len(body) + 4
    size += -size % 8
    head = b"**\0\0" + struct.pack("<IQQ", size, record_id, event.at)
    return (head + body).ljust(size - 4, b"\0") + struct.pack("<I", size)


def _xml(record_id: int, event: Event) -> ET.Element:
    """The event as Windows shows it."""
    root = ET.Element("Event", {"xmlns": _EVENT_NAMESPACE})
    system = ET.SubElement(root, "System")
    provider = {"Name": event.provider}
    ET.SubElement(system, "Provider", provider | ({"Guid": event.guid} if event.guid else {}))
    for name, text in (("EventID", event.event_id), ("Version", 0), ("Level", event.level)):
        ET.SubElement(system, name).text = str(text)
    ET.SubElement(system, "TimeCreated", {"SystemTime": times.iso(event.at)})
    ET.SubElement(system, "EventRecordID").text = str(record_id)
    ET.SubElement(system, "Execution", {"ProcessID": str(event.process_id), "ThreadID": "8"})
    ET.SubElement(system, "Channel").text = event.channel
    ET.SubElement(system, "Computer").text = event.computer
    ET.SubElement(system, "Security", {"UserID": event.user_sid} if event.user_sid else {})
    if event.template:
        below = ET.SubElement(ET.SubElement(root, "UserData"), event.template,
                              {"xmlns": VM_NAMESPACE})
        for field, value in event.data:
            ET.SubElement(below, field).text = value
    elif event.data:
        below = ET.SubElement(root, "EventData")
        for field, value in event.data:
            ET.SubElement(below, "Data", {"Name": field} if field else {}).text = value
    return root


def _element(element: ET.Element, out: bytearray, origin: int, names: dict[str, int]) -> None:
    """Append an element; `origin` is the place of `out` in the chunk."""
    has_attributes = 0x40 if element.attrib else 0
    out += bytes([0x01 | has_attributes]) + b"\xff\xff"
    size_at = len(out)
    out += bytes(4)
    _name(element.tag, out, origin, names)
    if element.attrib:
        list_at = len(out)
        out += bytes(4)
        left = len(element.attrib)
        for name, text in element.attrib.items():
            left -= 1
            out.append(0x46 if left else 0x06)
            _name(name, out, origin, names)
            _text(text, out)
        struct.pack_into("<I", out, list_at, len(out) - list_at - 4)
    if element.text or len(element):
        out.append(0x02)
        if element.text:
            _text(element.text, out)
        for below in element:
            _element(below, out, origin, names)
        out.append(0x04)
    else:
        out.append(0x03)
    struct.pack_into("<I", out, size_at, len(out) - size_at - 4)


def _name(name: str, out: bytearray, origin: int, names: dict[str, int]) -> None:
    """The place of a name in the chunk; where it is new, the name follows."""
    place = origin + len(out) + 4
    out += struct.pack("<I", names.setdefault(name, place))
    if names[name] == place:
        code = 0
        for letter in name:
            code = (code * 65_599 + ord(letter)) & 0xFFFFFFFF
        out += struct.pack("<IHH", 0, code & 0xFFFF, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _text(text: str, out: bytearray) -> None:
    raw = text.encode("utf-16-le", "surrogatepass")
    out += b"\x05\x01" + struct.pack("<H", len(raw) // 2) + raw
