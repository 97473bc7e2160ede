"""Settings of machines of configuration versions 5.0 (2012 R2) and 8.0/9.0 (2016, 2019).

The tree of `vm_xml` with what real files of 5.0 and 9.0 have more (field guide 2 and 4): power
times, dynamic memory, quality of service of drives, connections with features, EFI boot entries.
Leaves out metrics, whose repeated names a `Node` cannot hold.

Unsure: the keys of replication; `user_type`; that 8.0 and 9.0 differ in the number alone.
"""

from __future__ import annotations

import base64
import datetime
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from corpus.make import vm_xml
from corpus.make.times import DAY, TICKS
from corpus.make.vm_xml import Leaf, Machine, Nic, Node, Snapshot
from corpus.make.windows import guid

PLANNED = "Planned Virtual Machines"
XML_VERSION = 0x0500
TEMPLATE = "1734C6E8-3154-4DDA-BA5F-A874CC483422"
"""The secure boot template of Windows."""
_OFFLOAD = "C885BFD1-ABB7-418F-8163-9F379C9F7166", "50D7CB38-1C3E-4B1B-86D5-831734003B01"
_OFFLOAD_DATA = struct.pack("<5I", 512, 100, 0, 1, 0)
_RUNTIME_STATE = "917bd8cb-3bb6-4124-9383-b7d21ac07f79"
_EFI_VENDOR = "8BE4DF61-93CA-11D2-AA0D-00E098032B8C"
_VMBUS = uuid.UUID("9b17e5a2-0891-42dd-b653-80b5c22809ba")
_CLASSES = {"network": uuid.UUID("f8615163-df3e-46c5-913f-f2d2f965ed0e"),
            "SCSI": uuid.UUID("ba6163d9-04a1-4d29-b605-72e2ffb1dc7f")}
_TRUE: Leaf = ("bool", "True")
_FALSE: Leaf = ("bool", "False")
_SYSTEM_EPOCH_DAY = 1
"""Weekday of 1601-01-01, a Monday."""


@dataclass(frozen=True, slots=True)
class More:
    """What these versions say of a machine beside `Machine`. Times FILETIME, 0 for never."""

    generation: int = 1
    planned: bool = False
    clustered: bool = False
    merge_pending: bool = False
    powered_on: int = 0
    powered_off: int = 0
    dynamic_mb: tuple[int, int] | None = None
    """Minimum and maximum."""
    switch_names: Mapping[str, str] = field(default_factory=dict)
    """GUID -> name of the switches that adapters are connected to."""
    state_file: str = ""
    """Path of the .vmgs."""
    user_type: int = 3
    automatic: bool = False
    replica_of: str = ""
    """Name of the host that replicates the machine to this one."""

    def truth(self) -> dict[str, object]:
        """Rows for the truth."""
        return {
            "generation": self.generation, "planned": self.planned, "clustered": self.clustered,
            "merge_pending": self.merge_pending, "powered_on": self.powered_on,
            "powered_off": self.powered_off,
            "dynamic_mb": None if self.dynamic_mb is None else list(self.dynamic_mb),
            "switch_names": dict(self.switch_names), "state_file": self.state_file,
            "replica_of": self.replica_of,
        }


def settings(machine: Machine, more: More) -> Node:
    """What the configuration of a machine says."""
    tree = vm_xml.settings_of(machine)
    _add(_part(tree, "configuration"), machine, more)
    return tree


def snapshot_settings(snapshot: Snapshot, more: More) -> Node:
    """What the configuration of one of its snapshots says."""
    tree = vm_xml.snapshot_settings(snapshot)
    body = _part(tree, "configuration")
    properties = dict(_part(body, "properties"))
    _add(body, snapshot.settings, more)
    _part(body, "properties").update(properties)
    return tree


def _add(body: Node, machine: Machine, more: More) -> None:
    _part(body, "properties").update({
        "highly_available": _bool(more.clustered),
        "last_powered_off_time": _integer(more.powered_off),
        "last_powered_on_time": _integer(more.powered_on),
        "last_state_change_time": _integer(max(more.powered_on, more.powered_off)),
        "subtype": _integer(more.generation - 1),
        "type_id": ("string", PLANNED if more.planned else "Virtual Machines"),
    })
    _add_memory(_part(body, "settings"), machine, more)
    _add_global(_part(body, "global_settings"), machine, more)
    for name in [name for name in body if name.startswith("_")]:
        _add_qos(_part(body, name))
    for nic in machine.nics:
        _part(body, f"_{nic.instance.lower()}_").update(_connected(nic, more))
    bios = _part(body, f"_{vm_xml.DEVICE_BIOS}_")
    bios.update({"pause_after_boot_failure": _FALSE, "pxe_preferred_protocol": _integer(4),
                 "secure_boot_enabled": _bool(more.generation == 2)})
    if more.generation == 2:
        _make_generation_2(body, bios, machine)
    if more.state_file:
        body[f"_{_RUNTIME_STATE}_"] = {"StateFilePath": ("string", more.state_file),
                                       "UseTransient": _FALSE,
                                       "VDEVVersion": _integer(256)}


def _add_memory(node: Node, machine: Machine, more: More) -> None:
    low, high = more.dynamic_mb or (machine.memory_mb, 1 << 20)
    _part(_part(node, "memory"), "bank").update({
        "dynamic_memory_enabled": _bool(more.dynamic_mb is not None),
        "limit": _integer(high), "priority": _integer(5000), "reservation": _integer(low),
        "target_memory_buffer": _integer(20),
    })
    node["topology"] = {"low_mmio_gap_mb": _integer(128)}
    node["vnuma"] = {"enabled": _TRUE}
    if machine.version > XML_VERSION:
        del node["stopped_at_host_shutdown"]
        _part(node, "processors")["nested_virtualization"] = {"enabled": _FALSE}


def _add_global(node: Node, machine: Machine, more: More) -> None:
    node["disk_merge_pending"] = _bool(more.merge_pending)
    node["devices"] = {
        "allow_reduced_fc_redundancy": _FALSE,
        "generation_id": ("string", guid(f"generation {machine.guid}").replace("-", "").lower()),
        "storage_allow_full_scsi_command_set": _FALSE,
    }
    node["vhd_path_acled"] = _TRUE
    if machine.version > XML_VERSION and "snapshots" in node:
        _part(node, "snapshots").update({"enable_automatic": _bool(more.automatic),
                                         "user_type": _integer(more.user_type)})
    if more.replica_of:
        node["replication"] = {"settings": {
            "primary_server": ("string", more.replica_of), "relationship_type": _integer(0)}}


def _add_qos(node: Node) -> None:
    """Quality of service stands with occupied disk slots only."""
    for controller in [below for below in node.values() if isinstance(below, dict)]:
        for drive in controller.values():
            if isinstance(drive, dict) and drive.get("type") == ("string", "VHD"):
                drive.update({"iops_limit": _integer(0), "iops_reservation": _integer(0),
                              "persistent_reservations_supported": _FALSE,
                              "weight": _integer(100)})


def _connected(nic: Nic, more: More) -> Node:
    feature, setting = _OFFLOAD
    return {
        "ClusterMonitored": _TRUE,
        "Connection": {
            "AltPortName": ("string", "Dynamic Ethernet Switch Port"),
            "AltSwitchName": ("string", more.switch_names.get(nic.switch, "")),
            "AuthorizationScope": ("string", ""),
            f"Feature_{feature}": {
                "DisplayName": ("string", ""), "Flags": _integer(0),
                f"Setting_{setting}": {"Data": _bytes(_OFFLOAD_DATA), "Version": _integer(256)},
            },
            "HostResources": {"HostResource": ("string", nic.switch)},
            "PreventIPSpoofing": _FALSE,
        },
    }


def _make_generation_2(body: Node, bios: Node, machine: Machine) -> None:
    """No IDE, floppy or serial ports; EFI variables that name disk and adapter by channel."""
    for device in (vm_xml.DEVICE_IDE, vm_xml.DEVICE_FLOPPY, vm_xml.DEVICE_COM):
        del body[f"_{device}_"]
    del bios["boot"]
    starts = [("EFI SCSI Device", "SCSI", instance) for instance in machine.scsi_instances]
    starts += [("EFI Network", "network", nic.instance) for nic in machine.nics]
    nvram: Node = {"last_update_time": _bytes(_system_time(machine.created + DAY))}
    for number, (title, kind, channel) in enumerate(starts):
        nvram[f"_{_EFI_VENDOR}Boot{number:04X}"] = {
            "attributes": _integer(7), "data": _bytes(_load_option(title, kind, channel))}
    order = struct.pack(f"<{len(starts)}H", *range(len(starts)))
    nvram[f"_{_EFI_VENDOR}BootOrder"] = {"attributes": _integer(7), "data": _bytes(order)}
    bios["nvram"] = nvram
    bios["secure_boot_template_id"] = ("string", TEMPLATE)


def _load_option(title: str, kind: str, channel: str) -> bytes:
    """An EFI_LOAD_OPTION for a channel of the machine's bus."""
    path = struct.pack("<BBH", 1, 4, 52) + _VMBUS.bytes_le + _CLASSES[kind].bytes_le
    path += uuid.UUID(channel).bytes_le + b"\x7f\xff\4\0"
    return struct.pack("<IH", 1, len(path)) + f"{title}\0".encode("utf-16-le") + path


def _system_time(at: int) -> bytes:
    """SYSTEMTIME."""
    days, rest = divmod(at, DAY)
    moment = datetime.date(1601, 1, 1) + datetime.timedelta(days=days)
    seconds, parts = divmod(rest, TICKS)
    return struct.pack("<8H", moment.year, moment.month, (days + _SYSTEM_EPOCH_DAY) % 7, moment.day,
                       seconds // 3600, seconds // 60 % 60, seconds % 60, parts // 10_000)


def _part(node: Node, name: str) -> Node:
    below = node[name]
    assert isinstance(below, dict)
    return below


def _bool(value: bool) -> Leaf:
    return _TRUE if value else _FALSE


def _integer(number: int) -> Leaf:
    return "integer", str(number)


def _bytes(data: bytes) -> Leaf:
    return "bytes", base64.b64encode(data).decode() + "\r\n"
