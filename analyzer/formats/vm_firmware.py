"""Firmware of a machine: the node of the virtual BIOS, with the EFI variables of generation 2.

    boot/device0 ...                          order of a BIOS
    nvram/_<vendor GUID>Boot0001/data         one EFI load option, base64
    nvram/_<vendor GUID>BootOrder/data        numbers of load options, u16 each
    nvram/last_update_time                    SYSTEMTIME, 16 bytes

Source: FIELD-GUIDE 2.9, 0.7 (measured); UEFI specification 3.1.3 (load options).
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analyzer import times
from analyzer.errors import Corrupt, Notice
from analyzer.formats import efi_load_option, vm_guids
from analyzer.formats.efi_load_option import LoadOption
from analyzer.formats.vm_settings import Node, Reader, as_bytes

BIOS: Final = f"_{vm_guids.BIOS.lower()}_"
_OPTION = re.compile(r"_[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}_?Boot([0-9A-F]{4})")
_DEVICES: Final = 4
_ORDER = re.compile(r"_[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}_?BootOrder")


@dataclass(frozen=True, slots=True)
class BootEntry:
    """One EFI load option; `position` in the boot order, None where that does not name it."""

    number: int
    position: int | None
    option: LoadOption
    key: str


@dataclass(frozen=True, slots=True)
class Firmware:
    """Texts are "" and others None where the file does not say."""

    boot_order: tuple[str, ...]
    """Words of a BIOS: Optical, HardDrive, Network, Floppy."""
    entries: tuple[BootEntry, ...]
    bios_guid: str
    bios_serial: str
    board_serial: str
    chassis_serial: str
    asset_tag: str
    secure_boot: bool | None
    secure_boot_template: str
    """GUID."""
    updated_at: int | None
    """When the EFI variables were last written."""


def firmware(read: Reader) -> Firmware:
    """What the configuration says of the firmware."""
    node = read.root.child(BIOS) or Node(BIOS)
    return Firmware(
        boot_order=_boot_order(node.child("boot")),
        entries=tuple(_entries(node.child("nvram"), read)),
        bios_guid=read.guid(f"{BIOS}/bios_guid"),
        bios_serial=read.text(f"{BIOS}/bios_serial_number"),
        board_serial=read.text(f"{BIOS}/base_board/serial_number"),
        chassis_serial=read.text(f"{BIOS}/chassis/serial_number"),
        asset_tag=read.text(f"{BIOS}/chassis/asset_tag"),
        secure_boot=read.bool(f"{BIOS}/secure_boot_enabled"),
        secure_boot_template=read.guid(f"{BIOS}/secure_boot_template_id"),
        updated_at=_updated(read),
    )


def _boot_order(boot: Node | None) -> tuple[str, ...]:
    """By the numbers of the devices; a part of an order would be another order.

    Every file that was seen names four, so these are whole in a torn file too.
    """
    entries = {int(child.name.removeprefix("device")): child for child in boot.children
               if re.fullmatch("device[0-9]{1,3}", child.name)} if boot is not None else {}
    if boot is None or not (boot.whole or entries.keys() >= set(range(_DEVICES))):
        return ()
    return tuple(entries[number].own_text() for number in sorted(entries))


def _entries(nvram: Node | None, read: Reader) -> Iterator[BootEntry]:
    """In the boot order, then those it does not name."""
    if nvram is None:
        return
    order = _order(nvram, read)
    found = []
    for node in nvram.children:
        match = _OPTION.fullmatch(node.name)
        if match is None or node.child("data") is None:
            continue
        data = as_bytes(node.text_at("data"))
        try:
            option = efi_load_option.parse(data or b"")
        except Corrupt as error:
            read.note(Notice("XML-VALUE", f"{node.key}: {error}",
                             "left out; the raw bytes stay in the settings"))
            continue
        number = int(match[1], 16)
        position = order.index(number) if number in order else None
        found.append(BootEntry(number, position, option, node.key))
    yield from sorted(found, key=lambda e: (e.position is None, e.position or 0, e.number))


def _order(nvram: Node, read: Reader) -> tuple[int, ...]:
    node = next((child for child in nvram.children if _ORDER.fullmatch(child.name)), None)
    text = node.text_at("data") if node is not None else ""
    data = as_bytes(text) or b""
    if node is None or not text:
        return ()
    if not data or len(data) % 2:
        read.unfit(f"{BIOS}/nvram/{node.name}/data", text, "a list of numbers of two bytes")
        return ()
    return tuple(number for number, in struct.iter_unpack("<H", data))


def _updated(read: Reader) -> int | None:
    """SYSTEMTIME: year, month, day of week, day, hour, minute, second, millisecond; UTC."""
    path = f"{BIOS}/nvram/last_update_time"
    text = read.text(path)
    data = as_bytes(text) or b""
    if not text:
        return None
    if data and not any(data):
        read.never(path, data.hex(" "))
        return None
    if len(data) == 16:
        year, month, weekday, day, hour, minute, second, ms = struct.unpack("<8H", data)
        try:
            at = times.parse_iso(f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
        except ValueError:
            at = -1
        if at in times.CLOCK and ms < 1000 and times.to_datetime(at).isoweekday() % 7 == weekday:
            return at + int(ms) * 10_000
    read.unfit(path, text, "a SYSTEMTIME of the years 1980 to 2099")
    return None
