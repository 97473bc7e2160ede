"""Bags of the Host Networking Service: made ones, found in other files, damaged."""

import struct
from uuid import UUID

import pytest

from analyzer.errors import Corrupt, NotThisFormat
from analyzer.formats.hns import carve, parse
from tests.unit.formats.damage import outcomes

AT = 133_000_000_000_000_000
VM, ID = "43008943-9A8D-5AB2-87F9-3D150724AF11", "89E8C4CC-4202-4582-954B-7D9EAF39FB91"
NET = "A79F78E2-A38C-4F71-BC8C-B93E134F9F24"
Value = tuple[int, str, object]


def text(value: str) -> bytes:
    raw = f"{value}\0".encode("utf-16-le")
    return struct.pack("<I", len(raw) // 2) + raw


def bag(*values: Value) -> bytes:
    """(type, name, value) of each property."""
    data = b"\xfe\xff"
    for kind, name, value in values:
        data += struct.pack("<HI", kind, 0x12) + text(name) + _value(kind, value)
    return data + b"\xfd\xff"


def _value(kind: int, value: object) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(8 if kind == 3 else 4, "little")
    if isinstance(value, str):
        return UUID(value).bytes_le if kind == 4 else text(value)
    if isinstance(value, bytes):
        return value
    assert isinstance(value, list)
    parts = [item if isinstance(item, bytes) else text(str(item)) for item in value]
    return struct.pack("<I", len(parts)) + b"".join(parts)


ENDPOINT = bag(
    (5, "GatewayAddress", "172.27.176.1"), (4, "ID", ID), (5, "Name", "Ethernet"),
    (8, "IpConfigurations", [bag((5, "IpAddress", "172.27.181.33"), (2, "PrefixLength", 20))]),
    (5, "MacAddress", "00-15-5D-95-F2-E5"), (6, "SharedContainers", ["a", "b"]),
    (3, "StartTime", AT), (5, "Type", "NAT"), (1, "EnableLowMetric", 1),
    (7, "AdditionalParams", bag((4, "SwitchId", NET))), (4, "VirtualMachine", VM),
    (5, "VirtualNetwork", NET.lower()), (5, "VirtualNetworkName", "nat"))


def test_an_endpoint() -> None:
    got = parse(ENDPOINT)
    assert got.end == len(ENDPOINT)
    assert got.properties == [
        ("GatewayAddress", "172.27.176.1"), ("ID", ID), ("Name", "Ethernet"),
        ("IpConfigurations[0]\\IpAddress", "172.27.181.33"),
        ("IpConfigurations[0]\\PrefixLength", 20), ("MacAddress", "00-15-5D-95-F2-E5"),
        ("SharedContainers[0]", "a"), ("SharedContainers[1]", "b"), ("StartTime", AT),
        ("Type", "NAT"), ("EnableLowMetric", 1), ("AdditionalParams\\SwitchId", NET),
        ("VirtualMachine", VM), ("VirtualNetwork", NET.lower()), ("VirtualNetworkName", "nat")]
    assert got.all("IpAddress") == ("172.27.181.33",)
    assert (got.number("StartTime"), got.number("Name"), got.text("absent")) == (AT, None, "")


def test_bags_in_a_file_of_another_form() -> None:
    data = b"head" + b"\xfe\xff??" + ENDPOINT + b"\0" * 9 + bag((2, "x", 1)) + ENDPOINT[:-40]
    assert [offset for offset, _ in carve(data)] == [8]
    assert list(carve(b"")) == []


def test_bounds_and_damage() -> None:
    with pytest.raises(NotThisFormat):
        parse(b"{}")
    with pytest.raises(Corrupt, match="type 9"):
        parse(bag((9, "x", 1)))
    with pytest.raises(Corrupt, match="list of"):
        parse(bag((8, "x", b"\xff\xff\xff\x7f")))
    deep = bag((2, "x", 1))
    for _ in range(40):
        deep = bag((7, "x", deep))
    with pytest.raises(Corrupt, match="deeper"):
        parse(deep)
    for cut in range(0, len(ENDPOINT) - 1, 7):
        with pytest.raises((Corrupt, NotThisFormat)):
            parse(ENDPOINT[:cut])
    assert outcomes(parse, ENDPOINT) <= {"result", "Corrupt", "NotThisFormat"}
    assert outcomes(lambda data: list(carve(data)), ENDPOINT * 3) == {"result"}
