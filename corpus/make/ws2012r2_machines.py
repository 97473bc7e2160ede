"""The machines of ws2012r2: configuration XML 5.0 in the states that a 2012 R2 host knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from corpus.make import later_guests, later_settings, vhdx_layers, vm_xml
from corpus.make.later_guests import R2012
from corpus.make.later_settings import More
from corpus.make.machines import (
    DEFAULT_DISKS,
    HYPERV,
    add_config,
    add_saved_state,
    machine,
    nic,
)
from corpus.make.times import DAY, TICKS, born, ticks
from corpus.make.vm_xml import Drive, Machine, Nic, Snapshot
from corpus.make.windows import Adapter, guid, program
from corpus.make.world import Chain, HostFile, HostLink, KnownMachine, World

HOST = "HV-HAM02"
CREATOR = "Microsoft Windows 6.3.9600.16384"
OWNER = "S-1-5-21-2210487133-1093345871-3367719201-500"
LAN, LAB = guid("switch Hamburg LAN"), guid("switch Labor")
SWITCHES = {LAN: "Hamburg LAN", LAB: "Labor"}
POOL = "00-15-5D-14-02"
_MACHINES, _SNAPSHOTS = f"{HYPERV}\\Virtual Machines", f"{HYPERV}\\Snapshots"
INSIDE = Adapter("0004", guid("nic in FILE01"), "Microsoft Hyper-V Network Adapter",
                 "vmbus\\{f8615163-df3e-46c5-913f-f2d2f965ed0e}", "192.168.20.61",
                 ("192.168.20.5", ticks("2014-05-20 09:52:40")))
"""The network adapter as FILE01 sees it, with its lease."""
FORMER = guid("machine MAIL02")
"""A machine that only the access list of its disk still names."""


def _machine(name: str, created: str, **more: object) -> Machine:
    made = machine(name, created, version=later_settings.XML_VERSION, owner_sid=OWNER)
    return replace(made, **more)  # type: ignore[arg-type] # fields of Machine


def _nic(name: str, number: int, switch: str = LAN) -> Nic:
    return nic(name, number, switch, pool=POOL)


def _volume(letter: str) -> str:
    return f"\\\\?\\Volume{{{guid(f'ws2012r2 volume {letter}').lower()}}}"


def _frozen(more: More) -> Callable[[Snapshot], bytes]:
    """Writes the configuration of a snapshot."""
    def write(snapshot: Snapshot) -> bytes:
        return vm_xml.encode(later_settings.snapshot_settings(snapshot, more))
    return write


def _add(out: World, known: KnownMachine, more: More, written: int,
         extra: Mapping[str, object] | None = None) -> None:
    known = replace(known, more=more.truth() | dict(extra or {}))
    data = vm_xml.encode(later_settings.settings(known.machine, more))
    add_config(out, known, written, data=data, frozen=_frozen(more))
    if known.link:
        stamp = born(known.machine.created + TICKS // 3, key=known.link)
        out.links.append(HostLink(known.link, known.config, stamp))


def add_file01(out: World, scratch: Path) -> None:
    """Two snapshots, the first with saved state, over a base in the default folder."""
    states = later_guests.server(
        scratch, "FILE01", (R2012, HOST), installed="2014-05-20 09:41:00",
        writes={"S1": "2015-01-15 19:30:00", "S2": "2016-03-08 20:12:44",
                "now": "2016-09-25 17:40:21"},
        boots={"S1": "2014-05-20 09:52:13", "now": "2016-03-09 05:58:30"}, adapters=(INSIDE,))
    taken = {"S1": ticks("2015-01-15 19:31:07.0040500"), "S2": ticks("2016-03-08 20:15:59.9000011")}
    vm = _machine("FILE01", "2014-05-20 09:20:33", memory_mb=2048, processors=2,
                  nics=(_nic("FILE01", 1),), com=("\\\\.\\pipe\\file01", ""))
    more = More(powered_on=ticks("2016-03-09 05:58:12"), powered_off=ticks("2016-09-25 17:41:00"),
                dynamic_mb=(512, 4096), switch_names=SWITCHES)
    base = vhdx_layers.dynamic(f"{DEFAULT_DISKS}\\FILE01.vhdx", states["S1"].media,
                               vm.created + 33 * TICKS, CREATOR)
    layers = {"S1": out.add_layer(base, vm.guid, taken["S1"])}
    for key, below, last in (("S2", "S1", taken["S2"]), ("now", "S2", more.powered_off)):
        path = f"{DEFAULT_DISKS}\\FILE01_{guid(f'avhdx FILE01 {key}')}.avhdx"
        layer = vhdx_layers.differencing(path, layers[below], states[key].media, taken[below],
                                         CREATOR, _volume("C"))
        layers[key] = out.add_layer(layer, vm.guid, last)
    ids = {key: guid(f"FILE01 snapshot {key}") for key in taken}
    saved = (f"{_SNAPSHOTS}\\{ids['S1']}\\{ids['S1']}.bin",
             f"{_SNAPSHOTS}\\{ids['S1']}\\{ids['S1']}.vsv")
    add_saved_state(out, saved, taken["S1"], vm.guid)
    snapshots = []
    for key, title, parent in (("S1", "Vor Umzug", ""), ("S2", "Vor SP", ids["S1"])):
        settings = replace(vm, drives=_ide(layers[key].path))
        snapshot = Snapshot(ids[key], title, taken[key], parent, settings,
                            saved if key == "S1" else None)
        snapshots.append((snapshot, f"{_SNAPSHOTS}\\{ids[key]}.xml"))
        out.chains.append(Chain(vm.guid, ids[key], settings.drives[0], layers[key], states[key]))
    vm = replace(vm, drives=_ide(layers["now"].path), snapshot_count=2, current_parent=ids["S2"])
    out.chains.append(Chain(vm.guid, "now", vm.drives[0], layers["now"], states["now"]))
    known = KnownMachine(vm, f"{_MACHINES}\\{vm.guid}.xml", "default folder", tuple(snapshots))
    _add(out, known, more, more.powered_off)


def add_sec10(out: World, scratch: Path) -> None:
    """Generation 2 on D:, by link; a merge is pending, the AVHDX of the snapshot is left."""
    state, left = later_guests.data_disk(
        scratch, "SEC10", "2015-02-02 10:00:00", "2016-08-01 11:58:00", "2016-08-03 11:59:00")
    folder = "D:\\VMs\\SEC10"
    vm = _machine("SEC10", "2015-02-02 09:44:10", memory_mb=1024, data_root=folder,
                  scsi_instances=(guid("SEC10 scsi"),), nics=(_nic("SEC10", 2),))
    base = vhdx_layers.dynamic(f"{folder}\\SEC10.vhdx", state.media, vm.created + 21 * TICKS,
                               CREATOR)
    out.add_layer(base, vm.guid, ticks("2016-08-01 12:00:00"))
    path = f"{folder}\\SEC10_{guid('avhdx SEC10')}.avhdx"
    orphan = vhdx_layers.differencing(path, base, left.media, ticks("2016-08-01 12:00:00"),
                                      CREATOR, _volume("D"))
    out.add_layer(orphan, vm.guid, ticks("2016-08-03 12:00:00"))
    out.chains.append(Chain("", "orphan", None, orphan, left))
    out.findings.append({"code": "orphan disk", "path": path})
    vm = replace(vm, drives=(Drive("scsi", 0, 0, "VHD", base.path),))
    out.chains.append(Chain(vm.guid, "now", vm.drives[0], base, state))
    more = More(generation=2, merge_pending=True, switch_names=SWITCHES,
                powered_on=ticks("2016-08-03 12:10:00"))
    known = KnownMachine(vm, f"{folder}\\Virtual Machines\\{vm.guid}.xml", "link",
                         link=f"{_MACHINES}\\{vm.guid}.xml")
    _add(out, known, more, ticks("2016-08-03 12:10:02"), {"boot": [], "com": []})


def add_without_disks(out: World) -> None:
    """A clustered machine, a replica, a planned one, and an export."""
    vm = _machine("CLU01", "2015-06-01 08:15:00", nics=(_nic("CLU01", 3, LAB),))
    known = KnownMachine(vm, f"D:\\Cluster\\CLU01\\Virtual Machines\\{vm.guid}.xml", "link",
                         link=f"{_MACHINES}\\{vm.guid}.xml")
    _add(out, known, More(clustered=True, switch_names=SWITCHES), vm.created + DAY)
    vm = _machine("REP01", "2015-09-10 22:05:31", notes="Replikat von HV-HAM01")
    known = KnownMachine(vm, f"{_MACHINES}\\{vm.guid}.xml", "default folder")
    _add(out, known, More(replica_of="hv-ham01.corp.example"), vm.created + 3 * DAY)
    vm = _machine("PLAN01", "2016-09-24 11:00:00")
    known = KnownMachine(vm, f"{HYPERV}\\Planned Virtual Machines\\{vm.guid}.xml", "planned")
    _add(out, known, More(planned=True), vm.created + 60 * TICKS)
    vm = _machine("EXP01", "2015-11-11 11:11:11", notes="Export 14.11.2015")
    known = KnownMachine(vm, f"D:\\Export\\EXP01\\Virtual Machines\\{vm.guid}.xml", "nothing")
    _add(out, known, More(), ticks("2015-11-14 10:00:00"))


def add_mail02(out: World) -> None:
    """A disk whose access list names a machine of which nothing else is left."""
    path, at = "D:\\Alt\\mail.vhdx", ticks("2014-08-08 08:08:08")
    disk = vhdx_layers.dynamic(path, bytes(6 << 20), at, CREATOR)
    out.add_layer(disk, FORMER, ticks("2015-03-03 17:00:00"))
    out.chains.append(Chain("", "orphan", None, disk, None))
    out.findings.append({"code": "orphan disk", "path": path})
    log = f"{path}.hrl"
    stamp = born(at + DAY, ticks("2015-03-03 17:00:01"), key=log)
    out.files.append(HostFile(log, program(log, "replica log", 4096), stamp))


def deleted() -> Machine:
    """TEMP03: nothing but the logs know it."""
    return _machine("TEMP03", "2016-02-01 13:00:00")


def _ide(path: str) -> tuple[Drive, Drive]:
    return Drive("ide", 0, 0, "VHD", path), Drive("ide", 1, 0, "ISO", "")
