"""Configuration XML of a virtual machine or snapshot, in the style of Windows Server 2008.

UTF-16LE with byte order mark, CRLF, two spaces of indent, no line end at the end; element names
sorted by code point; leaves typed string, integer, bool or bytes (base64). The structure follows
what is known of real files of 2012 R2 (field guide 2), less what came after 2008.

Unsure, because no public file of 2008 shows it: `DEVICE_LEGACY_NIC`, the element names of
`parent_global_id` and `last_applied_id`, `type_id` "Snapshots", pass-through `type`.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

Leaf = tuple[str, str]
"""Type and text."""
Node = dict[str, "Node | Leaf"]
_FALSE: Leaf = ("bool", "False")

DEVICE_IDE = "83f8638b-8dca-4152-9eda-2ca8b33039b4"
DEVICE_SCSI = "d422512d-2bf2-4752-809d-7b82b5fcb1b4"
DEVICE_FLOPPY = "8f0d2762-0b00-4e04-af4f-19010527cb93"
DEVICE_NIC = "2fc216b0-d2e2-4967-9b6d-b8a5c9ca2778"
DEVICE_LEGACY_NIC = "a5f9b2c4-3c1e-4d0f-9f6e-8b7e21140dec"
"""Unsure: chosen for the corpus. The manifest's name says what it is."""
DEVICE_COM = "8e3a359f-559a-4b6a-98a9-1690a6100ed7"
DEVICE_BIOS = "ac6b8dc1-3257-4a70-b1b2-a9c9215659ad"
_SINGLE = (
    ("58f75a6d-d949-4320-99e1-a2a2576d581c", "Microsoft Synthetic Mouse"),
    ("f3cf6965-e8d3-44a9-9b7d-a04245ea7525", "Microsoft Synthetic Video"),
)
COMPONENTS: Mapping[str, tuple[str, str]] = {
    "heartbeat": ("84eaae65-2f2e-45f5-9bb5-0e857dc8eb47", "Microsoft Heartbeat Component"),
    "kvp": ("2a34b1c2-fd73-4043-8a5b-dd2159bc743f", "Microsoft Key-Value Pair Exchange Component"),
    "shutdown": ("9f8233ac-be49-4c79-8ee3-e7e1985b2077", "Microsoft Shutdown Component"),
    "time sync": (
        "2497f4de-e9fa-4204-80e4-4b75c46419c0",
        "Microsoft Time Synchronization Component",
    ),
    "vss": ("5ced1297-4598-4915-a5fc-ad21bb4d02a4", "Microsoft VSS Component"),
}
"""Integration components of 2008: type GUID and name in the manifest."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive: `bus` is ide, scsi or floppy; `kind` VHD, ISO, VFD, PHYSICAL or NONE."""

    bus: str
    controller: int
    slot: int
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Nic:
    """One network adapter; `instance` names its node, `switch` and `port` are GUIDs or empty."""

    instance: str
    name: str
    mac: str
    legacy: bool = False
    static_mac: bool = False
    switch: str = ""
    port: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What one configuration file says. GUIDs are upper case without braces, times FILETIME."""

    guid: str
    name: str
    created: int
    notes: str = ""
    version: int = 512
    memory_mb: int = 512
    processors: int = 1
    boot: tuple[str, str, str, str] = ("Optical", "HardDrive", "Network", "Floppy")
    bios_guid: str = ""
    bios_serial: str = ""
    startup_action: int = 1
    shutdown_action: int = 1
    drives: tuple[Drive, ...] = ()
    scsi_instances: tuple[str, ...] = ()
    nics: tuple[Nic, ...] = ()
    com: tuple[str, str] = ("", "")
    components: tuple[str, ...] = tuple(COMPONENTS)
    saved: tuple[str, str] | None = None
    """Paths of the .bin and .vsv of a saved state."""
    snapshot_count: int = 0
    snapshot_root: str = ""
    data_root: str = ""
    current_parent: str = ""
    """GUID of the snapshot that the present state descends from (`last_applied_id`)."""
    owner_sid: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot: its own identity over the machine's settings frozen when it was taken."""

    guid: str
    name: str
    created: int
    parent: str
    settings: Machine
    saved: tuple[str, str] | None = None
    notes: str = field(default="")


def machine_xml(machine: Machine) -> bytes:
    """The bytes of a machine's configuration file."""
    return encode(settings_of(machine))


def settings_of(machine: Machine) -> Node:
    """What a machine's configuration says, whatever file it is written to."""
    return {"configuration": _configuration(machine)}


def snapshot_xml(snapshot: Snapshot) -> bytes:
    """The bytes of a snapshot's configuration file."""
    return encode(snapshot_settings(snapshot))


def snapshot_settings(snapshot: Snapshot) -> Node:
    """What a snapshot's configuration says, whatever file it is written to."""
    body = _configuration(snapshot.settings)
    body.pop("savedstate", None)
    if snapshot.saved is not None:
        body["savedstate"] = _saved_state(snapshot.saved)
    properties: Node = {
        "creation_time": _filetime(snapshot.created),
        "global_id": _string(snapshot.guid),
        "name": _string(snapshot.name),
        "notes": _string(snapshot.notes),
        "type_id": _string("Snapshots"),
        "version": _integer(snapshot.settings.version),
    }
    if snapshot.parent:
        properties["parent_global_id"] = _string(snapshot.parent)
    body["properties"] = properties
    settings = body["global_settings"]
    assert isinstance(settings, dict)
    settings.pop("snapshots", None)
    return {"configuration": body}


def encode(tree: Node) -> bytes:
    """UTF-16LE with byte order mark and CRLF."""
    lines = ['<?xml version="1.0" encoding="UTF-16" standalone="yes"?>', *_lines(tree, 0)]
    return b"\xff\xfe" + "\r\n".join(lines).encode("utf-16-le")


def _lines(node: Node, depth: int) -> list[str]:
    out: list[str] = []
    pad = "  " * depth
    for name in sorted(node):
        child = node[name]
        if isinstance(child, dict):
            out += [f"{pad}<{name}>", *_lines(child, depth + 1), f"{pad}</{name}>"]
        else:
            kind, text = child
            out.append(f'{pad}<{name} type="{kind}">{escape(text)}</{name}>')
    return out


def _configuration(machine: Machine) -> Node:
    body: Node = {
        "global_settings": _global_settings(machine),
        "manifest": _manifest(machine),
        "properties": {
            "creation_time": _filetime(machine.created),
            "global_id": _string(machine.guid),
            "name": _string(machine.name),
            "notes": _string(machine.notes),
            "type_id": _string("Virtual Machines"),
            "version": _integer(machine.version),
        },
        "settings": _settings(machine),
    }
    if machine.saved is not None:
        body["savedstate"] = _saved_state(machine.saved)
    for device, _ in (*_SINGLE, *(COMPONENTS[name] for name in machine.components)):
        body[f"_{device}_"] = {"VDEVVersion": _integer(256)}
    ide = {(drive.controller, drive.slot): drive for drive in machine.drives if drive.bus == "ide"}
    body[f"_{DEVICE_IDE}_"] = _controllers(ide, 2, 2)
    floppy = next((drive for drive in machine.drives if drive.bus == "floppy"), None)
    empty = Drive("floppy", 0, 0, "VFD", "")
    body[f"_{DEVICE_FLOPPY}_"] = _controllers({(0, 0): floppy or empty}, 1, 1)
    body[f"_{DEVICE_COM}_"] = {
        "VDEVVersion": _integer(256),
        "port0": {"connection": _string(machine.com[0])},
        "port1": {"connection": _string(machine.com[1])},
    }
    body[f"_{DEVICE_BIOS}_"] = _bios(machine)
    for number, instance in enumerate(machine.scsi_instances):
        slots = {
            (0, drive.slot): drive
            for drive in machine.drives
            if drive.bus == "scsi" and drive.controller == number
        }
        body[f"_{instance.lower()}_"] = _controllers(slots, 1, 0, channel=f"{{{instance}}}")
    for nic in machine.nics:
        body[f"_{nic.instance.lower()}_"] = _nic(nic)
    return body


def _controllers(
    drives: Mapping[tuple[int, int], Drive], controllers: int, slots: int, channel: str = ""
) -> Node:
    node: Node = {"VDEVVersion": _integer(256)}
    if channel:
        node["ChannelInstanceGuid"] = _string(channel)
    for controller in range(controllers):
        places = range(slots) if slots else [slot for _, slot in sorted(drives)]
        rows: Node = {}
        for slot in places:
            drive = drives.get((controller, slot))
            rows[f"drive{slot}"] = {
                "pathname": _string(drive.path if drive else ""),
                "type": _string(drive.kind if drive else "NONE"),
            }
        if rows:
            node[f"controller{controller}"] = rows
    return node


def _nic(nic: Nic) -> Node:
    node: Node = {
        "FriendlyName": _string(nic.name),
        "IsConnected": _bool(bool(nic.switch)),
        "MacAddress": _string(nic.mac),
        "MacAddressIsStatic": _bool(nic.static_mac),
        "PortName": _string(nic.port),
        "SwitchName": _string(nic.switch),
        "VDEVVersion": _integer(256),
    }
    if not nic.legacy:
        node["ChannelInstanceGuid"] = _string(f"{{{nic.instance.lower()}}}")
    return node


def _bios(machine: Machine) -> Node:
    serial = _string(machine.bios_serial)
    return {
        "VDEVVersion": _integer(256),
        "base_board": {"serial_number": serial},
        "bios_guid": _string(f"{{{machine.bios_guid}}}"),
        "bios_serial_number": serial,
        "boot": {f"device{at}": _string(device) for at, device in enumerate(machine.boot)},
        "chassis": {"asset_tag": serial, "serial_number": serial},
        "num_lock": _FALSE,
    }


def _manifest(machine: Machine) -> Node:
    rows: list[tuple[str, str, str]] = [(device, device, name) for device, name in _SINGLE]
    rows += [
        (COMPONENTS[key][0], COMPONENTS[key][0], COMPONENTS[key][1]) for key in machine.components
    ]
    for nic in machine.nics:
        device = DEVICE_LEGACY_NIC if nic.legacy else DEVICE_NIC
        rows.append(
            (
                device,
                nic.instance,
                "Emulated Ethernet Port" if nic.legacy else "Synthetic Ethernet Port",
            )
        )
    rows += [
        (DEVICE_SCSI, instance, "Synthetic SCSI Controller") for instance in machine.scsi_instances
    ]
    node: Node = {"size": _integer(len(rows)), "version": _integer(256)}
    for number, (device, instance, name) in enumerate(rows, start=1):
        node[f"vdev{number:03}"] = {
            "device": _string(device),
            "flags": _integer(1),
            "instance": _string(instance.upper()),
            "name": _string(name),
        }
    return node


def _global_settings(machine: Machine) -> Node:
    snapshots: Node = {"list": {"size": _integer(machine.snapshot_count)}}
    if machine.snapshot_root:
        snapshots["data_root"] = _string(machine.snapshot_root)
    if machine.current_parent:
        snapshots["last_applied_id"] = _string(machine.current_parent)
    node: Node = {
        "disk_merge_pending": _FALSE,
        "power": {
            "host_shutdown": {"action": _integer(machine.shutdown_action)},
            "host_startup": {"action": _integer(machine.startup_action)},
        },
        "snapshots": snapshots,
        "unexpected_termination": {"action": _integer(1)},
    }
    if machine.data_root:
        node["data_root"] = _string(machine.data_root)
    if machine.owner_sid:
        node["owner"] = {"sid": _string(machine.owner_sid)}
    return node


def _settings(machine: Machine) -> Node:
    return {
        "global": {"logical_id": _string(machine.guid)},
        "memory": {
            "bank": {
                "limit": _integer(machine.memory_mb),
                "reservation": _integer(machine.memory_mb),
                "size": _integer(machine.memory_mb),
            }
        },
        "processors": {
            "count": _integer(machine.processors),
            "features": {"limit": _FALSE},
            "limit": _integer(100000),
            "limit_cpuid": _FALSE,
            "reservation": _integer(0),
            "weight": _integer(100),
        },
        "stopped_at_host_shutdown": _FALSE,
    }


def _saved_state(paths: Sequence[str]) -> Node:
    return {
        "in_progress": _FALSE,
        "memlocation": _string(paths[0]),
        "type": _string("Normal"),
        "vsvlocation": _string(paths[1]),
    }


def _string(text: str) -> Leaf:
    return "string", text


def _integer(number: int) -> Leaf:
    return "integer", str(number)


def _bool(value: bool) -> Leaf:
    return "bool", "True" if value else "False"


def _filetime(at: int) -> Leaf:
    return "bytes", base64.b64encode(struct.pack("<Q", at)).decode() + "\r\n"
