"""Machines of Virtual Server 2005, Virtual PC 2004 and 2007, and Windows Virtual PC: `.vmc`.

    <preferences> <version type="string">2.0
      <hardware> <memory><ram_size>                        MB
        <pci_bus> <ethernet_adapter><ethernet_controller id="0">{virtual_network, ...address}
                  <ide_adapter>, <scsi_adapter> <..._controller id="0"><location id="0">
                      {drive_type, pathname{absolute, relative}, undo_pathname{...}}
        <super_io> {floppy, parallel_port, serial_port} <bios> {bios_guid, ...}
      <properties> {creator, modifier} <settings> {configuration/saved_state/path, ...}

The leaves are put where a configuration of Hyper-V has them, so that one model serves both;
each keeps its own key. Bytes are hexadecimal here.

Source: FIELD-GUIDE 13, measured on files of Virtual PC; docs/formats/vmc.md. SCSI controllers
and the numbers of drive types beyond 2 are unsure.
"""

import ntpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from analyzer.errors import Corrupt, NotThisFormat
from analyzer.formats import vm_configuration, vm_guids, xml_tree
from analyzer.formats.vm_configuration import VmConfiguration
from analyzer.formats.vm_settings import Node, as_bytes

ROOT: Final = "preferences"
_OURS: Final = ("hardware", "integration", "virtual_machines")
_DRIVES: Final = {"0": "NONE", "1": "VHD", "2": "ISO"}
_PORTS: Final = ("port_name", "pipe_name", "text_file_path/absolute", "text_file_path")
_SAID: Final = ("version", "properties/creator/name", "properties/creator/build",
                "properties/modifier/name", "properties/modifier/build", "settings/guest_os",
                "hardware/bios/time_bytes", "settings/startup/automatic/type",
                "settings/shutdown/quit/action")
"""Keys that facts are taken from beside the model's: `Traits`, the version, actions."""
_ABSOLUTE = re.compile(r"[A-Za-z]:[\\/]|\\\\")


@dataclass(frozen=True, slots=True)
class Traits:
    """What only these machines have; "" where the file does not say."""

    creator: str
    """Program that made it, with its build."""
    modifier: str
    guest_os: str
    clock: str
    """The guest's CMOS clock, local time of the guest, as `2010-05-16 23:35:06`."""


def parse(data: bytes, folder: str = "") -> VmConfiguration:
    """The machine in a .vmc that lies in the Windows folder `folder`.

    It has no id of its own: `vm_id` is "". Raises NotThisFormat for anything else, Unsupported
    above 16 MB, Corrupt where it looks like one and nothing can be read.
    """
    tree = xml_tree.read(data, ROOT, "hex")
    if not any(child.name in _OURS for child in tree.root.children):
        if tree.partial:
            raise Corrupt("torn before the hardware of the machine")
        raise NotThisFormat("XML preferences of something other than a machine")
    model = _model(tree.root, folder)
    said = vm_configuration.build(model, tree.settings, tree.notices, partial=tree.partial)
    return replace(said, version=tree.root.text_at("version"), is_snapshot=False,
                   start_action=_stored(tree.root, "settings/startup/automatic/type"),
                   stop_action=_stored(tree.root, "settings/shutdown/quit/action"),
                   understood=said.understood | {f"{ROOT}/{key}" for key in _SAID})


def _stored(root: Node, path: str) -> str:
    """`unknown (2)`: what the numbers of these programs mean is not known."""
    text = root.text_at(path)
    return f"unknown ({text})" if text else ""


def traits(settings_of: VmConfiguration) -> Traits:
    """Program, guest and clock, from the leaves of a machine."""
    said = {setting.key.removeprefix(f"{ROOT}/"): setting for setting in settings_of.settings}

    def text(key: str) -> str:
        return said[key].text.strip() if key in said else ""

    clock = said.get("hardware/bios/time_bytes")
    return Traits(
        " ".join(filter(None, (text("properties/creator/name"), text("properties/creator/build")))),
        " ".join(filter(None, (text("properties/modifier/name"),
                               text("properties/modifier/build")))),
        text("settings/guest_os"),
        _clock(clock.value) if clock is not None and isinstance(clock.value, bytes) else "")


def _clock(cmos: bytes) -> str:
    """Registers 0 to 9 of a real time clock in BCD; "" where they are no time."""
    digits = cmos.hex()
    if len(cmos) != 10 or not digits.isdecimal():
        return ""
    second, minute, hour, day, month, year = (digits[2 * at : 2 * at + 2]
                                              for at in (0, 2, 4, 7, 8, 9))
    if not (second < "60" and minute < "60" and hour < "24" and "01" <= day <= "31"
            and "01" <= month <= "12"):
        return ""
    return f"20{year}-{month}-{day} {hour}:{minute}:{second}"


def _model(root: Node, folder: str) -> Node:
    """The leaves of `root` where Hyper-V has them."""
    model = Node(vm_configuration.ROOT, whole=root.whole, key=root.key)
    bios = f"_{vm_guids.BIOS.lower()}_"
    for path, target in (
            ("hardware/memory/ram_size", "settings/memory/bank/size"),
            ("hardware/bios/bios_guid", f"{bios}/bios_guid"),
            ("hardware/bios/bios_serial_number", f"{bios}/bios_serial_number"),
            ("hardware/bios/base_board/serial_number", f"{bios}/base_board/serial_number"),
            ("hardware/bios/chassis/serial_number", f"{bios}/chassis/serial_number"),
            ("hardware/bios/chassis/asset_tag", f"{bios}/chassis/asset_tag"),
            ("settings/notes", "properties/notes")):
        leaf = root.child(path)
        if leaf is not None:
            _put(model, target, leaf)
    saved = _path(root.child("settings/configuration/saved_state/path"), folder)
    if saved is not None:
        _put(model, "savedstate/vsvlocation", *saved)
    _put_drives(model, root, folder)
    _put_adapters(model, root)
    _put_ports(model, root)
    return model


def _put(model: Node, target: str, leaf: Node, text: str | None = None) -> None:
    """A leaf at `target`, with another text where one is given."""
    *containers, name = target.split("/")
    node = model
    for part in containers:
        below = next((child for child in node.children if child.name == part), None)
        if below is None:
            below = Node(part, key=leaf.key)
            node.children.append(below)
        node = below
    node.children.append(Node(name, leaf.type, leaf.text if text is None else text, key=leaf.key))


def _path(node: Node | None, folder: str) -> tuple[Node, str] | None:
    """(leaf, Windows path) of a pathname; a relative one counts from the folder of the .vmc."""
    if node is None:
        return None
    absolute, relative = node.child("absolute"), node.child("relative")
    if absolute is not None and _ABSOLUTE.match(absolute.text.strip()):
        return absolute, absolute.text.strip()
    if not node.whole:
        return None  # the other half may say otherwise
    for leaf in (relative, absolute):
        if leaf is not None and leaf.text.strip():
            return leaf, ntpath.normpath(ntpath.join(folder, leaf.text.strip()))
    return None


def _numbered(node: Node | None, name: str) -> Iterator[tuple[int, Node]]:
    """Children `name`, by their attribute id; those whose start tag is lost are left out."""
    for child in node.children if node is not None else ():
        number = child.attributes.get("id", "")
        if child.name == name and not child.headless and len(number) < 5 \
                and (number.isdecimal() or not number):
            yield int(number or 0), child


def _put_drives(model: Node, root: Node, folder: str) -> None:
    bus = "hardware/pci_bus"
    for number, controller in _numbered(root.child(f"{bus}/ide_adapter"), "ide_controller"):
        base = f"_{vm_guids.IDE.lower()}_/controller{number}"
        for slot, location in _numbered(controller, "location"):
            _put_drive(model, f"{base}/drive{slot}", location, folder)
    for number, controller in _numbered(root.child(f"{bus}/scsi_adapter"), "scsi_controller"):
        instance = f"{number:08x}-0000-0000-0001-000000000000"
        for name, text in (("device", vm_guids.SCSI), ("instance", instance),
                           ("name", "Emulated SCSI Controller")):
            _put(model, f"manifest/vdev{number:03}/{name}", controller, text)
        for slot, location in _numbered(controller, "location"):
            _put_drive(model, f"_{instance}_/controller0/drive{slot}", location, folder)
    for number, floppy in _numbered(root.child("hardware/super_io"), "floppy"):
        path = _path(floppy.child("pathname"), folder)
        if path is not None:
            base = f"_{vm_guids.FLOPPY.lower()}_/controller0/drive{number}"
            _put(model, f"{base}/type", floppy, "VFD")
            _put(model, f"{base}/pathname", *path)


def _put_drive(model: Node, base: str, location: Node, folder: str) -> None:
    kind = location.child("drive_type")
    if kind is None or (not location.whole and not location.child("pathname/relative")):
        return  # half a drive would show as an empty one
    number = kind.text.strip()
    _put(model, f"{base}/type", kind, _DRIVES.get(number, f"drive type {number}"))
    for name in ("pathname", "undo_pathname"):
        path = _path(location.child(name), folder)
        if path is not None:
            _put(model, f"{base}/{name}", *path)


def _put_adapters(model: Node, root: Node) -> None:
    """The emulated adapter of these machines is the one that Hyper-V calls legacy."""
    adapter = root.child("hardware/pci_bus/ethernet_adapter")
    for number, controller in _numbered(adapter, "ethernet_controller"):
        base = f"_{number:08x}-0000-0000-0000-000000000000_"
        mac = controller.child("ethernet_card_address")
        network = controller.child("virtual_network/id")
        name = controller.child("virtual_network/name")
        _put(model, f"{base}/MacAddress", mac or controller, None if mac else "")
        _put(model, f"{base}/FriendlyName", controller, f"Ethernet controller {number}")
        if network is not None:
            _put(model, f"{base}/SwitchName", network, _uuid(network))
        if name is not None:
            _put(model, f"{base}/Connection/AltSwitchName", name)


def _uuid(leaf: Node) -> str:
    """GUID of 16 bytes; the text itself for anything else."""
    return guid_of(as_bytes(leaf.text, "hex") or b"") or leaf.text


def guid_of(data: bytes) -> str:
    """GUID text of 16 bytes in the order they are written; "" for any other number of bytes."""
    digits = data.hex().upper()
    if len(data) != 16:
        return ""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _put_ports(model: Node, root: Node) -> None:
    """A `serial_port` without id holds what all ports share. With type 0, as ports have that are
    connected to nothing, a path may be left over from before: the type is said beside it.
    """
    for number, port in _numbered(root.child("hardware/super_io"), "serial_port"):
        leaf = next((leaf for name in _PORTS if (leaf := port.child(name)) and leaf.text.strip()),
                    None)
        if leaf is None and "id" not in port.attributes:
            continue
        base = f"_{vm_guids.SERIAL.lower()}_/port{number}/connection"
        kind = port.child("port_type")
        unused = " (port_type 0)" if kind is not None and kind.text.strip() == "0" else ""
        _put(model, base, leaf or port, f"{leaf.text.strip()}{unused}" if leaf else "")
