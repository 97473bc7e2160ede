"""$I files and INFO2: real ones against their public values, made ones, damaged ones."""

import struct
from pathlib import Path

import pytest

from analyzer import times
from analyzer.errors import Corrupt, NotThisFormat, Unsupported
from analyzer.formats.machine_files import concerns_machines, kind_of, machine_of
from analyzer.formats.recycle_bin import Recycled, parse_item, parse_list
from tests.unit.formats.damage import outcomes

AT = 128_900_000_000_000_000
VHD = "D:\\VMs\\web.vhd"
GUID = "0AA394FA-7C4A-4070-BA32-773D43B28A68"


def item(path: str = VHD, version: int = 2, size: int = 4096) -> bytes:
    text = f"{path}\0".encode("utf-16-le")
    head = struct.pack("<QQQ", version, size, AT)
    if version == 1:
        return head + text.ljust(520, b"\0")
    return head + struct.pack("<I", len(path) + 1) + text


def info2(*records: tuple[str, int, bool]) -> bytes:
    """Records of (path, index, taken out)."""
    data = struct.pack("<5I", 5, len(records), len(records), 800, 0)
    for path, index, is_out in records:
        name = path.encode("ascii").ljust(260, b"\0")
        data += (b"\0" if is_out else name[:1]) + name[1:]
        data += struct.pack("<IIQI", index, 3, AT + index, 8192)
        data += path.encode("utf-16-le").ljust(520, b"\0")
    return data


@pytest.mark.parametrize("version", [1, 2])
def test_an_item(version: int) -> None:
    assert parse_item(item(version=version)) == Recycled(VHD, 4096, AT, f"$I {version}")


def test_a_list() -> None:
    got = list(parse_list(info2((VHD, 1, False), ("D:\\plain", 2, True))))
    assert got == [Recycled(VHD, 8192, AT + 1, "INFO2", "Dd1.vhd", offset=20),
                   Recycled("D:\\plain", 8192, AT + 2, "INFO2", "Dd2", is_out=True, offset=820)]


def test_real_files(plaso: Path) -> None:
    """Values as plaso's own tests state them."""
    found = parse_item((plaso / "recycler" / "$I103S5F.jpg").read_bytes())
    assert (found.path, found.size, found.format) == (
        "C:\\Users\\random\\Downloads\\bunnies.jpg", 222_255, "$I 2")
    assert times.iso(found.deleted_at)[:19] == "2016-06-29T21:37:45"
    found = parse_item((plaso / "recycler" / "$II3DF3L.zip").read_bytes())
    assert (found.size, found.format) == (724_919, "$I 1")
    assert times.iso(found.deleted_at)[:19] == "2012-03-12T20:49:58"
    listed = list(parse_list((plaso / "recycler" / "INFO2").read_bytes()))
    assert len(listed) == 4
    assert isinstance(listed[0], Recycled)
    assert listed[0].path.endswith("lalsetup250.exe")
    assert times.iso(listed[0].deleted_at)[:19] == "2004-08-25T16:18:25"


def test_what_is_none_and_what_is_cut() -> None:
    for data in (b"", b"?" * 100, bytes(544)):
        with pytest.raises(NotThisFormat):
            parse_item(data)
        with pytest.raises(NotThisFormat):
            list(parse_list(data))
    with pytest.raises(Unsupported, match="version 3"):
        parse_item(item(version=3))
    with pytest.raises(Unsupported, match="280 bytes"):
        list(parse_list(struct.pack("<5I", 4, 0, 0, 280, 0)))
    with pytest.raises(Corrupt, match="cut in the path"):
        parse_item(item()[:-2])
    with pytest.raises(Corrupt, match="40000 characters"):
        parse_item(item()[:24] + struct.pack("<I", 40_000) + item()[28:])
    whole, cut = parse_list(info2((VHD, 1, False), (VHD, 2, False))[:-1])
    assert isinstance(whole, Recycled)
    assert isinstance(cut, Corrupt)
    assert cut.at == 820


def test_damage_ends_in_a_result_or_an_error() -> None:
    for version in (1, 2):
        assert {"result", "Corrupt"} <= outcomes(parse_item, item(version=version))
    assert outcomes(lambda data: list(parse_list(data)), info2((VHD, 1, False))) <= {
        "result", "NotThisFormat", "Unsupported"}


@pytest.mark.parametrize(("path", "kind"), [
    (VHD, "virtual disk"), ("x.AVHDX", "virtual disk"), (f"{GUID}.xml", "configuration"),
    ("D:\\Virtual Machines\\x.xml", "configuration"), ("D:\\x.xml", "possible configuration"),
    (f"{GUID}.bin", "saved state"), ("setup.bin", ""), ("a.txt", ""), (".vhd", ""), ("", "")])
def test_kinds_by_name(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_machines_by_name() -> None:
    assert machine_of(f"D:\\Virtual Machines\\{GUID.lower()}.vmcx") == GUID
    assert machine_of(f"D:\\Snapshots\\{GUID}.vmcx") == ""
    assert machine_of("D:\\web.vmcx") == ""
    assert machine_of(f"D:\\{GUID}.txt") == ""


@pytest.mark.parametrize(("text", "does"), [
    ("C:\\Windows\\System32\\virtmgmt.msc", True), ("D:\\a.vhd", True), ("D:\\a.vhdx,1", True),
    ("vmconnect.exe", True), ("C:\\Program Files\\Hyper-V\\x", True), ("notepad.exe", False),
    ("D:\\a.vhdl", False), ("", False)])
def test_words_of_machines(text: str, does: bool) -> None:
    assert concerns_machines(text) is does
