"""Traces of users in their profiles, on a computer made of a dict."""

from collections.abc import Mapping

import pytest

from analyzer.errors import Unreadable
from analyzer.plugin import ArtifactFunction
from analyzer.records import UserTrace, events
from analyzer.system import WindowsSystem
from corpus.make import hive
from corpus.make.virtual_server import shortcut
from plugins.artifacts.hyperv_client import hyperv_client
from plugins.artifacts.jump_lists import jump_lists
from plugins.artifacts.powershell_history import powershell_history
from plugins.artifacts.prefetch import prefetch
from plugins.artifacts.shortcuts import shortcuts
from plugins.artifacts.user_registry import user_registry
from tests.dict_system import AT, Content, Deleted, Link, host
from tests.plugins.artifacts.test_access import COMPUTER, NT, hives
from tests.plugins.artifacts.test_artifacts import of
from tests.unit.formats.damage import damaged
from tests.unit.formats.shell_files import prefetch_17
from tests.unit.formats.test_hyperv_client import BROWSER, GUID, config
from tests.unit.formats.test_jump_list import LINK, made
from tests.unit.formats.test_powershell_history import HISTORY
from tests.unit.formats.test_prefetch import DISK, MADE
from tests.unit.formats.test_user_traces import pidl, rot13, user_hive

CLIENT = "AppData/Roaming/Microsoft/Windows/Hyper-V/Client/1.0"
KB, ANNA = f"{COMPUTER}-1001", "S-1-5-21-1-2-3-1117"
RDP = config("RdpOptions", VmName="web", VmServerName="HV1", RedirectedDrives="C:")


def users(files: Mapping[str, Content]) -> WindowsSystem:
    """A host where kb has the usual profile, anna one on D:, and a folder `old` has no owner."""
    software = hive.Key("ROOT", AT)
    for sid, path in ((KB, "%SystemDrive%\\Users\\kb"), (ANNA, "D:\\Profiles\\anna"),
                      ("S-1-5-18", "%systemroot%\\system32\\config\\systemprofile")):
        software.key(f"{NT}\\ProfileList\\{sid}", AT).set(
            hive.expand_sz("ProfileImagePath", path))
    return host({**hives(), "D:/notes.txt": b"", **files}, "C", "D", software=software)


def test_hosts_managed_and_machines_connected_to() -> None:
    system = users({
        f"C:/Users/kb/{CLIENT}/virtmgmt.VMBrowser.config": BROWSER,
        f"C:/Users/kb/{CLIENT}/vmconnect.rdp.{GUID}.config": RDP,
        f"D:/Profiles/anna/{CLIENT}/clientsettings.config": config("x", A="1"),
        f"C:/Users/old/{CLIENT}/vmconnect.rdp.{GUID}.config": b"<VMSavedConfig/>"})
    rows = of(UserTrace, hyperv_client(system))
    assert [(r.trace, r.account_name, r.user_sid, r.target) for r in rows] == [
        ("Hyper-V Manager", "HV\\kb", KB, "HV1"), ("Hyper-V Manager", "HV\\kb", KB, "HV2"),
        ("Hyper-V Manager", "HV\\kb", KB, "HV3"), ("vmconnect", "HV\\kb", KB, f"{GUID} on HV1"),
        ("vmconnect", "old (by its profile folder)", "", GUID),
        ("Hyper-V client settings", "CORP\\anna (by its profile folder)", ANNA,
         "clientsettings.config")]
    connected = rows[3]
    assert (connected.vm_id, connected.vm_name) == (GUID, "web")
    assert connected.details == ("VmName=web", "VmServerName=HV1", "RedirectedDrives=C:")
    assert [event.what for event in events(connected)] == [
        "User's trace made", "User's trace last written"]
    assert rows[0].details == ("BrowserComputerNames", "AutoCompleteComputerNames",
                               "PreviousSelectedServer")
    assert [(p.code, p.source.path.rpartition("/")[2]) for p in system.problems()] == [
        ("OTHER-FORMAT", f"vmconnect.rdp.{GUID}.config")]
    states = {c.place: c.state for c in system.coverage() if c.place.endswith("1.0")}
    assert states["C:\\Users\\kb\\" + CLIENT.replace("/", "\\")] == "read"
    assert states["C:\\Users\\old\\" + CLIENT.replace("/", "\\")] == "partial"
    assert states["D:\\Profiles\\anna\\" + CLIENT.replace("/", "\\")] == "read"


def test_a_file_that_cannot_be_read_still_names_its_machine() -> None:
    system = users({
        f"C:/Users/kb/{CLIENT}/vmconnect.rdp.{GUID}.config": Unreadable("gone", 0, 512)})
    assert [(r.vm_id, r.vm_name) for r in of(UserTrace, hyperv_client(system))] == [(GUID, "")]
    assert [p.code for p in system.problems()] == ["UNREADABLE"]


def test_a_profile_on_a_volume_that_is_not_there() -> None:
    software = hive.Key("ROOT", AT)
    software.key(f"{NT}\\ProfileList\\{KB}", AT).set(
        hive.expand_sz("ProfileImagePath", "X:\\Profiles\\kb"))
    system = host(hives(), "C", software=software)
    assert list(hyperv_client(system)) == []
    assert [p.code for p in system.problems()] == ["NOT-IN-EVIDENCE"]


def test_programs_started_and_files_opened() -> None:
    system = users({"C:/Users/kb/NTUSER.DAT": hive.build(user_hive())})
    rows = of(UserTrace, user_registry(system))
    assert system.problems() == []
    assert {(r.account_name, r.user_sid) for r in rows} == {("HV\\kb", KB)}
    assert [(r.trace, r.target, r.use_count, r.last_used_at) for r in rows] == [
        ("UserAssist", "<System32>\\vmconnect.exe", 7, AT),
        ("Run dialog", "virtmgmt.msc", None, AT + 1),
        ("path typed in Explorer", "D:\\Hyper-V\\web", None, None),
        ("recent document", "dc.vhd", None, None),
        ("recent document", "web.vhd", None, AT + 3),
        ("file dialog", "D:\\VMs\\web.vhdx", None, AT + 4),
        ("file dialog of a program", "vmconnect.exe: D:\\VMs", None, AT + 5),
        ("MMC recent file", "C:\\Program Files\\Hyper-V\\virtmgmt.msc", None, AT + 6)]
    assert rows[0].source.detail.endswith(rot13("vmconnect.exe"))
    assert [event.what for event in events(rows[0])] == ["Last used by user"]
    assert rows[3].details == ("2 from the newest",)


def test_a_hive_that_was_not_written_to_the_end() -> None:
    """Its second sequence number is older: said, and read as it stands where no log helps."""
    data = bytearray(hive.build(user_hive()))
    data[4] += 1
    system = users({"C:/Users/kb/NTUSER.DAT": bytes(data), "C:/Users/kb/ntuser.dat.LOG1": b"?"})
    assert len(of(UserTrace, user_registry(system))) == 8
    assert {p.code for p in system.problems()} >= {"HIVE-DIRTY"}
    assert {c.place: c.state for c in system.coverage()}["C:\\Users\\kb\\NTUSER.DAT"] == "partial"


def test_a_damaged_hive_costs_no_other_user() -> None:
    for copy in damaged(hive.build(user_hive()), 40):
        system = users({"C:/Users/kb/NTUSER.DAT": copy,
                        "C:/Users/old/NTUSER.DAT": hive.build(user_hive())})
        rows = of(UserTrace, user_registry(system))
        assert len([r for r in rows if r.account_name.startswith("old")]) == 8
        if len(rows) < 16:
            assert system.problems()


def test_commands_typed() -> None:
    path = "AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt"
    system = users({f"C:/Users/kb/{path}": HISTORY.encode(), f"C:/Users/old/{path}": b"\0"})
    rows = of(UserTrace, powershell_history(system))
    assert [(r.target.partition("\n")[0], r.source.detail, r.vm_id) for r in rows[:-1]] == [
        ("Get-VM | `", "line 2", ""), (f"Get-VM -Id {GUID.lower()}", "line 5", GUID),
        ("copy D:\\a.vhdx E:\\", "line 6", ""), ("Mount-DiskImage x.iso", "line 8", "")]
    assert [events(row) is not None and list(events(row)) for row in rows[:-1]] == [[]] * 4
    assert (rows[-1].use_count, len(list(events(rows[-1])))) == (4, 2)
    assert [p.code for p in system.problems()] == ["OTHER-FORMAT"]


RECENT = "AppData/Roaming/Microsoft/Windows/Recent"


def test_shortcuts_to_machines() -> None:
    system = users({
        f"C:/Users/kb/{RECENT}/web.lnk": shortcut(f"D:\\Virtual Machines\\{GUID}.xml"),
        f"C:/Users/kb/{RECENT}/old.lnk": Deleted(shortcut("", id_list=pidl("VMs", "web.vhdx"))),
        f"C:/Users/kb/{RECENT}/notes.lnk": shortcut("D:\\notes.txt"),
        f"C:/Users/kb/{RECENT}/desktop.ini": b"?",
        "C:/Users/kb/Desktop/bad.lnk": b"L\0\0\0"})
    rows = of(UserTrace, shortcuts(system))
    assert [(r.target, r.vm_id) for r in rows] == [
        ("D:\\VMs\\web.vhdx", ""), (f"D:\\Virtual Machines\\{GUID}.xml", GUID)]
    assert "note: the shortcut is deleted" in rows[0].details
    assert [event.what for event in events(rows[1])] == [
        "User's trace made", "User's trace last written"]
    assert [p.code for p in system.problems()] == ["OTHER-FORMAT"]


@pytest.mark.parametrize("plugin", [hyperv_client, jump_lists, powershell_history, shortcuts,
                                    user_registry])
def test_a_second_installation_tells_no_traces(plugin: ArtifactFunction) -> None:
    system = users({f"C:/Users/kb/{RECENT}/web.lnk": shortcut("D:\\a.vhd")})
    system.owns_volumes = False
    assert list(plugin(system)) == []


def test_jump_lists() -> None:
    system = users({
        f"C:/Users/kb/{RECENT}/AutomaticDestinations/abc.automaticDestinations-ms": made(),
        f"C:/Users/kb/{RECENT}/AutomaticDestinations/bad.automaticDestinations-ms": b"?",
        f"C:/Users/kb/{RECENT}/CustomDestinations/def.customDestinations-ms": LINK})
    rows = of(UserTrace, jump_lists(system))
    assert [(r.trace, r.target, r.use_count, r.last_used_at) for r in rows] == [
        ("jump list", "D:\\VMs\\web.vhd", 4, AT),
        ("jump list", "C:\\Windows\\System32\\virtmgmt.msc", 9, AT - 5),
        ("jump list", "D:\\VMs\\web.vhd", None, None)]
    assert rows[1].details == ("list of application: abc", "computer: hv1",
                               "note: its link is missing or damaged")
    assert {r.account_name for r in rows} == {"HV\\kb"}
    assert [p.code for p in system.problems()] == ["OTHER-FORMAT"]


def test_programs_that_ran() -> None:
    folder = "C:/Windows/Prefetch"
    system = users({f"{folder}/VMCONNECT.EXE-1.pf": MADE, f"{folder}/BAD.EXE-2.pf": b"?",
                    f"{folder}/CALC.EXE-3.pf": prefetch_17("CALC.EXE", AT, 1, ("\\X.DLL",)),
                    f"{folder}/7Z.EXE-4.pf": prefetch_17("7Z.EXE", AT + 1, 1, (DISK,))})
    rows = {row.target: row for row in of(UserTrace, prefetch(system))}
    assert {name: (r.use_count, r.last_used_at, r.user_sid) for name, r in rows.items()} == {
        "VMCONNECT.EXE": (3, AT, ""), "7Z.EXE": (1, AT + 1, "")}
    assert f"used {DISK}" in rows["7Z.EXE"].details
    assert [p.code for p in system.problems()] == ["OTHER-FORMAT"]
    assert {c.state for c in system.coverage() if c.place.endswith("Prefetch")} == {"partial"}


def test_a_profile_that_two_places_lead_to_is_read_once() -> None:
    system = users({"C:/Users/kb/NTUSER.DAT": hive.build(user_hive()),
                    "C:/Documents and Settings": Link("C:\\Users", "junction")})
    assert len(of(UserTrace, user_registry(system))) == 8
