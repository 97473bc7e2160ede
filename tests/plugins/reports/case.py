"""A realistic case: one host, five machines, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import replace

from analyzer.records import (
    Coverage,
    DiskLayer,
    Evidence,
    FileAccess,
    FileEntry,
    Finding,
    LifeEvent,
    Problem,
    Record,
    Run,
    Snapshot,
    System,
    VirtualMachine,
    VmDevice,
    VmDrive,
    VmNetworkAdapter,
    VmSetting,
    Volume,
)
from analyzer.source import Source
from analyzer.times import parse_iso

IMAGE = "hv01.E01"
HOST = f"{IMAGE}!/p1"
GIB = 1 << 30
WEB, SQL, DC, TEST, GONE = (f"{n}0A1B2C3-0000-4000-8000-00000000000{n}" for n in range(1, 6))
S1, S2, S3, S4, S5 = (f"5NAP{n}000-1111-4111-8111-111111111111".replace("5NAP", "5A9")
                      for n in range(1, 6))
LONG_NAME = "Before the audit: keep until the end of the year, do not merge it, do not delete it"
LOST = "DEADBEEF-1111-4111-8111-111111111111"


def at(path: str, detail: str = "", **more: int | str | None) -> Source:
    return Source(IMAGE, path, detail=detail, **more)  # type: ignore[arg-type] # fields by name


def records() -> Iterator[Record]:
    """Everything but the files."""
    yield from _host()
    yield from _web()
    yield from _settings()
    yield from _story()
    yield from _others()
    yield from _judged()


def _host() -> Iterator[Record]:
    yield Run(source=at(""), tool_version="0.1.0", arguments=("analyze", IMAGE, "-o", "case"),
              started_at=parse_iso("2026-11-23T03:00:00"),
              finished_at=parse_iso("2026-11-23T03:04:10"), exit_code=0)
    yield Evidence(source=at(""), name=IMAGE, format="EWF", size=40 * GIB,
                   files=("hv01.E01", "hv01.E02"), stored_md5="9e107d9d372bb6826bd81d3542a419d6",
                   stored_sha1="2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", verified="match",
                   acquired_at=parse_iso("2009-03-02T10:11:12"), case_number="2009-17",
                   evidence_number="3", examiner="A. Noether", description="Rack 2, blade 4")
    for number, letter, state, kind in ((1, "C", "read", "NTFS"), (2, "D", "read", "NTFS"),
                                        (3, "", "unsupported", "BitLocker")):
        yield Volume(source=at("", f"partition {number}"), volume_id=f"p{number}",
                     drive_letter=letter, drive_letter_basis="MountedDevices" if letter else "",
                     format=kind, scheme="MBR", offset=number << 20, size=12 * GIB, state=state,
                     serial="A1B2-C3D4")
    yield System(source=at("/p1/Windows/System32/config/SOFTWARE"), system_id=HOST,
                 host_name="HV01", product="Windows Server 2008 Enterprise",
                 edition="Enterprise", service_pack="Service Pack 1", version="6.0",
                 build="6001.18000", time_zone="W. Europe Standard Time",
                 installed_at=parse_iso("2008-06-27T08:00:01"),
                 shutdown_at=parse_iso("2009-03-02T09:58:44"), role="Hyper-V host",
                 role_basis="service vmms is installed")


def _web() -> Iterator[Record]:
    conf = at(f"/p1/ProgramData/Microsoft/Windows/Hyper-V/Virtual Machines/{WEB}.xml",
              "/configuration/properties", entry=5120, offset=0x200, image_offset=0x4F3200)
    yield VirtualMachine(
        source=conf, system_id=HOST, vm_id=WEB, name="web-frontend", notes="Ask Mara first.",
        configuration_version="2.0", format="xml", state="registered", memory_mb=2048,
        processor_count=2, boot_order=("CD", "IDE", "Network", "Floppy"), start_action="restart",
        stop_action="save", bios_guid="A7C1F0DE-0000-4000-8000-0123456789AB",
        bios_serial="0815-4711", owner_sid="S-1-5-21-1-2-3-500", has_saved_state=True,
        configuration_path=f"C:\\ProgramData\\Microsoft\\Windows\\Hyper-V\\{WEB}.xml",
        saved_state_path="C:\\ProgramData\\Microsoft\\Windows\\Hyper-V\\" + WEB,
        created_at=parse_iso("2008-09-01T12:00:05.1234567"),
        powered_off_at=parse_iso("2009-02-27T18:30:00"))
    for name, sid, parent, when, state in (
            ("Fresh install", S1, "", "2008-09-03T09:00:00", "complete"),
            ("Before SP1 roll-up", S2, S1, "2008-10-11T21:15:30", "complete"),
            ("Try: other web server", S3, S1, "2008-10-12T08:00:00", "complete"),
            (LONG_NAME, S4, S2, "2008-12-20T16:40:12", "complete"),
            ("(name not readable)", S5, LOST, "2009-01-05T00:00:00", "dangling parent")):
        yield Snapshot(source=at(f"/p1/ProgramData/Snapshots/{sid}.xml", entry=6001),
                       system_id=HOST, vm_id=WEB, snapshot_id=sid, name=name, parent_id=parent,
                       parent_basis="parent_snapshot in its configuration", state=state,
                       is_current=sid == S4, created_at=parse_iso(when))
    folder = "C:\\VHD\\"
    base, one, two = (folder + n for n in ("web.vhd", "web_A1.avhd", "web_B7.avhd"))
    for snapshot, chain in (("", [two, one, base]), (S4, [one, base]), (S2, [base]),
                            (S1, [base])):
        for depth, path in enumerate(chain):
            yield _layer(WEB, snapshot, chain, depth, path)
    for controller, slot, medium, path in (("IDE", 0, "disk", two), ("IDE", 1, "none", ""),
                                           ("IDE", 2, "dvd", "D:\\iso\\w2k8.iso")):
        yield VmDrive(source=conf, system_id=HOST, vm_id=WEB, controller=controller,
                      controller_number=slot // 2, slot=slot % 2, medium=medium, path=path,
                      state="present" if medium == "disk" else "missing" if path else "")
    yield VmNetworkAdapter(source=conf, system_id=HOST, vm_id=WEB, name="Network Adapter",
                           adapter="synthetic", mac="00-15-5D-01-07-DC", mac_is_static=False,
                           is_connected=True, switch_id="C0FFEE00", switch_name="External",
                           port_name="PORT-1")
    yield VmNetworkAdapter(source=conf, system_id=HOST, vm_id=WEB, name="Legacy", mac="",
                           adapter="legacy", is_connected=False)
    yield VmDevice(source=conf, system_id=HOST, vm_id=WEB, name="COM 1", device="COM port",
                   setting="\\\\.\\pipe\\debug", enabled=True)
    yield VmDevice(source=conf, system_id=HOST, vm_id=WEB, name="Time synchronization",
                   device="integration component", enabled=True)
    for snapshot, build, name in (("", "6001.18226", "WEB01"), (S4, "6001.18145", "WEB01"),
                                  (S1, "6001.18000", "WIN-7Q2X")):
        yield System(source=at(f"/p1/VHD/{'web_B7.avhd' if not snapshot else 'web.vhd'}!/p1/Windows"
                               "/System32/config/SOFTWARE", layer="/p1/VHD/web_A1.avhd"),
                     system_id=f"{HOST}/VHD/web.vhd!/p1", vm_id=WEB, snapshot_id=snapshot,
                     host_name=name, product="Windows Web Server 2008", version="6.0",
                     build=build, time_zone="W. Europe Standard Time", role="guest",
                     installed_at=parse_iso("2008-09-02T07:45:00"))


def _settings() -> Iterator[Record]:
    """The memory grew after the first snapshot, the notes came with the second."""
    for snapshot, memory, notes in (("", "2048", "x"), (S2, "2048", "x"), (S1, "1024", "")):
        path = f"/p1/ProgramData/{f'Snapshots/{snapshot}' if snapshot else 'web'}.xml"
        for key, value in (("memory/size", memory), ("notes", notes), ("name", "web-frontend")):
            if value:
                yield VmSetting(source=at(path, f"configuration/{key}", entry=6001),
                                system_id=HOST, vm_id=WEB, snapshot_id=snapshot, key=key,
                                value_type="string", value=value, value_length=len(value),
                                understood=key != "notes")
    yield FileAccess(source=at("/p1/VHD/web.vhd", entry=7002), system_id=HOST, vm_id=WEB,
                     path="C:\\VHD\\web.vhd", subject="virtual disk", owner_sid="S-1-5-18",
                     owner_name="SYSTEM", sid="S-1-5-83-1-1-2-3-4", account_name="web-frontend",
                     ace="allowed", rights="read, write", mask=0x12019F, is_inherited=False)


WHAT = ("created", "disk created", "snapshot taken", "guest booted")


def _story() -> Iterator[Record]:
    """Six happenings at one minute, one long after, one without a time."""
    for number in range(8):
        when = parse_iso("2008-09-01T12:00:05") + number * 600_000_000
        if number == 6:
            when = parse_iso("2009-02-27T18:30:00")
        yield LifeEvent(source=at("/p1/ProgramData/web.xml"), system_id=HOST, vm_id=WEB, story=WEB,
                        vm_name="web-frontend", happened_at=None if number == 7 else when,
                        last_at=None if number == 7 else when, certainty="direct",
                        what=WHAT[number % 4],
                        subject=f"witness {number}", basis="its configuration",
                        sources=("virtual_machine: web.xml", "file_entry: web.xml"),
                        contradictions=("an older disk",) if number == 2 else ())


def _layer(vm_id: str, snapshot: str, chain: list[str], depth: int, path: str,
           verdict: str = "complete", unreadable: int = 0, parent_path: str = "") -> DiskLayer:
    base = depth == len(chain) - 1 and not parent_path
    when = {"web.vhd": "2008-09-01T12:00:20", "web_A1.avhd": "2008-12-20T16:40:13"}
    name = path.rpartition("\\")[2]
    return DiskLayer(
        source=at("/p1/VHD/" + name, "footer", entry=7000 + depth, offset=0), system_id=HOST,
        vm_id=vm_id, snapshot_id=snapshot, disk_id=f"D15C0000-{depth:04}-4000-8000-AAAAAAAAAAAA",
        path=path, chain=f"{HOST}/VHD/" + chain[0].rpartition("\\")[2], depth=depth,
        layer="dynamic" if base else "differencing", format="VHD", size=60 * GIB,
        file_size=(21 if base else 3) * GIB + 512, block_size=2 << 20,
        parent_path=parent_path or ("" if base else chain[depth + 1]),
        found_by="the unique id its child names" if depth else "configuration", creator="win ",
        creator_version="6.0", creator_os="Wi2k", verdict=verdict,
        unreadable_bytes=unreadable,
        created_at=parse_iso(when.get(name, "2008-12-24T01:02:03")))


def _others() -> Iterator[Record]:
    def machine(vm_id: str, name: str, **more: object) -> VirtualMachine:
        values: dict[str, object] = {"state": "registered", "format": "xml", "memory_mb": 4096,
                                     "processor_count": 4, **more}
        return VirtualMachine(
            source=at(f"/p2/VMs/{name}/Virtual Machines/{vm_id}.xml", entry=900),
            system_id=HOST, vm_id=vm_id, name=name, **values)  # type: ignore[arg-type] # fields by name
    yield machine(SQL, "sql-prod", created_at=parse_iso("2008-10-02T10:00:00"),
                  configuration_path=f"D:\\VMs\\sql-prod\\{SQL}.xml",
                  registration_path=f"C:\\ProgramData\\Virtual Machines\\{SQL}.xml")
    yield _layer(SQL, "", ["D:\\VMs\\sql_C2.avhd"], 0, "D:\\VMs\\sql_C2.avhd",
                 "parent missing", 40 * GIB, "D:\\VMs\\sql.vhd")
    yield machine(DC, "dc-1", created_at=parse_iso("2008-07-01T06:30:00"), partial=True,
                  state="partial")
    yield _layer(DC, "", ["C:\\VHD\\dc-1.vhd"], 0, "C:\\VHD\\dc-1.vhd")
    yield System(source=at("/p1/VHD/dc-1.vhd!/p1/Windows"), vm_id=DC, host_name="DC1",
                 system_id=f"{HOST}/VHD/dc-1.vhd!/p1", product="Windows Server 2003 R2",
                 build="3790", role="guest", shutdown_at=parse_iso("2009-03-01T23:00:00"))
    yield machine(TEST, "test", state="dangling link")
    yield VirtualMachine(source=at("/p2/old/archive.vhd"), system_id=HOST, vm_id=GONE, name="",
                         format="none", state="deleted configuration")
    yield _layer(GONE, "", ["D:\\old\\archive.vhd"], 0, "D:\\old\\archive.vhd")


def _judged() -> Iterator[Record]:
    yield replace(_layer("", "", ["D:\\old\\stray.vhd"], 0, "D:\\old\\stray.vhd"),
                  found_by="a disk that no configuration names")
    yield System(source=at("/p2/old/stray.vhd!/p1/Windows"), host_name="STRAY", role="guest",
                 system_id=f"{IMAGE}!/p2/old/stray.vhd!/p1", product="Windows XP")
    yield Finding(source=at("/p2/old/archive.vhd"), vm_id=GONE, system_id=HOST, code="VM-DELETED",
                  severity="medium", title="The configuration of a machine was deleted",
                  what="A disk is left of a machine whose configuration was deleted",
                  basis="derived: guest parameters name the machine; no configuration has its id")
    yield Finding(source=at(f"/p1/ProgramData/Snapshots/{S5}.xml"), vm_id=WEB, system_id=HOST,
                  code="SNAP-DANGLING", severity="low", title="A snapshot hangs on nothing",
                  what="A snapshot names a parent that does not exist",
                  basis="direct: parent_snapshot in its configuration")
    yield Problem(source=at("/p2/VMs/sql_C2.avhd"), vm_id=SQL, system_id=HOST, code="VHD-PARENT",
                  what="parent D:\\VMs\\sql.vhd is not in the evidence",
                  effect="42,949,672,960 bytes of the disk cannot be read", plugin="disks",
                  start=0, length=40 * GIB)
    yield Problem(source=at("/p2/VMs/dc-1.xml"), vm_id=DC, system_id=HOST, code="XML-TORN",
                  what="the file ends inside an element", effect="drives were read, adapters not",
                  start=8192)
    yield Problem(source=at(""), code="VOL-BITLOCKER", what="partition 3 is encrypted",
                  effect="12 GiB were not looked at")
    for place, state in (("C:\\ProgramData\\Microsoft\\Windows\\Hyper-V", "read"),
                         ("C:\\Users\\Public\\Documents\\Hyper-V", "absent"),
                         ("D:\\VMs", "partial"), ("partition 3", "unreadable")):
        yield Coverage(source=at("/p1"), system_id=HOST, place=place, state=state,
                       plugin="machines")


def files(count: int = 20) -> Iterator[FileEntry]:
    """Files of the host; every third deleted, every fifth without $FILE_NAME times."""
    for number in range(count):
        when = parse_iso("2008-09-01T00:00:00") + number * 36_000_000_001
        named = number % 5 != 0
        yield FileEntry(
            source=at(f"/p1/Data/file {number}.txt", entry=100 + number), system_id=HOST,
            volume_id="p1", path=f"C:\\Data\\file {number}.txt", entry=100 + number, sequence=1,
            size=number * 100, allocated=number % 3 != 0, is_directory=number % 7 == 0,
            stream="Zone.Identifier" if number == 4 else "", si_created_at=when,
            si_modified_at=when + 50_000_000, si_changed_at=when, si_accessed_at=when,
            fn_created_at=when if named else None, fn_modified_at=when + 1 if named else None)
