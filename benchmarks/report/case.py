"""Makes a case of many machines, each with snapshots, disks, settings and a story."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from analyzer.case.store import PartitionWriter
from analyzer.records import (
    DiskLayer,
    Evidence,
    Finding,
    LifeEvent,
    Problem,
    Record,
    Snapshot,
    System,
    VirtualMachine,
    VmDevice,
    VmDrive,
    VmNetworkAdapter,
    VmSetting,
)
from analyzer.source import Source
from benchmarks.timeline.case import DAY, FIRST
from benchmarks.timeline.case import make as make_timeline

_IMAGE: Final = "hv01.E01"
_HOST: Final = f"{_IMAGE}!/p1"
_SNAPSHOTS: Final = 3
_SETTINGS: Final = 110
_STORY: Final = 40


def make(folder: Path, machines: int, events: int) -> Path:
    """A case with so many machines and events; files are an eighth of the events."""
    if not (folder / "case.json").exists():
        (folder / "tables").mkdir(parents=True)
        with PartitionWriter(folder / "tables", "made") as writer:
            writer.extend(_host())
            for number in range(1, machines + 1):
                writer.extend(_machine(number))
        make_timeline(folder, events, events // 8, systems=machines)
    return folder


def _at(path: str, entry: int, detail: str = "") -> Source:
    return Source(_IMAGE, path, detail=detail, entry=entry, image_offset=entry * 1_024)


def _host() -> Iterator[Record]:
    yield Evidence(source=Source(_IMAGE), name=_IMAGE, format="EWF", size=1 << 42,
                   files=(_IMAGE,), stored_md5="0" * 32, stored_sha1="", verified="")
    yield System(source=_at("/p1/Windows/System32/config/SOFTWARE", 9), system_id=_HOST,
                 host_name="HV01", product="Windows Server 2008", role="Hyper-V host")


def _machine(number: int) -> Iterator[Record]:
    vm_id = f"{number:08X}-0000-0000-0000-000000000000"
    common: dict[str, Any] = {"system_id": _HOST, "vm_id": vm_id}
    path = f"/p1/VMs/{vm_id}.xml"
    made = FIRST + number * DAY // 2
    yield VirtualMachine(source=_at(path, number), **common, name=f"MACHINE{number:04}",
                         format="xml", state="registered", memory_mb=2_048, created_at=made,
                         configuration_path=f"C:\\VMs\\{vm_id}.xml")
    yield Finding(source=_at(path, number), **common, code="VM-PARTIAL", severity="low",
                  title="A configuration that is damaged", what="only a part was read",
                  basis="direct: the file is torn")
    yield Problem(source=_at(path, number), **common, code="XML-PARTIAL", what="a broken tag",
                  effect="30 bytes are not read", plugin="machines")
    states = ["", *(f"{number:08X}-{n:04X}-0000-0000-000000000001" for n in range(_SNAPSHOTS))]
    for depth, state in enumerate(states):
        yield from _state(number, depth, state, common, made + depth * DAY)
    for n in range(_STORY):
        yield LifeEvent(source=_at(path, number), **common, story=vm_id,
                        vm_name=f"MACHINE{number:04}", happened_at=made + n * DAY,
                        last_at=made + n * DAY, what=("created", "disk created", "guest booted",
                                                      "snapshot taken")[n % 4], subject="",
                        certainty="direct", basis="creation time in the configuration",
                        sources=(f"virtual_machine: {path}", f"file_entry: {path}"),
                        contradictions=())


def _state(number: int, depth: int, state: str, common: dict[str, Any],
           made: int) -> Iterator[Record]:
    path = f"/p1/VMs/{state or common['vm_id']}.xml"
    common = common | {"snapshot_id": state}
    source = _at(path, number * 8 + depth)
    if state:
        yield Snapshot(source=source, **common, name=f"Before {depth}", parent_id="",
                       state="complete", is_current=depth == 1, created_at=made)
    for layer in range(depth + 1):
        disk = f"/p1/VMs/vm{number}-{layer}.avhd"
        yield DiskLayer(source=_at(disk, number * 9 + layer), **common, disk_id=f"{layer}",
                        path=f"C:\\VMs\\vm{number}-{layer}.avhd", chain=f"{_HOST}{disk}",
                        depth=layer, layer="differencing", format="VHD", size=1 << 36,
                        file_size=1 << 32, verdict="complete", unreadable_bytes=0)
    yield System(source=_at(f"/p1/VMs/vm{number}-0.avhd!/p1/Windows", 40),
                 system_id=f"{_HOST}/VMs/vm{number}.vhd!/p1", vm_id=common["vm_id"],
                 snapshot_id=state, host_name=f"GUEST{number}", product="Windows Server 2008",
                 role="guest")
    for slot in range(4):
        yield VmDrive(source=source, **common, controller="IDE", controller_number=slot // 2,
                      slot=slot % 2, medium="disk", path=f"C:\\VMs\\vm{number}-0.avhd",
                      state="present")
    yield VmNetworkAdapter(source=source, **common, name="Network Adapter", mac="",
                           adapter="synthetic", switch_name="External")
    for n in range(8):
        yield VmDevice(source=source, **common, name=f"Device {n}", device="device")
    for n in range(_SETTINGS):
        value = f"value {n}" if n % 20 else f"value {n} at {depth}"
        key = f"configuration/_{n:08x}-8dca-4152-9eda-2ca8b33039b4_/settings/key{n}"
        yield VmSetting(source=_at(path, number * 8 + depth, key), **common, key=key,
                        value_type="string", value=value, value_length=len(value),
                        understood=True)
