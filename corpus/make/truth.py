"""Tells what a recipe built, as JSON: every statement comes from the construction itself.

Times are FILETIME ticks (100 ns since 1601-01-01 UTC); `si` and `fn` list created, modified,
MFT changed, accessed. Offsets and sizes are bytes. Unique ids of disks are hexadecimal digits.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus.make.guest import State
from corpus.make.host_windows import Switch
from corpus.make.ntfs import Entry, Volume
from corpus.make.times import iso, unix, vhd_seconds
from corpus.make.vm_xml import Drive, Machine, Snapshot
from corpus.make.windows import Windows
from corpus.make.world import Chain, KnownMachine, Layer, World

Json = dict[str, Any]
SECTOR = 512
_WIDTH = 360


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Writes the document, one line for each thing that fits on one."""
    path.write_text(_format(document, 0) + "\n", encoding="utf-8")


def volume(letter: str, offset: int, made: Volume) -> Json:
    """A host volume with everything on it, and what was deleted from it."""
    return {
        "letter": letter,
        "offset": offset,
        "size": made.sectors * SECTOR,
        "serial": f"{made.serial:016X}",
        "label": made.label,
        "files": [_entry(entry) for entry in _sorted(made.entries.values())],
        "deleted": [_entry(entry) for entry in _sorted(made.deleted.values())],
    }


def windows(inside: Windows) -> Json:
    """What the hives of an installation say."""
    return {
        "host_name": inside.host_name,
        "domain": inside.domain,
        "product": inside.product,
        "edition": inside.edition,
        "version": inside.version,
        "build": inside.build,
        "service_pack": inside.service_pack,
        "installed": unix(inside.installed),
        "installed_iso": iso(unix(inside.installed) * 10**7 + 116444736000000000),
        "time_zone": inside.zone.name,
        "time_zone_bias": inside.zone.bias,
        "system_root": f"C:\\{inside.root}",
        "guest_parameters": None
        if inside.guest_of is None
        else {"host": inside.guest_of[0], "machine": inside.guest_of[1]},
        "mounted_devices": {
            name: {"disk_signature": signature, "offset": offset}
            for name, (signature, offset) in inside.mounted.items()
        },
    }


def switch(row: Switch) -> Json:
    """A virtual switch."""
    return {
        "guid": row.guid,
        "name": row.name,
        "kind": row.kind,
        "adapter": row.adapter,
        "ports": [{"guid": port, "name": name} for port, name in row.ports],
        "written": row.made,
    }


def machines(world: World) -> list[Json]:
    """Every machine, sound or not."""
    return [_machine(known) for known in world.machines]


def chains(world: World) -> list[Json]:
    """Every disk in every state."""
    names = {known.machine.guid: known.machine.name for known in world.machines}
    return [_chain(chain, names.get(chain.machine, "")) for chain in world.chains]


def _machine(known: KnownMachine) -> Json:
    row = _settings(known.machine)
    row |= {
        "registered_by": known.registered_by,
        "link": known.link,
        "config": known.config,
        "flaw": known.flaw,
        "snapshots": [_snapshot(snapshot, path) for snapshot, path in known.snapshots],
        "current_parent": known.machine.current_parent,
        **known.more,
    }
    return row


def _snapshot(snapshot: Snapshot, path: str) -> Json:
    return {
        "guid": snapshot.guid,
        "name": snapshot.name,
        "created": snapshot.created,
        "created_iso": iso(snapshot.created),
        "parent": snapshot.parent,
        "config": path,
        "saved_state": snapshot.saved,
        "drives": [_drive(drive) for drive in snapshot.settings.drives],
    }


def _settings(machine: Machine) -> Json:
    skipped = ("current_parent", "snapshot_count")
    row = {
        field.name: getattr(machine, field.name)
        for field in dataclasses.fields(machine)
        if field.name not in skipped
    }
    row["created_iso"] = iso(machine.created)
    row["drives"] = [_drive(drive) for drive in machine.drives]
    row["nics"] = [dataclasses.asdict(nic) for nic in machine.nics]
    row["saved_state"] = row.pop("saved")
    return row


def _drive(drive: Drive) -> Json:
    return dataclasses.asdict(drive)


def _chain(chain: Chain, name: str) -> Json:
    media = bytearray(chain.top.media)
    unreadable = _absent(chain.present) if chain.present is not None else []
    for at, length in unreadable:
        media[at : at + length] = bytes(length)
    return {
        "machine": chain.machine,
        "machine_name": name,
        "state": chain.state,
        "drive": None if chain.drive is None else _drive(chain.drive),
        "layers": [_layer(layer) for layer in chain.top.chain()],
        "missing_parent": chain.missing_parent,
        "media_size": len(media),
        "media_sha256": hashlib.sha256(media).hexdigest(),
        "unreadable": unreadable,
        "guest": None if chain.guest is None else _guest(chain.guest),
    }


def _layer(layer: Layer) -> Json:
    """A VHDX stores no time of creation."""
    row = {
        "path": layer.path,
        "kind": layer.kind,
        "unique_id": layer.unique_id.hex(),
        "created": None if layer.link_id else vhd_seconds(layer.created),
        "size": len(layer.data),
    }
    return row | ({"link_id": layer.link_id} if layer.link_id else {})


def _guest(state: State) -> Json:
    return {
        "windows": None if state.windows is None else windows(state.windows),
        "volume": {
            "offset": state.offset,
            "size": state.volume_size,
            "serial": f"{state.serial:016X}",
            "files": [_entry(entry) for entry in _sorted(state.entries.values())],
            "deleted": [_entry(entry) for entry in _sorted(state.deleted.values())],
        },
    }


def _absent(present: bytes) -> list[tuple[int, int]]:
    """Byte ranges (offset, length) of sectors that are not present, joined."""
    out: list[tuple[int, int]] = []
    start = 0
    while start < len(present):
        end = start
        while end < len(present) and not present[end]:
            end += 1
        if end > start:
            out.append((start * SECTOR, (end - start) * SECTOR))
        start = end + 1
    return out


def _entry(entry: Entry) -> Json:
    row: Json = {"path": entry.path, "kind": entry.kind}
    if entry.kind == "file":
        row |= {"size": entry.size, "sha256": entry.sha256}
    if entry.target:
        row["target"] = entry.target
    if entry.streams:
        row["streams"] = dict(entry.streams)
    return row | {"si": list(entry.stamp.si), "fn": list(entry.stamp.fn)}


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.path)


def _format(value: Any, depth: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= _WIDTH and depth > 0:
        return line
    pad = " " * (depth + 1)
    if isinstance(value, Mapping):
        rows = [f"{pad}{json.dumps(key)}: {_format(row, depth + 1)}" for key, row in value.items()]
        return "{\n" + ",\n".join(rows) + "\n" + " " * depth + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        rows = [pad + _format(row, depth + 1) for row in value]
        return "[\n" + ",\n".join(rows) + "\n" + " " * depth + "]"
    return line
