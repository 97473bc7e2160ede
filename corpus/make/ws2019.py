"""ws2019: the disk of HV-KOELN03, a Server 2019 Hyper-V host with two volumes.

Everything that happens on it happens between 2019-03-04 and 2020-06-14; it is acquired the day
after. What it shows is listed in corpus/manifest.toml, what is true of it in truth/ws2019.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corpus.make import ewf, host, host_windows, truth, vmcx
from corpus.make import windows as win
from corpus.make import ws2019_machines as machines
from corpus.make.host_windows import HYPERV, Switch
from corpus.make.journal import Journal
from corpus.make.later_guests import R2019
from corpus.make.machines import HYPERV as MACHINES
from corpus.make.ntfs import Tree
from corpus.make.stories import stories
from corpus.make.times import DAY, TICKS, born, ticks
from corpus.make.vm_xml import Machine
from corpus.make.windows import Windows
from corpus.make.world import World

SECTOR = 512
C_START, C_SECTORS = 2048, 112 << 11
D_START, D_SECTORS = C_START + C_SECTORS, 56 << 11
SIGNATURE = 0x3B9E07C4
INSTALLED, LAST = ticks("2019-03-04 09:12:30"), ticks("2020-06-14 21:02:47")
MAC_POOL = bytes.fromhex("00155D280300"), bytes.fromhex("00155D2803FF")
CASE = ewf.Case("2020-0122", "KOE-01", "HV-KOELN03 system disk", "K. Brandt", "",
                "2020-06-15 08:30:00")
APP = win.guid("machine APP01")
CONNECTED = born(ticks("2020-05-02 12:05:10"), key="vmconnect")
"""When the operator first opened the console of APP01."""
_OPERATOR = f"{machines.OWNER.rpartition('-')[0]}-1104"


def build(corpus: Path, scratch: Path) -> None:
    """Writes ws2019.E01 and truth/ws2019.json under `corpus`."""
    scratch.mkdir(parents=True, exist_ok=True)
    world = World()
    machines.add_app01(world, scratch)
    machines.add_db01(world, scratch)
    machines.add_sec02(world)
    machines.add_torn01(world)
    lost = machines.add_without_disks(world)
    old = machines.add_deleted(world)
    inside, switches, journal = _host(), _switches(world), _journal(world, old, lost["gone"][0])
    register, rows = _register(world, lost)
    volumes = [
        host.volume(scratch, "C", start=C_START, sectors=C_SECTORS, serial=0x5E02D7A102D77C93,
                    made="2019-03-04 08:50:02"),
        host.volume(scratch, "D", start=D_START, sectors=D_SECTORS, serial=0x84F1B06EF1B0593A,
                    made="2019-03-04 10:30:44", label="Data"),
    ]
    with volumes[0].changing() as tree:
        host_windows.skeleton(tree, inside, role=True)
        host.fill(tree, "C:", world)
        stamp = born(INSTALLED + DAY, LAST, key="data.vmcx")
        tree.write(f"{HYPERV}/data.vmcx", register, stamp)
        _host_files(tree, inside, switches, journal)
    with volumes[1].changing() as tree:
        tree.mkdir("/System Volume Information", born(ticks("2019-03-04 10:30:45")), 6)
        host.fill(tree, "D:", world)
    image = host.acquire(corpus, scratch, "ws2019", SIGNATURE, CASE,
                         [(C_START, volumes[0]), (D_START, volumes[1])])
    host.tell(corpus, scratch, "ws2019", {
        "image": image,
        "host": {
            "is_hyperv_host": True,
            "windows": truth.windows(inside),
            "services": sorted(inside.services),
            "virtualization": {"MinimumMacAddress": MAC_POOL[0].hex(),
                               "MaximumMacAddress": MAC_POOL[1].hex()},
            "switches": [truth.switch(row) for row in switches],
            "register": rows,
            "former_machine": old.guid,
        },
        "volumes": [truth.volume("C:", C_START * SECTOR, volumes[0]),
                    truth.volume("D:", D_START * SECTOR, volumes[1])],
        "machines": truth.machines(world),
        "chains": truth.chains(world),
        "events": journal.truth(),
        "stories": stories(world, journal, {
            APP: [(CONNECTED.fn_created, "opened by a user", "Administrator")],
            old.guid: [machines.BINNED]}),
        "storage_files": 1 + sum(file.path.lower().endswith((".vmcx", ".vmrs"))
                                 for file in world.files),
        "findings": world.findings,
    })


def _host() -> Windows:
    services = {"vmms": host_windows.ROLE_SERVICES["vmms"], **host_windows.LATEST_SERVICES}
    return Windows(
        host_name=machines.HOST, domain="corp.example", product=R2019.product,
        version=R2019.version, build=R2019.build, service_pack="", installed=INSTALLED,
        last_written=LAST, edition="ServerStandard", build_lab=R2019.lab,
        adapters=(
            host_windows.physical_adapter(1, ""),
            host_windows.virtual_adapter(2, "vEthernet (Produktion)", "192.168.30.13"),
            host_windows.virtual_adapter(3, "vEthernet (Default Switch)", "172.17.44.1"),
        ),
        services=services,
        mounted=host.mounted("ws2019", {"C": (SIGNATURE, C_START), "D": (SIGNATURE, D_START)}),
    )


def _switches(world: World) -> Sequence[Switch]:
    adapters = {adapter.key: adapter.guid for adapter in _host().adapters}
    ports = [(nic.port, f"{known.machine.name} - {nic.name}")
             for known in world.machines for nic in known.machine.nics]
    return (
        Switch(machines.LAN, "Produktion", "external", adapters["0001"],
               ticks("2019-03-05 10:02:11"), tuple(sorted(ports))),
        Switch(machines.NAT, "Default Switch", "internal", adapters["0003"],
               ticks("2019-03-05 09:40:00")),
    )


def _register(
    world: World, lost: dict[str, list[tuple[str, str]]]
) -> tuple[bytes, list[dict[str, object]]]:
    """data.vmcx, and its rows for the truth."""
    known = [(row.machine.guid, row.config) for row in world.machines
             if row.registered_by == "register"]
    rows = sorted([*known, *lost["gone"], *lost["cached"]])
    cached = {file.path.rpartition("\\")[2][:36]: file.path for file in world.files
              if "\\Virtual Machines Cache\\" in file.path}
    old = win.guid("machine OLD07")
    former = old, f"{MACHINES}\\Virtual Machines\\{old}.vmcx"
    data = vmcx.register(rows, sorted(cached.items()), former=[former])
    told = [{"guid": guid, "path": path, "cache": cached.get(guid, ""),
             "missing": (guid, path) not in known} for guid, path in rows]
    return data, [*told, {"guid": former[0], "path": former[1], "former": True}]


def _journal(world: World, old: Machine, lost: tuple[str, str]) -> Journal:
    """What the logs of the host say."""
    log = Journal(f"{machines.HOST}.corp.example", named=True)
    by_name = {known.machine.name: known.machine for known in world.machines
               if known.registered_by != "nothing"}
    app, db = by_name["APP01"], by_name["DB01"]
    for machine in (app, db, old, by_name["SEC02"]):
        log.vm(machine.created + TICKS, "VMMS", 13002, "created", machine)
    life = (
        ("2019-03-11 10:05:00", app, "Worker", 18500, "started"),
        ("2019-09-02 18:20:41", app, "Worker", 18512, "reset by the host"),
        ("2020-03-10 20:30:00", app, "Worker", 18502, "turned off"),
        ("2020-03-11 06:05:40", app, "Worker", 18500, "started"),
        ("2020-06-14 20:11:40", app, "Worker", 18508, "shut down by the guest"),
        ("2020-06-01 05:00:09", db, "Worker", 18500, "started"),
        ("2020-06-12 17:30:58", db, "Worker", 18510, "saved"),
        ("2019-07-01 11:20:00", old, "Worker", 18500, "started"),
        ("2020-04-02 22:30:00", old, "Worker", 18504, "shut down by the host"),
        ("2020-04-02 22:40:12", old, "VMMS", 13003, "deleted"),
        ("2020-05-02 12:00:00", app, "VMMS", 18303, "exported"),
    )
    for at, machine, provider, event_id, meaning in life:
        log.vm(ticks(at), provider, event_id, meaning, machine)
    log.host(ticks("2020-06-14 05:00:30"), "Config", 4096, "configuration not accessible",
             "Virtual Machines", lost[0], lost[1], vm_id=lost[0])
    log.host(ticks("2020-06-14 05:00:21"), "VMMS", 14094, "management service started")
    disk = app.drives[0].path
    log.windows(ticks("2020-03-11 06:05:38"), "Microsoft-Windows-VHDMP", 12,
                "Microsoft-Windows-VHDMP-Operational", "disk opened",
                {"Status": "0", "VhdFile": disk, "VmId": f"{{{app.guid}}}", "ReadOnly": "false"},
                vm_id=app.guid)
    log.windows(ticks("2020-05-02 12:40:00"), "Microsoft-Windows-VHDMP", 1,
                "Microsoft-Windows-VHDMP-Operational", "disk attached",
                {"VhdFileName": disk, "VhdDiskNumber": "2"}, user=machines.OWNER)
    log.boot(ticks("2020-06-14 05:00:02"))
    log.windows(ticks("2020-05-02 11:58:40"), "Service Control Manager", 7040, "System",
                "service start type changed",
                {"param1": "Hyper-V Virtual Machine Management", "param2": "auto start",
                 "param3": "demand start", "param4": "vmms"}, user=machines.OWNER)
    log.windows(ticks("2020-05-02 11:50:03"), "Microsoft-Windows-Security-Auditing", 4624,
                "Security", "logon",
                {"TargetUserSid": _OPERATOR, "TargetUserName": "jweber",
                 "TargetDomainName": "CORP", "LogonType": "10", "IpAddress": "192.168.30.77"})
    log.windows(ticks("2020-05-02 13:01:00"), "Microsoft-Windows-Eventlog", 1102, "Security",
                "log cleared", {"SubjectUserSid": _OPERATOR, "SubjectUserName": "jweber"},
                template="LogFileCleared")
    return log


def _host_files(
    tree: Tree, inside: Windows, switches: Sequence[Switch], journal: Journal
) -> None:
    system, software = win.system_tree(inside), win.software_tree(inside)
    host_windows.later_software(software, 10)
    host_windows.add_switches(system, switches)
    host_windows.add_virtualization(software, ticks("2019-03-05 09:35:00"), MAC_POOL, {})
    host_windows.write_host_hives(tree, inside, system, software)
    host_windows.write_logs(tree, inside, journal.logs())
    client = "/Users/Administrator/AppData/Roaming/Microsoft/Windows/Hyper-V/Client/1.0"
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\r\n<configuration>\r\n'
        "  <Microsoft.Virtualization.Client.RdpOptions>\r\n"
        '    <setting name="FullScreen" type="System.Boolean">\r\n      <value>False</value>\r\n'
        "    </setting>\r\n  </Microsoft.Virtualization.Client.RdpOptions>\r\n</configuration>\r\n"
    )
    tree.write(f"{client}/vmconnect.rdp.{APP}.config", text.encode(), CONNECTED)
