"""Times that no clock shows: one damaged in each artefact, none shown, each of them said."""

import struct
from collections.abc import Iterator

import pytest

from analyzer.accounts import accounts
from analyzer.formats.ese import Row
from analyzer.formats.sam import User
from analyzer.formats.user_assist import KEY
from analyzer.ledger import MOST_TIMES
from analyzer.records import (
    AccessLogClient,
    AccessLogMachine,
    AttachedDisk,
    HostNetworkObject,
    Problem,
    RecycledFile,
    System,
    UserTrace,
)
from analyzer.system import WindowsSystem
from corpus.make import hive, sam
from corpus.make.virtual_server import shortcut
from plugins.artifacts.access_log import access_log
from plugins.artifacts.attached_disks import attached_disks
from plugins.artifacts.host_networks import host_networks
from plugins.artifacts.jump_lists import jump_lists
from plugins.artifacts.prefetch import prefetch
from plugins.artifacts.recycle_bin import recycle_bin
from plugins.artifacts.shortcuts import shortcuts
from plugins.artifacts.user_registry import user_registry
from plugins.artifacts.windows import windows
from tests.dict_system import Content, build, host, mounted
from tests.plugins.artifacts.test_access import COMPUTER
from tests.plugins.artifacts.test_artifacts import of
from tests.plugins.artifacts.test_witnesses import CONFIG, SCSI, SUM, TIMES, Rows, time_value
from tests.unit.formats.shell_files import compound, dest_list, prefetch_17
from tests.unit.formats.test_hns import AT as HNS_AT
from tests.unit.formats.test_hns import ENDPOINT, ID
from tests.unit.formats.test_prefetch import DISK
from tests.unit.formats.test_recycle_bin import info2, item
from tests.unit.formats.test_user_traces import assist, rot13

AT = 128_900_000_000_000_000
SWAPPED = int.from_bytes((AT | 0xF0).to_bytes(8, "little"), "big")
"""A time of 2009 with its bytes in reverse order: past the year 9999."""
RAW = f"{SWAPPED:#018x}"
VHD = "D:\\VMs\\web.vhd"
RECENT = "C:/Users/kb/AppData/Roaming/Microsoft/Windows/Recent"
BIN = f"C:/$Recycle.Bin/{COMPUTER}-1001"


def odd(system: WindowsSystem) -> list[Problem]:
    return [problem for problem in system.problems() if problem.code == "TIME-RANGE"]


def said(system: WindowsSystem) -> list[tuple[str, int | None]]:
    """File and place of each problem; each has the raw value and what it would be swapped."""
    found = odd(system)
    assert all(f" is {RAW}: no time of" in problem.what for problem in found)
    assert all("it would be 2009-" in problem.effect for problem in found)
    return [(problem.source.path.rpartition("/")[2], problem.start) for problem in found]


def with_time(data: bytes, at: int) -> bytes:
    return data[:at] + struct.pack("<Q", SWAPPED) + data[at + 8:]


def test_a_shortcut() -> None:
    """A target may have any time that can be written: those here are of 1601."""
    system = host({f"{RECENT}/web.lnk": with_time(shortcut(VHD), 44),
                   f"{RECENT}/x.lnk": shortcut(VHD)}, "C")
    assert len(of(UserTrace, shortcuts(system))) == 2
    (problem,) = odd(system)
    assert (problem.start, problem.plugin) == (44, "shortcuts")
    assert problem.what == f"target written is {RAW}: no time of the years 1601 to 9999"


def test_jump_lists() -> None:
    listed = dest_list(3, (0x1A, VHD, SWAPPED, 4), (2, "virtmgmt.msc", 0, 9))
    system = host({
        f"{RECENT}/AutomaticDestinations/a.automaticDestinations-ms": compound(
            {"DestList": listed, "1a": with_time(shortcut(VHD), 28)}),
        f"{RECENT}/CustomDestinations/b.customDestinations-ms":
            b"\2\0\0\0" + with_time(shortcut(VHD), 36)}, "C")
    rows = of(UserTrace, jump_lists(system))
    assert [row.last_used_at for row in rows if row.use_count == 4] == [None]
    assert said(system) == [("a.automaticDestinations-ms", 132), ("a.automaticDestinations-ms", 28),
                            ("b.customDestinations-ms", 40)]


def test_prefetch() -> None:
    folder = "C:/Windows/Prefetch"
    system = host({
        f"{folder}/A.pf": prefetch_17("VMCONNECT.EXE", SWAPPED, 3, (DISK,)),
        f"{folder}/B.pf": prefetch_17("VMCONNECT.EXE", 0, 0, (DISK,))}, "C")
    assert [row.last_used_at for row in of(UserTrace, prefetch(system))] == [None, None]
    assert said(system) == [("A.pf", 120)]


def test_recycle_bins() -> None:
    """Windows always writes when; 0 is no "not set" there."""
    system = host({f"{BIN}/$IAAAAAA.vhd": with_time(item(), 16),
                   "C:/RECYCLER/S-1-5-21-9/INFO2": with_time(info2((VHD, 1, False)), 288)}, "C")
    assert [row.deleted_at for row in of(RecycledFile, recycle_bin(system))] == [None, None]
    assert said(system) == [("$IAAAAAA.vhd", 16), ("INFO2", 288)]
    system = host({f"{BIN}/$IAAAAAA.vhd": item()[:16] + bytes(8) + item()[24:]}, "C")
    assert [row.deleted_at for row in of(RecycledFile, recycle_bin(system))] == [None]
    assert ["0x0000000000000000" in problem.what for problem in odd(system)] == [True]


def test_a_users_hive() -> None:
    root = hive.Key("ROOT", AT)
    root.key(f"{KEY}\\x\\Count", AT).set(
        hive.binary(rot13("vmconnect.exe"), assist(7, SWAPPED)),
        hive.binary(rot13("virtmgmt.msc"), assist(7, 0)))
    root.key(f"{KEY}\\y", SWAPPED)
    system = host({"C:/Users/kb/NTUSER.DAT": hive.build(root)}, "C")
    assert [row.last_used_at for row in of(UserTrace, user_registry(system))] == [None, None]
    found = said(system)
    assert [name for name, _ in found] == ["NTUSER.DAT", "NTUSER.DAT"]
    data = hive.build(root)
    assert found[0][1] == 60
    assert data[found[1][1] or 0:][:8] == struct.pack("<Q", SWAPPED)
    assert {c.state for c in system.coverage() if c.place.endswith("kb\\NTUSER.DAT")} == {"read"}


def test_access_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(Rows):
        def rows(self, table: str) -> Iterator[Row]:
            for row in super().rows(table):
                yield {name: struct.pack("<Q", SWAPPED) if name.startswith("Last") else value
                       for name, value in row.items()}

    monkeypatch.setattr("plugins.artifacts.access_log.Database", Odd)
    system = host({f"{SUM}/Current.mdb": b"dirty"}, "C")
    rows = list(access_log(system))
    assert [row.last_seen_at for row in of(AccessLogMachine, rows)] == [None]
    assert [row.last_used_at for row in of(AccessLogClient, rows)] == [None]
    assert said(system) == [("Current.mdb", None), ("Current.mdb", None)]


def test_accounts() -> None:
    tree = sam.sam_hive(COMPUTER, (sam.User(1001, "kb", last_logon=SWAPPED),
                                   sam.User(1002, "x", password_set=sam.NEVER)), (), AT)
    for _, key in tree.walk():
        key.written = AT  # not that of the last logon
    system = host({f"{CONFIG}/SAM": hive.build(tree)}, "C")
    assert [who.said.last_logon_at for who in accounts(system).principals
            if isinstance(who.said, User)] == [None, None]
    assert said(system) == [("SAM", 8)]


def test_the_systems_own_hives() -> None:
    """Last writes of keys, the time of shutdown, of a device, of an object of HNS."""
    root = mounted("C")
    root.key("ControlSet001\\Control\\Windows", AT).set(time_value("ShutdownTime", SWAPPED))
    device = root.key(SCSI, AT).key("2&1&0&1", SWAPPED)
    device.key(f"{TIMES}\\0064", AT).set(time_value("", SWAPPED))
    store = "ControlSet001\\Services\\hns\\State\\HostComputeNetwork\\PersistentStore"
    root.key(f"{store}\\Endpoint", AT).set(hive.binary(ID, ENDPOINT.replace(
        struct.pack("<Q", HNS_AT), struct.pack("<Q", SWAPPED))))
    files: dict[str, Content] = {f"{CONFIG}/SYSTEM": hive.build(root)}
    system = build(files)
    assert [row.shutdown_at for row in of(System, windows(system))] == [None]
    (disk,) = of(AttachedDisk, attached_disks(system))
    assert (disk.installed_at, disk.written_at) == (None, None)
    assert [row.object_started_at for row in of(HostNetworkObject, host_networks(system))] == [None]
    assert [name for name, _ in said(system)] == ["SYSTEM"] * 4


def test_of_many_in_one_file_the_first_and_a_count() -> None:
    listed = info2(*((f"D:\\{n}.vhd", n, False) for n in range(MOST_TIMES + 3)))
    for n in range(MOST_TIMES + 3):
        listed = with_time(listed, 288 + 800 * n)
    system = host({"C:/RECYCLER/S-1-5-21-9/INFO2": listed}, "C")
    assert len(of(RecycledFile, recycle_bin(system))) == MOST_TIMES + 3
    found = odd(system)
    assert [p.start for p in found] == [288 + 800 * n for n in range(MOST_TIMES)] + [None]
    assert found[-1].what == "3 more times of this file cannot be"
