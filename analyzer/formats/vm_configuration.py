"""What a machine's or snapshot's configuration says, from its tree of settings.

Meanings marked unsure in FIELD-GUIDE (start and stop actions, the snapshot's parent) are given
with the raw number or key beside them.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from analyzer.errors import Notice
from analyzer.formats import (
    guid,
    vm_firmware,
    vm_host_settings,
    vm_metrics,
    vm_resources,
    vm_settings,
)
from analyzer.formats.vm_devices import (
    Adapter,
    Component,
    ComPort,
    Devices,
    Drive,
    OtherDevice,
    devices,
)
from analyzer.formats.vm_firmware import Firmware
from analyzer.formats.vm_host_settings import HostSettings
from analyzer.formats.vm_metrics import Metric
from analyzer.formats.vm_resources import Memory, Processors
from analyzer.formats.vm_settings import Node, Reader, Setting

ROOT: Final = "configuration"
MACHINE: Final = "Virtual Machines"
PLANNED: Final = "Planned Virtual Machines"
_START: Final = {0: "nothing", 1: "restart if it was running", 2: "always start"}
_STOP: Final = {0: "turn off", 1: "save", 2: "shut down"}
_POINTER = re.compile("parent|antecedent|applied", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SavedState:
    """Where the saved state lies, as configured; the files may be gone."""

    memory_path: str
    """The .bin file."""
    state_path: str
    """The .vsv file."""
    type: str
    """`Normal (in progress)`: the configuration's word, and whether it says that it was being
    written."""

    @property
    def folder(self) -> str:
        """Folder of the files as configured."""
        return (self.state_path or self.memory_path).rpartition("\\")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class VmConfiguration:
    """One configuration. Texts are "" and others None where the file does not say.

    GUIDs are upper case without braces, times FILETIME ticks, sizes MB.
    """

    settings: tuple[Setting, ...]
    """Every leaf, in order of the file."""
    understood: frozenset[str]
    """Keys of those that the other fields were taken from."""
    partial: bool
    notices: tuple[Notice, ...]

    type_id: str
    global_id: str
    logical_id: str
    is_snapshot: bool | None
    """None where a torn file leaves it open."""
    is_planned: bool
    vm_id: str
    """Of the machine, in a snapshot's configuration too; "" where it is not said."""
    snapshot_id: str
    """"" for a machine."""
    name: str
    notes: str
    created_at: int | None
    version: str
    """`5.0` for 1280; numbers below 256 as they stand."""
    generation: int | None
    memory: Memory
    processors: Processors
    firmware: Firmware
    boot_order: tuple[str, ...]
    start_action: str
    stop_action: str
    saved_state: SavedState | None
    owner_sid: str
    bios_guid: str
    bios_serial: str
    powered_on_at: int | None
    powered_off_at: int | None
    state_changed_at: int | None
    disk_merge_pending: bool | None
    """A snapshot was deleted, and its disk is not merged yet."""
    host: HostSettings
    data_root: str
    snapshot_root: str
    metrics: tuple[Metric, ...]
    parent_candidates: tuple[tuple[str, str], ...]
    """(key, GUID) of every setting that may point to a parent or last applied snapshot."""

    drives: tuple[Drive, ...]
    adapters: tuple[Adapter, ...]
    com_ports: tuple[ComPort, ...]
    components: tuple[Component, ...]
    devices: tuple[OtherDevice, ...]


def build(root: Node, settings: tuple[Setting, ...], notices: list[Notice], *,
          partial: bool) -> VmConfiguration:
    """The configuration in the tree `root`; what does not fit is added to `notices`."""
    read = Reader(root, notices)
    type_id = read.text("properties/type_id")
    global_id = read.guid("properties/global_id")
    logical_id = read.guid("settings/global/logical_id")
    is_snapshot = _is_snapshot(type_id, global_id, logical_id, partial=partial)
    firmware = vm_firmware.firmware(read)
    parts: Devices = devices(read)
    made = VmConfiguration(
        settings=settings, partial=partial,
        type_id=type_id, global_id=global_id, logical_id=logical_id,
        is_snapshot=is_snapshot,
        is_planned=type_id == PLANNED,
        vm_id=logical_id or (global_id if is_snapshot is False else ""),
        snapshot_id=global_id if is_snapshot else "",
        name=read.text("properties/name"),
        notes=read.text("properties/notes"),
        created_at=read.filetime("properties/creation_time"),
        version=_version(read),
        generation=_generation(read),
        memory=vm_resources.memory(read),
        processors=vm_resources.processors(read),
        firmware=firmware,
        boot_order=firmware.boot_order,
        start_action=_action(read, "global_settings/power/host_startup/action", _START),
        stop_action=_action(read, "global_settings/power/host_shutdown/action", _STOP),
        saved_state=_saved_state(read),
        owner_sid=read.text("global_settings/owner/sid"),
        bios_guid=firmware.bios_guid, bios_serial=firmware.bios_serial,
        powered_on_at=read.filetime("properties/last_powered_on_time"),
        powered_off_at=read.filetime("properties/last_powered_off_time"),
        state_changed_at=read.filetime("properties/last_state_change_time"),
        disk_merge_pending=read.bool("global_settings/disk_merge_pending"),
        host=vm_host_settings.host_settings(read),
        data_root=read.text("global_settings/data_root"),
        snapshot_root=read.text("global_settings/snapshots/data_root"),
        metrics=vm_metrics.metrics(root),
        parent_candidates=_pointers(settings),
        drives=parts.drives,
        adapters=parts.adapters,
        com_ports=parts.com_ports,
        components=parts.components,
        devices=parts.others,
        notices=(), understood=vm_settings.understood(root),  # last: of all that was read above
    )
    return replace(made, notices=_said(read, made))


def _said(read: Reader, made: VmConfiguration) -> tuple[Notice, ...]:
    """All notices; one where a setting stands twice (which the service goes by is not known), one
    where a machine has two ids.

    The tree of a .vmc is one that we made, and says nothing of that.
    """
    is_own = not made.partial and read.root.key == ROOT
    keys = list(vm_settings.passed_over(read.root, made.understood)) if is_own else []
    if keys:
        more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
        read.note(Notice("XML-TWICE", f"{', '.join(keys[:5])}{more} stand beside others of their "
                         "names", "the first of each name was taken; all are in the settings"))
    if made.is_snapshot is False and made.global_id and made.logical_id not in ("", made.global_id):
        read.note(Notice("VM-ID", f"properties/global_id is {made.global_id}, settings/global/"
                         f"logical_id is {made.logical_id}: in a machine's configuration they are "
                         "one", "the machine is called by the second"))
    return read.said()


def _is_snapshot(type_id: str, global_id: str, logical_id: str, *, partial: bool) -> bool | None:
    """By type, where there is one; else a snapshot's own id differs from its machine's."""
    if type_id:
        return type_id not in (MACHINE, PLANNED)
    if global_id and logical_id:
        return global_id != logical_id
    return None if partial else False


def _version(read: Reader) -> str:
    """(major << 8) | minor. Small numbers are from before that rule, if they exist (unsure)."""
    number = read.count("properties/version")
    if number is None:
        return ""
    return f"{number >> 8}.{number & 0xFF}" if number > 0xFF else str(number)


def _generation(read: Reader) -> int | None:
    """1 or 2: no other was ever written."""
    path = "properties/subtype"
    number = read.count(path)
    if number not in (None, 0, 1):
        read.unfit(path, str(number), "0 or 1")
        return None
    return None if number is None else number + 1


def _action(read: Reader, path: str, words: dict[int, str]) -> str:
    """`save (1)`: the number stands beside the word, because the meaning is unsure."""
    number = read.integer(path)
    return "" if number is None else f"{words.get(number, 'unknown')} ({number})"


def _saved_state(read: Reader) -> SavedState | None:
    memory, state = read.text("savedstate/memlocation"), read.text("savedstate/vsvlocation")
    kind, is_going_on = read.text("savedstate/type"), read.bool("savedstate/in_progress")
    kind += " (in progress)" if is_going_on else ""
    return SavedState(memory, state, kind.strip()) if memory or state else None


def _pointers(settings: tuple[Setting, ...]) -> tuple[tuple[str, str], ...]:
    """GUIDs under names with parent, antecedent or applied (FIELD-GUIDE 3); zero is no pointer."""
    found = []
    for setting in settings:
        value = guid.normalise(setting.text)
        if value and value != guid.ZERO and _POINTER.search(setting.key.rpartition("/")[2]):
            found.append((setting.key, value))
    return tuple(found)
