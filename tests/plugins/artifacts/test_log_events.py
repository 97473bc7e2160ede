"""Event logs of systems: which events are kept, what they mean, and what damage costs."""

from analyzer import times
from analyzer.formats.sid import machine_sid
from analyzer.records import LogEvent
from corpus.make import hive
from corpus.make.evtx import Event, build, vml
from plugins.artifacts.log_events import log_events
from tests.dict_system import AT, Deleted, Link, host, mounted

LOGS = "C:/Windows/System32/winevt/Logs"
NOW = times.parse_iso("2012-05-06T07:08:09Z")
VM = "11111111-2222-3333-4444-555555555555"
SCM = "Service Control Manager"


def software(version: str) -> hive.Key:
    root = hive.Key("ROOT", AT)
    key = root.key("Microsoft\\Windows NT\\CurrentVersion")
    key.set(hive.sz("CurrentVersion", "6.3" if version == "10.0" else version))
    if version == "10.0":
        key.set(hive.dword("CurrentMajorVersionNumber", 10))
    return root


def rows(logs: dict[str, bytes], version: str = "6.1") -> list[LogEvent]:
    system = host({f"{LOGS}/{name}.evtx": data for name, data in logs.items()},
                  software=software(version))
    return [row for row in log_events(system) if isinstance(row, LogEvent)]


def test_log_events_of_a_hyper_v_channel() -> None:
    log = build([vml(NOW, "Worker", 18500, "Worker-Admin", "WEB", VM, user_sid="S-1-5-83-1-1"),
                 vml(NOW + 1, "Worker", 4242, "Worker-Admin", "x", "y")])
    known, unknown = rows({"Microsoft-Windows-Hyper-V-Worker-Admin": log})
    assert (known.meaning, known.certainty, known.vm_name, known.vm_id) == (
        "started", "verified", "WEB", VM)
    assert (known.logged_at, known.event_record_id, known.user_sid) == (NOW, 1, "S-1-5-83-1-1")
    assert known.event_data == ("Parameter0=WEB", f"Parameter1={VM}")
    assert known.describe() == "started: WEB (Microsoft-Windows-Hyper-V-Worker 18500)"
    assert known.source.path.endswith("Worker-Admin.evtx")
    assert log[known.source.offset or 0:][:4] == b"**\0\0"
    assert (unknown.meaning, unknown.vm_id, unknown.event_id) == ("", "", 4242)


def test_an_event_that_a_machine_wrote_under_its_own_account_is_of_that_machine() -> None:
    log = build([vml(NOW, "SynthStor", 4242, "Worker-Admin", "x", user_sid=machine_sid(VM))])
    row, = rows({"Microsoft-Windows-Hyper-V-Worker-Admin": log})
    assert (row.vm_id, row.meaning) == (VM, "")


def test_the_same_number_by_release() -> None:
    log = build([Event(NOW, "Microsoft-Windows-VHDMP", 8, "Microsoft-Windows-VHDMP-Operational",
                       (("VhdFileName", "D:\\x.vhdx"), ("LogFile", "l")))])
    name = "Microsoft-Windows-VHDMP-Operational"
    meanings = {version: rows({name: log}, version)[0].meaning for version in ("6.2", "10.0")}
    assert meanings == {"6.2": "change tracking on", "10.0": "tracking file corrupt"}
    assert rows({name: log}, "6.2")[0].concerns == "D:\\x.vhdx"


def test_general_logs_give_what_concerns_the_host() -> None:
    log = build([
        Event(NOW, SCM, 7036, "System", (("param1", "Hyper-V Virtual Machine Management"),
                                         ("param2", "running"))),
        Event(NOW, SCM, 7036, "System", (("param1", "Gestion de machine virtuelle"),
                                         ("Binary", "76006D006D0073002F0031000000"))),
        Event(NOW, SCM, 7036, "System", (("param1", "Print Spooler"), ("param2", "running"))),
        Event(NOW, SCM, 7040, "System", (("param1", "Virtueller Switch"), ("param4", "VMSMP"))),
        Event(NOW, "Microsoft-Windows-Kernel-General", 12, "System", (("StartTime", "x"),)),
        Event(NOW, "Microsoft-Windows-Hyper-V-VmSwitch", 69, "System", (("PortName", "p"),)),
        Event(NOW, "Disk", 7, "System")])
    found = rows({"System": log, "Application": log, "Microsoft-Windows-Backup": log})
    assert [(row.event_record_id, row.meaning) for row in found] == [
        (1, "service changed state"), (2, "service changed state"),
        (4, "service start type changed"), (5, "Windows started"), (6, "port deleted")]
    assert "Binary=vmms/1" in found[1].event_data
    assert found[0].concerns == "Hyper-V Virtual Machine Management, running"


def test_commands_logons_and_cleared_logs() -> None:
    power = "Microsoft-Windows-PowerShell"
    texts = ("Stop-VM DC01 -TurnOff", "Get-ChildItem", "Get-VMwareX", "Stop-Service vmms",
             "gwmi Msvm_ComputerSystem -Namespace root\\virtualization\\v2", "kill -n vmwp")
    shell = build([Event(NOW, power, 4104, f"{power}/Operational", (
        ("ScriptBlockText", text),)) for text in texts])
    security = build([
        Event(NOW, "Microsoft-Windows-Eventlog", 1102, "Security"),
        *(Event(NOW, "Microsoft-Windows-Security-Auditing", 4624, "Security", (
            ("TargetUserSid", sid), ("TargetUserName", name), ("LogonType", kind),
            ("IpAddress", address)))
          for sid, name, kind, address in (
            ("S-1-5-21-1-2-3-500", "u", "10", "-"), ("S-1-5-21-1-2-3-500", "u", "3", "127.0.0.1"),
            ("S-1-5-18", "u", "2", ""), ("S-1-5-21-1-2-3-1000", "PC$", "3", "10.0.0.2"),
            ("S-1-5-21-1-2-3-500", "admin", "3", "10.0.0.2")))])
    found = rows({f"{power}%4Operational": shell, "Security": security})
    assert [(row.meaning, row.event_record_id) for row in found] == [
        *(("PowerShell script block with Hyper-V commands", n) for n in (1, 4, 5, 6)),
        ("log cleared", 1), ("logon", 2), ("logon", 6)]
    assert [row.concerns for row in found[5:]] == ["u", "admin"]


def test_pipelines_of_the_classic_log_and_logs_that_windows_archived() -> None:
    shell = build([Event(NOW, "PowerShell", 800, "Windows PowerShell", (
        ("", "CommandInvocation(Get-VM): x"), ("", "DetailSequence=1"), ("", ""))),
        Event(NOW, "PowerShell", 800, "Windows PowerShell", (("", "Get-ChildItem"),))])
    log = build([Event(NOW, "Microsoft-Windows-Kernel-General", 12, "System")])
    found = rows({"Windows PowerShell": shell, "Archive-System-2015-03-04-05-06-07-890": log,
                  "Archive-Application-2015-03-04-05-06-07-890": log})
    assert [(row.meaning, row.event_record_id) for row in found] == [
        ("Windows started", 1), ("PowerShell pipeline with Hyper-V commands", 1)]
    assert found[1].concerns == "CommandInvocation(Get-VM): x"


def test_features_turned_on_by_the_log_of_set_up() -> None:
    log = build([Event(NOW, "Microsoft-Windows-Servicing", number, "Setup", (
        ("UpdateName", name), ("PackageIdentifier", f"{name}-Package"), ("Client", "DISM")))
        for number, name in ((7, "Microsoft-Hyper-V"), (9, "Microsoft-Hyper-V"), (9, "IIS"))])
    for version, certainty in (("10.0", "verified"), ("6.0", "unsure")):
        assert [(r.event_id, r.meaning, r.concerns, r.certainty)
                for r in rows({"Setup": log}, version)] == [
            (7, "turning on a feature begun", "Microsoft-Hyper-V", certainty),
            (9, "feature turned on", "Microsoft-Hyper-V", certainty)]


def test_records_that_cannot_be_decoded_and_gaps_are_said() -> None:
    data = bytearray(build([vml(NOW + n, "VMMS", 13002, "VMMS-Admin", "WEB", VM)
                            for n in range(5)]))
    second, third = (data.index(b"**\0\0", 4096 + 512 + n * 900) for n in (1, 2))
    data[second + 24:second + 40] = b"\xee" * 16
    data[third:third + 4] = b"gone"
    system = host({f"{LOGS}/Microsoft-Windows-Hyper-V-VMMS-Admin.evtx": bytes(data),
                   f"{LOGS}/Microsoft-Windows-Hyper-V-Config-Admin.evtx": b"no log"})
    found = [row for row in log_events(system) if isinstance(row, LogEvent)]
    assert len(found) == 4
    (unread,) = [row for row in found if row.event_id is None]
    assert unread.note.startswith("content not known")
    assert unread.channel == "Microsoft-Windows-Hyper-V-VMMS-Admin"
    assert {p.code for p in system.problems()} >= {"EVTX-GAP", "EVTX-RECORD", "OTHER-FORMAT"}
    states = {row.place.rpartition("\\")[2]: row.state for row in system.coverage()}
    assert states["Microsoft-Windows-Hyper-V-VMMS-Admin.evtx"] == "partial"
    assert states["Microsoft-Windows-Hyper-V-Config-Admin.evtx"] == "unreadable"


def moved(places: dict[str, str]) -> dict[str, bytes]:
    """Hives of a host whose registry has these values `File` (key -> path)."""
    hives = {"SYSTEM": mounted("C", "D"), "SOFTWARE": software("6.3")}
    hives["SYSTEM"].key("ControlSet001\\Services\\vmms", AT)
    for key, path in places.items():
        name, _, below = key.partition("\\")
        hives[name].key(below, AT).set(hive.expand_sz("File", path))
    return {f"C:/Windows/System32/config/{name}": hive.build(root) for name, root in hives.items()}


CLASSIC = "SYSTEM\\ControlSet001\\Services\\EventLog"
CHANNELS = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WINEVT\\Channels"
POLICIES = "SOFTWARE\\Policies\\Microsoft\\Windows\\EventLog"
STARTED = build([Event(NOW, "Microsoft-Windows-Kernel-General", 12, "System")])


def test_logs_that_the_registry_put_elsewhere() -> None:
    worker = bytearray(build([vml(NOW, "Worker", 4242, "Worker-Admin", "x"),
                              vml(NOW, "Worker", 4242, "Worker-Admin", "y")]))
    at = worker.index(b"**\0\0", 4096 + 512 + 900)
    worker[at + 24:at + 40] = b"\xee" * 16
    system = host({
        f"{LOGS}/System.evtx": STARTED, "D:/Logs/System.evtx": STARTED,
        "D:/Logs/Archive-System-2015-03-04-05-06-07-890.evtx": STARTED,
        "D:/Logs/Security.evtx": STARTED, "D:/x/hv": bytes(worker), "C:/to": Link("D:\\Logs"),
        **moved({f"{CLASSIC}\\System": "%SystemDrive%\\to\\system.evtx",
                 f"{CLASSIC}\\Application": "D:\\Logs\\Security.evtx",
                 f"{CHANNELS}\\Microsoft-Windows-Hyper-V-Worker-Admin": "D:\\x\\hv",
                 f"{CHANNELS}\\Microsoft-Windows-PowerShell/Operational":
                     "D:\\Logs\\Shell.evtx",
                 f"{POLICIES}\\Setup": "E:\\Setup.evtx"})})
    found = [row for row in log_events(system) if isinstance(row, LogEvent)]
    assert [(row.source.path, row.event_id, row.channel) for row in found] == [
        ("/p1/Windows/System32/winevt/Logs/System.evtx", 12, "System"),
        ("/p2/Logs/System.evtx", 12, "System"),
        ("/p2/Logs/Archive-System-2015-03-04-05-06-07-890.evtx", 12, "System"),
        ("/p2/x/hv", 4242, "Microsoft-Windows-Hyper-V-Worker-Admin"),
        ("/p2/x/hv", None, "Microsoft-Windows-Hyper-V-Worker-Admin")]
    assert [(p.code, p.what) for p in system.problems() if "Setup" in p.what] == [
        ("NOT-IN-EVIDENCE", "E:\\Setup.evtx: no volume E: in the evidence")]
    states = {row.place: row.state for row in system.coverage() if row.place[0] in "DE"}
    assert states == {
        "D:\\Logs\\System.evtx": "read", "D:\\Logs\\Shell.evtx": "absent",
        "D:\\Logs\\Archive-System-2015-03-04-05-06-07-890.evtx": "read",
        "D:\\x\\hv": "partial", "E:\\Setup.evtx": "unreadable"}


def test_a_value_that_is_no_path_is_said() -> None:
    registry = mounted("C")
    registry.key("ControlSet001\\Services\\vmms", AT)
    registry.key("ControlSet001\\Services\\EventLog\\System", AT).set(hive.dword("File", 7))
    system = host({f"{LOGS}/System.evtx": STARTED,
                   "C:/Windows/System32/config/SYSTEM": hive.build(registry)})
    assert len(list(log_events(system))) == 1
    assert [(p.effect, p.source.detail) for p in system.problems()] == [
        ("where this log lies is not known", "ControlSet001\\Services\\EventLog\\System")]


def test_logs_that_the_registry_leaves_where_they_are() -> None:
    """Values as real hives have them, of 2003 and of later ones."""
    system = host({"D:/x": b"", **moved({
        f"{CLASSIC}\\System": "%SystemRoot%\\system32\\config\\SysEvent.Evt",
        f"{CLASSIC}\\Security": "%SystemRoot%\\System32\\winevt\\Logs\\Security.evtx",
        f"{CHANNELS}\\Microsoft-Windows-PowerShell/Operational":
            "%systemroot%\\system32\\winevt\\logs\\Microsoft-Windows-PowerShell%4Operational.evtx",
    })})
    assert list(log_events(system)) == []
    assert [(row.place, row.state) for row in system.coverage() if "vt" in row.place] == [
        ("C:\\Windows\\System32\\winevt\\Logs", "absent")]
    assert system.problems() == []


def test_deleted_logs_are_read_and_marked() -> None:
    """What is not of a Hyper-V component can have come from a log that took the place."""
    name = "Microsoft-Windows-Hyper-V-Worker-Admin"
    log = build([vml(NOW, "Worker", 18500, "Worker-Admin", "WEB", VM),
                 Event(NOW, "Disk", 7, "System"),
                 vml(NOW, "Worker", 18502, "Worker-Admin", "WEB", VM)])
    second = log.index(b"**\0\0", 4096 + 512 + 900)
    torn = log[:second] + b"gone" + log[second + 4:]
    system = host({f"{LOGS}/{name}.evtx": Deleted(log), f"{LOGS}/System.evtx": STARTED,
                   f"{LOGS}/Archive-{name}-2015-03-04-05-06-07-890.evtx": Deleted(torn),
                   f"{LOGS}/Security.evtx": Deleted(b"another file's content" * 99)})
    found = [row for row in log_events(system) if isinstance(row, LogEvent)]
    assert [(row.event_record_id, row.note) for row in found] == [
        (1, "the log is deleted"), (3, "the log is deleted"), (1, "the log is deleted"),
        (3, "the log is deleted"), (1, "")]
    assert [(p.code, p.effect) for p in system.problems()] == [
        ("EVTX-DELETED", "events of it are missing"),
        ("OTHER-FORMAT", "the events of this log are missing")]
    states = {row.place.rpartition("\\")[2].partition(", entry")[0]: row.state
              for row in system.coverage() if ".evtx" in row.place}
    assert states == {
        f"Archive-{name}-2015-03-04-05-06-07-890.evtx (deleted": "partial",
        f"{name}.evtx (deleted": "read", "Security.evtx (deleted": "unreadable",
        "System.evtx": "read"}
