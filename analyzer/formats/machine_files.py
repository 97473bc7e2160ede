"""What a path or a line of text has to do with virtual machines, by its name alone.

For traces that name a file which may be long gone: a name proves nothing about content.
Sources: FIELD-GUIDE 1, 2.7, 8, 13 (suffixes and folders).
"""

import re
from typing import Final

from analyzer.formats.guid import normalise

KINDS: Final = {
    "vhd": "virtual disk", "vhdx": "virtual disk", "avhd": "virtual disk",
    "avhdx": "virtual disk", "vhds": "virtual disk set", "vud": "undo disk",
    "vmcx": "configuration", "vmc": "configuration", "exp": "configuration",
    "vmrs": "saved state", "vsv": "saved state", "vmgs": "guest state",
    "rct": "companion of a disk", "mrt": "companion of a disk", "hrl": "companion of a disk",
    "vfd": "virtual floppy", "vnc": "virtual network",
}
"""Suffix -> what such a file is."""
_OF_MACHINES: Final = re.compile(r"\\(?:virtual machines|snapshots|hyper-v)\\", re.IGNORECASE)
_MACHINE_FILE: Final = ("xml", "vmcx", "exp", "vmrs", "vsv", "bin", "vmgs")
_SUFFIXES: Final = frozenset((*KINDS, *_MACHINE_FILE))
_GUID: Final = 36
_WORDS: Final = re.compile(
    r"hyper-v|virtmgmt|vmconnect|inspectvhddialog|\bvmwp\b|\bvmms\b|"
    r"virtual (?:machine|hard disk)s?\b|"
    r"\.(?:a?vhdx?|vhds|vmcx?|vmrs|vud|vsv|vmgs)\b|disk2vhd|diskpart|vmrcplus|virtual ?pc\.exe",
    re.IGNORECASE)


def may_concern(name: str) -> bool:
    """Whether a bare name can be that of a file or folder of machines, whatever its folder."""
    return name.rpartition(".")[2].casefold() in _SUFFIXES or (
        len(name) >= _GUID and normalise(name.partition(".")[0]) != "")


def kind_of(path: str) -> str:
    """What the file is by its name: virtual disk, configuration ...; "" for any other.

    XML is a configuration where its name is a GUID or its folder one of machines, else
    "possible configuration".
    """
    stem, _, suffix = path.rpartition("\\")[2].rpartition(".")
    kind = suffix.casefold()
    if kind == "xml":
        sure = normalise(stem) or _OF_MACHINES.search(path)
        return "configuration" if sure else "possible configuration"
    if kind == "bin":
        return "saved state" if normalise(stem) else ""
    return KINDS.get(kind, "") if stem else ""


def machine_of(path: str) -> str:
    """GUID of the machine that a file is named after, upper case; "" where it is none.

    Files below a folder `Snapshots` are named after snapshots.
    """
    folder, _, name = path.rpartition("\\")
    stem, _, suffix = name.rpartition(".")
    if suffix.casefold() not in _MACHINE_FILE or folder.casefold().endswith("\\snapshots"):
        return ""
    return normalise(stem)


def is_management_program(path: str) -> bool:
    """Whether it is a program that virtual machines are managed with, among other things."""
    return path.rpartition("\\")[2].casefold() in ("mmc.exe", "servermanager.exe")


def concerns_machines(text: str) -> bool:
    """Whether a text names a tool, a folder or a file of virtual machines."""
    return _WORDS.search(text) is not None
