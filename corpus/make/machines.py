"""The sound machines of ws2008 with disks: DC01, WEB01, SQL01, OLDAPP and TEST02."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from corpus.make import guests, vhd, world
from corpus.make.guest import State
from corpus.make.times import DAY, TICKS, born, iso, ticks, vhd_seconds
from corpus.make.vm_xml import Drive, Machine, Nic, Snapshot, machine_xml, snapshot_xml
from corpus.make.windows import guid, program
from corpus.make.world import Chain, HostFile, HostLink, KnownMachine, Layer, World

HYPERV = "C:\\ProgramData\\Microsoft\\Windows\\Hyper-V"
DEFAULT_DISKS = "C:\\Users\\Public\\Documents\\Hyper-V\\Virtual Hard Disks"
CHANGED_ROOT = "D:\\Hyper-V"
CHANGED_DISKS = "D:\\Hyper-V\\Virtual Hard Disks"
EXTERNAL, INTERNAL, PRIVATE = (guid(f"switch {name}") for name in ("LAN", "internal", "lab"))
OWNER = "S-1-5-21-1482476501-839522115-2147093821-500"
_DVD = Drive("ide", 1, 0, "ISO", "")


def machine(name: str, created: str, **more: object) -> Machine:
    """A machine with the identity that belongs to its name."""
    base = Machine(
        guid=guid(f"machine {name}"),
        name=name,
        created=ticks(created) + int(guid(name)[:6], 16) % TICKS,
        bios_guid=guid(f"bios {name}"),
        bios_serial=world.serial_number(name),
        owner_sid=OWNER,
    )
    return replace(base, **more)  # type: ignore[arg-type] # fields of Machine


def nic(
    name: str, number: int, switch: str, *, legacy: bool = False, static: bool = False,
    pool: str = "00-15-5D-0A-15",
) -> Nic:
    """An adapter with an address from the host's pool and a port on `switch`."""
    key = f"{name} nic {number} {legacy}"
    title = "Legacy Network Adapter" if legacy else "Network Adapter"
    port = guid(f"port {key}") if switch else ""
    return Nic(guid(key), title, f"{pool}-{number:02X}", legacy, static, switch, port)


def add_config(
    out: World, known: KnownMachine, written: int, *, data: bytes | None = None,
    frozen: Callable[[Snapshot], bytes] = snapshot_xml,
) -> KnownMachine:
    """Writes a machine's configuration and those of its snapshots, and remembers it."""
    content = machine_xml(known.machine) if data is None else data
    stamp = born(known.machine.created, written, key=known.config)
    out.files.append(HostFile(known.config, content, stamp, known.machine.guid))
    for snapshot, path in known.snapshots:
        stamp = born(snapshot.created, key=path)
        out.files.append(HostFile(path, frozen(snapshot), stamp, known.machine.guid))
    out.machines.append(known)
    return known


def add_saved_state(out: World, paths: tuple[str, str], at: int, owner: str) -> None:
    """The memory (.bin) and device state (.vsv) files of a saved state."""
    for path, size in zip(paths, (3 << 20, 96 << 10), strict=True):
        data = program(path, "saved state", size)
        out.files.append(HostFile(path, data, born(at, at + 20 * TICKS, key=path), owner))


def add_dc01(out: World, scratch: Path) -> None:
    """Snapshot tree S1 - S2 - S3 - now with S1b beside S2; an orphan left of the branch."""
    states = guests.domain_controller(scratch)
    vm = machine("DC01", "2009-06-05 09:12:40", memory_mb=1024, processors=2)
    vm = replace(vm, notes="Domänencontroller Berlin\r\nFSMO: PDC, RID")
    base = world.dynamic(f"{DEFAULT_DISKS}\\DC01.vhd", states["S1"].media, vm.created + 70 * TICKS)
    taken = {
        "S1": ticks("2009-07-14 21:03:12.4411907"),
        "S2": ticks("2009-07-15 07:40:55.1020033"),
        "S1b": ticks("2009-07-16 18:20:31.7709120"),
        "S3": ticks("2009-09-02 19:45:08.0150001"),
    }
    acquired = ticks("2009-11-20 18:12:00")

    def child(key: str, parent: Layer, state: State, at: int) -> Layer:
        name = f"DC01_{guid(f'avhd {key}')}.avhd"
        path = f"{HYPERV}\\Snapshots\\{vm.guid}\\{name}"
        return world.differencing(path, parent, state.media, at)

    first = child("1", base, states["S2"], taken["S1"])
    second = child("2", first, states["S3"], taken["S2"])
    third = child("3", second, states["now"], taken["S3"])
    fourth = child("4", base, states["S1b"], ticks("2009-07-16 08:55:43"))
    orphan = child("5", fourth, states["S1b"], taken["S1b"])
    out.add_layer(base, vm.guid, taken["S1"], fragmented=True)
    out.add_layer(first, vm.guid, taken["S2"], fragmented=True)
    out.add_layer(second, vm.guid, taken["S3"])
    out.add_layer(third, vm.guid, acquired, fragmented=True)
    out.add_layer(fourth, vm.guid, taken["S1b"])
    out.add_layer(orphan, vm.guid, ticks("2009-07-17 06:29:50"))
    out.applied.append((vm.guid, fourth.created, "Before patch"))
    out.findings.append({"code": "orphan disk", "path": orphan.path})
    out.chains.append(Chain("", "orphan", None, orphan, states["S1b"]))

    def with_disk(path: str) -> tuple[Drive, ...]:
        iso = Drive("ide", 1, 0, "ISO", "C:\\Windows\\system32\\vmguest.iso")
        return (Drive("ide", 0, 0, "VHD", path), iso)

    vm = replace(vm, nics=(nic("DC01", 0, EXTERNAL), nic("DC01", 1, EXTERNAL, legacy=True)))
    ids = {key: guid(f"DC01 snapshot {key}") for key in taken}
    tree = (
        ("S1", "Before patch", "", base),
        ("S2", "After patch", "S1", first),
        ("S1b", "DC01 - (16.07.2009 - 20:20:31)", "S1", fourth),
        ("S3", "Before payroll & users <v2>", "S2", second),
    )
    snapshots: list[tuple[Snapshot, str]] = []
    for key, title, parent, layer in tree:
        spelled = layer.path.replace("Virtual Hard", "Virtual hard")
        settings = replace(vm, drives=with_disk(spelled))
        config = f"{HYPERV}\\Snapshots\\{ids[key]}.xml"
        above = ids[parent] if parent else ""
        snapshots.append((Snapshot(ids[key], title, taken[key], above, settings), config))
        out.chains.append(Chain(vm.guid, ids[key], settings.drives[0], layer, states[key]))
    vm = replace(
        vm,
        drives=with_disk(third.path),
        snapshot_count=4,
        current_parent=ids["S3"],
        startup_action=2,
    )
    out.chains.append(Chain(vm.guid, "now", vm.drives[0], third, states["now"]))
    config = f"{HYPERV}\\Virtual Machines\\{vm.guid}.xml"
    add_config(out, KnownMachine(vm, config, "default folder", tuple(snapshots)), acquired)


def add_web01(out: World, scratch: Path) -> None:
    """On D:, machine and snapshot registered by links; two disks; a snapshot with saved state."""
    states = guests.web_server(scratch)
    taken = ticks("2009-10-05 06:15:27.3301150")
    acquired = ticks("2009-11-20 18:00:00")
    folder = "D:\\VMs\\WEB01"
    vm = machine("WEB01", "2009-06-22 12:55:03", memory_mb=2048, processors=2)
    snap = guid("WEB01 snapshot 1")
    system, data = states["S1"]
    bases = (
        world.dynamic(
            f"{folder}\\WEB01.vhd", system.media, vm.created + 50 * TICKS, original_size=32 << 20
        ),
        world.dynamic(f"{folder}\\WEB01-data.vhd", data.media, vm.created + 95 * TICKS),
    )
    tops: list[Layer] = []
    for base, state in zip(bases, states["now"], strict=True):
        stem = base.path.rpartition("\\")[2].removesuffix(".vhd")
        path = f"{folder}\\Snapshots\\{vm.guid}\\{stem}_{guid(f'avhd {stem}')}.avhd"
        tops.append(world.differencing(path, base, state.media, taken))
        out.add_layer(base, vm.guid, taken)
        out.add_layer(tops[-1], vm.guid, acquired)

    def drives(layers: Sequence[Layer]) -> tuple[Drive, ...]:
        iso = Drive("ide", 1, 0, "ISO", "D:\\ISO\\en_windows_server_2008_x64_dvd.iso")
        one, two = layers
        disks = Drive("ide", 0, 0, "VHD", one.path), Drive("scsi", 0, 1, "VHD", two.path)
        return (*disks, iso, Drive("floppy", 0, 0, "VFD", "D:\\VMs\\WEB01\\drivers.vfd"))

    vm = replace(
        vm,
        nics=(nic("WEB01", 2, EXTERNAL, static=True), nic("WEB01", 3, INTERNAL, legacy=True)),
        scsi_instances=(guid("WEB01 scsi 0"),),
        com=("\\\\.\\pipe\\web01-debug", ""),
        boot=("HardDrive", "Optical", "Floppy", "Network"),
        snapshot_root=folder,
        data_root=folder,
        shutdown_action=2,
    )
    saved = (f"{folder}\\Snapshots\\{snap}\\{snap}.bin", f"{folder}\\Snapshots\\{snap}\\{snap}.vsv")
    add_saved_state(out, saved, taken, vm.guid)
    frozen = replace(vm, drives=drives(bases))
    snapshot = Snapshot(snap, "Release 1.0", taken, "", frozen, saved)
    vm = replace(vm, drives=drives(tops), snapshot_count=1, current_parent=snap)
    for number in (0, 1):
        out.chains.append(
            Chain(vm.guid, snap, frozen.drives[number], bases[number], states["S1"][number])
        )
        out.chains.append(
            Chain(vm.guid, "now", vm.drives[number], tops[number], states["now"][number])
        )
    config = f"{folder}\\Virtual Machines\\{vm.guid}.xml"
    link = f"{HYPERV}\\Virtual Machines\\{vm.guid}.xml"
    snap_config = f"{folder}\\Snapshots\\{snap}.xml"
    known = KnownMachine(vm, config, "link", ((snapshot, snap_config),), link=link)
    add_config(out, known, acquired)
    out.links.append(HostLink(link, config, born(vm.created + TICKS // 3, key=link)))
    link = f"{HYPERV}\\Snapshots\\{snap}.xml"
    out.links.append(HostLink(link, snap_config, born(taken + TICKS // 5, key=link)))
    out.findings.append({"code": "missing image", "path": drives(tops)[2].path})
    out.findings.append({"code": "missing image", "path": drives(tops)[3].path})


def add_sql01(out: World, scratch: Path) -> None:
    """Saved, its fixed disk made by Virtual Server 2005, in the changed default root on D:."""
    state = guests.database(scratch)
    made, saved_at = ticks("2007-03-19 08:11:27"), ticks("2009-11-20 17:31:02")
    vm = machine("SQL01", "2009-08-03 14:20:19", memory_mb=4096, processors=4, version=256)
    disk = world.fixed_by_virtual_server(f"{CHANGED_DISKS}\\SQL01.vhd", state.media, made)
    stamp = born(ticks("2009-08-03 14:02:10"), saved_at, key=disk.path)
    out.files.append(HostFile(disk.path, disk.data, stamp, vm.guid))
    stem = f"{CHANGED_ROOT}\\Virtual Machines\\{vm.guid}"
    saved = (f"{stem}\\{vm.guid}.bin", f"{stem}\\{vm.guid}.vsv")
    add_saved_state(out, saved, saved_at, vm.guid)
    physical = "\\\\?\\scsi#disk&ven_lsi&prod_megasr#5&1ec51bf7&0&000200#"
    vm = replace(
        vm,
        drives=(
            Drive("ide", 0, 0, "VHD", disk.path),
            _DVD,
            Drive("scsi", 0, 0, "PHYSICAL", physical + "{53f56307-b6bf-11d0-94f2-00a0c91efb8b}"),
        ),
        scsi_instances=(guid("SQL01 scsi 0"),),
        nics=(nic("SQL01", 4, EXTERNAL),),
        saved=saved,
        data_root=CHANGED_ROOT,
        startup_action=0,
        components=("heartbeat", "kvp", "shutdown", "vss"),
    )
    out.chains.append(Chain(vm.guid, "now", vm.drives[0], disk, state))
    config, link = f"{stem}.xml", f"{HYPERV}\\Virtual Machines\\{vm.guid}.xml"
    add_config(out, KnownMachine(vm, config, "link", link=link), saved_at + 25 * TICKS)
    out.links.append(HostLink(link, config, born(vm.created + TICKS // 3, key=link)))


def add_build07(out: World) -> None:
    """In the changed default root, its link in the register gone: no manager shows it."""
    vm = machine("BUILD07", "2009-08-27 10:05:51", memory_mb=1024)
    vm = replace(vm, drives=(_DVD,), data_root=CHANGED_ROOT, nics=(nic("BUILD07", 9, PRIVATE),))
    config = f"{CHANGED_ROOT}\\Virtual Machines\\{vm.guid}.xml"
    add_config(out, KnownMachine(vm, config, "changed default root"), ticks("2009-09-03 16:40:12"))


def add_oldapp(out: World, scratch: Path) -> None:
    """The configuration is written and later deleted; the disk stays."""
    state = guests.old_application(scratch)
    vm = machine("OLDAPP", "2009-06-18 09:51:22", notes="Ledger 4, do not patch")
    disk = world.dynamic("D:\\VMs\\OLDAPP\\OLDAPP.vhd", state.media, vm.created + 65 * TICKS)
    out.add_layer(disk, vm.guid, ticks("2009-10-29 16:42:00"))
    vm = replace(
        vm, drives=(Drive("ide", 0, 0, "VHD", disk.path), _DVD), nics=(nic("OLDAPP", 5, PRIVATE),)
    )
    config = f"{HYPERV}\\Virtual Machines\\{vm.guid}.xml"
    written = ticks("2009-10-29 16:43:10")
    add_config(out, KnownMachine(vm, config, "deleted", flaw="deleted"), written)
    deleted = ticks("2009-10-30 11:26:40.7310246")
    out.deleted[config] = deleted
    out.chains.append(Chain("", "orphan", None, disk, state))
    finding = {"code": "deleted configuration", "path": config, "machine": vm.guid}
    out.findings.append({**finding, "deleted": iso(deleted)})
    out.findings.append({"code": "orphan disk", "path": disk.path, "guest says": "OLDAPP"})


def add_test02(out: World, scratch: Path) -> None:
    """A differencing disk whose parent lies on a volume that is not in the evidence."""
    base, state = guests.orphan_child(scratch)
    vm = machine("TEST02", "2009-10-12 10:33:48", memory_mb=768)
    template = "E:\\Templates\\w2k3-base.vhd"
    parent = world.dynamic(template, base.media, ticks("2008-12-01 08:58:12"))
    path, created = "D:\\VMs\\TEST02\\TEST02.vhd", vm.created - 4 * 60 * TICKS
    present = world.presence(base.media, state.media, path)
    data = vhd.differencing(
        state.media,
        present,
        unique_id=world.unique_id(path),
        created=vhd_seconds(created),
        parent_id=parent.unique_id,
        parent_name=template,
        locators=[(b"W2ku", template)],
    )
    disk = Layer(path, "differencing", world.unique_id(path), created, state.media, data)
    out.add_layer(disk, vm.guid, ticks("2009-11-12 12:15:00"))
    vm = replace(
        vm, drives=(Drive("ide", 0, 0, "VHD", path), _DVD), nics=(nic("TEST02", 6, PRIVATE),)
    )
    out.chains.append(Chain(vm.guid, "now", vm.drives[0], disk, None, template, present))
    config = f"{HYPERV}\\Virtual Machines\\{vm.guid}.xml"
    add_config(out, KnownMachine(vm, config, "default folder"), ticks("2009-11-12 12:15:03") + DAY)
    identity = parent.unique_id.hex()
    out.findings.append(
        {"code": "missing parent", "path": path, "parent": template, "id": identity}
    )
