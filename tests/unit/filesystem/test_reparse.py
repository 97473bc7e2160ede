"""Reparse points by [MS-FSCC], and damage."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import Corrupt
from analyzer.filesystem.reparse import Reparse, parse_reparse


def buffer(tag: int, body: bytes) -> bytes:
    return struct.pack("<IHH", tag, len(body), 0) + body


def link(substitute: str, printed: str, flags: int | None = None) -> bytes:
    """Print name first, as Windows writes symbolic links."""
    first, second = printed.encode("utf-16-le"), substitute.encode("utf-16-le")
    fields = struct.pack("<4H", len(first), len(second), 0, len(first))
    return fields + (b"" if flags is None else struct.pack("<I", flags)) + first + second


@pytest.mark.parametrize(("data", "expected"), [
    (buffer(0xA000000C, link("\\??\\D:\\VMs\\a.xml", "D:\\VMs\\a.xml", 0)),
     Reparse(0xA000000C, "symlink", "\\??\\D:\\VMs\\a.xml", "D:\\VMs\\a.xml")),
    (buffer(0xA000000C, link("..\\b", "..\\b", 1)),
     Reparse(0xA000000C, "symlink", "..\\b", "..\\b", is_relative=True)),
    (buffer(0xA0000003, link("\\??\\C:\\ProgramData", "C:\\ProgramData")),
     Reparse(0xA0000003, "junction", "\\??\\C:\\ProgramData", "C:\\ProgramData")),
    (buffer(0xA0000003, link("\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\", "")),
     Reparse(0xA0000003, "mount point",
             "\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\", "")),
    (buffer(0x80000013, b"x"), Reparse(0x80000013, "dedup", printed="data deduplication")),
    (buffer(0x80000017, b"x"),
     Reparse(0x80000017, "wof", printed="Windows Overlay Filter compression")),
    (buffer(0x9000301A, b""), Reparse(0x9000301A, "other", printed="CLOUD")),
    (buffer(0x12345678, b""), Reparse(0x12345678, "other")),
])
def test_kinds(data: bytes, expected: Reparse) -> None:
    assert parse_reparse(data) == expected


@pytest.mark.parametrize("data", [
    b"", bytes(7), struct.pack("<IHH", 0xA000000C, 99, 0), buffer(0xA000000C, bytes(8)),
    buffer(0xA0000003, struct.pack("<4H", 0, 50, 0, 0)),
    buffer(0xA0000003, struct.pack("<4H", 0, 0, 0xFFF0, 4))])
def test_broken(data: bytes) -> None:
    with pytest.raises(Corrupt):
        parse_reparse(data)


@given(st.sampled_from([0xA000000C, 0xA0000003]), st.binary(max_size=80))
def test_any_body(tag: int, body: bytes) -> None:
    try:
        parse_reparse(buffer(tag, body))
    except Corrupt:
        return
