"""Devices of a machine: the manifest's rows joined with the nodes `configuration/_<instance>_`.

A row without node and a node without row both occur. A node without row is known by its GUID
where it is a singleton (instance = device type), else by its content: a MAC address makes a
network adapter, a channel with drives a SCSI controller. SCSI controllers are numbered in the
order of the manifest, then those without row in the order of the file.

Unsure (FIELD-GUIDE 2.6-2.8): the device GUID of the legacy network adapter, so every adapter
that is not the synthetic one is called legacy; the word for pass-through disks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.errors import Notice
from analyzer.formats import guid, vm_guids, vm_settings
from analyzer.formats.vm_adapters import Adapter, adapter
from analyzer.formats.vm_settings import Node, Reader, as_integer

__all__ = ["Adapter", "ComPort", "Component", "Devices", "Drive", "OtherDevice", "Qos", "devices"]

_DEVICE_NODE = re.compile(r"_([0-9A-Fa-f-]{36})_")
_NUMBERED = re.compile(r"([a-z]+)([0-9]{1,4})")
_TOLD_ELSEWHERE = frozenset((
    "VDEVVersion", "ChannelInstanceGuid", "boot", "nvram", "base_board", "chassis", "bios_guid",
    "bios_serial_number", "secure_boot_enabled", "secure_boot_template_id"))
"""Of no use to a reader, or in fields of their own."""
_MEDIA = {"VHD": "disk", "ISO": "dvd", "VFD": "floppy", "NONE": "none"}


@dataclass(frozen=True, slots=True)
class Qos:
    """Quality of service of a drive, 2012 R2 and later; None where the file does not say."""

    iops_limit: int | None
    """In operations of 8 KB a second; 0 for none."""
    iops_reservation: int | None
    weight: int | None
    is_shared: bool | None
    """`persistent_reservations_supported`: several machines may use the disk at a time."""
    policy_id: str


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive slot; `medium` "none" is an empty slot, path "" a drive without medium."""

    controller: str
    """IDE, SCSI, floppy."""
    controller_number: int
    slot: int
    medium: str
    """disk, dvd, floppy, pass-through, none; the file's own word for others, "" for none read."""
    path: str
    qos: Qos | None = None
    undo_path: str = ""
    """Virtual Server: undo disk on top of the disk; it may be gone."""


@dataclass(frozen=True, slots=True)
class ComPort:
    """One serial port; `path` is a named pipe, "" where it is not connected."""

    number: int
    path: str


@dataclass(frozen=True, slots=True)
class Component:
    """One integration component; `enabled` None where the file does not say."""

    name: str
    device_id: str
    instance: str
    enabled: bool | None


@dataclass(frozen=True, slots=True)
class OtherDevice:
    """Any other device; `instance` equals `device_id` for singletons; "" where unknown."""

    device_id: str
    name: str
    instance: str
    channel_id: str = ""
    """GUID by which boot entries name it."""
    setting: str = ""
    """What its node says besides drives and firmware: `name=value; ...`."""
    state_file: str = ""
    """Of the guest runtime state: path of the .vmgs file."""


@dataclass(frozen=True, slots=True)
class Devices:
    """All of them."""

    drives: tuple[Drive, ...]
    adapters: tuple[Adapter, ...]
    com_ports: tuple[ComPort, ...]
    components: tuple[Component, ...]
    others: tuple[OtherDevice, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """One device: type, instance, name in the manifest, node; "" and empty where absent."""

    device: str
    instance: str
    name: str
    node: Node
    listed: bool


def devices(reader: Reader) -> Devices:
    """The devices of the configuration that `reader` reads."""
    rows = _rows(reader)
    _note_guessed_numbers(rows, reader)
    scsi = [row for row in rows if row.device == vm_guids.SCSI]
    drives = [d for row in rows if row.device == vm_guids.IDE for d in _ide(row.node)]
    drives += [d for nth, row in enumerate(scsi) for d in _drives("SCSI", row.node, nth)]
    drives += [d for row in rows if row.device == vm_guids.FLOPPY
               for d in _drives("floppy", row.node, 0)]
    adapters = [row for row in rows if _is_adapter(row)]
    special = (vm_guids.SERIAL, *vm_guids.COMPONENTS)
    return Devices(
        tuple(drives),
        tuple(adapter(row.device, row.name, row.node, reader) for row in adapters),
        tuple(port for row in rows if row.device == vm_guids.SERIAL for port in _ports(row.node)),
        tuple(Component(row.name, row.device, row.instance, row.node.bool_at("Enabled"))
              for row in rows if row.device in vm_guids.COMPONENTS),
        tuple(_other(row) for row in rows
              if row.device not in special and not _is_adapter(row)),
    )


def _rows(reader: Reader) -> list[_Row]:
    """Manifest first, in its order; then nodes that no row of it names."""
    nodes: dict[str, Node] = {}
    for child in reader.root.children:
        if match := _DEVICE_NODE.fullmatch(child.name):
            nodes.setdefault(match[1].upper(), child)
    manifest = reader.root.child("manifest") or Node("manifest")
    rows = []
    for _, _, row in sorted(_numbered(manifest, "vdev"), key=_order):
        device = guid.normalise(row.text_at("device"))
        instance = guid.normalise(row.text_at("instance"))
        if not device or not instance:
            if row.whole:
                reader.unfit(f"manifest/{row.name}", row.text_at("device"), "a device")
            continue
        name = row.text_at("name") or _type_name(device)
        rows.append(_Row(device, instance, name, nodes.pop(instance, Node(row.name)),
                         listed=True))
    for instance, node in nodes.items():
        device = _device_by_content(instance, node)
        rows.append(_Row(device, instance, _type_name(device), node, listed=False))
    return rows


def _note_guessed_numbers(rows: list[_Row], reader: Reader) -> None:
    """Says so where the numbers of SCSI controllers rest on the order of the file alone."""
    unlisted = sum(row.device == vm_guids.SCSI and not row.listed for row in rows)
    if unlisted:
        reader.note(Notice(
            "XML-PARTIAL", f"the manifest does not list {unlisted} SCSI controllers",
            "they are numbered in the order of the file, which may not be that of the machine"))


def _numbered(node: Node, word: str) -> Iterator[tuple[int, int, Node]]:
    """Children `word0`, `word1` ...: number, place among the children, child."""
    for place, child in enumerate(node.children):
        match = _NUMBERED.fullmatch(child.name)
        if match and match[1] == word:
            yield int(match[2]), place, child


def _type_name(device: str) -> str:
    return vm_guids.COMPONENTS.get(device) or vm_guids.OTHERS.get(device, "")


def _device_by_content(instance: str, node: Node) -> str:
    """Type of a node that the manifest does not list; "" where it cannot be told."""
    if instance in vm_guids.COMPONENTS or instance in vm_guids.OTHERS:
        return instance
    if node.child("ChannelInstanceGuid") is None:
        return ""
    if node.child("MacAddress") is not None:
        return vm_guids.ETHERNET
    return vm_guids.SCSI if any(_numbered(node, "controller")) else ""


def _ide(node: Node) -> list[Drive]:
    return [drive for number, _, controller in sorted(_numbered(node, "controller"), key=_order)
            for drive in _slots("IDE", controller, number)]


def _drives(word: str, node: Node, number: int) -> list[Drive]:
    """Drives of a controller device; it holds one `controller0`."""
    return [drive for _, _, controller in sorted(_numbered(node, "controller"), key=_order)
            for drive in _slots(word, controller, number)]


def _order(entry: tuple[int, int, Node]) -> tuple[int, int]:
    return entry[:2]


def _slots(word: str, controller: Node, number: int) -> Iterator[Drive]:
    for slot, _, node in sorted(_numbered(controller, "drive"), key=_order):
        if not node.whole and not (node.child("type") and node.child("pathname")):
            continue  # half a drive would show as an empty one
        kind, path = node.text_at("type"), node.text_at("pathname")
        medium = _MEDIA.get(kind.upper(), kind)
        if kind.upper().startswith("PHYSICAL"):
            medium = "pass-through"
        yield Drive(word, number, slot, medium, path, _qos(node),
                    node.text_at("undo_pathname"))


def _qos(node: Node) -> Qos | None:
    """None for a slot that has none of it, as before 2012 R2."""
    limit, reservation, weight = (as_integer(node.text_at(name))
                                  for name in ("iops_limit", "iops_reservation", "weight"))
    policy = guid.normalise(node.text_at("qos_policy_id"))
    qos = Qos(limit, reservation, weight, node.bool_at("persistent_reservations_supported"),
              "" if policy == guid.ZERO else policy)
    return None if qos == Qos(None, None, None, None, "") else qos


def _is_adapter(row: _Row) -> bool:
    return row.device == vm_guids.ETHERNET or row.node.child("MacAddress") is not None


def _other(row: _Row) -> OtherDevice:
    """Every leaf of its node: World Wide Names of Fibre Channel, a device passed through, ..."""
    node = row.node
    drives = (child.name for _, _, child in _numbered(node, "controller"))
    return OtherDevice(
        row.device, row.name, row.instance, guid.normalise(node.text_at("ChannelInstanceGuid")),
        vm_settings.told(node, _TOLD_ELSEWHERE.union(drives)),
        node.text_at("StateFilePath") if row.device == vm_guids.RUNTIME_STATE else "")


def _ports(node: Node) -> list[ComPort]:
    """`port0` is COM1."""
    return [ComPort(number + 1, port.text_at("connection"))
            for number, _, port in sorted(_numbered(node, "port"), key=_order)
            if port.child("connection") is not None]
