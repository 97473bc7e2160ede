"""File versions of programs."""

import contextlib
import struct
from importlib.util import find_spec
from pathlib import Path

import pytest

from analyzer.blocks import Memory
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat
from analyzer.formats.program_version import file_version
from tests.unit.formats.pe_writer import program

VERSION = (6, 0, 6002, 18005)
DATA = program(VERSION)


@pytest.mark.parametrize("is_64", [True, False])
def test_the_version_is_read(is_64: bool) -> None:
    assert file_version(Memory(program(VERSION, is_64=is_64))) == "6.0.6002.18005"


def test_what_is_no_program_is_told() -> None:
    for data in (b"", b"M", bytes(100)):
        with pytest.raises(NotThisFormat):
            file_version(Memory(data))


def test_a_cut_anywhere_is_an_error() -> None:
    needed = DATA.find((0xFEEF04BD).to_bytes(4, "little")) + 16
    for length in range(len(DATA)):
        if length >= needed:
            assert file_version(Memory(DATA[:length])) == "6.0.6002.18005"
        else:
            with pytest.raises(EvidenceError):
                file_version(Memory(DATA[:length]))


def test_a_damaged_byte_gives_a_version_or_an_error() -> None:
    for at in range(len(DATA)):
        for value in (0, 0xFF, DATA[at] ^ 0x10):
            damaged = DATA[:at] + bytes([value]) + DATA[at + 1:]
            with contextlib.suppress(EvidenceError):
                assert file_version(Memory(damaged)).count(".") == 3


def test_a_directory_that_leads_to_itself_ends() -> None:
    at = DATA.find(struct.pack("<II", 16, 24 | 1 << 31))
    looped = DATA[:at + 4] + struct.pack("<I", 1 << 31) + DATA[at + 8:]
    with pytest.raises(Corrupt):
        file_version(Memory(looped))


def test_a_directory_of_many_entries_is_bounded() -> None:
    at = DATA.find(struct.pack("<II", 16, 24 | 1 << 31))
    wide = DATA[:at - 4] + b"\xff\xff\xff\xff" + struct.pack("<I", 15) + DATA[at + 4:]
    with pytest.raises(Corrupt):
        file_version(Memory(wide + bytes(1 << 20)))


@pytest.mark.parametrize("name", ["w64", "w32", "w64-arm"])
def test_a_real_program_has_the_version_that_it_has_as_text(name: str) -> None:
    """Beside its fixed part a version resource has the same as text: FileVersion."""
    spec = find_spec("pip")
    origin = spec.origin if spec is not None else None
    launcher = Path(origin or "").parent / "_vendor" / "distlib" / f"{name}.exe"
    if not launcher.is_file():
        pytest.skip("pip does not bring its launchers here")
    data = launcher.read_bytes()
    _, _, behind = data.partition("FileVersion\0".encode("utf-16-le"))
    text = behind[:60].decode("utf-16-le", "replace").strip("\0").partition("\0")[0]
    assert file_version(Memory(data)) == text
