"""The machines of ws2008 without disks: odd names, damaged configurations, dangling links."""

from __future__ import annotations

from dataclasses import replace

from corpus.make.machines import HYPERV, INTERNAL, add_config, add_saved_state, machine, nic
from corpus.make.times import DAY, born, ticks
from corpus.make.vm_xml import Drive, Snapshot, machine_xml
from corpus.make.windows import guid
from corpus.make.world import HostLink, KnownMachine, World

_MACHINES = f"{HYPERV}\\Virtual Machines"
_EMPTY_DVD = Drive("ide", 1, 0, "ISO", "")


def add_odd_names(out: World) -> None:
    """FAX01 in a file .XML with a snapshot whose parent is unknown; PRINT01 with no extension."""
    vm = machine("FAX01", "2009-08-11 07:15:30", drives=(_EMPTY_DVD,), snapshot_count=1)
    snap, parent = guid("FAX01 snapshot"), guid("FAX01 snapshot that never was")
    taken = ticks("2009-08-12 19:02:44.9000001")
    folder = f"{HYPERV}\\Snapshots\\{snap}"
    saved = (f"{folder}\\{snap}.bin", f"{folder}\\{snap}.vsv")
    add_saved_state(out, saved, taken, vm.guid)
    snapshot = Snapshot(snap, "fax drivers", taken, parent, vm, saved)
    vm = replace(vm, nics=(nic("FAX01", 7, INTERNAL, legacy=True),), current_parent=snap)
    known = KnownMachine(
        vm,
        f"{_MACHINES}\\{vm.guid}.XML",
        "default folder",
        ((snapshot, f"{HYPERV}\\Snapshots\\{snap}.xml"),),
    )
    add_config(out, known, vm.created + 2 * DAY)
    finding = {"code": "dangling snapshot parent", "snapshot": snap, "parent": parent}
    out.findings.append({**finding, "machine": vm.guid})
    formula = '=HYPERLINK("http://print01/";"queue")'
    vm = machine("PRINT01", "2009-08-11 07:40:02", drives=(_EMPTY_DVD,), version=768, notes=formula)
    known = KnownMachine(vm, f"{_MACHINES}\\{vm.guid}", "default folder")
    add_config(out, known, vm.created + DAY)


def add_damaged(out: World) -> None:
    """ARCHIVE01 declared UTF-16 but stored as ASCII; BACKUP01 cut off in the middle."""
    vm = machine("ARCHIVE01", "2009-09-14 15:01:09", drives=(_EMPTY_DVD,), notes="edited by hand")
    data = machine_xml(vm)[2:].decode("utf-16-le").encode("ascii")
    known = KnownMachine(
        vm, f"{_MACHINES}\\{vm.guid}.xml", "default folder", flaw="declared UTF-16, stored as ASCII"
    )
    add_config(out, known, vm.created + 3 * DAY, data=data)
    finding = {"code": "wrong encoding", "path": known.config, "machine": vm.guid}
    out.findings.append(finding)
    vm = machine("BACKUP01", "2009-09-15 09:27:41", drives=(_EMPTY_DVD,), memory_mb=640)
    whole = machine_xml(vm)
    end = whole.index("<logical_id".encode("utf-16-le")) + 31
    known = KnownMachine(
        vm, f"{_MACHINES}\\{vm.guid}.xml", "default folder", flaw=f"cut after {end} bytes"
    )
    add_config(out, known, vm.created + DAY, data=whole[:end])
    out.findings.append({"code": "torn configuration", "path": known.config, "machine": vm.guid})


def add_dangling(out: World) -> None:
    """A registration link to a volume that is not in the evidence."""
    lost = guid("machine LOST01")
    link, target = f"{_MACHINES}\\{lost}.xml", f"E:\\Lost\\Virtual Machines\\{lost}.xml"
    out.links.append(HostLink(link, target, born(ticks("2009-07-29 13:37:20"), key=link)))
    finding = {"code": "dangling link", "path": link, "target": target, "machine": lost}
    out.findings.append(finding)
