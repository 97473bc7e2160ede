"""Traces of users in their profiles, on a computer made of a dict."""

from collections.abc import Mapping

from analyzer.errors import Unreadable
from analyzer.records import UserTrace, events
from analyzer.system import WindowsSystem
from corpus.make import hive
from plugins.artifacts.hyperv_client import hyperv_client
from tests.dict_system import AT, Content, host
from tests.plugins.artifacts.test_access import COMPUTER, NT, hives
from tests.plugins.artifacts.test_artifacts import of
from tests.unit.formats.test_hyperv_client import BROWSER, GUID, config

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
