"""Hosts of Virtual Server 2005: registered machines, undo disks, networks, the role."""

from analyzer.machines import inventory
from analyzer.machines.guests import guest_states
from analyzer.machines.virtual_server import identity
from analyzer.records import (
    Record,
    SavedState,
    System,
    VirtualMachine,
    VirtualNetwork,
    VmDrive,
    VmSetting,
)
from analyzer.system import WindowsSystem
from corpus.make import hive, vhd
from corpus.make import virtual_server as make
from plugins.artifacts.hardware import hardware
from plugins.artifacts.saved_states import saved_states
from plugins.artifacts.virtual_machines import virtual_machines
from plugins.artifacts.virtual_server_files import virtual_server_files
from plugins.artifacts.windows import windows
from tests.dict_system import AT, Content, build, mounted

PC = "Program Files/Microsoft Virtual PC/Virtual PC.exe"
APP_DATA = "C:/Documents and Settings/All Users/Application Data/Microsoft/Virtual Server"
BASE, UNDO = b"B" * 16, b"U" * 16
WEB = make.vmc(ide=make.controller("ide", 0, make.location(
    0, 1, "", "web.vhd", undo="D:\\vms\\undo.vud")), saved="D:\\vms\\web.vsv")
DISK = vhd.fixed(b"b" * 4096, unique_id=BASE, created=9)
VUD = vhd.differencing(b"n" * 4096, [True] * 4 + [False] * 4, unique_id=UNDO, created=10,
                       parent_id=BASE, parent_name="D:\\vms\\web.vhd", block_size=4096)


def server(files: dict[str, Content], *, program: str = "") -> WindowsSystem:
    system = mounted("C", "D")
    if program:
        system.key("ControlSet001\\Services\\Virtual Server", AT).set(
            hive.sz("ImagePath", f'"{program}"'))
    config = "C:/Windows/System32/config"
    return build({f"{config}/SYSTEM": hive.build(system),
                  f"{config}/SOFTWARE": hive.build(hive.Key("ROOT", AT)),
                  "D:/vms/web.vmc": WEB, "D:/vms/web.vhd": DISK, **files})


def one(records: list[Record], kind: type) -> Record:
    (record,) = [record for record in records if isinstance(record, kind)]
    return record


def machine(system: WindowsSystem) -> VirtualMachine:
    found = one(list(virtual_machines(system)), VirtualMachine)
    assert isinstance(found, VirtualMachine)
    return found


def drive(system: WindowsSystem) -> VmDrive:
    found = one(list(hardware(system)), VmDrive)
    assert isinstance(found, VmDrive)
    return found


def test_a_shortcut_registers_a_machine() -> None:
    link = f"{APP_DATA}/Virtual Machines/web.lnk"
    got = machine(server({link: make.shortcut("D:\\vms\\web.vmc"), "D:/vms/web.vsv": b"1"}))
    assert (got.format, got.state, got.vm_id, got.memory_mb, got.bios_guid) == (
        "vmc", "registered", identity("d:\\VMS\\web.vmc", make.BIOS), 256, make.BIOS)
    assert (got.registration_path, got.configuration_path, got.has_saved_state) == (
        link.replace("/", "\\"), "D:\\vms\\web.vmc", True)
    assert (got.made_with, got.changed_with, got.guest_clock) == (
        "Microsoft Virtual Server 2005 R2 1.1.465.0", "", "2010-05-16 23:35:06")
    assert machine(server({})).state == "unregistered"


def test_one_saved_state_is_named_and_no_other() -> None:
    """Of Virtual Server one file holds all: there is no second, nameless one that is missing."""
    for files, state in (({"D:/vms/web.vsv": b"1"}, "present"), ({}, "missing")):
        (row,) = list(saved_states(server(dict(files))))
        assert isinstance(row, SavedState)
        assert (row.path, row.state, row.kind, row.referenced_by) == (
            "D:\\vms\\web.vsv", state, "saved state of Virtual Server",
            "settings/configuration/saved_state/path")


def test_a_shortcut_to_nothing_and_a_broken_one_are_said() -> None:
    folder = f"{APP_DATA}/Virtual Machines"
    system = server({f"{folder}/gone.lnk": make.shortcut("D:\\gone.vmc"),
                     f"{folder}/bad.lnk": make.shortcut("D:\\x.vmc")[:90]})
    rows = [r for r in virtual_machines(system) if isinstance(r, VirtualMachine)]
    assert [(r.state, r.configuration_path) for r in rows] == [
        ("unregistered", "D:\\vms\\web.vmc"), ("dangling link", "D:\\gone.vmc")]
    effects = {p.effect for p in system.problems()}
    assert "what this shortcut registers is not known" in effects
    assert "what it registers is not described" in effects


def test_a_shortcut_without_path_leads_to_its_relative_path_or_nowhere() -> None:
    whole = make.shortcut("D:\\gone.vmc")
    at = whole.index(b"D:\\gone.vmc")
    folder = f"{APP_DATA}/Virtual Machines"
    files: dict[str, Content] = {f"{folder}/a.lnk": whole[:at] + b"\0" + whole[at + 1 :],
                                 f"{APP_DATA}/x.vmc": WEB}
    rows = [r for r in virtual_machines(server(files)) if isinstance(r, VirtualMachine)]
    assert {(r.state, r.configuration_path.rpartition("\\")[2]) for r in rows} == {
        ("registered", "x.vmc"), ("unregistered", "web.vmc")}


def test_descriptions_that_lead_to_each_other_end() -> None:
    files: dict[str, Content] = {
        f"D:/{n}.vmc": make.description({"p": f"D:\\{n + 1}.vmc"}) for n in range(400)}
    files["D:/0.vmcx"] = make.description({"p": "D:\\0.vmc"})
    assert machine(server(files)).configuration_path == "D:\\vms\\web.vmc"


def test_the_description_of_windows_virtual_pc_registers_too() -> None:
    description = make.description({"vmc_path": "D:\\vms\\web.vmc"})
    got = machine(server({"C:/Users/a/web.vmcx": description}))
    assert (got.state, got.registration_path) == ("registered", "C:\\Users\\a\\web.vmcx")
    system = server({"C:/Users/a/web.vmcx": make.description({"new": "x"})})
    assert [(r.source.path, r.key, r.value) for r in virtual_server_files(system)
            if isinstance(r, VmSetting)] == [
        ("/p1/Users/a/web.vmcx", "vm_description/new", "x")]


def test_an_undo_disk_is_the_top_of_the_chain() -> None:
    system = server({"D:/vms/undo.vud": VUD})
    got = drive(system)
    assert (got.path, got.undo_path, got.state, got.resolved_path) == (
        "D:\\vms\\web.vhd", "D:\\vms\\undo.vud", "present", "test.E01!/p2/vms/undo.vud")
    (found,) = inventory(system).machines
    chain = found.drives[0].chain
    assert chain is not None
    assert [file.path for file in chain.files] == ["D:\\vms\\undo.vud", "D:\\vms\\web.vhd"]
    assert chain.disk.read_at(0, 4096) == b"n" * 2048 + b"b" * 2048
    assert [len(state.disks[0]) for state in guest_states(system)] == [2]


def test_without_its_undo_disk_the_machine_is_shown_as_before_and_that_is_said() -> None:
    system = server({})
    got = drive(system)
    assert (got.state, got.state_basis) == ("present", "undo disk D:\\vms\\undo.vud missing")
    assert [p.code for p in system.problems()] == ["VM-UNDO"]


def test_networks_and_options() -> None:
    network = (f'<preferences><id type="bytes">{make.NETWORK}</id>'
               '<name type="string">External</name></preferences>').encode("utf-16")
    system = server({
        f"{APP_DATA}/Virtual Networks/a.lnk": make.shortcut("D:\\nets\\a.vnc"),
        "D:/nets/a.vnc": network,
        f"{APP_DATA}/Options.xml": b'<options><port type="integer">5900</port></options>'})
    rows = list(virtual_server_files(system))
    got = one(rows, VirtualNetwork)
    assert isinstance(got, VirtualNetwork)
    assert (got.name, got.network_id, got.path) == (
        "External", "FDCA1A5B-FFA0-11DC-806B-E1EDD5D5E3CB", "D:\\nets\\a.vnc")
    assert got.made_at is not None
    settings = {r.key: r.value for r in rows if isinstance(r, VmSetting)}
    assert settings == {"preferences/id": make.NETWORK.lower(), "preferences/name": "External",
                        "options/port": "5900"}


def test_damage_and_what_nothing_registers_are_told() -> None:
    network = b'<o><name type="string">N</name><more type="string">x</more></o>'
    two = make.description({"a": "D:\\vms\\web.vmc", "b": "D:\\vms\\two.vmc"})
    system = server({f"{APP_DATA}/Virtual Networks/a.lnk": make.shortcut("D:\\a.vnc"),
                     "D:/a.vnc": network[:-12], "D:/b.VNC": network, "D:/pc/xp.vmcx": two[:-60]})
    rows = [r for r in virtual_server_files(system) if isinstance(r, VirtualNetwork)]
    assert [(r.name, r.path, bool(r.registration_path)) for r in rows] == [
        ("N", "D:\\a.vnc", True), ("N", "D:\\b.VNC", False)]
    assert sorted(p.source.path for p in system.problems() if p.code == "XML-PARTIAL") == [
        "/p2/a.vnc", "/p2/pc/xp.vmcx"]


def test_what_cannot_be_read_is_said() -> None:
    system = server({f"{APP_DATA}/Virtual Networks/a.lnk": make.shortcut("D:\\a.vnc"),
                     "D:/a.vnc": b"", f"{APP_DATA}/Options.xml": b"\0", "D:/vms/undo.vud": VUD})
    assert list(virtual_server_files(system)) == []
    assert len(system.problems()) == 2


def test_the_role_needs_a_program_or_the_folder_of_the_service() -> None:
    program = "C:\\Program Files\\Microsoft Virtual Server\\vssrvc.exe"
    cases: list[tuple[WindowsSystem, str, str]] = [
        (server({program.replace("\\", "/"): b"MZ"}, program=program), "Virtual Server host",
         f"service Virtual Server and {program}"),
        (server({}, program=program), "Windows", "no service vmms"),
        (server({f"{APP_DATA}/Options.xml": b"<o/>"}), "Virtual Server host",
         f"{APP_DATA}/Options.xml".replace("/", "\\")),
        (server({f"C:/{PC}": b"MZ"}), "Virtual PC host", f"C:/{PC}".replace("/", "\\")),
        (server({"C:/Windows/System32/vpc.exe": b"MZ"}), "Windows", "no service vmms"),
        (server({f"C:/Windows/System32/{name}.exe": b"MZ" for name in ("vpc", "VPCWizard")}),
         "Virtual PC host",
         "C:\\Windows\\System32\\vpc.exe and C:\\Windows\\System32\\VPCWizard.exe")]
    for system, role, basis in cases:
        got = one(list(windows(system)), System)
        assert isinstance(got, System)
        assert (got.role, got.role_basis) == (role, basis)
