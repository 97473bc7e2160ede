"""Witnesses beside machines and disks, on a computer made of a dict."""

from analyzer.errors import Unreadable
from analyzer.records import RecycledFile, events
from corpus.make import hive
from plugins.artifacts.recycle_bin import recycle_bin
from tests.dict_system import Content, Deleted, build, host
from tests.plugins.artifacts.test_access import COMPUTER, hives, software
from tests.plugins.artifacts.test_artifacts import of
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
