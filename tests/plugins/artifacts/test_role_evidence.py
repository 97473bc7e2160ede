"""What tells of the Hyper-V role, on computers made of a dict and on real hives."""

import lzma
from pathlib import Path

import pytest

from analyzer.blocks import Memory, Slice
from analyzer.errors import Corrupt, NotThisFormat
from analyzer.filesystem.volumes import Partition
from analyzer.records import RoleEvidence, System
from analyzer.system import WINDOWS_NT, WindowsSystem, build_systems
from analyzer.volume import MountedVolume
from corpus.make import hive
from plugins.artifacts.role_evidence import role_evidence
from plugins.artifacts.setup_logs import setup_logs
from plugins.artifacts.windows import windows
from tests.dict_system import AT, build, medium, mounted
from tests.plugins.artifacts.test_artifacts import of
from tests.plugins.artifacts.test_host_setup import CONFIG, SYSTEM32, computer
from tests.unit.filesystem.fat_writer import volume
from tests.unit.formats.pe_writer import program
from tests.unit.formats.test_setup_log import LOG

PACKAGES = "Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\Packages"


def store(number: int) -> bytes:
    root = hive.Key("ROOT", AT)
    elements = root.key("Objects\\{1}\\Elements")
    elements.key("250000f0", AT + 7).set(hive.binary("Element", number.to_bytes(8, "little")))
    elements.key("12000004").set(hive.sz("Element", "Windows Server"))
    root.key("Objects\\{2}\\Elements\\12000004").set(hive.sz("Element", "memory test"))
    return hive.build(root)


def test_a_host_with_all_its_traces() -> None:
    root, software = mounted("C"), hive.Key("ROOT", AT)
    root.key("ControlSet001\\Services\\vmms", AT + 1)
    root.key("ControlSet001\\Control\\Session Manager\\Environment").set(
        hive.sz("PROCESSOR_IDENTIFIER", "Intel64 Family 6 Model 15 Stepping 11, GenuineIntel"))
    software.key(WINDOWS_NT).set(hive.sz("EditionID", "ServerHyper"),
                                 hive.sz("InstallationType", "Server Core"))
    software.key(f"{PACKAGES}\\Microsoft-Hyper-V-Package~31bf", AT + 2).set(
        hive.dword("CurrentState", 112))
    software.key(f"{PACKAGES}\\Microsoft-Windows-Other~31bf")
    rows = of(RoleEvidence, role_evidence(computer(root, software, {
        f"{SYSTEM32}/vmms.exe": program((6, 1, 7601, 17514)),
        f"{SYSTEM32}/hvix64.exe": b"MZ but no program", "C:/Boot/BCD": store(1)})))
    assert [(r.group, r.name, r.value, r.meaning, r.is_proof) for r in rows] == [
        ("edition", "EditionID, InstallationType", "ServerHyper, Server Core",
         "stand-alone Hyper-V Server", False),
        ("processor", "PROCESSOR_IDENTIFIER",
         "Intel64 Family 6 Model 15 Stepping 11, GenuineIntel", "GenuineIntel", False),
        ("hypervisor launch", "Windows Server: hypervisorlaunchtype", "1", "auto", False),
        ("program", "vmms.exe", "6.1.7601.17514", "management service", True),
        ("program", "hvix64.exe", "", "hypervisor for Intel", False),
        ("service", "vmms in ControlSet001", "registered", "management service", True),
        ("set-up", "Microsoft-Hyper-V-Package~31bf", "CurrentState=112", "", False)]
    assert [r.traced_at for r in rows if r.group in ("service", "set-up", "hypervisor launch")] == [
        AT + 7, AT + 1, AT + 2]
    assert rows[2].source.path.endswith("/Boot/BCD")
    assert "cannot be read" in rows[4].certainty


def test_what_server_manager_and_optional_components_keep() -> None:
    software = hive.Key("ROOT", AT)
    software.key("Microsoft\\ServerManager\\ServicingStorage\\ServerComponentCache\\Hyper-V",
                 AT + 3).set(hive.dword("InstallState", 1))
    software.key("Microsoft\\Windows\\CurrentVersion\\Setup\\OC Manager\\Subcomponents",
                 AT + 4).set(hive.dword("Microsoft-Hyper-V", 1), hive.dword("IIS", 1))
    rows = of(RoleEvidence, role_evidence(computer(mounted("C"), software)))
    assert [(r.group, r.name, r.value, r.traced_at, r.is_proof) for r in rows] == [
        ("set-up", "Hyper-V", "InstallState=1", AT + 3, False),
        ("set-up", "Microsoft-Hyper-V", "1", AT + 4, False)]
    assert rows[1].source.detail.endswith("Subcomponents\\Microsoft-Hyper-V")
    assert all("unsure" in r.certainty for r in rows)


@pytest.mark.parametrize(("edition", "kind", "meaning"), [
    ("ServerHyper", "Server Core", "stand-alone Hyper-V Server"),
    ("ServerStandard", "Server Core", "Server Core"), ("ServerEnterpriseCore", "", "Server Core"),
    ("ServerDatacenter", "Server", "full installation"), ("Core", "Client", "client"),
    ("ServerEnterprise", "", "")])
def test_what_an_edition_is(edition: str, kind: str, meaning: str) -> None:
    software = hive.Key("ROOT", AT)
    software.key(WINDOWS_NT).set(hive.sz("EditionID", edition), hive.sz("InstallationType", kind))
    (row,) = of(RoleEvidence, role_evidence(computer(mounted("C"), software)))
    assert (row.group, row.meaning) == ("edition", meaning)


def test_what_logs_of_set_up_name() -> None:
    system = computer(mounted("C"), files={
        "C:/Windows/Logs/DISM/dism.log": LOG.encode(),
        "C:/Windows/Logs/ServerManager.log": b"\xff\xfe" + "no role".encode("utf-16-le"),
        "C:/Windows/Logs/CBS/CBS.log": Corrupt("x")})
    rows = of(RoleEvidence, setup_logs(system))
    assert [(r.group, r.name, r.meaning, r.time_basis, r.is_proof) for r in rows] == [
        ("set-up log", "Microsoft-Hyper-V", "first of 2 mentions in dism.log",
         "2013-05-20 09:21:03, local time of then, no zone", False)]
    assert (rows[0].traced_at, rows[0].value) == (None, LOG.splitlines()[1])
    states = {c.place.rpartition("\\")[2]: c.state for c in system.coverage()}
    assert [states[name] for name in ("dism.log", "ServerManager.log", "CBS.log")] == [
        "read", "read", "unreadable"]
    assert any("what this log says" in p.effect for p in system.problems())


def test_a_damaged_boot_store_is_a_problem_and_the_rest_stays() -> None:
    root = mounted("C")
    root.key("ControlSet001\\Services\\vmms")
    system = computer(root, files={"C:/Boot/BCD": b"regf" + bytes(5000)})
    assert [r.group for r in of(RoleEvidence, role_evidence(system))] == ["service"]
    assert any("hypervisor is launched" in p.effect for p in system.problems())
    assert ("C:\\Boot\\BCD", "unreadable") in {(c.place, c.state) for c in system.coverage()}


def test_a_hypervisor_that_is_off_is_said() -> None:
    system = computer(mounted("C"), files={"C:/EFI/Microsoft/Boot/BCD": store(0)})
    (row,) = of(RoleEvidence, role_evidence(system))
    assert (row.value, row.meaning) == ("0", "off")


def with_fat(*files: tuple[str, bytes], damage: int | None = None) -> WindowsSystem:
    """A host whose second volume is an EFI system partition."""
    root = mounted("C")
    root.key("ControlSet001\\Services\\vmms")
    disk = medium({f"{CONFIG}/SYSTEM": hive.build(root)})
    image = volume(16, dict(files))
    if damage is not None:
        image[damage:damage + 64] = bytes(64)
    part = Partition("p2", "GPT", 1 << 21, len(image), "", "", "", "FAT", "",
                     Slice(Memory(bytes(image)), 0, len(image)))
    disk.volumes.append(MountedVolume(disk, part, None, NotThisFormat("no NTFS")))
    return build_systems([disk])[0]


def launches(system: WindowsSystem) -> list[RoleEvidence]:
    return [r for r in of(RoleEvidence, role_evidence(system)) if r.group == "hypervisor launch"]


def test_the_boot_store_of_an_efi_system_partition_is_read() -> None:
    (row,) = launches(with_fat(("EFI/Microsoft/Boot/BCD", store(1)), ("EFI/Boot/x.efi", b"MZ")))
    assert (row.value, row.meaning, row.traced_at) == ("1", "auto", AT + 7)
    assert row.source.path == "/p2/EFI/Microsoft/Boot/BCD"
    assert row.source.offset
    assert launches(with_fat(("EFI/Boot/x.efi", b"MZ"))) == []


def test_a_damaged_efi_system_partition_is_a_problem() -> None:
    for system in (with_fat(("EFI/Microsoft/Boot/BCD", b"regf" + bytes(5000))),
                   with_fat(("EFI/Microsoft/Boot/BCD", store(1)), damage=0)):
        assert launches(system) == []
        assert any("hypervisor is launched" in p.effect for p in system.problems())


CLIENT = ("vmsmp", "VMSP", "vmcompute", "hns", "Vid", "storvsp", "vmbusr", "hvservice", "HvHost")
GUEST = ("vmbus", "storvsc", "netvsc", "storflt", "vmicheartbeat", "vmickvpexchange",
         "vmicshutdown", "vmictimesync", "vmicvss")


@pytest.mark.parametrize(("services", "depth", "role"), [
    (CLIENT, 0, "Windows"), (GUEST, 0, "Windows"), (GUEST, 1, "guest"), (CLIENT, 1, "guest")])
def test_services_of_clients_and_of_guests_make_no_host(services: tuple[str, ...], depth: int,
                                                        role: str) -> None:
    root, software = mounted("C"), hive.Key("ROOT", AT)
    for name in services:
        root.key(f"ControlSet001\\Services\\{name}").set(hive.dword("Start", 3))
    software.key("Microsoft\\Virtual Machine\\Guest\\Parameters").set(
        hive.sz("HostName", "HV1"))
    system = build({f"{CONFIG}/SYSTEM": hive.build(root),
                    f"{CONFIG}/SOFTWARE": hive.build(software),
                    f"{SYSTEM32}/vmwp.exe": b"MZ", f"{SYSTEM32}/hvix64.exe": b"MZ"}, depth=depth)
    assert [row.role for row in of(System, windows(system))] == [role]
    assert not any(row.is_proof for row in of(RoleEvidence, role_evidence(system)))


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["SYSTEM_2", "SYSTEM_B"])
def test_a_client_with_components_is_no_host(realdata: Path, name: str) -> None:
    data = lzma.decompress(next(realdata.rglob(f"{name}.xz")).read_bytes())
    system = build({f"{CONFIG}/SYSTEM": data})
    rows = of(RoleEvidence, role_evidence(system))
    assert not any(row.is_proof for row in rows)
    assert [row.role for row in of(System, windows(system))] == ["Windows"]
    assert [row.meaning for row in rows if row.group == "processor"] == ["GenuineIntel"]


@pytest.mark.realdata
def test_real_boot_stores_are_read(realdata: Path) -> None:
    for path in (*realdata.rglob("BCD.xz"), *realdata.rglob("BCD")):
        data = path.read_bytes()
        store_data = lzma.decompress(data) if path.suffix == ".xz" else data
        system = computer(mounted("C"), files={"C:/Boot/BCD": store_data})
        list(role_evidence(system))
        assert ("C:\\Boot\\BCD", "read") in {(c.place, c.state) for c in system.coverage()}
