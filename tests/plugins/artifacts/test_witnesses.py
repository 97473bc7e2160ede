"""Witnesses beside machines and disks, on a computer made of a dict."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.errors import Notice, NotThisFormat, Unreadable
from analyzer.formats.ese import Row
from analyzer.records import AccessLogClient, AccessLogMachine, RecycledFile, events
from corpus.make import hive
from plugins.artifacts.access_log import access_log
from plugins.artifacts.recycle_bin import recycle_bin
from tests.dict_system import Content, Deleted, build, host
from tests.plugins.artifacts.test_access import COMPUTER, hives, software
from tests.plugins.artifacts.test_artifacts import of
from tests.unit.formats.test_access_log import BIOS, VM, YEAR, client_row, machine_row
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
