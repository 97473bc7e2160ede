"""Each artifact plugin on a computer made of a dict."""

from collections.abc import Iterable
from typing import TypeVar

import pytest

from analyzer import times
from analyzer.errors import Corrupt
from analyzer.records import (
    Batch,
    DiskCompanion,
    DiskLayer,
    FileEntry,
    GuestIdentity,
    Record,
    Snapshot,
    System,
    VirtualMachine,
    VmAdapterFeature,
    VmBootEntry,
    VmDevice,
    VmDrive,
    VmMetric,
    VmNetworkAdapter,
    VmSetting,
    Volume,
)
from analyzer.system import WindowsSystem
from analyzer.volume import Item
from corpus.make import hive, vhd, vm_xml
from plugins.artifacts.disk_companions import disk_companions
from plugins.artifacts.disk_layers import disk_layers
from plugins.artifacts.file_entries import file_entries
from plugins.artifacts.guest_parameters import guest_parameters
from plugins.artifacts.hardware import hardware
from plugins.artifacts.machine_settings import machine_settings
from plugins.artifacts.snapshots import snapshots
from plugins.artifacts.virtual_machines import virtual_machines
from plugins.artifacts.volumes import volumes
from plugins.artifacts.windows import windows
from tests.dict_system import AT, Content, Deleted, Link, build, host, mounted
from tests.unit.formats.test_vm_model import CHANNEL, generation_2

REGISTER = "C:/ProgramData/Microsoft/Windows/Hyper-V"
VM, S1 = "11111111-2222-3333-4444-555555555555", "10000000-0000-0000-0000-000000000001"
R = TypeVar("R", bound=Record)


def of(kind: type[R], records: Iterable[Record | Batch]) -> list[R]:
    return [record for record in records if isinstance(record, kind)]


def full_host() -> WindowsSystem:
    parent, child = b"P" * 16, b"C" * 16
    machine = vm_xml.Machine(
        VM, "WEB", AT, notes="note", version=512, memory_mb=2048, processors=2,
        drives=(vm_xml.Drive("ide", 0, 0, "VHD", "D:\\now.avhd"),
                vm_xml.Drive("scsi", 0, 1, "PHYSICAL", "\\\\?\\scsi#1"),
                vm_xml.Drive("ide", 1, 0, "ISO", "D:\\gone.iso")),
        scsi_instances=(S1,), nics=(vm_xml.Nic(
            "20000000-0000-0000-0000-000000000002", "Net", "00-15-5D-01-02-03",
            static_mac=True, switch=S1),),
        com=("\\\\.\\pipe\\x", ""), components=("heartbeat", "vss"),
        saved=(f"D:\\saved\\{VM}.bin", f"D:\\saved\\{VM}.vsv"), bios_guid=VM, bios_serial="7")
    before = vm_xml.Snapshot(S1, "before", AT + 5, "", vm_xml.Machine(
        VM, "WEB", AT, drives=(vm_xml.Drive("ide", 0, 0, "VHD", "D:\\base.vhd"),)))
    return host({
        f"{REGISTER}/Virtual Machines/{VM}.xml": Link(f"D:\\Virtual Machines\\{VM}.xml"),
        f"{REGISTER}/Virtual Machines/{S1}.xml": Link("E:\\lost.xml"),
        f"{REGISTER}/Snapshots/{VM}.xml": Link("E:\\lost.xml"),
        f"{REGISTER}/Snapshots/{S1}.xml": vm_xml.snapshot_xml(before),
        f"D:/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine),
        f"D:/saved/{VM}.bin": bytes(100),
        "D:/base.vhd": vhd.fixed(b"b" * 4096, unique_id=parent, created=9, creator=b"vs  "),
        "D:/now.avhd": vhd.differencing(
            b"n" * 4096, [True] * 4 + [False] * 4, unique_id=child, created=10,
            parent_id=parent, parent_name="D:\\base.vhd", block_size=4096)}, "C", "D")


def test_volumes() -> None:
    system = full_host()
    assert [(v.volume_id, v.drive_letter, v.format, v.state, v.offset, v.source.image_offset)
            for v in of(Volume, volumes(system))] == [
        ("p1", "C", "NTFS", "read", 1 << 20, 1 << 20),
        ("p2", "D", "NTFS", "read", 2 << 20, 2 << 20)]
    assert {c.state for c in system.coverage() if "volume" in c.place} == {"read"}


def test_volumes_without_windows_say_so() -> None:
    system = build({"D:/data.txt": b"x"})
    list(volumes(system))
    assert [c.state for c in system.coverage() if "config" in c.place] == ["absent"]


def test_file_entries() -> None:
    files: dict[str, Content] = {
        "C:/a/b.txt": b"12345", "C:/a/b.txt:note": b"12", "C:/gone": Deleted(b"123"),
        "C:/link": Link("C:\\a", "junction")}
    rows = {row.path: row for row in of(FileEntry, file_entries(build(files)))}
    assert {path: (r.size, r.stream, r.allocated, r.is_directory, r.link_target)
            for path, r in rows.items()} == {
        "p1:\\a": (0, "", True, True, ""), "p1:\\a\\b.txt": (5, "", True, False, ""),
        "p1:\\a\\b.txt:note": (2, "note", True, False, ""),
        "p1:\\gone": (3, "", False, False, ""),
        "p1:\\link": (0, "", True, False, "\\??\\C:\\a")}
    row = rows["p1:\\a\\b.txt"]
    assert row.entry is not None
    assert row.si_created_at == row.fn_accessed_at == AT + row.entry - 64
    assert (row.source.entry, row.source.path) == (row.entry, "/p1/a/b.txt")


def test_windows() -> None:
    system = mounted("C")
    control = system.key("ControlSet001\\Control", AT)
    control.key("ComputerName\\ComputerName").set(hive.sz("ComputerName", "HV1"))
    control.key("TimeZoneInformation").set(hive.sz("StandardName", "Eastern Standard Time"),
                                           hive.dword("Bias", 300))
    control.key("Windows").set(hive.binary("ShutdownTime", AT.to_bytes(8, "little")))
    system.key("ControlSet001\\Services\\vmms", AT)
    software = hive.Key("ROOT", AT)
    software.key("Microsoft\\Windows NT\\CurrentVersion").set(
        hive.sz("ProductName", "Windows Server (R) 2008"), hive.sz("CurrentVersion", "6.0"),
        hive.sz("CurrentBuild", "6002"), hive.dword("InstallDate", 1_243_931_507))
    config = "C:/Windows/System32/config"
    files: dict[str, Content] = {f"{config}/SYSTEM": hive.build(system),
                                 f"{config}/SOFTWARE": hive.build(software)}
    (row,) = of(System, windows(build(files)))
    assert (row.host_name, row.product, row.version, row.build, row.time_zone, row.role) == (
        "HV1", "Windows Server (R) 2008", "6.0", "6002", "Eastern Standard Time (UTC-05:00)",
        "Windows")
    assert "vmms.exe is absent" in row.role_basis
    assert (row.installed_at, row.shutdown_at) == (times.from_unix(1_243_931_507), AT)
    for program, role, basis in (
            (Deleted(b"MZ"), "Windows", "vmms.exe is deleted"),
            (b"MZ", "Hyper-V host", "service vmms and System32\\vmms.exe")):
        files["C:/Windows/System32/vmms.exe"] = program
        (row,) = of(System, windows(build(files)))
        assert row.role == role
        assert basis in row.role_basis
    (row,) = of(System, windows(build({f"{config}/SYSTEM": hive.build(mounted("C"))}, depth=1)))
    assert (row.role, row.product, row.installed_at) == ("guest", "", None)
    assert list(windows(build({"C:/a": b""}))) == []


def test_services_that_cannot_be_read_make_no_plain_windows() -> None:
    system = mounted("C")
    system.key("ControlSet001\\Services\\vmms", AT)
    whole = hive.build(system)
    config = "C:/Windows/System32/config"
    for data in (whole.replace(b"vmms", b"vmos"), bytes(8192)):
        host = build({f"{config}/SYSTEM": data, "C:/Windows/System32/vmms.exe": b"MZ"})
        (row,) = of(System, windows(host))
        assert (row.role, row.host_name) == ("unknown", "")
        assert host.problems()


def test_a_folder_that_cannot_be_read_costs_the_role_and_no_other_fact(
        monkeypatch: pytest.MonkeyPatch) -> None:
    root = mounted("C")
    root.key("ControlSet001\\Services\\vmms", AT)
    host = build({"C:/Windows/System32/config/SYSTEM": hive.build(root)})
    assert host.registry.has_key("SYSTEM", "Select")  # hives are read by now

    def torn(*_: object) -> None:
        raise Corrupt("no index")

    monkeypatch.setattr(Item, "child", torn)
    (row,) = of(System, windows(host))
    assert row.role == "unknown"
    assert "vmms.exe" in row.role_basis
    assert any("Hyper-V host" in problem.effect for problem in host.problems())


def test_a_shutdown_time_of_another_length_is_no_time() -> None:
    system = mounted("C")
    system.key("ControlSet001\\Control\\Windows", AT).set(hive.binary("ShutdownTime", b"\1\2"))
    host = build({"C:/Windows/System32/config/SYSTEM": hive.build(system)})
    (row,) = of(System, windows(host))
    assert row.shutdown_at is None
    assert [p.code for p in host.problems() if p.code != "REG-ABSENT"] == ["CORRUPT"]


@pytest.mark.parametrize(("name", "fact"), [
    ("", ""), ("ComputerName", "host_name"), ("ProductName", "product"),
    ("CurrentVersion", "version"), ("CurrentBuildNumber", "build"),
    ("InstallDate", "installed_at")])
def test_a_value_that_every_windows_has_and_this_one_lacks_is_said(name: str, fact: str) -> None:
    def called(true: str) -> str:
        return f"\xff{true[1:]}" if true == name else true

    system, software = mounted("C"), hive.Key("ROOT", AT)
    system.key("ControlSet001\\Control\\ComputerName\\ComputerName", AT).set(
        hive.sz(called("ComputerName"), "HOST"))
    software.key("Microsoft\\Windows NT\\CurrentVersion", AT).set(
        hive.sz(called("ProductName"), "Windows"), hive.sz(called("CurrentVersion"), "6.0"),
        hive.sz(called("CurrentBuildNumber"), "6001"),
        hive.dword(called("InstallDate"), 1_200_000_000))
    host = build({"C:/Windows/System32/config/SYSTEM": hive.build(system),
                  "C:/Windows/System32/config/SOFTWARE": hive.build(software)})
    (row,) = of(System, windows(host))
    missing = {f for f in ("host_name", "product", "version", "build") if not getattr(row, f)}
    assert missing | ({"installed_at"} if row.installed_at is None else set()) == {fact} - {""}
    assert [p.what for p in host.problems()] == [
        f"no value {name}, which every Windows has"] * bool(name)


def test_client_services_make_no_host() -> None:
    system = mounted("C")
    for name in ("storvsp", "Vid", "vmbusr", "vmsmp", "vmcompute", "hns", "vmicheartbeat"):
        system.key(f"ControlSet001\\Services\\{name}", AT)
    (row,) = of(System, windows(build({
        "C:/Windows/System32/config/SYSTEM": hive.build(system),
        "C:/Windows/System32/vmms.exe": b"MZ"})))
    assert (row.role, row.role_basis) == ("Windows", "no service vmms")


def test_virtual_machines() -> None:
    machine, lost = of(VirtualMachine, virtual_machines(full_host()))
    assert (machine.vm_id, machine.name, machine.notes, machine.configuration_version,
            machine.memory_mb, machine.processor_count, machine.created_at) == (
        VM, "WEB", "note", "2.0", 2048, 2, AT)
    assert machine.registration_path.startswith("C:\\ProgramData")
    assert machine.configuration_path == f"D:\\Virtual Machines\\{VM}.xml"
    assert (machine.saved_state_path, machine.has_saved_state) == (f"D:\\saved\\{VM}.bin", True)
    assert (machine.source.path, machine.system_id) == (
        f"/p2/Virtual Machines/{VM}.xml", "test.E01!/p1")
    assert (lost.vm_id, lost.state, lost.configuration_path) == (
        S1, "dangling link", "E:\\lost.xml")


def test_no_machines_is_said_with_the_places() -> None:
    system = host({}, "C")
    assert list(virtual_machines(system)) == []
    places = [c.place for c in system.coverage() if "configurations of machines" in c.place]
    assert places == [f"C:\\{REGISTER[3:]}\\{name}: configurations of machines".replace("/", "\\")
                      for name in ("Snapshots", "Virtual Machines")]


def test_snapshots() -> None:
    row, lost = of(Snapshot, snapshots(full_host()))
    assert (row.snapshot_id, row.vm_id, row.name, row.parent_id, row.is_current, row.created_at,
            row.state) == (S1, VM, "before", "", True, AT + 5, "complete")
    assert (lost.snapshot_id, lost.state) == (VM, "dangling link")


def test_hardware() -> None:
    rows = list(hardware(full_host()))
    drives = [(d.controller, d.slot, d.medium, d.state, d.resolved_path) for d in of(
        VmDrive, rows) if d.path and not d.snapshot_id]
    assert sorted(drives) == [
        ("IDE", 0, "disk", "present", "test.E01!/p2/now.avhd"),
        ("IDE", 0, "dvd", "missing", ""), ("SCSI", 1, "pass-through", "", "")]
    (adapter,) = of(VmNetworkAdapter, rows)
    assert (adapter.name, adapter.adapter, adapter.mac, adapter.mac_is_static,
            adapter.switch_id) == ("Net", "synthetic", "00-15-5D-01-02-03", True, S1)
    devices = {(d.device, d.name): d.setting for d in of(VmDevice, rows)
               if not d.snapshot_id}
    assert devices["COM port", "COM1"] == "\\\\.\\pipe\\x"
    assert len([1 for device, _ in devices if device == "integration component"]) == 2


def test_machine_settings() -> None:
    rows = list(machine_settings(full_host()))
    settings = {(s.snapshot_id, s.key): s for s in of(VmSetting, rows)}
    assert {s.vm_id for s in settings.values()} == {VM}
    name = settings["", "configuration/properties/name"]
    assert (name.value, name.value_type, name.understood) == ("WEB", "string", True)
    assert name.source.detail == name.key
    created = settings["", "configuration/properties/creation_time"]
    assert (created.value, created.value_length) == (AT.to_bytes(8, "little").hex(), 16)
    assert not settings["", "configuration/manifest/version"].understood
    assert settings[S1, "configuration/properties/name"].value == "before"


def test_machine_settings_of_generation_2() -> None:
    body = generation_2(
        f"<_{CHANNEL}_><MacAddress>0</MacAddress><Connection><Feature_{CHANNEL}><Setting_{CHANNEL}>"
        f"<Data>AAE=</Data></Setting_{CHANNEL}></Feature_{CHANNEL}></Connection></_{CHANNEL}_>"
        "<global_settings><metrics><devicetype><deviceinstance><metric><value>7</value>"
        "</metric></deviceinstance></devicetype></metrics></global_settings>")
    rows = list(machine_settings(host({
        f"{REGISTER}/Virtual Machines/{VM}.xml": f"<configuration>{body}</configuration>".encode(),
    }, "C")))
    first, second, third = of(VmBootEntry, rows)
    assert (first.path, first.position, first.is_active) == ("\\EFI\\x.efi", 0, False)
    assert (second.target, second.device) == ("LAN; MAC 00-01-02-03-04-05", "network")
    assert (third.option_number, third.position) == (0, None)
    assert [(f.data, f.feature_id) for f in of(VmAdapterFeature, rows)] == [
        ("0001", str(CHANNEL))]
    assert [m.metric_value for m in of(VmMetric, rows)] == [7]


def test_disk_layers() -> None:
    rows = of(DiskLayer, disk_layers(full_host()))
    assert [(r.snapshot_id, r.path, r.depth, r.layer, r.creator, r.verdict, r.unreadable_bytes)
            for r in rows] == [
        ("", "D:\\now.avhd", 0, "differencing", "win", "complete", 0),
        ("", "D:\\base.vhd", 1, "fixed", "vs", "complete", 0),
        (S1, "D:\\base.vhd", 0, "fixed", "vs", "complete", 0)]
    assert {r.chain for r in rows[:2]} == {"test.E01!/p2/now.avhd"}
    assert rows[1].created_at == times.from_vhd(9)


def test_disk_companions() -> None:
    parent, child = b"P" * 16, b"C" * 16
    recovery = vhd.differencing(bytes(4096), [True] * 8, unique_id=child, created=9,
                                parent_id=parent, parent_name="x", block_size=4096)
    backing = "D:/set_11111111-2222-3333-4444-555555555555.avhdx"
    rows = of(DiskCompanion, disk_companions(host({
        "D:/a.vhd": vhd.fixed(bytes(4096), unique_id=parent, created=9),
        "D:/a.vhd.RCT": b"1", "D:/a.vhd.mrt": b"22", "D:/gone.vhdx.hrl": b"333",
        "D:/a-AutoRecovery.avhd": recovery,
        "D:/set.vhds": b"set", backing: vhd.fixed(bytes(4096), unique_id=b"S" * 16, created=9),
        "D:/lone.vhds": b"set", "D:/a.rct": b""}, "C", "D")))
    assert [(r.path[3:], r.companion, r.disk_path[3:], r.size) for r in rows] == [
        ("a.vhd.RCT", "resilient change tracking", "a.vhd", 1),
        ("a.vhd.mrt", "modified region table", "a.vhd", 2),
        ("gone.vhdx.hrl", "replica log", "", 3),
        ("a-AutoRecovery.avhd", "recovery disk of an interrupted merge", "a.vhd", len(recovery)),
        ("set.vhds", "VHD Set", backing[3:], 3), ("lone.vhds", "VHD Set", "", 3),
        ("a.rct", "resilient change tracking", "", 0)]
    assert all(r.basis and r.changed_at for r in rows)


def test_guest_parameters() -> None:
    software = hive.Key("ROOT", AT)
    assert list(guest_parameters(host({}, "C", software=software))) == []
    software.key("Microsoft\\Virtual Machine", AT)
    assert list(guest_parameters(host({}, "C", software=software))) == []
    software.key("Microsoft\\Virtual Machine\\Guest\\Parameters", AT + 7).set(
        hive.sz("VirtualMachineName", "WEB"), hive.sz("PhysicalHostName", "HV1"),
        hive.sz("VirtualMachineId", VM.lower()))
    (row,) = of(GuestIdentity, guest_parameters(host({}, "C", software=software)))
    assert (row.vm_name, row.physical_host, row.stated_vm_id, row.written_at) == (
        "WEB", "HV1", VM, AT + 7)
    assert row.source.detail == "Microsoft\\Virtual Machine\\Guest\\Parameters"
    assert row.source.offset is not None
