"""Guest state files, written after the published structures: no real one was ever seen."""

import struct
import zlib

import pytest

from analyzer.blocks import Memory
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat, Unsupported
from analyzer.formats.vmgs import GuestFile, parse
from tests.unit.formats.damage import outcomes


def header(sequence: int, version: int = 0x00030000, table: int = 2) -> bytes:
    body = struct.pack("<8sIIIIII", b"GUESTRTS", version, 0, sequence, 168, table, 1)
    body = (body + struct.pack("<H", 1)).ljust(168, b"\0")
    return body[:12] + zlib.crc32(body).to_bytes(4, "little") + body[16:]


def written(first: bytes, second: bytes, other: int = 4096) -> bytes:
    rows = bytearray(4096)
    for number, (block, blocks, size, attributes) in {
            0: (2, 1, 4096, 0), 1: (3, 8, 20_000, 1), 40: (11, 1, 5, 0)}.items():
        struct.pack_into("<IIQ12s16sI", rows, number * 64, block, blocks, size, bytes(12),
                         bytes(16), attributes)
    head = first.ljust(other, b"\0") + second
    return head.ljust(8192, b"\0") + bytes(rows) + bytes(10 * 4096)


@pytest.mark.parametrize("other", [512, 4096])
def test_files_of_the_newer_header(other: int) -> None:
    got = parse(Memory(written(header(2**32 - 1, table=9), header(0), other)))
    assert (got.version, got.encryption, got.sequence, got.spare) == (
        "3.0", "AES-256-GCM (1)", 0, False)
    assert got.files == (
        GuestFile(0, "file table", 8192, 4096, 4096, is_encrypted=False),
        GuestFile(1, "UEFI variables", 12288, 20_000, 32768, is_encrypted=True),
        GuestFile(40, "file 40", 45056, 5, 4096, is_encrypted=False))
    assert "UEFI variables 20000 bytes encrypted, file 40 5 bytes" in str(got)


def test_one_header_is_enough() -> None:
    assert parse(Memory(written(b"", header(7)))).spare
    assert parse(Memory(written(header(7, 0x00020000), b"GUESTRTS"))).encryption == ""


@pytest.mark.parametrize(("data", "error"), [
    (b"", NotThisFormat), (b"MZ" * 5000, NotThisFormat),
    (bytes(512) + b"EFI PART" + bytes(8000), Unsupported),
    (written(header(1, 0x00040000), b""), Unsupported), (written(b"GUESTRTS", b""), Corrupt),
    (written(header(1, table=0), b""), Corrupt), (written(header(1, table=2**31), b""), Corrupt)])
def test_what_is_not_read(data: bytes, error: type[EvidenceError]) -> None:
    with pytest.raises(error):
        parse(Memory(data))


def test_damage_ends_in_a_result_or_an_error() -> None:
    data = written(header(1), header(2))
    assert outcomes(lambda copy: parse(Memory(copy)), data) <= {
        "result", "Corrupt", "NotThisFormat", "Unsupported"}
