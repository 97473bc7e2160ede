"""Services and settings of a host, on computers made of a dict."""

import lzma
from collections.abc import Mapping
from pathlib import Path

import pytest

from analyzer.errors import Corrupt
from analyzer.formats.service_entry import START, in_words, program_path
from analyzer.records import HostService, HostSetting, events
from analyzer.system import VIRTUALIZATION, WindowsSystem
from corpus.make import hive, vmcx
from plugins.artifacts.host_services import host_services
from plugins.artifacts.host_settings import host_settings
from plugins.artifacts.resource_pools import resource_pools
from tests.dict_system import AT, Content, Deleted, build, mounted
from tests.plugins.artifacts.test_artifacts import REGISTER, of

CONFIG = "C:/Windows/System32/config"
SYSTEM32 = "C:/Windows/System32"


def computer(system: hive.Key, software: hive.Key | None = None,
             files: Mapping[str, Content] | None = None) -> WindowsSystem:
    return build({f"{CONFIG}/SYSTEM": hive.build(system),
                  f"{CONFIG}/SOFTWARE": hive.build(software or hive.Key("ROOT", AT)),
                  **(files or {})})


def service(root: hive.Key, name: str, image: str, start: int, number: int = 1) -> hive.Key:
    return root.key(f"ControlSet{number:03d}\\Services\\{name}", AT + number).set(
        hive.expand_sz("ImagePath", image), hive.dword("Start", start), hive.dword("Type", 16))


def test_services_in_every_control_set() -> None:
    root = mounted("C")
    service(root, "vmms", "%systemroot%\\system32\\vmms.exe", 2).set(
        hive.sz("ObjectName", "LocalSystem"), hive.sz("DisplayName", "Management"))
    service(root, "vmms", "%systemroot%\\system32\\vmms.exe", 4, 2)
    service(root, "vmicvss", "%SystemRoot%\\System32\\svchost.exe -k x", 3).key("Parameters").set(
        hive.expand_sz("ServiceDll", "%SystemRoot%\\System32\\icsvc.dll"))
    service(root, "Spooler", "spoolsv.exe", 2)
    rows = of(HostService, host_services(computer(root, files={f"{SYSTEM32}/vmms.exe": b"MZ"})))
    assert [(r.name, r.part, r.control_set, r.is_current, r.start_type, r.binary_state,
             r.written_at) for r in rows] == [
        ("vmicvss", "guest", "ControlSet001", True, "manual (3)", "missing", AT + 1),
        ("vmms", "role", "ControlSet001", True, "automatic (2)", "present", AT + 1),
        ("vmms", "role", "ControlSet002", False, "disabled (4)", "present", AT + 2)]
    gone = of(HostService, host_services(computer(
        root, files={f"{SYSTEM32}/vmms.exe": Deleted(b"MZ")})))
    assert [r.binary_state for r in gone if r.name == "vmms"] == ["deleted", "deleted"]
    vmms = rows[1]
    assert (vmms.service_type, vmms.account_name, vmms.display_name, vmms.binary_path) == (
        "own process (16)", "LocalSystem", "Management", "C:\\Windows\\system32\\vmms.exe")
    assert rows[0].service_dll == "%SystemRoot%\\System32\\icsvc.dll"
    assert vmms.source.detail == "ControlSet001\\Services\\vmms"
    assert vmms.source.offset is not None


def test_a_value_of_the_wrong_type_costs_that_value() -> None:
    root = mounted("C")
    service(root, "vmms", "vmms.exe", 2).set(hive.sz("Start", "two"))
    system = computer(root)
    (row,) = of(HostService, host_services(system))
    assert (row.start_type, row.image_path) == ("", "vmms.exe")
    assert any("Start" in p.what for p in system.problems())


@pytest.mark.parametrize(("image", "path"), [
    ("%systemroot%\\system32\\vmms.exe", "C:\\Windows\\system32\\vmms.exe"),
    ("\\SystemRoot\\System32\\drivers\\Vid.sys", "C:\\Windows\\System32\\drivers\\Vid.sys"),
    ("system32\\drivers\\x.sys", "C:\\Windows\\system32\\drivers\\x.sys"),
    ("%SystemRoot%\\system32\\svchost.exe -k vs -p", "C:\\Windows\\system32\\svchost.exe"),
    ('"C:\\Program Files\\a b.exe" /service', "C:\\Program Files\\a b.exe"),
    ("C:\\Program Files\\a b.exe /x y.exe", "C:\\Program Files\\a b.exe"),
    ("\\??\\D:\\x\\y.sys", "D:\\x\\y.sys"), ("odd -k", "C:\\Windows\\odd"), ("", ""),
    ("  ", "")])
def test_where_the_program_of_a_service_lies(image: str, path: str) -> None:
    assert program_path(image, "C:\\Windows") == path


def test_an_image_path_of_a_megabyte_is_cut() -> None:
    assert len(program_path("a " * 500_000, "C:\\Windows")) < 5000
    assert in_words(START, 9) == "unknown (9)"
    assert in_words(START, None) == ""


def test_settings_of_a_host() -> None:
    root, software = mounted("C"), hive.Key("ROOT", AT)
    key = software.key(VIRTUALIZATION, AT + 3).set(
        hive.sz("DefaultExternalDataRoot", "D:\\VMs"),
        hive.binary("MinimumMacAddress", bytes.fromhex("00155D0A1500")))
    key.key("Migration", AT + 4).set(hive.dword("Enabled", 1))
    key.key("Worker").set(hive.multi_sz("List", ["a", "b"]), hive.sz("Odd", ""))
    for number in (1, 2):
        parameters = root.key(f"ControlSet00{number}\\Services\\VMSMP\\Parameters", AT + number)
        parameters.set(hive.dword("Flags", number))
        parameters.key("SwitchList\\x").set(hive.sz("FriendlyName", "of another table"))
    rows = of(HostSetting, host_settings(computer(root, software)))
    assert {(r.group, r.name, r.value, r.control_set, r.is_current, r.written_at)
            for r in rows} == {
        ("default folders", "DefaultExternalDataRoot", "D:\\VMs", "", True, AT + 3),
        ("MAC pool", "MinimumMacAddress", "00155d0a1500", "", True, AT + 3),
        ("live migration", "Enabled", "1", "", True, AT + 4),
        ("", "List", "a; b", "", True, AT + 3), ("", "Odd", "", "", True, AT + 3),
        ("", "Flags", "1", "ControlSet001", True, AT + 1),
        ("", "Flags", "2", "ControlSet002", False, AT + 2)}


def test_groups_of_settings() -> None:
    """By words in key and name, raw value kept; real names are known of few (FIELD-GUIDE 9.2)."""
    software = hive.Key("ROOT", AT)
    key = software.key(VIRTUALIZATION)
    key.set(hive.dword("NumaSpanningEnabled", 1), hive.sz("DefaultVirtualHardDiskPath", "E:\\"),
            hive.sz("StoreLocation", "msxml://C:\\x"), hive.dword("CurrentVmVersion", 2304))
    key.key("Replication").set(hive.dword("Enabled", 1))
    key.key("VmSession").set(hive.dword("Policy", 1))
    key.key("VML").set(hive.dword("Port", 6600))
    rows = of(HostSetting, host_settings(computer(mounted("C"), software)))
    assert {r.name: (r.group, r.value) for r in rows} == {
        "NumaSpanningEnabled": ("NUMA spanning", "1"),
        "DefaultVirtualHardDiskPath": ("default folders", "E:\\"),
        "StoreLocation": ("authorization", "msxml://C:\\x"),
        "CurrentVmVersion": ("versions", "2304"), "Enabled": ("replication", "1"),
        "Policy": ("enhanced session", "1"), "Port": ("live migration", "6600")}


def test_resource_pools_of_both_formats() -> None:
    folder = f"{REGISTER}/Resource Types"
    xml = "<configuration><properties><name type='string'>Gold</name></properties></configuration>"
    system = computer(mounted("C"), files={
        f"{folder}/A.xml": xml.encode(), f"{folder}/B.vmcx": vmcx.build(
            [("configuration", [("pools", [("name", "Silver")])])]), f"{folder}/C.vmcx": b"?"})
    rows = of(HostSetting, resource_pools(system))
    assert {(r.group, r.key.rpartition("\\")[2], r.name.rpartition("/")[2], r.value)
            for r in rows} == {("resource pools", "A.xml", "name", "Gold"),
                               ("resource pools", "B.vmcx", "name", "Silver")}
    assert all(row.source.detail.endswith(row.name) and not list(events(row)) for row in rows)
    states = {c.place.rpartition("\\")[2]: c.state for c in system.coverage()}
    assert [states[n] for n in ("Resource Types", "A.xml", "B.vmcx", "C.vmcx")] == [
        "read", "read", "read", "unreadable"]
    assert [p.effect for p in system.problems()] == ["this resource pool is missing"]


def test_a_flood_of_settings_is_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.artifacts.host_settings.MOST", 10)
    software = hive.Key("ROOT", AT)
    software.key(VIRTUALIZATION).set(*(hive.dword(f"v{n}", n) for n in range(12)))
    system = computer(mounted("C"), software)
    assert len(list(host_settings(system))) == 10
    assert any(p.code == "SETTINGS-MANY" for p in system.problems())


def test_a_host_without_hives_says_so() -> None:
    system = build({f"{CONFIG}/SYSTEM": Corrupt("x"), f"{CONFIG}/SOFTWARE": Corrupt("x")})
    assert list(host_services(system)) == list(host_settings(system)) == []
    assert {p.code for p in system.problems()} == {"CORRUPT"}


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "expected"), [
    ("SYSTEM_2", {"storvsp": "manual (3)", "vmbus": "boot (0)", "vmbusr": "manual (3)"}),
    ("SYSTEM_B", {"HvHost": "manual (3)", "hvservice": "manual (3)", "vmbus": "boot (0)"})])
def test_clients_have_components_and_no_role(realdata: Path, name: str,
                                             expected: dict[str, str]) -> None:
    data = lzma.decompress(next(realdata.rglob(f"{name}.xz")).read_bytes())
    rows = of(HostService, host_services(build({f"{CONFIG}/SYSTEM": data})))
    assert "role" not in {row.part for row in rows}
    assert len([row for row in rows if row.name.startswith("vmic") and row.is_current]) >= 7
    assert expected.items() <= {row.name: row.start_type for row in rows}.items()
