"""EFI_LOAD_OPTION: what an EFI variable Boot#### holds.

    offset 0   u32  attributes (bit 0: active)
    offset 4   u16  length of the device path list
    offset 6   description, UTF-16LE with NUL
    then       device path: nodes {u8 type, u8 subtype, u16 length of all, data}, up to 7F FF
    then       optional data

    01 04   hardware, vendor GUID and data. Hyper-V's own vendor: class GUID, channel instance GUID
    03 02   SCSI: u16 target, u16 logical unit
    03 0B   MAC address      03 0C   IPv4      03 0D   IPv6
    04 01   hard drive: u32 partition ... 16 bytes signature at 24
    04 04   file path, UTF-16LE

Source: UEFI specification 3.1.3, 10.3; FIELD-GUIDE 2.9 for Hyper-V's node (measured).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from analyzer.errors import Corrupt

_VMBUS: Final = bytes.fromhex("a2e5179b")
"""First bytes of the vendor GUID of a channel of the virtual machine bus."""
CLASSES: Final = {
    "F8615163-DF3E-46C5-913F-F2D2F965ED0E": "network",
    "BA6163D9-04A1-4D29-B605-72E2FFB1DC7F": "SCSI",
}
"""Class of a channel -> what it is."""
_END: Final = 0x7F
_MOST_NODES: Final = 64


@dataclass(frozen=True, slots=True)
class LoadOption:
    """One way to start; texts are "" where the device path does not say."""

    attributes: int
    description: str
    device: str
    """network, SCSI, or the GUID of another class of channel."""
    channel_id: str
    """ChannelInstanceGuid of the device it starts from, upper case, no braces."""
    target: str
    """Rest of the device path in words: `SCSI 0,1; partition 2 ...`."""
    file_path: str

    @property
    def is_active(self) -> bool:
        """Whether the firmware tries it."""
        return bool(self.attributes & 1)


def parse(data: bytes) -> LoadOption:
    """The load option in `data`; raises Corrupt where it ends early."""
    if len(data) < 8:
        raise Corrupt(f"a load option of {len(data)} bytes")
    attributes, length = struct.unpack_from("<IH", data)
    text, after = _text(data, 6)
    if after + length > len(data):
        raise Corrupt(f"a device path of {length} bytes in {len(data) - after}", after)
    device, channel, path, words = "", "", "", []
    for kind, subtype, body in _nodes(data[after : after + length]):
        if (kind, subtype) == (1, 4) and body.startswith(_VMBUS) and len(body) == 48:
            class_id, channel = _guid(body[16:32]), _guid(body[32:48])
            device = CLASSES.get(class_id, class_id)
        elif (kind, subtype) == (4, 4):
            path += body.decode("utf-16-le", "backslashreplace").rstrip("\0")
        else:
            words.append(_words(kind, subtype, body))
    return LoadOption(attributes, text, device, channel, "; ".join(words), path)


def _text(data: bytes, at: int) -> tuple[str, int]:
    """The description and the offset after its NUL."""
    for end in range(at, len(data) - 1, 2):
        if data[end : end + 2] == b"\0\0":
            return data[at:end].decode("utf-16-le", "backslashreplace"), end + 2
    raise Corrupt("a description without end", at)


def _nodes(path: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    for _ in range(_MOST_NODES):
        if at == len(path):
            return
        if at + 4 > len(path):
            raise Corrupt("a device path node cut short", at)
        kind, subtype, length = struct.unpack_from("<BBH", path, at)
        if kind == _END:
            return
        if not 4 <= length <= len(path) - at:
            raise Corrupt(f"a device path node of {length} bytes", at)
        yield kind, subtype, path[at + 4 : at + length]
        at += length
    raise Corrupt(f"more than {_MOST_NODES} device path nodes", at)


def _words(kind: int, subtype: int, body: bytes) -> str:
    if (kind, subtype) == (3, 2) and len(body) == 4:
        target, unit = struct.unpack("<HH", body)
        return f"SCSI {target},{unit}"
    if (kind, subtype) == (3, 11) and len(body) >= 6:
        return f"MAC {body[:6].hex('-').upper()}"
    if (kind, subtype) in ((3, 12), (3, 13)):
        return "IPv4" if subtype == 12 else "IPv6"
    if (kind, subtype) == (4, 1) and len(body) == 38:
        number, signature = struct.unpack_from("<I", body)[0], body[20:36]
        return f"partition {number} of id {_guid(signature)}"
    return f"node {kind:02X} {subtype:02X} {body[:64].hex()}"


def _guid(data: bytes) -> str:
    return str(UUID(bytes_le=data)).upper()
