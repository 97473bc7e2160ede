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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from analyzer.formats.hive import Hive
from analyzer.formats.hive_value import Value
from analyzer.volume import MountedVolume

LETTER = re.compile(r"\\DosDevices\\([A-Z]):", re.IGNORECASE)
VOLUME = re.compile(r"\\\?\?\\Volume\{([0-9A-F-]{36})\}", re.IGNORECASE)


def assign_letters(volumes: Sequence[MountedVolume], system_hive: Hive) -> None:
    """Give letters and volume GUIDs as MountedDevices has them."""
    for value in _devices(system_hive):
        place = _place(value.data)
        volume = next((v for v in volumes if place in v.places), None)
        if volume is None:
            continue
        if match := LETTER.fullmatch(value.name):
            volume.letter, volume.letter_basis = match[1].upper(), "MountedDevices"
        elif match := VOLUME.fullmatch(value.name):
            volume.guids.add(match[1].upper())


def known_places(system_hive: Hive) -> set[tuple[object, ...]]:
    """(disk signature, partition offset) or (partition GUID,) of all that is in MountedDevices."""
    return {place for value in _devices(system_hive) if (place := _place(value.data)) is not None}


@dataclass(frozen=True, slots=True)
class Mounted:
    """One value of MountedDevices: a letter or a volume GUID, and which partition has it."""

    name: str
    offset: int
    place: tuple[object, ...]
    letter: str = ""
    guid: str = ""

    @property
    def place_text(self) -> str:
        """`signature 0x1234ABCD, byte 1048576`, or the GUID of the partition."""
        if len(self.place) == 1:
            return str(self.place[0])
        return f"signature {self.place[0]:#010x}, byte {self.place[1]}"


def mounted_volumes(system_hive: Hive) -> dict[tuple[object, ...], list[Mounted]]:
    """The values of MountedDevices by the partition they name."""
    found: dict[tuple[object, ...], list[Mounted]] = {}
    for value in _devices(system_hive):
        place = _place(value.data)
        if place is None:
            continue
        letter, guid = LETTER.fullmatch(value.name), VOLUME.fullmatch(value.name)
        found.setdefault(place, []).append(Mounted(
            value.name, value.offset, place, letter[1].upper() if letter else "",
            guid[1].upper() if guid else ""))
    return found


def _devices(system_hive: Hive) -> Iterator[Value]:
    key = system_hive.key("MountedDevices")
    return key.values() if key is not None else iter(())


def infer_letters(volumes: Sequence[MountedVolume], windows: MountedVolume | None,
                  system_root: str, known_paths: Iterable[str]) -> None:
    """Letters for volumes without one, from content, marked as inferred.

    The volume with Windows takes the letter of SystemRoot, C where that is not known; any other
    takes the letter of the known paths that exist on it and on no other volume.
    """
    taken = {v.letter for v in volumes if v.letter}
    paths = list(known_paths)
    if windows is not None and not windows.letter:
        letter = system_root[0].upper() if system_root else "C"
        if letter not in taken:
            _infer(windows, letter, "holds the Windows folder that SystemRoot names" if system_root
                   else "holds a Windows folder, as C: usually does; SystemRoot is not known")
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


def _place(data: bytes) -> tuple[object, ...] | None:
    if len(data) == 12:
        return struct.unpack("<IQ", data)
    if len(data) == 24 and data.startswith(b"DMIO:ID:"):
        return (str(uuid.UUID(bytes_le=data[8:])).upper(),)
    return None
