"""Drive letters: which volume was `C:` when the system ran.

`SYSTEM\\MountedDevices` holds `\\DosDevices\\X:` and `\\??\\Volume{guid}` values:

    12 bytes   MBR disk: u32 disk signature, u64 byte offset of the partition
    24 bytes   GPT disk: "DMIO:ID:" and the 16-byte partition GUID (mixed-endian)
    longer     UTF-16 device path of removable media; not resolved

Source: FIELD-GUIDE 9.4; layout seen in public hives and in Microsoft's mount manager sources.
"""

import re
import struct
import uuid
from collections.abc import Iterable, Sequence

from analyzer.formats.hive import Hive
from analyzer.volume import MountedVolume

LETTER = re.compile(r"\\DosDevices\\([A-Z]):", re.IGNORECASE)
VOLUME = re.compile(r"\\\?\?\\Volume\{([0-9A-F-]{36})\}", re.IGNORECASE)


def assign_letters(volumes: Sequence[MountedVolume], system_hive: Hive) -> None:
    """Give letters and volume GUIDs as MountedDevices has them."""
    key = system_hive.key("MountedDevices")
    for value in key.values() if key is not None else ():
        volume = _volume_of(value.data, volumes)
        if volume is None:
            continue
        if match := LETTER.fullmatch(value.name):
            volume.letter, volume.letter_basis = match[1].upper(), "MountedDevices"
        elif match := VOLUME.fullmatch(value.name):
            volume.guids.add(match[1].upper())


def infer_letters(volumes: Sequence[MountedVolume], windows: MountedVolume | None,
                  known_paths: Iterable[str]) -> None:
    """Letters for volumes without one, from content, marked as inferred.

    The volume with Windows takes the letter of SystemRoot (the first of `known_paths`); any
    other takes the letter of the known paths that exist on it and on no other volume.
    """
    taken = {v.letter for v in volumes if v.letter}
    paths = list(known_paths)
    if windows is not None and not windows.letter:
        letter = paths[0][0].upper() if paths else "C"
        if letter not in taken:
            _infer(windows, letter, "holds the Windows folder that SystemRoot names")
            taken.add(letter)
    for path in paths:
        letter = path[0].upper()
        if letter in taken:
            continue
        found = [v for v in volumes if not v.letter and v.filesystem is not None
                 and v.filesystem.find(path[2:].replace("\\", "/")) is not None]
        if len(found) == 1:
            _infer(found[0], letter, f"the only volume with {path[2:]}")
            taken.add(letter)


def _infer(volume: MountedVolume, letter: str, why: str) -> None:
    volume.letter, volume.letter_basis = letter, f"inferred: {why}"


def _volume_of(data: bytes, volumes: Sequence[MountedVolume]) -> MountedVolume | None:
    if len(data) == 12:
        signature, offset = struct.unpack("<IQ", data)
        for volume in volumes:
            if (volume.medium.table.disk_signature, volume.partition.offset) == (signature, offset):
                return volume
    elif len(data) == 24 and data.startswith(b"DMIO:ID:"):
        guid = str(uuid.UUID(bytes_le=data[8:])).upper()
        for volume in volumes:
            if volume.partition.guid == guid:
                return volume
    return None
