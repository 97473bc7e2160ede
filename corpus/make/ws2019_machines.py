"""The machines of ws2019: VMCX configurations in every state that a register can have."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from corpus.make import later_guests, later_settings, vhd, vhdx_layers, vm_xml, vmcx, world
from corpus.make.later_guests import R2019
from corpus.make.later_settings import More
from corpus.make.machines import DEFAULT_DISKS, HYPERV, add_config, machine, nic
from corpus.make.times import DAY, TICKS, Stamp, born, spread, ticks
from corpus.make.vm_xml import Drive, Machine, Nic, Snapshot
from corpus.make.vmcx import Key, Was
from corpus.make.windows import guid, program
from corpus.make.world import Chain, HostFile, KnownMachine, World

HOST = "HV-KOELN03"
CREATOR = "Microsoft Windows 10.0.17763.0"
OWNER = "S-1-5-21-3104417785-2088156401-1177238915-500"
LAN, NAT = guid("switch Produktion"), guid("switch Default Switch")
SWITCHES = {LAN: "Produktion", NAT: "Default Switch"}
POOL = "00-15-5D-28-03"
VERSION = 0x0900
_MACHINES, _SNAPSHOTS = f"{HYPERV}\\Virtual Machines", f"{HYPERV}\\Snapshots"
_CACHE = f"{HYPERV}\\Virtual Machines Cache"
_DVD = Drive("scsi", 0, 1, "ISO", "")
BINNED = ticks("2020-04-02 22:41:17.2500000"), "deleted", f"{DEFAULT_DISKS}\\OLD07.vhdx"
"""When the disk of OLD07 went to the recycle bin."""
VOLUME_C = f"\\\\?\\Volume{{{guid('ws2019 volume C').lower()}}}"


def _machine(name: str, created: str, **more: object) -> Machine:
    return replace(machine(name, created, version=VERSION, owner_sid=OWNER), **more)  # type: ignore[arg-type] # fields of Machine


def _nic(name: str, number: int) -> Nic:
    return nic(name, number, LAN, pool=POOL)


def _keys(vm: Machine, more: More) -> list[Key]:
    return vmcx.from_settings(later_settings.settings(vm, more))


def _frozen(more: More) -> Callable[[Snapshot], bytes]:
    """Writes the configuration of a snapshot."""
    def write(snapshot: Snapshot) -> bytes:
        return vmcx.build(vmcx.from_settings(later_settings.snapshot_settings(snapshot, more)))
    return write


def replaced(keys: Sequence[Key], path: str, value: object) -> list[Key]:
    """The keys with another value at `path`."""
    name, _, rest = path.partition("/")
    return [(key, replaced(below, rest, value) if rest and isinstance(below, list) else value)  # type: ignore[misc] # a value of Key
            if key == name else (key, below) for key, below in keys]


def add_app01(out: World, scratch: Path) -> None:
    """Two checkpoints over a base in the default folder; created as planned machine."""
    states = later_guests.server(
        scratch, "APP01", (R2019, HOST), installed="2019-03-11 10:24:51",
        writes={"S1": "2019-09-02 18:02:33", "S2": "2020-03-10 19:44:10",
                "now": "2020-06-14 20:11:05"},
        boots={"S1": "2019-03-11 10:31:02", "now": "2020-03-11 06:05:48"})
    taken = {"S1": ticks("2019-09-02 18:10:20.1200345"), "S2": ticks("2020-03-10 20:00:00.5001002")}
    vm = _machine("APP01", "2019-03-11 09:58:14", memory_mb=4096, processors=2,
                  nics=(_nic("APP01", 1),))
    more = More(powered_on=ticks("2020-03-11 06:05:40"), powered_off=ticks("2020-06-14 20:11:40"),
                dynamic_mb=(512, 8192), switch_names=SWITCHES, user_type=3)
    base = vhdx_layers.dynamic(f"{DEFAULT_DISKS}\\APP01.vhdx", states["S1"].media,
                               vm.created + 30 * TICKS, CREATOR)
    layers = {"S1": out.add_layer(base, vm.guid, taken["S1"])}
    for key, below, last in (("S2", "S1", taken["S2"]), ("now", "S2", more.powered_off)):
        path = f"{DEFAULT_DISKS}\\APP01_{guid(f'avhdx APP01 {key}')}.avhdx"
        layer = vhdx_layers.differencing(path, layers[below], states[key].media, taken[below],
                                         CREATOR, VOLUME_C)
        layers[key] = out.add_layer(layer, vm.guid, last)
    ids = {key: guid(f"APP01 checkpoint {key}") for key in taken}
    snapshots = []
    for key, title, parent in (("S1", "Vor Update", ""),
                               ("S2", "APP01 - (10.03.2020 - 21:00:00)", ids["S1"])):
        settings = replace(vm, drives=_ide(layers[key].path))
        snapshots.append((Snapshot(ids[key], title, taken[key], parent, settings),
                          f"{_SNAPSHOTS}\\{ids[key]}.vmcx"))
        out.chains.append(Chain(vm.guid, ids[key], settings.drives[0], layers[key], states[key]))
    vm = replace(vm, drives=_ide(layers["now"].path), snapshot_count=2,
                 current_parent=ids["S2"])
    out.chains.append(Chain(vm.guid, "now", vm.drives[0], layers["now"], states["now"]))
    keys = _keys(vm, more)
    before = replaced(keys, "configuration/properties/name", "NEU-APP")
    slack = Was("Virtual Machines", later_settings.PLANNED)
    data = vmcx.build(replaced(keys, "configuration/properties/type_id", slack),
                      sequence=12, stale=[(9, before)])
    known = KnownMachine(vm, f"{_MACHINES}\\{vm.guid}.vmcx", "register", tuple(snapshots),
                         more=more.truth() | {"former": [
                             {"key": "configuration/properties/name", "value": "NEU-APP",
                              "found_in": "replay log"},
                             {"key": "configuration/properties/type_id",
                              "value": later_settings.PLANNED, "found_in": "slack"}]})
    add_config(out, known, more.powered_off, data=data, frozen=_frozen(more))
    _add_state_file(out, f"{_MACHINES}\\{vm.guid}.vmrs", vm, more.powered_off)
    for suffix in ("rct", "mrt"):
        path = f"{base.path}.{suffix}"
        stamp = born(ticks("2019-03-12 22:00:05"), taken["S1"], key=path)
        out.files.append(HostFile(path, program(path, "change tracking", 4096), stamp, vm.guid))


def add_db01(out: World, scratch: Path) -> None:
    """On D:, saved; a replay log that was not applied; a copy in the cache."""
    (state,) = later_guests.data_disk(
        scratch, "DB01", "2019-05-06 12:20:00", "2020-06-12 17:30:12")
    vm = _machine("DB01", "2019-05-06 12:02:44", memory_mb=2048, processors=4,
                  scsi_instances=(guid("DB01 scsi"),), nics=(_nic("DB01", 2),))
    folder = "D:\\VMs\\DB01"
    disk = vhdx_layers.dynamic(f"{folder}\\Virtual Hard Disks\\DB01.vhdx", state.media,
                               vm.created + 41 * TICKS, CREATOR)
    saved_at = ticks("2020-06-12 17:31:00")
    out.add_layer(disk, vm.guid, saved_at)
    vm = replace(vm, drives=(_disk(disk.path),), data_root=folder)
    out.chains.append(Chain(vm.guid, "now", vm.drives[0], disk, state))
    more = More(powered_on=ticks("2020-06-01 05:00:09"), switch_names=SWITCHES)
    grown = replace(vm, memory_mb=8192, notes="RAM erweitert 10.06.")
    data = vmcx.build(_keys(vm, more), pending=_keys(grown, more))
    config = f"{folder}\\Virtual Machines\\{vm.guid}.vmcx"
    saved = f"{folder}\\Virtual Machines\\{vm.guid}.vmrs"
    known = KnownMachine(grown, config, "register", more=more.truth() | {
        "saved_state": [saved], "pending": True, "former": [
            {"key": "configuration/settings/memory/bank/size", "value": "2048",
             "found_in": "before the pending changes"}]})
    add_config(out, known, ticks("2020-06-10 09:12:30"), data=data)
    ranges = struct.pack("<IIQQQIIQ", 3, 0, 512, 0, 0, 0, 0, 0)
    state_file = vmcx.build([
        ("configuration", [("properties", [("version", VERSION)])]),
        ("savedstate", [("RamBlock0", program("DB01", "memory", 1 << 20)),
                        ("RamBlock1", program("DB01", "compressed", 70_000)),
                        ("RamMemoryBlock0", ranges), ("VmVersion", VERSION),
                        ("savedVM", [("partition_state", program("DB01", "partition", 5000))]),
                        ("type", "Normal")])])
    out.files.append(HostFile(saved, state_file, born(vm.created, saved_at, key=saved), vm.guid))
    _add_copy(out, grown, more, ticks("2020-06-10 09:12:31"))
    _add_vhd_set(out, folder, vm)


def _add_vhd_set(out: World, folder: str, vm: Machine) -> None:
    """A VHD Set that no configuration names; what its small file holds is not public."""
    path, at = f"{folder}\\Virtual Hard Disks\\quorum", ticks("2019-06-03 08:00:00")
    backing = vhdx_layers.dynamic(f"{path}_{guid('quorum backing')}.avhdx", bytes(4 << 20), at,
                                  CREATOR)
    out.add_layer(backing, vm.guid, at + DAY)
    out.chains.append(Chain("", "orphan", None, backing, None))
    out.findings.append({"code": "orphan disk", "path": backing.path})
    stamp = born(at, at + DAY, key=path)
    out.files.append(HostFile(f"{path}.vhds", program(path, "set", 4096), stamp, vm.guid))


def add_sec02(out: World) -> None:
    """Generation 2, never started, an empty disk; guest state in a .vmgs."""
    vm = _machine("SEC02", "2020-01-20 14:15:16", memory_mb=2048,
                  scsi_instances=(guid("SEC02 scsi"),), nics=(_nic("SEC02", 3),))
    disk = vhdx_layers.dynamic(f"{DEFAULT_DISKS}\\SEC02.vhdx", bytes(16 << 20),
                               vm.created + 12 * TICKS, CREATOR)
    out.add_layer(disk, vm.guid, vm.created + 13 * TICKS)
    state_file = f"{_MACHINES}\\{vm.guid}.vmgs"
    vm = replace(vm, drives=(_disk(disk.path), _DVD))
    out.chains.append(Chain(vm.guid, "now", vm.drives[0], disk, None))
    more = More(generation=2, switch_names=SWITCHES, state_file=state_file, automatic=True)
    known = KnownMachine(vm, f"{_MACHINES}\\{vm.guid}.vmcx", "register",
                         more=more.truth() | {"boot": [], "com": []})
    add_config(out, known, vm.created + 20 * TICKS, data=vmcx.build(_keys(vm, more)))
    payload = (b"GUESTRTS" + struct.pack("<I", 0x00020000)).ljust(1 << 20, b"\0")
    seconds = spread("vmgs", 1000) + 632_000_000
    data = vhd.fixed(payload, unique_id=world.unique_id(state_file), created=seconds)
    stamp = born(vm.created + 15 * TICKS, key=state_file)
    out.files.append(HostFile(state_file, data, stamp, vm.guid))


def add_without_disks(out: World) -> dict[str, list[tuple[str, str]]]:
    """Machines in odd places; rows of the register and of its cache that lead nowhere."""
    rows: dict[str, list[tuple[str, str]]] = {"gone": [], "cached": []}
    lost = guid("machine LOST02")
    rows["gone"].append((lost, f"D:\\Weg\\LOST02\\Virtual Machines\\{lost}.vmcx"))
    web = _machine("WEB05", "2019-08-14 07:30:00", memory_mb=1024, nics=(_nic("WEB05", 4),))
    original = f"D:\\Weg\\WEB05\\Virtual Machines\\{web.guid}.vmcx"
    rows["cached"].append((web.guid, original))
    more = More(switch_names=SWITCHES)
    known = KnownMachine(web, _cached(web), "copy", more=more.truth() | {"stands_for": original})
    add_config(out, known, ticks("2020-02-02 10:00:00"), data=vmcx.build(_keys(web, more)))
    hidden = _machine("HIDDEN9", "2020-05-21 23:47:03", notes="kein Backup")
    _add_plain(out, hidden, f"D:\\Temp\\x\\Virtual Machines\\{hidden.guid}.vmcx", "nothing")
    template = _machine("TPL01", "2019-04-01 08:00:12")
    _add_plain(out, template, f"{_MACHINES}\\{template.guid}.vmcx", "register")
    copy = replace(template, name="TPL01 Kopie", notes="Kopie vom 12.02.")
    _add_plain(out, copy, f"D:\\Kopie\\TPL01\\Virtual Machines\\{copy.guid}.vmcx", "nothing")
    out.findings.append({"code": "duplicated id", "machine": template.guid})
    old = _machine("ALT50", "2016-02-17 13:05:55", version=later_settings.XML_VERSION,
                   nics=(_nic("ALT50", 5),), notes="von HV-KOELN01 übernommen")
    data = vm_xml.encode(later_settings.settings(old, more))
    known = KnownMachine(old, f"{_MACHINES}\\{old.guid}.xml", "register", more=more.truth())
    add_config(out, known, ticks("2019-03-06 15:00:00"), data=data)
    return rows


def add_torn01(out: World) -> None:
    """400 bytes in the list of devices are zeros."""
    vm = _machine("TORN01", "2019-10-09 16:20:31", notes="war im RAID-Ausfall")
    data = bytearray(vmcx.build(_keys(vm, More())))
    at = data.index(b"vdev003\0")
    data[at:at + 400] = bytes(400)
    known = KnownMachine(vm, f"{_MACHINES}\\{vm.guid}.vmcx", "register",
                         flaw="torn: 400 bytes of the list of devices are zeros",
                         more=More().truth())
    add_config(out, known, vm.created + DAY, data=bytes(data))


def add_deleted(out: World) -> Machine:
    """OLD07: deleted, its disk in the recycle bin; the logs still know it."""
    vm = _machine("OLD07", "2019-07-01 11:11:11")
    folder = f"C:\\$Recycle.Bin\\{OWNER}"
    deleted, _, original = BINNED
    disk = vhdx_layers.dynamic(f"{folder}\\$R7K2QXA.vhdx", bytes(8 << 20), vm.created, CREATOR)
    out.add_layer(disk, vm.guid, ticks("2020-04-02 22:30:00"))
    text = original.encode("utf-16-le") + b"\0\0"
    note = struct.pack("<QQQI", 2, len(disk.data), deleted, len(text) // 2) + text
    stamp: Stamp = born(deleted, key="$I7K2QXA")
    out.files.append(HostFile(f"{folder}\\$I7K2QXA.vhdx", note, stamp))
    out.chains.append(Chain("", "orphan", None, disk, None))
    out.findings.append({"code": "orphan disk", "path": disk.path, "was": original})
    return vm


def _add_plain(out: World, vm: Machine, config: str, registered_by: str) -> None:
    known = KnownMachine(vm, config, registered_by, more=More().truth())
    add_config(out, known, vm.created + DAY, data=vmcx.build(_keys(vm, More())))


def _add_copy(out: World, vm: Machine, more: More, written: int) -> None:
    path = _cached(vm)
    stamp = born(vm.created, written, key=path)
    out.files.append(HostFile(path, vmcx.build(_keys(vm, more)), stamp, vm.guid))


def _add_state_file(out: World, path: str, vm: Machine, written: int) -> None:
    """The .vmrs of a machine that is off."""
    data = vmcx.build([("configuration", [("properties", [("version", VERSION)])])])
    out.files.append(HostFile(path, data, born(vm.created, written, key=path), vm.guid))


def _cached(vm: Machine) -> str:
    return f"{_CACHE}\\{vm.guid}.vmcx"


def _disk(path: str) -> Drive:
    return Drive("scsi", 0, 0, "VHD", path)


def _ide(path: str) -> tuple[Drive, Drive]:
    return Drive("ide", 0, 0, "VHD", path), Drive("ide", 1, 0, "ISO", "")
