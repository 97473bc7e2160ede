"""What a VMRS file says about a saved state, without reading the memory in it.

    savedstate / VmVersion, type
               / savedVM / partition_state       processors and devices, one blob
               / RamMemoryBlock<n>  48 bytes: version u32, flags u32, pages u64, first block u64,
                                    first guest page u64, node u32, u32, id u64
               / RamBlock<n>        1 MiB of memory; shorter where it is compressed (XPRESS)

Up to version 5.0 the keys stand without `savedstate` (never seen on a real file). The blocks of
memory are counted, not read. Source: microsoft/openvmm support/hvs_file/FORMAT.md, appendix A.
"""

import re
from dataclasses import dataclass
from typing import Final

from analyzer.formats.vm_settings import Setting
from analyzer.formats.vmcx import Vmcx
from analyzer.formats.vmcx_tree import FILE_OBJECT

RAM_BLOCK: Final = 1 << 20
_PAGE: Final = 4096
_KEY = re.compile(r"(?:savedstate/)?(savedVM/partition_state|RamMemoryBlock/?[0-9]+|"
                  r"RamBlock[0-9]+|VmVersion|type)")
_RAM = re.compile(r"(?:savedstate/)?RamBlock[0-9]+")
_SIZE = re.compile(r"([0-9]+) bytes at")


@dataclass(frozen=True, slots=True)
class SavedStateFacts:
    """Sizes in bytes. `version` is `major.minor`, "" where it is not said."""

    type: str
    """Normal, Snapshot, Fast, FastWithHandleTransfer; "" where it is not said."""
    version: str
    partition_state_size: int | None
    """None where there is no such key: the state is not complete without it."""
    memory_ranges: int
    memory_size: int
    """Of guest memory, as the ranges have it."""
    ram_blocks: int
    ram_blocks_compressed: int
    ram_blocks_size: int
    """As stored."""


def is_memory(key: str) -> bool:
    """Whether a key holds a block of guest memory: there may be hundreds of thousands."""
    return _RAM.fullmatch(key) is not None


def is_understood(key: str) -> bool:
    """Whether `saved_state` takes a fact from it."""
    return _KEY.fullmatch(key) is not None


def saved_state(file: Vmcx) -> SavedStateFacts | None:
    """The facts; None where the file holds no saved state, as that of a machine that is off."""
    found: dict[str, Setting] = {}
    for setting in file.settings:
        match = _KEY.fullmatch(setting.key)
        if match is not None:
            found[match[1]] = setting
    ranges = [setting.value for key, setting in found.items() if key.startswith("RamMemoryBlock")]
    blocks = [_size(setting) for key, setting in found.items() if key.startswith("RamBlock")]
    partition = found.get("savedVM/partition_state")
    if not ranges and not blocks and partition is None and "VmVersion" not in found:
        return None
    version, kind = found.get("VmVersion"), found.get("type")
    return SavedStateFacts(
        type=kind.text if kind is not None else "",
        version=_version(version.value) if version is not None else "",
        partition_state_size=_size(partition) if partition is not None else None,
        memory_ranges=len(ranges),
        memory_size=sum(int.from_bytes(value[8:16], "little") * _PAGE for value in ranges
                        if isinstance(value, bytes) and len(value) >= 48),
        ram_blocks=len(blocks),
        ram_blocks_compressed=sum(size < RAM_BLOCK for size in blocks),
        ram_blocks_size=sum(blocks))


def _version(value: object) -> str:
    return f"{value >> 8}.{value & 0xFF}" if isinstance(value, int) else ""


def _size(setting: Setting) -> int:
    """Bytes of a value, read or not."""
    if setting.type == FILE_OBJECT:
        match = _SIZE.match(setting.text)
        return int(match[1]) if match else 0
    return len(setting.value) if isinstance(setting.value, bytes) else 0
