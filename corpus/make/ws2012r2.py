"""ws2012r2: the disk of HV-HAM02, a Server 2012 R2 Hyper-V host with two volumes.

Everything that happens on it happens between 2014-05-12 and 2016-09-25; it is acquired the day
after. What it shows is listed in corpus/manifest.toml, what is true of it in truth/ws2012r2.json.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

from corpus.make import azman_store, ewf, host, host_windows, truth
from corpus.make import windows as win
from corpus.make import ws2012r2_machines as machines
from corpus.make.host_windows import HYPERV, Switch
from corpus.make.journal import Journal
from corpus.make.later_guests import R2012
from corpus.make.ntfs import Tree
from corpus.make.stories import stories
from corpus.make.times import TICKS, born, ticks
from corpus.make.windows import Windows
from corpus.make.world import World

SECTOR = 512
C_START, C_SECTORS = 2048, 112 << 11
D_START, D_SECTORS = C_START + C_SECTORS, 48 << 11
SIGNATURE = 0x60C3D91F
INSTALLED, LAST = ticks("2014-05-12 08:15:20"), ticks("2016-09-25 18:31:09")
MAC_POOL = bytes.fromhex("00155D140200"), bytes.fromhex("00155D1402FF")
CASE = ewf.Case("2016-0331", "HAM-01", "HV-HAM02 system disk", "K. Brandt", "",
                "2016-09-26 09:10:00")
_OPERATOR = f"{machines.OWNER.rpartition('-')[0]}-1120"
_VMMS = "Microsoft-Windows-Hyper-V-VMMS-Admin"


def build(corpus: Path, scratch: Path) -> None:
    """Writes ws2012r2.E01 and truth/ws2012r2.json under `corpus`."""
    scratch.mkdir(parents=True, exist_ok=True)
    world = World()
    machines.add_file01(world, scratch)
    machines.add_sec10(world, scratch)
    machines.add_without_disks(world)
    machines.add_mail02(world)
    inside, switches, journal = _host(), _switches(world), _journal(world)
    volumes = [
        host.volume(scratch, "C", start=C_START, sectors=C_SECTORS, serial=0x9A4417D84417B6C2,
                    made="2014-05-12 07:58:00"),
        host.volume(scratch, "D", start=D_START, sectors=D_SECTORS, serial=0x203B5C0E3B5BE7F4,
                    made="2014-05-12 09:40:18", label="VMs"),
    ]
    with volumes[0].changing() as tree:
        host_windows.skeleton(tree, inside, role=True)
        host.fill(tree, "C:", world)
        _host_files(tree, inside, switches, journal)
    with volumes[1].changing() as tree:
        tree.mkdir("/System Volume Information", born(ticks("2014-05-12 09:40:19")), 6)
        host.fill(tree, "D:", world)
    image = host.acquire(corpus, scratch, "ws2012r2", SIGNATURE, CASE,
                         [(C_START, volumes[0]), (D_START, volumes[1])])
    host.tell(corpus, scratch, "ws2012r2", {
        "image": image,
        "host": {
            "is_hyperv_host": True,
            "windows": truth.windows(inside),
            "services": sorted(inside.services),
            "virtualization": {"MinimumMacAddress": MAC_POOL[0].hex(),
                               "MaximumMacAddress": MAC_POOL[1].hex()},
            "switches": [truth.switch(row) | {"only_in_log": row.guid == machines.LAB}
                         for row in switches],
            "former_machine": machines.FORMER,
            "authorization": {"path": f"C:{HYPERV}/InitialStore.xml".replace("/", "\\"),
                              "in_effect": False},
        },
        "volumes": [truth.volume("C:", C_START * SECTOR, volumes[0]),
                    truth.volume("D:", D_START * SECTOR, volumes[1])],
        "machines": truth.machines(world),
        "chains": truth.chains(world),
        "events": journal.truth(),
        "stories": stories(world, journal),
        "addresses": [{"machine": "FILE01", "interface": machines.INSIDE.guid,
                       "address": machines.INSIDE.address, "lease": machines.INSIDE.lease}],
        "storage_files": 0,
        "findings": world.findings,
    })


def _host() -> Windows:
    services = {"vmms": host_windows.ROLE_SERVICES["vmms"], **host_windows.LATER_SERVICES}
    return Windows(
        host_name=machines.HOST, domain="corp.example", product=R2012.product,
        version=R2012.version, build=R2012.build, service_pack="", installed=INSTALLED,
        last_written=LAST, edition="ServerStandard", build_lab=R2012.lab,
        adapters=(
            host_windows.physical_adapter(1, ""),
            host_windows.virtual_adapter(2, "vEthernet (Hamburg LAN)", "192.168.20.12"),
        ),
        services=services,
        mounted=host.mounted("ws2012r2", {"C": (SIGNATURE, C_START), "D": (SIGNATURE, D_START)}),
    )


def _switches(world: World) -> Sequence[Switch]:
    """The second is so new that only the logs of the hive have it."""
    adapters = {adapter.key: adapter.guid for adapter in _host().adapters}
    rows = ((machines.LAN, "Hamburg LAN", "external", adapters["0001"], "2014-05-13 07:45:00"),
            (machines.LAB, "Labor", "private", "", "2016-09-25 18:30:40"))
    return [Switch(guid, name, kind, adapter, ticks(at), tuple(sorted(
        (nic.port, f"{known.machine.name} - {nic.name}") for known in world.machines
        for nic in known.machine.nics if nic.switch == guid))) for guid, name, kind, adapter, at
        in rows]


def _journal(world: World) -> Journal:
    """What the logs of the host say; 7 records of VMMS-Admin are missing, one is overwritten."""
    log = Journal(f"{machines.HOST}.corp.example", named=False, gaps={_VMMS: {4: 7}},
                  bad=((_VMMS, 14),))
    by_name = {known.machine.name: known.machine for known in world.machines}
    file, sec, temp = by_name["FILE01"], by_name["SEC10"], machines.deleted()
    for machine in (file, sec, by_name["CLU01"], temp):
        log.vm(machine.created + TICKS, "VMMS", 13002, "created", machine)
    life = (
        ("2014-05-20 09:50:00", file, "Worker", 18500, "started"),
        ("2015-01-15 19:31:07", file, "Worker", 18520, "snapshot taken"),
        ("2016-03-08 20:16:00", file, "Worker", 18520, "snapshot taken"),
        ("2016-03-08 20:16:30", file, "Worker", 18510, "saved"),
        ("2016-03-09 05:58:12", file, "Worker", 18500, "started"),
        ("2016-09-25 17:41:00", file, "Worker", 18504, "shut down by the host"),
        ("2016-08-03 12:05:00", sec, "VMMS", 19070, "merge started"),
        ("2016-08-03 12:05:09", sec, "VMMS", 19090, "merge interrupted"),
        ("2016-02-01 13:05:00", temp, "Worker", 18500, "started"),
        ("2016-02-02 18:00:00", temp, "Worker", 18502, "turned off"),
        ("2016-02-02 18:02:17", temp, "VMMS", 13003, "deleted"),
        ("2015-11-14 09:58:00", by_name["EXP01"], "VMMS", 18303, "exported"),
    )
    for at, machine, provider, event_id, meaning in life:
        log.vm(ticks(at), provider, event_id, meaning, machine)
    log.host(ticks("2016-09-24 05:30:12"), "VMMS", 14094, "management service started")
    log.host(ticks("2014-05-13 07:45:01"), "VMMS", 26000, "switch created", machines.LAN,
             "Hamburg LAN", channel="VMMS-Networking")
    log.windows(ticks("2016-02-02 18:30:00"), "Microsoft-Windows-VHDMP", 1,
                "Microsoft-Windows-VHDMP-Operational", "disk attached",
                {"VhdFileName": "D:\\Alt\\mail.vhdx", "VhdDiskNumber": "3"}, user=machines.OWNER)
    log.boot(ticks("2016-09-24 05:30:00"))
    log.windows(ticks("2016-02-02 17:55:00"), "Service Control Manager", 7036, "System",
                "service changed state",
                {"param1": "Hyper-V Virtual Machine Management", "param2": "running"})
    log.windows(ticks("2016-02-02 18:40:00"), "Microsoft-Windows-Eventlog", 1102, "Security",
                "log cleared", {"SubjectUserSid": _OPERATOR, "SubjectUserName": "mpetersen"},
                template="LogFileCleared")
    return log


def _host_files(
    tree: Tree, inside: Windows, switches: Sequence[Switch], journal: Journal
) -> None:
    store = azman_store.initial_store(with_operators=False)
    stamp = born(ticks("2014-05-13 07:40:00"), key="store")
    tree.write(f"{HYPERV}/InitialStore.xml", store, stamp)
    system, software = win.system_tree(inside), win.software_tree(inside)
    host_windows.add_virtualization(software, ticks("2014-05-13 07:40:30"), MAC_POOL, {})
    host_windows.add_switches(system, switches[:1])
    later = copy.deepcopy(system)
    host_windows.add_switches(later, switches[1:])
    host_windows.write_host_hives(tree, inside, system, software)
    before, after = (win.hives(inside, root, software)["SYSTEM"] for root in (system, later))
    host_windows.write_dirty(tree, inside, "SYSTEM", before, after)
    host_windows.write_logs(tree, inside, journal.logs())
