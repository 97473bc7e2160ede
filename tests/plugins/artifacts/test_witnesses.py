"""Witnesses beside machines and disks, on a computer made of a dict."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.errors import Notice, NotThisFormat, Unreadable
from analyzer.formats.ese import Row
from analyzer.machines import inventory
from analyzer.records import (
    AccessLogClient,
    AccessLogMachine,
    AttachedDisk,
    HostNetworkObject,
    RecycledFile,
    events,
)
from corpus.make import hive, vhd
from plugins.artifacts.access_log import access_log
from plugins.artifacts.attached_disks import attached_disks
from plugins.artifacts.host_networks import host_networks
from plugins.artifacts.recycle_bin import recycle_bin
from tests.dict_system import SIGNATURE, Content, Deleted, build, host, mounted
from tests.plugins.artifacts.test_access import COMPUTER, hives, software
from tests.plugins.artifacts.test_artifacts import of
from tests.unit.filesystem.disk_tables import disk, entry, ntfs, record
from tests.unit.formats.test_access_log import BIOS, VM, YEAR, client_row, machine_row
from tests.unit.formats.test_hns import ENDPOINT, ID, NET
from tests.unit.formats.test_hns import VM as WSL
from tests.unit.formats.test_recycle_bin import AT, GUID, VHD, info2, item

KB = f"{COMPUTER}-1001"
BIN = f"D:/$Recycle.Bin/{KB}"


def test_what_was_deleted_by_whom_and_when() -> None:
    config = f"D:\\VMs\\Virtual Machines\\{GUID}.xml"
    files: dict[str, Content] = {
        **hives(), f"{BIN}/$IAAAAAA.vhd": item(), f"{BIN}/$RAAAAAA.vhd": b"x",
        f"{BIN}/$IBBBBBB.xml": Deleted(item(config, 1)),
        f"{BIN}/$ICCCCCC": item("D:\\VMs\\web"), f"{BIN}/$RCCCCCC/disks/web.vhdx": b"x",
        f"{BIN}/$RCCCCCC/notes.txt": b"x", f"{BIN}/desktop.ini": b"?",
        "D:/RECYCLER/S-1-5-21-9/INFO2": info2(("D:\\old.vmc", 1, True)),
        "D:/RECYCLER/S-1-5-21-9/Dd1.vmc": Deleted(b"x")}
    system = host(files, "C", "D", software=software())
    rows = {row.path: row for row in of(RecycledFile, recycle_bin(system))}
    assert system.problems() == []
    assert {path: (r.subject, r.account_name, r.format, r.size) for path, r in rows.items()} == {
        VHD: ("virtual disk", "HV\\kb", "$I 2", 4096),
        config: ("configuration", "HV\\kb", "$I 1", 4096),
        "D:\\VMs\\web": ("", "HV\\kb", "$I 2", 4096),
        "D:\\old.vmc": ("configuration", "", "INFO2", 8192)}
    assert rows[VHD].content_path == f"D:\\$Recycle.Bin\\{KB}\\$RAAAAAA.vhd"
    assert [(event.what, event.at) for event in events(rows[VHD])] == [
        ("Moved to the Recycle Bin", AT)]
    assert (rows[config].vm_id, rows[config].content_path) == (GUID, "")
    assert rows[config].note.startswith("from a deleted entry")
    assert rows["D:\\VMs\\web"].contents == ("disks\\web.vhdx",)
    assert rows["D:\\old.vmc"].note == ("marked as taken out of the bin; the content is a "
                                       "deleted file")
    assert rows["D:\\old.vmc"].source.offset == 20
    assert {c.place: c.state for c in system.coverage() if "$" in c.place} == {
        "C:\\$Recycle.Bin": "absent", "D:\\$Recycle.Bin": "read"}


def test_a_bad_item_costs_that_item() -> None:
    system = host({f"{BIN}/$IAAAAAA.vhd": item()[:-2], f"{BIN}/$IBBBBBB.vhd": item(),
                   f"{BIN}/$ICCCCCC.vhd": Unreadable("gone", 0, 512),
                   "D:/RECYCLER/S-1-5-21-9/INFO2": info2(("D:\\old.vmc", 1, True))[:-1]}, "C", "D")
    assert [row.path for row in of(RecycledFile, recycle_bin(system))] == [VHD]
    assert [(p.code, p.source.path.rpartition("/")[2]) for p in system.problems()] == [
        ("CORRUPT", "$IAAAAAA.vhd"), ("UNREADABLE", "$ICCCCCC.vhd"), ("CORRUPT", "INFO2")]
    assert {c.state for c in system.coverage() if c.place == "D:\\$Recycle.Bin"} == {"partial"}


def test_a_second_installation_tells_no_bins() -> None:
    root = hive.Key("ROOT", AT)
    root.key("Select", AT).set(hive.dword("Current", 1))
    system = build({"C:/Windows/System32/config/SYSTEM": hive.build(root),
                    "C:/$Recycle.Bin/S-1/$IAAAAAA.vhd": item()})
    system.owns_volumes = False
    assert list(recycle_bin(system)) == []


class Rows:
    """A database made of rows: real ones of VIRTUALMACHINES are not to be had."""

    def __init__(self, data: bytes) -> None:
        if data == b"?":
            raise NotThisFormat("no ESE database", 4)
        self.notices = [Notice("ESE-DIRTY", "state 2", "read as it stands", 52, 4)] \
            if data == b"dirty" else []
        known: dict[str, dict[str, list[Row]]] = {
            "roles": {"ROLE_IDS": [{"RoleGuid": machine_row()["VmGuid"],
                                    "RoleName": "File Server\0".encode("utf-16-le")}]},
            "dirty": {"VIRTUALMACHINES": [machine_row(), {"VmGuid": b"short"}],
                      "CLIENTS": [client_row()]}}
        self.tables = known[data.decode()]

    def rows(self, table: str) -> Iterator[Row]:
        yield from self.tables.get(table, [])


SUM = "C:/Windows/System32/LogFiles/Sum"


def test_machines_and_clients_of_access_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.artifacts.access_log.Database", Rows)
    system = host({f"{SUM}/Current.mdb": b"dirty", f"{SUM}/SystemIdentity.mdb": b"roles",
                   f"{SUM}/bad.mdb": b"?", f"{SUM}/Svc.log": b"?"}, "C")
    rows = list(access_log(system))
    (seen,), (user,) = of(AccessLogMachine, rows), of(AccessLogClient, rows)
    assert (seen.vm_id, seen.bios_guid, seen.serial_number) == (VM, BIOS, "1234-5678")
    assert [(event.what, event.vm_id) for event in events(seen)] == [
        ("Machine first seen by User Access Logging", VM),
        ("Machine last seen running by User Access Logging", VM)]
    assert (user.role, user.account_name, user.address, user.use_count) == (
        "File Server", "hv\\kb", "10.0.0.7", 7)
    assert [p.code for p in system.problems()] == ["OTHER-FORMAT", "CORRUPT", "ESE-DIRTY"]
    assert {c.state for c in system.coverage() if c.place.endswith("Sum")} == {"partial"}


def test_real_access_logging(plaso: Path) -> None:
    system = host({f"{SUM}/{name}": (plaso / name).read_bytes()
                   for name in ("SystemIdentity.mdb", YEAR)}, "C")
    rows = list(access_log(system))
    assert system.problems() == []
    assert len(of(AccessLogClient, rows)) == len(rows) == 14
    assert {r.role for r in of(AccessLogClient, rows)} == {
        "Active Directory Domain Services", "File Server"}


CONFIG = "C:/Windows/System32/config"
SCSI = "ControlSet001\\Enum\\SCSI\\Disk&Ven_Msft&Prod_Virtual_Disk"
TIMES = "Properties\\{83da6326-97a6-4088-9453-a1923f573b29}"


def time_value(name: str, at: int) -> hive.Value:
    return hive.Value(name, 0x10, at.to_bytes(8, "little"))


def virtual_disk(signature: int) -> bytes:
    """A fixed VHD with one NTFS partition at 64 KiB."""
    media = disk(1 << 20, {0: record(entry(7, 128, 256), signature=signature),
                           128 << 9: ntfs(128 << 10)})
    return vhd.fixed(media, unique_id=b"U" * 16, created=9)


def test_virtual_disks_attached_to_the_host() -> None:
    root = mounted("C", "D", others={"V": (0x1234ABCD, 0)})
    devices = root.key("MountedDevices")
    place = (0x1234ABCD).to_bytes(4, "little") + (65536).to_bytes(8, "little")
    devices.set(hive.binary("\\DosDevices\\V:", place),
                hive.binary(f"\\??\\Volume{{{GUID.lower()}}}", place))
    device = root.key(f"{SCSI}\\2&1f4adffe&0&000001", AT)
    device.key(f"{TIMES}\\0064").set(time_value("", AT + 1))
    device.key(f"{TIMES}\\00000066\\00000000").set(time_value("Data", AT + 2))
    device.key(f"{TIMES}\\0067").set(hive.Value("", 0x10, b"short"))
    system = build({f"{CONFIG}/SYSTEM": hive.build(root), "D:/web.vhd": virtual_disk(0x1234ABCD),
                    "D:/other.vhd": virtual_disk(0x77), "D:/x": b""})
    rows = of(AttachedDisk, attached_disks(system))
    assert [(r.basis, r.device, r.path, r.drive_letter, r.volume_guid) for r in rows] == [
        ("Enum\\SCSI", "2&1f4adffe&0&000001", "", "", ""),
        ("MountedDevices", "signature 0x1234abcd, byte 65536", "D:\\web.vhd", "V", ""),
        ("MountedDevices", "signature 0x1234abcd, byte 65536", "D:\\web.vhd", "", GUID)]
    assert (rows[0].installed_at, rows[0].attached_at, rows[0].detached_at) == (
        AT + 1, AT + 2, None)
    assert [p.what.partition(" (")[0] for p in system.problems()
            if p.plugin == "attached_disks"] == ["a device time of 5 bytes"]


def test_a_disk_with_the_signature_of_the_host_itself_or_none() -> None:
    root = mounted("C", "D", others={"V": (0, 0)})
    place = (0).to_bytes(4, "little") + (65536).to_bytes(8, "little")
    root.key("MountedDevices").set(hive.binary("\\DosDevices\\V:", place))
    system = build({f"{CONFIG}/SYSTEM": hive.build(root), "D:/web.vhd": virtual_disk(0),
                    "D:/copy.vhd": virtual_disk(SIGNATURE)})
    assert of(AttachedDisk, attached_disks(system)) == []
    assert list(attached_disks(build({"D:/web.vhd": virtual_disk(7)}))) == []


def test_networks_and_endpoints_of_hns() -> None:
    root = mounted("C")
    store = "ControlSet001\\Services\\hns\\State\\HostComputeNetwork\\PersistentStore"
    root.key(f"{store}\\Endpoint", AT).set(hive.binary(ID, ENDPOINT), hive.binary("bad", b"?"),
                                          hive.dword("n", 1))
    path = "C:/ProgramData/Microsoft/Windows/HNS/HNS.data"
    system = build({f"{CONFIG}/SYSTEM": hive.build(root), path: b"????" + ENDPOINT})
    rows = of(HostNetworkObject, host_networks(system))
    assert [(r.store, r.kind, r.object_id, r.vm_id, r.source.offset is not None) for r in rows] == [
        ("HNS.data", "", ID, WSL, True), ("PersistentStore", "Endpoint", ID, WSL, True)]
    got = rows[1]
    assert (got.mac, got.ip_addresses, got.gateway, got.network_id, got.network_name) == (
        "00-15-5D-95-F2-E5", ("172.27.181.33",), "172.27.176.1", NET, "nat")
    assert {event.what for event in events(got)} == {"Host network object started",
                                                     "Host network objects last written"}
    assert [p.code for p in system.problems()] == ["OTHER-FORMAT"]
    assert {c.state for c in system.coverage() if c.place.endswith("HNS.data")} == {"read"}


def test_an_hns_file_without_objects_is_said_not_to_be_decoded() -> None:
    system = host({"C:/ProgramData/Microsoft/Windows/HNS/HNS.data": b"?"}, "C")
    assert list(host_networks(system)) == []
    assert [p.code for p in system.problems()] == ["UNSUPPORTED"]
    assert {c.state for c in system.coverage() if c.place.endswith("HNS.data")} == {"unreadable"}


def test_a_note_of_the_bin_is_no_virtual_disk() -> None:
    """It is called like the disk that was deleted; the disk itself is still opened."""
    system = host({f"{BIN}/$IAAAAAA.vhd": item(), f"{BIN}/$RAAAAAA.vhd": virtual_disk(7)},
                  "C", "D")
    assert [chain.files[0].path for chain in inventory(system).loose] == [
        f"D:\\$Recycle.Bin\\{KB}\\$RAAAAAA.vhd"]
    assert system.problems() == []
