"""VMGS: guest state of a machine, its EFI variables and virtual TPM (Server 2019 and later).

    0        header "GUESTRTS": version u32, crc u32, sequence u32, header size u32, file table
             offset and size u32 in blocks of 4096 bytes; version 3: encryption u16 ...
    512, or 4096   the other copy; the valid one with the newer sequence counts
    table    64 entries of 64 bytes: block u32, allocated blocks u32, valid size u64, nonce 12,
             tag 16, attributes u32 (1 encrypted, 2 authenticated)
    end      VHD footer: the file is a fixed virtual disk

Little-endian, packed; CRC-32 of zlib over the header with its own field zero. Version 1 is a GPT
disk and is not read. What the files hold is not decoded: their names, sizes and whether they are
encrypted is what is said.

Source: microsoft/openvmm vm/vmgs/vmgs_format (facts only); FIELD-GUIDE 6. No real file was ever
seen: docs/formats/vmgs.md.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from analyzer.errors import Corrupt, NotThisFormat, Unsupported
from analyzer.formats.readable import Readable

MAGIC: Final = b"GUESTRTS"
BLOCK: Final = 4096
_HEADER: Final = struct.Struct("<8sIIIIII")
_LONGEST: Final = 512
"""Bytes that a header may have; 168 are known."""
_OTHERS: Final = (512, 4096)
_ENTRY: Final = struct.Struct("<IIQ12s16sI16x")
_ENTRIES: Final = 64
_ENCRYPTION: Final = {0: "none", 1: "AES-256-GCM"}
FILES: Final = {
    0: "file table", 1: "UEFI variables", 2: "TPM physical presence", 3: "virtual TPM",
    4: "clock skew", 5: "attestation", 6: "key protector", 7: "machine unique id",
    8: "guest firmware", 9: "custom UEFI", 10: "guest watchdog", 11: "hardware key protector",
    13: "guest secret key", 14: "hibernation token", 15: "platform seed",
    16: "provenance document", 17: "virtual TPM, backup", 18: "provisioning marker",
    63: "extended file table",
}


@dataclass(frozen=True, slots=True)
class GuestFile:
    """One file in it: `at` and `size` in bytes, `allocated` with what is reserved for it."""

    number: int
    name: str
    at: int
    size: int
    allocated: int
    is_encrypted: bool


@dataclass(frozen=True, slots=True)
class GuestState:
    """A VMGS file. `spare` is True where one header copy is lost or damaged."""

    version: str
    encryption: str
    sequence: int
    files: tuple[GuestFile, ...]
    spare: bool

    def __str__(self) -> str:
        held = ", ".join(f"{file.name} {file.size} bytes{' encrypted' * file.is_encrypted}"
                         for file in self.files)
        return f"guest state {self.version}: {held or 'nothing'}"


def parse(blocks: Readable) -> GuestState:
    """What is in a VMGS file.

    Raises NotThisFormat, Unsupported for version 1 and later ones than 3, Corrupt where no header
    holds or its table lies outside of the file.
    """
    head = blocks.read_at(0, _OTHERS[-1] + _LONGEST)
    copies = [head[at:at + _LONGEST] for at in (0, *_OTHERS)]
    if not any(copy.startswith(MAGIC) for copy in copies):
        if head[512:520] == b"EFI PART":
            raise Unsupported("guest state of version 1: a GPT disk", 512)
        raise NotThisFormat("no guest state file", 0)
    good = [copy for copy in copies if _is_whole(copy)]
    if not good:
        raise Corrupt("both headers of the guest state are damaged", 0)
    newest = good[0]
    for copy in good[1:]:
        if 0 < (_sequence(copy) - _sequence(newest)) % 2**32 < 2**31:
            newest = copy
    return _state(blocks, newest, spare=len(good) < 2)


def _is_whole(copy: bytes) -> bool:
    if len(copy) < _LONGEST or not copy.startswith(MAGIC):
        return False
    _, _, crc, _, size, _, _ = _HEADER.unpack_from(copy)
    if not _HEADER.size <= size <= _LONGEST:
        return False
    return bool(zlib.crc32(copy[:12] + bytes(4) + copy[16:size]) == crc)


def _sequence(copy: bytes) -> int:
    return int(_HEADER.unpack_from(copy)[3])


def _state(blocks: Readable, copy: bytes, *, spare: bool) -> GuestState:
    _, version, _, sequence, size, table, length = _HEADER.unpack_from(copy)
    major = version >> 16
    if major not in (2, 3):
        raise Unsupported(f"guest state of version {version:#x}", 0)
    encryption = ""
    if major == 3 and size >= _HEADER.size + 2:
        number, = struct.unpack_from("<H", copy, _HEADER.size)
        encryption = f"{_ENCRYPTION.get(number, 'unknown')} ({number})"
    at, end = table * BLOCK, (table + length) * BLOCK
    if not 2 * BLOCK <= at < end <= blocks.size:
        raise Corrupt(f"the file table lies at blocks {table} to {table + length}", 0)
    rows = blocks.read_at(at, _ENTRIES * _ENTRY.size)
    files = tuple(_file(number, *_ENTRY.unpack_from(rows, number * _ENTRY.size))
                  for number in range(len(rows) // _ENTRY.size))
    return GuestState(f"{major}.{version & 0xFFFF}", encryption, sequence,
                      tuple(file for file in files if file.allocated), spare)


def _file(number: int, block: int, allocated: int, size: int, _nonce: bytes, _tag: bytes,
          attributes: int) -> GuestFile:
    return GuestFile(number, FILES.get(number, f"file {number}"), block * BLOCK, size,
                     allocated * BLOCK, bool(attributes & 1))
