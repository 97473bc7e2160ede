"""ws2008: the disk of HV-BERLIN01, a Server 2008 SP2 Hyper-V host with two volumes.

Everything that happens on it happens between 2009-06-02 and 2009-11-20; it is acquired the day
after. What it shows is listed in corpus/manifest.toml, what is true of it in truth/ws2008.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corpus.make import (
    accounts,
    azman_store,
    ewf,
    host,
    host_windows,
    machines,
    odd_machines,
    truth,
)
from corpus.make import windows as win
from corpus.make.host_windows import Switch
from corpus.make.ntfs import Tree
from corpus.make.stories import stories
from corpus.make.times import TICKS, born, ticks
from corpus.make.windows import Windows
from corpus.make.world import World

SECTOR = 512
C_START, C_SECTORS = 2048, 128 << 11
D_START, D_SECTORS = C_START + C_SECTORS, 152 << 11
SIGNATURE = 0x7C4E91A3
FOREIGN_SIGNATURE = 0x2F10D8B6
"""The disk that held E:, which was not acquired."""
INSTALLED = ticks("2009-06-02 08:31:47")
LAST = ticks("2009-11-20 18:21:09")
MAC_POOL = bytes.fromhex("00155D0A1500"), bytes.fromhex("00155D0A15FF")
ROOTS = {
    "DefaultExternalDataRoot": machines.CHANGED_ROOT,
    "DefaultVirtualHardDiskPath": machines.CHANGED_DISKS,
}
FORMER = win.guid("machine MAIL01")
"""A machine that had OLDAPP.vhd before; nothing but a stored access list knows of it."""
CASE = ewf.Case(
    "2009-0417",
    "BER-01",
    "HV-BERLIN01 system disk",
    "K. Brandt",
    "Acquired at the site; E: was on a disk already returned to the vendor",
    "2009-11-21 10:04:30",
)


def build(corpus: Path, scratch: Path) -> None:
    """Writes ws2008.E01 and truth/ws2008.json under `corpus`."""
    scratch.mkdir(parents=True, exist_ok=True)
    world = World()
    machines.add_dc01(world, scratch)
    machines.add_web01(world, scratch)
    machines.add_sql01(world, scratch)
    machines.add_build07(world)
    machines.add_oldapp(world, scratch)
    machines.add_test02(world, scratch)
    odd_machines.add_odd_names(world)
    odd_machines.add_damaged(world)
    odd_machines.add_dangling(world)
    inside, switches = _host(), _switches(world)
    volumes = {
        "C:": host.volume(scratch, "C", start=C_START, sectors=C_SECTORS,
                          serial=0xB4D0C2F1D0C2E8A6, made="2009-06-02 08:02:10"),
        "D:": host.volume(scratch, "D", start=D_START, sectors=D_SECTORS,
                          serial=0x1CA6F2B9A6F29254, made="2009-06-03 09:15:26", label="VMs"),
    }
    with volumes["C:"].changing() as tree:
        host_windows.skeleton(tree, inside, role=True)
        host.fill(tree, "C:", world)
        for known in world.machines:
            folder = f"{host_windows.HYPERV}/Virtual Machines/{known.machine.guid}"
            extension = known.config.lower().endswith(".xml")
            if known.registered_by == "default folder" and extension:
                tree.mkdir(folder, born(known.machine.created + TICKS, key=folder))
        _host_files(tree, inside, switches)
        for path, at in world.deleted.items():
            tree.delete(host.inside(path), at)
    with volumes["D:"].changing() as tree:
        tree.mkdir("/System Volume Information", born(ticks("2009-06-03 09:15:27")), 6)
        tree.mkdir("/$RECYCLE.BIN", born(ticks("2009-06-03 09:40:00")), 6)
        former = {"D:\\VMs\\OLDAPP\\OLDAPP.vhd": [FORMER]}
        host.fill(tree, "D:", world, former)
    parts = [(C_START, volumes["C:"]), (D_START, volumes["D:"])]
    image = host.acquire(corpus, scratch, "ws2008", SIGNATURE, CASE, parts)
    document = {
        "image": image,
        "host": _truth_host(inside, switches),
        "volumes": [
            truth.volume("C:", C_START * SECTOR, volumes["C:"]),
            truth.volume("D:", D_START * SECTOR, volumes["D:"]),
        ],
        "machines": truth.machines(world),
        "chains": truth.chains(world),
        "stories": stories(world) | {FORMER: []},
        "findings": world.findings,
    }
    host.tell(corpus, scratch, "ws2008", document)


def _host() -> Windows:
    lan = host_windows.physical_adapter(7, "")
    return Windows(
        host_name="HV-BERLIN01",
        domain="corp.example",
        product="Windows Server (R) 2008 Enterprise",
        version="6.0",
        build="6002",
        service_pack="Service Pack 2",
        installed=INSTALLED,
        last_written=LAST,
        edition="ServerEnterprise",
        build_lab="6002.18005.amd64fre.lh_sp2rtm.090410-1830",
        adapters=(
            lan,
            host_windows.physical_adapter(8, "192.168.40.2"),
            host_windows.virtual_adapter(11, "Corporate LAN", "192.168.10.21"),
            host_windows.virtual_adapter(12, "Host only", "10.99.0.1"),
        ),
        services={**host_windows.ROLE_SERVICES, **host_windows.HYPERVISOR_SERVICES},
        mounted=host.mounted("ws2008", {
            "C": (SIGNATURE, C_START), "D": (SIGNATURE, D_START), "E": (FOREIGN_SIGNATURE, 2048),
        }),
    )


def _switches(world: World) -> Sequence[Switch]:
    """The three switches, each with the ports that the machines' adapters name."""
    inside = _host()
    adapters = {adapter.key: adapter.guid for adapter in inside.adapters}
    rows = (
        (machines.EXTERNAL, "Corporate LAN", "external", adapters["0007"], "2009-06-03 10:12:05"),
        (machines.INTERNAL, "Host only", "internal", adapters["0012"], "2009-06-04 11:30:48"),
        (machines.PRIVATE, "Lab (isolated)", "private", "", "2009-06-18 09:45:16"),
    )
    out = []
    for switch, name, kind, adapter, made in rows:
        ports = [
            (nic.port, f"{known.machine.name} - {nic.name}")
            for known in world.machines
            for nic in known.machine.nics
            if nic.switch == switch
        ]
        out.append(Switch(switch, name, kind, adapter, ticks(made), tuple(sorted(ports))))
    return out


def _host_files(tree: Tree, inside: Windows, switches: Sequence[Switch]) -> None:
    store = azman_store.initial_store(with_operators=True)
    stamp = born(ticks("2009-06-03 09:58:31"), ticks("2009-06-09 14:05:52"), key="store")
    tree.write(f"{host_windows.HYPERV}/InitialStore.xml", store, stamp)
    iso = win.program("vmguest.iso", "6.0.6002.18005", 60_000)
    stamp = born(INSTALLED, ticks("2009-04-11 07:03:14"), key="iso")
    tree.write("/Windows/System32/vmguest.iso", iso, stamp)
    stamp = born(ticks("2009-11-02 07:00:00"), ticks("2009-11-20 06:00:00"), key="sparse")
    parts = {1 << 20: b"index\r\n" * 300, 5 << 20: b"tail\r\n" * 100}
    tree.write_sparse("/Windows/System32/LogFiles/trace.bin", 6 << 20, parts, stamp)
    notes = b"DC01: payroll rollback 17.07., ask K.B. before applying snapshots\r\n"
    stamp = born(ticks("2009-07-17 07:02:19"), ticks("2009-09-02 19:50:00"), key="notes")
    zone = {"Zone.Identifier": b"[ZoneTransfer]\r\nZoneId=1\r\n"}
    tree.write("/Users/Administrator/Desktop/snapshots.txt", notes, stamp, streams=zone)
    text = "DC01\r\nWEB01\r\nSQL01 (alt)\r\nÄnderungen: K.B.\r\n".encode("cp1252")
    stamp = born(ticks("2009-08-04 08:15:33"), ticks("2009-10-30 15:12:09"), key="list")
    tree.write("/Users/Administrator/Desktop/Übersicht.txt", text, stamp)
    system, software = win.system_tree(inside), win.software_tree(inside)
    host_windows.add_switches(system, switches)
    host_windows.add_virtualization(software, ticks("2009-08-03 13:58:40"), MAC_POOL, ROOTS)
    accounts.add_profiles(software, INSTALLED)
    others = accounts.hives(inside.host_name, INSTALLED)
    host_windows.write_host_hives(tree, inside, system, software, others)


def _truth_host(inside: Windows, switches: Sequence[Switch]) -> truth.Json:
    return {
        "is_hyperv_host": True,
        "windows": truth.windows(inside),
        "services": sorted(inside.services),
        "virtualization": {
            "MinimumMacAddress": MAC_POOL[0].hex(),
            "MaximumMacAddress": MAC_POOL[1].hex(),
            **ROOTS,
        },
        "switches": [truth.switch(row) for row in switches],
        "accounts": accounts.truth(),
        "former_machine": FORMER,
        "authorization": {
            "path": f"C:{host_windows.HYPERV}/InitialStore.xml".replace("/", "\\"),
            "operations": len(azman_store.OPERATIONS),
            "roles": {
                "Administrator": ["S-1-5-32-544"],
                "Machine Operator": [azman_store.OPERATORS_SID],
            },
        },
    }
