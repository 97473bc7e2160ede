"""UserAssist, lists of recent files, shell items: real hives, made ones, damage."""

import codecs
import struct
from collections import Counter
from pathlib import Path

import pytest

from analyzer import times
from analyzer.errors import Corrupt, Unsupported
from analyzer.formats import shell_link
from analyzer.formats.hive import Hive
from analyzer.formats.recent_lists import Recent, recent
from analyzer.formats.shell_items import path_of
from analyzer.formats.user_assist import KEY, Started, parse, target_of
from corpus.make import hive
from corpus.make.virtual_server import shortcut
from tests.unit.formats.damage import outcomes

AT = 128_900_000_000_000_000
SEVEN, XP = "plaso/NTUSER-WIN7.DAT", "velociraptor/artifacts/testdata/files/ntuser.dat"
EXPLORER = "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer"


def assist(count: int, at: int = AT, focus: int = 9000) -> bytes:
    return struct.pack("<4I", 0, count, 1, focus).ljust(60, b"\0") + struct.pack("<QI", at, 0)


def old_assist(count: int, at: int = AT) -> bytes:
    return struct.pack("<IIQ", 1, count + 5, at)


def rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


def file_item(name: str, short: str = "SHORT~1", version: int = 8) -> bytes:
    """A file's item with its long name; version 0: without the block."""
    head = b"\x32\0" + struct.pack("<IIH", 1, 0, 0x20) + short.encode() + b"\0"
    head += b"\0" * (len(head) % 2)
    at = {3: 20, 7: 38, 8: 42, 9: 46}.get(version, 0)
    block = b""
    if version:
        block = struct.pack("<HI", version, 0xBEEF0004).ljust(at - 2, b"\0")
        block += f"{name}\0".encode("utf-16-le")
        block = struct.pack("<H", len(block) + 2) + block
    item = head + block
    return struct.pack("<H", len(item) + 2) + item


def pidl(*names: str, version: int = 8) -> bytes:
    computer = bytes.fromhex("14001f50e04fd020ea3a6910a2d808002b30309d")
    volume = struct.pack("<HB", 25, 0x2F) + b"D:\\".ljust(22, b"\0")
    return computer + volume + b"".join(file_item(n, version=version) for n in names) + b"\0\0"


def order(*numbers: int) -> hive.Value:
    return hive.binary("MRUListEx", struct.pack(f"<{len(numbers)}I", *numbers) + b"\xff" * 4)


def named(text: str) -> bytes:
    return f"{text}\0".encode("utf-16-le") + file_item(text)


def user_hive() -> hive.Key:
    """A user who manages machines."""
    root = hive.Key("ROOT", AT)
    root.key(f"{EXPLORER}\\RunMRU", AT + 1).set(
        hive.sz("a", "notepad\\1"), hive.sz("b", "virtmgmt.msc\\1"), hive.sz("MRUList", "ba"))
    root.key(f"{EXPLORER}\\TypedPaths", AT + 2).set(
        hive.sz("url2", "D:\\Hyper-V\\web"), hive.sz("url1", "D:\\"))
    root.key(f"{EXPLORER}\\RecentDocs\\.vhd", AT + 3).set(
        hive.binary("0", named("dc.vhd")), hive.binary("1", named("web.vhd")), order(1, 0))
    root.key(f"{EXPLORER}\\ComDlg32\\OpenSavePidlMRU\\vhdx", AT + 4).set(
        hive.binary("0", pidl("VMs", "web.vhdx")), order(0))
    root.key(f"{EXPLORER}\\ComDlg32\\LastVisitedPidlMRU", AT + 5).set(
        hive.binary("0", "vmconnect.exe\0".encode("utf-16-le") + pidl("VMs")), order(0))
    root.key("Software\\Microsoft\\Microsoft Management Console\\Recent File List", AT + 6).set(
        hive.sz("File1", "C:\\Program Files\\Hyper-V\\virtmgmt.msc"))
    root.key(f"{KEY}\\{{F4E57C4B-2036-45F0-A9AB-443BCFE33D9F}}\\Count", AT).set(
        hive.binary(rot13("{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\vmconnect.exe"), assist(7)),
        hive.binary(rot13("C:\\Windows\\notepad.exe"), assist(3)),
        hive.binary(rot13("UEME_CTLSESSION"), bytes(8)))
    return root


def lines(data: bytes) -> tuple[list[Recent], list[str]]:
    lost: list[str] = []
    found = list(recent(Hive.open(data), lambda error, key: lost.append(key)))
    return found, lost


def test_started_programs() -> None:
    name = rot13("{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\virtmgmt.msc")
    assert parse(name, assist(7)) == Started("<System32>\\virtmgmt.msc", 7, 9000, AT)
    assert parse(name, old_assist(2, 0)) == Started("<System32>\\virtmgmt.msc", 2, None, None)
    assert target_of(rot13("{00000000-02E7-4E5D-B744-2EB1AE5198B7}\\x")).startswith("{00000000-")
    with pytest.raises(Unsupported, match="8 bytes"):
        parse(name, bytes(8))
    with pytest.raises(Corrupt, match="count of 2"):
        parse(name, struct.pack("<IIQ", 1, 2, AT))


def test_lists_newest_first() -> None:
    found, lost = lines(hive.build(user_hive()))
    assert lost == []
    assert [(r.kind, r.target, r.position, r.used_at) for r in found] == [
        ("Run dialog", "notepad", 2, None), ("Run dialog", "virtmgmt.msc", 1, AT + 1),
        ("path typed in Explorer", "D:\\Hyper-V\\web", 2, None),
        ("path typed in Explorer", "D:\\", 1, AT + 2),
        ("recent document", "dc.vhd", 2, None), ("recent document", "web.vhd", 1, AT + 3),
        ("file dialog", "D:\\VMs\\web.vhdx", 1, AT + 4),
        ("file dialog of a program", "vmconnect.exe: D:\\VMs", 1, AT + 5),
        ("MMC recent file", "C:\\Program Files\\Hyper-V\\virtmgmt.msc", 1, AT + 6)]


@pytest.mark.parametrize("version", [3, 7, 8, 9, 10])
def test_long_names_of_each_version(version: int) -> None:
    known = min(version, 9)
    data = pidl("Virtual Hard Disks", "web server.vhdx", version=known)
    data = data.replace(struct.pack("<HI", known, 0xBEEF0004),
                        struct.pack("<HI", version, 0xBEEF0004))
    assert path_of(data) == "D:\\Virtual Hard Disks\\web server.vhdx"


def test_items_that_are_not_decoded_are_said_to_be_so() -> None:
    other = struct.pack("<HB", 41, 0) + b"\1" * 5 + "web disk.vhdx\0\0".encode("utf-16-le")[:33]
    assert path_of(other.ljust(41, b"\0") + b"\0\0") == "<item 0x0: web disk.vhdx>"
    assert path_of(other[:8].ljust(41, b"\0") + b"\0\0") == ""
    root = pidl()[:-2]
    assert path_of(root + other.ljust(41, b"\0") + b"\0\0") == "D:\\<item 0x0: web disk.vhdx>"
    assert path_of(pidl("x", version=0)) == "D:\\SHORT~1"
    assert path_of(pidl("x")[:-9]) == "D:\\<cut>"
    assert path_of(b"") == ""


@pytest.mark.realdata
def test_real_hives(realdata: Path) -> None:
    """19 documents, the same again by suffix (4, 5, 4, 1) and for folders (5)."""
    found, lost = lines((realdata / SEVEN).read_bytes())
    assert lost == []
    kinds = Counter(row.kind for row in found)
    assert kinds["recent document"] == 38
    assert kinds["MMC recent file"] == 2
    mmc = [row for row in found if row.kind == "MMC recent file"]
    assert mmc[0].target == "C:\\Windows\\system32\\services.msc"
    assert times.iso(mmc[0].used_at)[:10] == "2012-04-06"
    dialogs = [row.target for row in found if row.kind == "file dialog"]
    assert "P:\\Application Tools\\Firefox 6.0\\Firefox Setup 6.0.exe" in dialogs
    found, lost = lines((realdata / XP).read_bytes())
    assert (len(found), lost) == (6, [])


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "programs"), [(SEVEN, 88), (XP, 13)])
def test_real_user_assist(name: str, programs: int, realdata: Path) -> None:
    """All values of the keys (92 and 16) but the counters of Explorer itself."""
    opened = Hive.open((realdata / name).read_bytes())
    top = opened.key(KEY)
    assert top is not None
    found = []
    for guid in top.subkeys():
        count = opened.key(f"{guid.path}\\Count")
        assert count is not None
        found += [parse(value.name, value.data) for value in count.values()
                  if not target_of(value.name).startswith("UEME_CTL")]
    assert len(found) == programs
    assert {row.count < 100 for row in found} == {True}
    last = [times.iso(row.last_run_at)[:4] for row in found if row.last_run_at is not None]
    assert set(last) <= {"2009", "2010", "2011", "2012"}


def test_damage_ends_in_a_result_or_an_error() -> None:
    assert outcomes(path_of, pidl("VMs", "web.vhdx")) == {"result"}
    assert outcomes(lambda data: parse("x", data), assist(7)) == {"result", "Unsupported"}
    assert "result" in outcomes(lines, hive.build(user_hive()), 100)


def test_a_list_cut_in_the_middle_loses_that_line() -> None:
    root = user_hive()
    root.key(f"{EXPLORER}\\RecentDocs\\.vhd").set(hive.binary("1", b"w\0e\0b\0"))
    found, lost = lines(hive.build(root))
    assert lost == [f"{EXPLORER}\\RecentDocs\\.vhd\\1"]
    assert "dc.vhd" in [row.target for row in found]


def test_volume_computer_and_arguments_of_a_shortcut(plaso: Path) -> None:
    """Values as plaso's own tests state them."""
    got = shell_link.parse((plaso / "example.lnk").read_bytes())
    assert (got.relative_path, got.computer, got.target_size) == (
        ".\\migwiz\\migwiz.exe", "win-tj9qcsjkags", 544_768)
    got = shell_link.parse((plaso / "unpaired_surrogate.lnk").read_bytes())
    assert got.volume == "fixed drive 2CA3-D1AE"
    assert got.item_path == got.target


def test_damaged_shortcuts() -> None:
    data = shortcut("D:\\a.vhd", id_list=pidl("VMs", "web.vhdx"))
    assert shell_link.parse(data).item_path == "D:\\VMs\\web.vhdx"
    tracker = struct.pack("<4I", 0x60, 0xA0000003, 0x58, 0) + b"hv1".ljust(80, b"\0")
    assert shell_link.parse(data + tracker).computer == "hv1"
    assert outcomes(shell_link.parse, data + tracker) == {"result", "NotThisFormat", "Corrupt"}
