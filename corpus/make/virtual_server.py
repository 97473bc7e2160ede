"""Files of Virtual Server 2005: .vmc in the shape of real ones of Virtual PC, and shortcuts.

SCSI controllers and undo disks follow the elements that real files have for IDE: no .vmc of
Virtual Server itself was ever seen.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from uuid import UUID

BIOS = "8CFA867F-F796-4056-95F8-7F14CD0C5F58"
NETWORK = "FDCA1A5BFFA011DC806BE1EDD5D5E3CB"
"""A UUID of version 1 as a real .vmc has it."""


def paths(name: str, absolute: str, relative: str = "") -> str:
    """An absolute and a relative path."""
    return (f'<{name}><absolute type="string">{absolute}</absolute>'
            f'<relative type="string">{relative}</relative></{name}>')


def location(slot: int, kind: int, path: str = "", relative: str = "", undo: str = "") -> str:
    """A slot of a controller; kind 0 nothing, 1 disk, 2 optical drive."""
    return (f'<location id="{slot}"><drive_type type="integer">{kind}</drive_type>'
            f"{paths('pathname', path, relative)}{paths('undo_pathname', undo)}</location>")


def controller(bus: str, number: int, *locations: str) -> str:
    """A controller of a bus with its slots."""
    return f'<{bus}_controller id="{number}">{"".join(locations)}</{bus}_controller>'


def vmc(ide: str = "", scsi: str = "", floppy: str = "", saved: str = "",
        bios_guid: str = BIOS) -> bytes:
    """A machine with 256 MB, one adapter and one port."""
    text = (
        '<?xml version="1.0" encoding="UTF-16"?>\r\n'
        "<!-- Microsoft Virtual Machine Options and Settings -->\r\n<preferences>"
        '<version type="string">2.0</version><hardware><memory>'
        '<ram_size type="integer">256</ram_size></memory><pci_bus><ethernet_adapter>'
        '<ethernet_controller id="0"><virtual_network>'
        f'<id type="bytes">{NETWORK}</id><name type="string">External</name></virtual_network>'
        '<ethernet_card_address type="bytes">0003FFB186A0</ethernet_card_address>'
        f"</ethernet_controller></ethernet_adapter><ide_adapter>{ide}</ide_adapter>"
        f"<scsi_adapter>{scsi}</scsi_adapter></pci_bus><super_io>{floppy}"
        '<serial_port id="1"><port_type type="integer">3</port_type>'
        '<pipe_name type="string">\\\\.\\pipe\\kd</pipe_name></serial_port></super_io><bios>'
        f'<bios_guid type="string">{{{bios_guid}}}</bios_guid>'
        '<time_bytes type="bytes">06003500230000160510</time_bytes></bios></hardware>'
        '<properties><creator><build type="string">1.1.465.0</build>'
        '<name type="string">Microsoft Virtual Server 2005 R2</name></creator></properties>'
        f"<settings><configuration><saved_state>{paths('path', saved)}</saved_state>"
        "</configuration></settings></preferences>")
    return b"\xff\xfe" + text.encode("utf-16-le")


def shortcut(target: str, *, wide: bool = False, id_list: bytes = b"\x14\0xy",
             share: str = "") -> bytes:
    """A shell link with LinkInfo: a local path, a Unicode one beside it, or one on a share."""
    head = 0x24 if wide else 0x1C
    base, suffix = target.encode("cp1252", "replace") + b"\0", b"\0"
    body, local, network = b"", 0, 0
    if share:
        network = head
        body += struct.pack("<5I", 20 + len(share) + 1, 2, 20, 0, 0) + share.encode() + b"\0"
        suffix = base
    else:
        local = head
        body += base
    at_suffix = head + len(body)
    body += suffix
    offsets = struct.pack("<6I", head, 2 if share else 1, 0, local, network, at_suffix)
    if wide:
        at = head + len(body)
        text = target.encode("utf-16-le") + b"\0\0"
        body += text + b"\0\0"
        offsets += struct.pack("<2I", at, at + len(text))
    info = struct.pack("<I", 4 + len(offsets) + len(body)) + offsets + body
    header = struct.pack("<I16sII3QI", 76, UUID("00021401-0000-0000-c000-000000000046").bytes_le,
                         0x1 | 0x2 | 0x8 | 0x10 | 0x80, 0x20, 1, 2, 129_000_000_000_000_000, 4096)
    texts = b"".join(struct.pack("<H", len(text)) + text.encode("utf-16-le")
                     for text in ("..\\x.vmc", "C:\\vms"))
    return header.ljust(76, b"\0") + struct.pack("<H", len(id_list)) + id_list + info + texts


DESCRIPTION: Mapping[str, str] = {"vmc_path": "C:\\vms\\xp.vmc", "name": "XP"}


def description(leaves: Mapping[str, str] = DESCRIPTION) -> bytes:
    """A .vmcx of Windows Virtual PC: its root is known, its leaves are made up."""
    body = "".join(f'<{name} type="string">{text}</{name}>' for name, text in leaves.items())
    return f"<?xml version='1.0'?><vm_description>{body}</vm_description>".encode("utf-16")
