"""vs2005: the disk of VS-ESSEN01, a Windows Server 2003 R2 that runs Virtual Server 2005 R2.

Everything that happens on it happens between 2006-10-02 and 2008-03-14; it is acquired the day
after. No file of Virtual Server itself was ever seen: .vmc, .vnc and Options.xml have the shape
that Virtual PC and the documentation give them (corpus/README.md).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from corpus.make import ewf, hive, host, truth, vhd, virtual_server, world
from corpus.make import windows as win
from corpus.make.guest import GuestDisk, State, install, table, write_hives
from corpus.make.stories import TOGETHER, Line, stories
from corpus.make.times import TICKS, born, ticks, vhd_seconds
from corpus.make.windows import Windows
from corpus.make.world import Chain, HostFile, Layer, World

SECTOR = 512
START, SECTORS = 63, (72 << 11) - 63 - 2048
SIGNATURE = 0x1D7FA02B
APP_DATA = "C:\\Documents and Settings\\All Users\\Application Data\\Microsoft\\Virtual Server"
MACHINES = "C:\\Documents and Settings\\All Users\\Documents\\Shared Virtual Machines"
NETWORKS = "C:\\Documents and Settings\\All Users\\Documents\\Shared Virtual Networks"
PROGRAM = "C:\\Program Files\\Microsoft Virtual Server\\vssrvc.exe"
INSTALLED, LAST = ticks("2006-10-02 09:20:11"), ticks("2008-03-14 18:05:30")
CASE = ewf.Case("2008-0071", "ESS-01", "VS-ESSEN01 system disk", "K. Brandt", "",
                "2008-03-15 09:00:00")
OPTIONS = '<options><port type="integer">5900</port></options>'


def build(corpus: Path, scratch: Path) -> None:
    """Writes vs2005.E01 and truth/vs2005.json under `corpus`."""
    scratch.mkdir(parents=True, exist_ok=True)
    out = World()
    machines = [_with_undo(out, scratch), _unregistered(out)]
    links = _registered(out, [row for row in machines if row["registered"]])
    network = _network(out)
    inside = _host()
    system, software = win.system_tree(inside), win.software_tree(inside)
    system.key("ControlSet001\\Services\\Virtual Server").set(
        hive.expand_sz("ImagePath", f'"{PROGRAM}"'))
    volume = host.volume(scratch, "C", start=START, sectors=SECTORS, serial=0x50C2A91B50C28F7E,
                         made="2006-10-02 08:58:00")
    with volume.changing() as tree:
        install(tree, inside, integrated=False)
        stamp = born(ticks("2006-10-09 14:00:00"), ticks("2005-10-20 03:10:00"), key=PROGRAM)
        tree.write(host.inside(PROGRAM), win.program("vssrvc.exe", "1.1.465.0", 9000), stamp)
        write_hives(tree, inside, win.hives(inside, system, software), first=INSTALLED)
        host.fill(tree, "C:", out)
    image = host.acquire(corpus, scratch, "vs2005", SIGNATURE, CASE, [(START, volume)])
    host.tell(corpus, scratch, "vs2005", {
        "image": image,
        "host": {
            "is_hyperv_host": False,
            "is_virtual_server_host": True,
            "windows": truth.windows(inside),
            "services": [*sorted(inside.services), "Virtual Server"],
            "switches": [],
            "networks": [network],
        },
        "volumes": [truth.volume("C:", START * SECTOR, volume)],
        "machines": machines,
        "dangling": links,
        "chains": truth.chains(out),
        "stories": _stories(out, machines, links),
        "findings": out.findings,
    })


def _host() -> Windows:
    return Windows(
        host_name="VS-ESSEN01", domain="corp.example", product="Microsoft Windows Server 2003 R2",
        version="5.2", build="3790", service_pack="Service Pack 2", installed=INSTALLED,
        last_written=LAST, root="WINDOWS", build_lab="3790.srv03_sp2_rtm.070216-1710",
        mounted=host.mounted("vs2005", {"C": (SIGNATURE, START)}),
    )


def _with_undo(out: World, scratch: Path) -> truth.Json:
    """ERP01: registered, saved; what was written since lies in an undo disk."""
    folder, made = f"{MACHINES}\\ERP01", ticks("2006-10-10 10:12:00")
    base, now = _guest(scratch)
    path = f"{folder}\\ERP01.vhd"
    data = vhd.dynamic(base.media, unique_id=world.unique_id(path), created=vhd_seconds(made),
                       creator=b"vs  ", creator_version=0x00010000)
    disk = out.add_layer(Layer(path, "dynamic", world.unique_id(path), made, base.media, data),
                         "", ticks("2008-03-01 08:00:00"))
    at = ticks("2008-03-01 08:00:05")
    undo = f"{folder}\\VirtualPCUndo_ERP01_0_0_08000503012008.vud"
    top = out.add_layer(world.differencing(undo, disk, now.media, at, by_virtual_server=True), "",
                        ticks("2008-03-14 17:58:00"))
    out.chains.append(Chain("", "now", None, top, now))
    saved = f"{folder}\\ERP01.vsv"
    out.files.append(HostFile(saved, win.program("ERP01.vsv", "saved state", 65536),
                              born(at, ticks("2008-03-14 17:58:02"), key=saved)))
    config = f"{folder}\\ERP01.vmc"
    bios = win.guid("bios ERP01")
    drive = virtual_server.location(0, 1, path, "ERP01.vhd", undo=undo)
    xml = virtual_server.vmc(ide=virtual_server.controller("ide", 0, drive), saved=saved,
                             bios_guid=bios)
    out.files.append(HostFile(config, xml, born(made, ticks("2008-03-14 17:58:03"), key=config)))
    return {"name": "ERP01", "config": config, "registered": True, "bios_guid": bios,
            "memory_mb": 256, "disk": path, "undo": undo, "saved_state": [saved]}


def _unregistered(out: World) -> truth.Json:
    """ALTX: a machine that no shortcut registers, without a disk."""
    config, bios = f"{MACHINES}\\ALTX\\ALTX.vmc", win.guid("bios ALTX")
    stamp = born(ticks("2007-02-11 12:00:00"), key=config)
    out.files.append(HostFile(config, virtual_server.vmc(bios_guid=bios), stamp))
    return {"name": "ALTX", "config": config, "registered": False, "bios_guid": bios,
            "memory_mb": 256, "disk": "", "undo": "", "saved_state": []}


def _registered(out: World, rows: list[truth.Json]) -> list[dict[str, str]]:
    """The shortcuts, one of them to a machine that is gone; those that lead nowhere."""
    gone = f"{MACHINES}\\WEG\\WEG.vmc"
    links = []
    for target in [*(row["config"] for row in rows), gone]:
        name = target.rpartition("\\")[2].removesuffix(".vmc")
        link = f"{APP_DATA}\\Virtual Machines\\{name}.lnk"
        stamp = born(ticks("2006-10-10 10:12:01"), key=link)
        out.files.append(HostFile(link, virtual_server.shortcut(target), stamp))
        links.append({"link": link, "target": target})
    for row in rows:
        row["link"] = next(link["link"] for link in links if link["target"] == row["config"])
    return [link for link in links if link["target"] == gone]


def _network(out: World) -> dict[str, object]:
    """A network with a UUID of version 1, its shortcut, and the options of the service."""
    made = ticks("2006-10-09 14:22:10")
    count = made + 5_748_192_000_000_000
    digits = f"{count & 0xFFFFFFFF:08X}{count >> 32 & 0xFFFF:04X}{0x1000 | count >> 48:04X}"
    network_id = f"{digits}806BE1EDD5D5E3CB"
    path = f"{NETWORKS}\\External Network.vnc"
    text = (f'<preferences><id type="bytes">{network_id}</id>'
            '<name type="string">External Network</name></preferences>')
    rows = ((path, text.encode("utf-16")), (f"{APP_DATA}\\Options.xml", OPTIONS.encode()),
            (f"{APP_DATA}\\Virtual Networks\\External Network.lnk", virtual_server.shortcut(path)))
    for target, data in rows:
        out.files.append(HostFile(target, data, born(made + TICKS, key=target)))
    return {"name": "External Network", "path": path, "made": made, "id": network_id}


def _stories(out: World, machines: list[truth.Json],
             dangling: list[dict[str, str]]) -> dict[str, list[Line]]:
    """Path of each configuration -> its story; a .vmc keeps no time, but its file does."""
    stamps = {file.path: file.stamp for file in out.files}
    told: dict[str, list[Line]] = {row["target"]: [] for row in dangling}
    for row in machines:
        made = stamps[row["config"]]
        lines: list[Line] = [(made.fn_created, "configuration file made", "")]
        if made.modified > made.fn_created + TOGETHER:
            lines.append((made.modified, "configuration written", ""))
        lines += [(stamps[path].modified, "saved", "") for path in row["saved_state"]]
        told[row["config"]] = lines
    for link in [*dangling, *({"target": row["config"], "link": row["link"]} for row in machines
                              if row["registered"])]:
        told[link["target"]].append((stamps[link["link"]].fn_created, "registered", ""))
    erp = next(row["config"] for row in machines if row["disk"])
    told[erp] += stories(out)[""]  # the only disks are its own
    return {config: sorted(lines) for config, lines in told.items()}


def _guest(scratch: Path) -> tuple[State, State]:
    """ERP01: the disk when its undo disk was made, and with what was written since."""
    disk = GuestDisk(scratch, "ERP01", megabytes=32, start=63, made=ticks("2006-10-10 10:20:00"))
    inside = Windows(
        host_name="ERP01", domain="corp.example", product="Microsoft Windows Server 2003",
        version="5.2", build="3790", service_pack="Service Pack 2",
        installed=ticks("2006-10-10 10:44:00"), last_written=ticks("2008-03-01 07:40:00"),
        root="WINDOWS",
        mounted={"\\DosDevices\\C:": (disk.signature, disk.start * 512)},
    )
    states: list[State] = []
    for number, written in enumerate(("2008-03-01 07:40:00", "2008-03-14 17:50:00")):
        inside = replace(inside, last_written=ticks(written))
        with disk.volume.changing() as tree:
            if not states:
                install(tree, inside, integrated=False)
            hives = win.hives(inside, win.system_tree(inside), win.software_tree(inside))
            write_hives(tree, inside, hives, first=inside.installed)
            stamp = born(ticks("2006-10-11 08:00:00"), ticks(written), key="erp")
            tree.write("/ERP/book.dat", table("book", 1500, number), stamp)
        states.append(disk.state(inside))
    return states[0], states[1]
