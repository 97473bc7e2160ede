"""Finding machines and snapshots, and their trees, on systems made of dicts."""

import base64
import re
import time
import uuid
from dataclasses import replace
from itertools import count

import pytest

from analyzer.errors import Unreadable, Unsupported
from analyzer.machines import guest_states, inventory, open_guest
from analyzer.machines.disk_files import DiskFiles
from analyzer.machines.traits import traits
from analyzer.machines.tree import _cut_cycles
from corpus.make import hive, vhd, vm_xml
from tests.dict_system import AT, Content, Deleted, Filtered, Link, host

REGISTER = "C:/ProgramData/Microsoft/Windows/Hyper-V"
VM = "11111111-2222-3333-4444-555555555555"
S1, S2, S3, S4 = (f"{n}0000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 3, 4))
IDS = [uuid.UUID(int=n).bytes for n in range(1, 9)]


def machine(name: str = "ONE", guid: str = VM, disk: str = "", current: str = "") -> vm_xml.Machine:
    drives = (vm_xml.Drive("ide", 0, 0, "VHD", disk),) if disk else ()
    return vm_xml.Machine(guid, name, AT, drives=drives, current_parent=current,
                          bios_guid=VM, bios_serial="1")


def snapshot(guid: str, parent: str = "", disk: str = "", vm: str = VM, at: int = 0) -> bytes:
    return vm_xml.snapshot_xml(vm_xml.Snapshot(guid, f"snap {guid[0]}", AT + at, parent,
                                               machine(disk=disk, guid=vm)))


def codes(files: dict[str, Content], *letters: str) -> list[str]:
    system = host(files, *letters)
    inventory(system)
    return sorted(p.code for p in system.problems())


@pytest.mark.parametrize(("path", "state"), [
    (f"{REGISTER}/Virtual Machines/{VM}.xml", "registered"),
    (f"{REGISTER}/Virtual Machines/{VM}.XML", "registered"),
    (f"{REGISTER}/Virtual Machines/{VM}", "registered"),
    (f"{REGISTER}/Virtual Machines/{{{VM}}}.xml", "registered"),
    (f"D:/VMs/Virtual Machines/{VM}.xml", "unregistered"),
    ("D:/VMs/Virtual Machines/copy of it", "unregistered"),
    ("D:/backup/renamed.xml", "unregistered"),
    (f"D:/export/{VM}.exp", "exported"),
])
def test_a_machine_is_found_by_content_and_tree(path: str, state: str) -> None:
    found = inventory(host({path: vm_xml.machine_xml(machine()), "D:/x": b""}, "C", "D"))
    assert [(m.vm_id, m.configuration.name, m.state) for m in found.machines] == [
        (VM, "ONE", state)]


def test_files_that_are_no_configuration_are_left_alone() -> None:
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}/{VM}.bin": bytes(5000),
        f"D:/{VM}.xml": b"<?xml version='1.0'?><other/>", "D:/a.xml": b"",
        "D:/Virtual Machines/readme.txt": b"<configuration is what the text says",
    }
    assert inventory(host(files, "C", "D")).machines == []
    assert codes(files, "C", "D") in ([], ["CORRUPT"])


def test_links_register_and_are_followed() -> None:
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}.xml": Link(f"D:\\VMs\\Virtual Machines\\{VM}.xml"),
        f"D:/VMs/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine()),
        f"{REGISTER}/Virtual Machines/{S1}.xml": Link("E:\\gone.xml"),
        f"{REGISTER}/Virtual Machines/{S2}.xml": Link("D:\\gone.xml"),
    }
    found = inventory(host(files, "C", "D"))
    (only,) = found.machines
    assert (only.state, only.file.path) == ("registered", f"D:\\VMs\\Virtual Machines\\{VM}.xml")
    assert only.link is not None
    assert [(link.target, "E:" in link.why) for link in found.dangling] == [
        ("E:\\gone.xml", True), ("D:\\gone.xml", False)]
    assert codes(files, "C", "D") == ["VM-LINK", "VM-LINK"]


def test_deleted_configurations_are_told_apart_from_old_copies() -> None:
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine()),
        f"{REGISTER}/Virtual Machines/{VM}~.xml": Deleted(vm_xml.machine_xml(machine("OLD"))),
        f"{REGISTER}/Virtual Machines/{S1}.xml": Deleted(vm_xml.machine_xml(machine("TWO", S1))),
        f"{REGISTER}/Virtual Machines/{S2}.xml": Deleted(bytes(4000)),
    }
    found = inventory(host(files, "C"))
    assert [(m.configuration.name, m.state) for m in found.machines] == [
        ("ONE", "registered"), ("TWO", "deleted configuration")]
    assert codes(files, "C") == ["VM-OLDCONFIG"]


def test_what_is_wrong_with_a_deleted_configuration_is_said() -> None:
    whole = vm_xml.machine_xml(machine())
    torn: dict[str, Content] = {
        f"D:/VMs/{VM}.xml": Deleted(whole[:-60]),
        f"D:/VMs/Snapshots/{S1}.xml": Deleted(snapshot(S1)[:-60])}
    assert codes(torn, "C", "D") == ["SNAP-CURRENT", "XML-PARTIAL", "XML-PARTIAL"]
    swapped = whole.decode("utf-16").replace(
        base64.b64encode(AT.to_bytes(8, "little")).decode(),
        base64.b64encode(AT.to_bytes(8, "big")).decode()).encode("utf-16")
    assert codes({f"D:/VMs/{VM}.xml": Deleted(swapped)}, "C", "D") == ["TIME-RANGE"]


def test_a_torn_or_unreadable_configuration_costs_itself_only() -> None:
    whole = vm_xml.machine_xml(machine())
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}.xml": whole,
        f"{REGISTER}/Virtual Machines/{S1}.xml": vm_xml.machine_xml(machine("TWO", S1))[:3001],
        f"{REGISTER}/Virtual Machines/{S2}.xml": Unreadable("bad sector", 0, 512),
        f"{REGISTER}/Virtual Machines/{S3}.xml": bytes(9000),
    }
    found = inventory(host(files, "C"))
    assert {m.vm_id for m in found.machines} == {VM, S1}
    assert {"CORRUPT", "XML-PARTIAL"} <= set(codes(files, "C"))


# Trees


@pytest.mark.parametrize("suffix", [".xml", ".exp", ".vmcx", ""])
@pytest.mark.parametrize(("content", "code"), [
    (b"", "CORRUPT"), (b"x" * 5000, "OTHER-FORMAT"),
    (b"<configuration>" + b" " * (16 << 20), "UNSUPPORTED")], ids=["empty", "other", "too large"])
def test_a_file_named_as_a_configuration_that_is_none_is_said(
        content: bytes, code: str, suffix: str) -> None:
    files: dict[str, Content] = {f"D:/VMs/Virtual Machines/{VM}{suffix}": content}
    assert inventory(host(files, "C", "D")).machines == []
    assert codes(files, "C", "D") == [code]


def test_a_saved_state_that_cannot_be_looked_for_is_said() -> None:
    saved = ("E:\\VMs\\x.bin", "E:\\VMs\\x.vsv")
    files: dict[str, Content] = {f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(
        replace(machine(), saved=saved))}
    assert codes(files, "C") == ["NOT-IN-EVIDENCE", "NOT-IN-EVIDENCE"]


def test_a_drive_in_a_named_stream_is_not_taken_for_its_file() -> None:
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(
            machine(disk="D:\\base.vhd:hidden.vhd")), **disks()}
    system = host(files, "C", "D")
    (only,) = inventory(system).machines
    assert [d.state for d in only.drives if d.path] == ["not decoded"]
    assert VM not in {state.vm_id for state in guest_states(system)}
    assert "UNSUPPORTED" in [p.code for p in system.problems()]


def test_a_large_file_that_cannot_be_looked_into_may_be_a_disk() -> None:
    files: dict[str, Content] = {"C:/data.bin": Unreadable("bad sector", 0, 512)}
    system = host(files, "C")
    item = system.volumes[0].root().child("data.bin")
    assert item is not None
    disks = DiskFiles(system)
    assert not disks.wanted(replace(item, entry=item.entry._replace(size=1 << 20)))
    disks.say_unread()
    assert [p.code for p in system.problems()] == ["UNREADABLE"]


def tree_files(parents: dict[str, str], current: str = "") -> dict[str, Content]:
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine(current=current))}
    for number, (guid, parent) in enumerate(parents.items()):
        files[f"{REGISTER}/Snapshots/{guid}.xml"] = snapshot(guid, parent, at=number)
    return files


def nodes(files: dict[str, Content]) -> list[tuple[str, str, str, bool]]:
    (only,) = inventory(host(files, "C")).machines
    return [(n.snapshot_id, n.parent_id, n.state, n.is_current) for n in only.nodes]


def test_a_branching_tree_stands_parents_first() -> None:
    files = tree_files({S3: S2, S2: S1, S4: S1, S1: ""}, current=S4)
    assert nodes(files) == [
        (S1, "", "complete", False), (S2, S1, "complete", False), (S3, S2, "complete", False),
        (S4, S1, "complete", True)]


def test_dangling_parents_cycles_and_self_parents() -> None:
    assert nodes(tree_files({S1: S4}, current=S1)) == [(S1, S4, "dangling parent", True)]
    assert nodes(tree_files({S1: S2, S2: S1}, current=S1)) == [
        (S1, S2, "cyclic", True), (S2, S1, "cyclic", False)]
    assert nodes(tree_files({S1: S1}, current=S1)) == [(S1, "", "complete", True)]
    assert nodes(tree_files({S1: VM}, current=S1)) == [(S1, "", "complete", True)]
    assert "SNAP-CYCLE" in codes(tree_files({S1: S2, S2: S3, S3: S1}), "C")


def test_the_present_state_of_a_snapshot_that_is_not_there() -> None:
    files = tree_files({S1: ""}, current=S2)
    assert nodes(files) == [(S1, "", "complete", False)]
    assert codes(files, "C") == ["SNAP-CURRENT"]


def test_a_disk_between_that_no_snapshot_names_leaves_the_present_state_in_doubt() -> None:
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(
            machine(disk="D:\\moved\\B.AVHD")),
        f"{REGISTER}/Snapshots/{S1}.xml": snapshot(S1, disk="D:\\base.vhd"), **disks()}
    (only,) = inventory(host(files, "C", "D")).machines
    assert [n.is_current for n in only.nodes] == [True]
    assert "SNAP-CURRENT" in codes(files, "C", "D")


def test_ten_thousand_snapshots_in_a_row() -> None:
    class Row:
        state = ""

        def __init__(self, number: int) -> None:
            self.snapshot_id, self.parent_id = str(number), str(number + 1)

    rows = {str(n): Row(n) for n in range(10_000)}
    before = time.process_time()
    assert list(_cut_cycles(rows)) == []  # type: ignore[arg-type] # what it asks of a Node
    assert time.process_time() - before < 25  # RELIABILITY G8


def test_a_snapshot_of_an_unknown_machine_is_an_orphan() -> None:
    files: dict[str, Content] = {f"{REGISTER}/Snapshots/{S1}.xml": snapshot(S1, vm=S4)}
    found = inventory(host(files, "C"))
    assert [(n.snapshot_id, n.vm_id, n.state) for n in found.orphans] == [(S1, S4, "orphan")]
    assert codes(files, "C") == ["SNAP-ORPHAN"]


def homeless(guid: str, parent: str = "", disk: str = "") -> bytes:
    """A snapshot whose logical id, which tells its machine, is no GUID any more."""
    text = snapshot(guid, parent, disk).decode("utf-16")
    return re.sub(f"(<logical_id[^>]*>){VM}", r"\g<1>%" + VM[1:], text).encode("utf-16")


@pytest.mark.parametrize("files", [
    {f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine(current=S1)),
     f"{REGISTER}/Snapshots/{S1}.xml": homeless(S1)},
    {f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine()),
     f"{REGISTER}/Snapshots/{S2}.xml": snapshot(S2, parent=S1),
     f"{REGISTER}/Snapshots/{S1}.xml": homeless(S1)},
    {f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine()),
     f"{REGISTER}/Snapshots/{S2}.xml": snapshot(S2),
     f"{REGISTER}/Snapshots/{S1}.xml": homeless(S1, parent=S2)},
    {f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine(disk="D:\\a.avhd")),
     f"{REGISTER}/Snapshots/{S1}.xml": homeless(S1, disk="D:\\base.vhd")},
    {f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine()),
     f"{REGISTER}/Snapshots/{S2}.xml": snapshot(S2, disk="D:\\base.vhd"),
     f"{REGISTER}/Snapshots/{S1}.xml": homeless(S1, disk="D:\\a.avhd")},
], ids=["current", "named", "names", "below", "above"])
def test_a_snapshot_that_lost_its_machine_is_given_to_the_one_tied_to_it(
        files: dict[str, Content]) -> None:
    files = {**files, **disks()}
    found = inventory(host(files, "C", "D"))
    (only,) = found.machines
    assert (S1, VM) in [(n.snapshot_id, n.vm_id) for n in only.nodes]
    assert found.orphans == []
    assert {"SNAP-MACHINE", "XML-VALUE"} <= set(codes(files, "C", "D"))


def test_a_snapshot_that_two_machines_are_tied_to_stays_an_orphan() -> None:
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine(current=S1)),
        f"{REGISTER}/Virtual Machines/{S4}.xml": vm_xml.machine_xml(machine("B", S4, current=S1)),
        f"{REGISTER}/Snapshots/{S1}.xml": homeless(S1)}
    found = inventory(host(files, "C"))
    assert [(n.snapshot_id, n.vm_id, n.state) for n in found.orphans] == [(S1, "", "orphan")]


# Disks


def disks() -> dict[str, Content]:
    """base <- a (frozen at S1) <- b (now); a loose child of base; a disk without a name."""
    fresh = count(1)
    media = [bytes([next(fresh)]) * 4096 for _ in range(4)]

    def child(number: int, parent: int) -> bytes:
        return vhd.differencing(
            media[number], [i % 2 == number % 2 for i in range(8)], unique_id=IDS[number],
            created=5, parent_id=IDS[parent], parent_name="C:\\elsewhere\\base.vhd",
            block_size=4096)

    return {"D:/base.vhd": vhd.fixed(media[0], unique_id=IDS[0], created=5),
            "D:/a.avhd": child(1, 0), "D:/moved/b.avhd": child(2, 1),
            "D:/loose.avhd": child(3, 0),
            "D:/data.bin": vhd.fixed(bytes(1 << 20), unique_id=IDS[5], created=5),
            "D:/broken.vhd": b"no disk at all"}


def test_the_tree_by_disks_alone_and_the_guests_of_each_state() -> None:
    config = vm_xml.machine_xml(machine(disk="D:\\moved\\B.AVHD"))
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}.xml": config,
        f"{REGISTER}/Snapshots/{S1}.xml": snapshot(S1, disk="D:\\base.vhd"),
        f"{REGISTER}/Snapshots/{S2}.xml": snapshot(S2, disk="D:\\a.avhd"), **disks()}
    system = host(files, "C", "D")
    (only,) = inventory(system).machines
    assert [(n.snapshot_id, n.parent_id, n.is_current) for n in only.nodes] == [
        (S1, "", False), (S2, S1, True)]
    assert only.nodes[1].parent_basis == "disk D:\\base.vhd"
    states = guest_states(system)
    assert [(s.label, [f.path for f in s.disks[0]]) for s in states] == [
        ("ONE @ now", ["D:\\moved\\b.avhd", "D:\\a.avhd", "D:\\base.vhd"]),
        ("ONE @ snap 1", ["D:\\base.vhd"]),
        ("ONE @ snap 2", ["D:\\a.avhd", "D:\\base.vhd"]),
        ("loose disk D:\\data.bin", ["D:\\data.bin"]),
        ("loose disk D:\\loose.avhd", ["D:\\loose.avhd", "D:\\base.vhd"])]
    (guest,) = open_guest(system, states[0])
    assert (guest.vm_id, guest.depth, guest.system_id) == (VM, 1, "test.E01!/p2/moved/b.avhd")
    now = guest.media[0].blocks.read_at(0, 4096)
    assert [now[i * 512] for i in range(8)] == [3, 2, 3, 2, 3, 2, 3, 2]
    assert sorted(p.code for p in system.problems()) == ["OTHER-FORMAT"]


def test_missing_disks_are_said_with_the_reason() -> None:
    files: dict[str, Content] = {
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine(disk="E:\\a.vhd")),
        f"{REGISTER}/Virtual Machines/{S1}.xml": vm_xml.machine_xml(
            machine("TWO", S1, disk="C:\\b.vhd"))}
    drives = [(d.state, d.why) for m in inventory(host(files, "C")).machines for d in m.drives
              if d.path]
    assert drives == [("missing", "E:\\a.vhd: no volume E: in the evidence"), ("missing", "")]


def test_a_plain_machine_has_an_empty_inventory() -> None:
    system = host({}, "C")
    assert inventory(system).machines == []
    assert guest_states(system) == []
    assert {c.state for c in system.coverage() if "Hyper-V" in c.place} == {"absent"}


def test_the_changed_default_folder_is_looked_into() -> None:
    software = hive.Key("ROOT", AT)
    software.key("Microsoft\\Windows NT\\CurrentVersion\\Virtualization").set(
        hive.sz("DefaultExternalDataRoot", "D:\\Machines"))
    system = host({f"D:/Machines/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine())},
                  "C", "D", software=software)
    assert len(inventory(system).machines) == 1
    places = {c.place: c.state for c in system.coverage()}
    assert places["D:\\Machines\\Virtual Machines"] == "read"
    assert places["D:\\Machines\\Snapshots"] == "absent"


@pytest.mark.parametrize("kind", ["dedup", "wof"])
def test_filtered_files_are_no_links_and_cost_a_line(kind: str) -> None:
    files: dict[str, Content] = {"D:/disk.vhd": Filtered(Unsupported(f"{kind} is not decoded"),
                                                         kind)}
    system = host(files, "C", "D")
    assert inventory(system).shelf.files == ()
    assert [(p.code, p.source.path) for p in system.problems()] == [
        ("UNSUPPORTED", "/p2/disk.vhd")]


def test_traits_of_machines_beside_their_state() -> None:
    end, clustered = "</properties>", '<highly_available type="bool">True</highly_available>'
    register, export = f"{REGISTER}/Virtual Machines/{VM}.xml", "D:/out/Template"
    replica = f"D:/Hyper-V Replica/Virtual Machines/{S1}/{S1}.xml"
    system = host({
        register: vm_xml.machine_xml(machine()),
        f"{export}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine()),
        f"{export}/Snapshots/x": b"", f"{export}/Virtual Hard Disks/x": b"",
        replica: vm_xml.machine_xml(machine(guid=S1)),
        f"D:/own/Virtual Machines/{S2}.xml": vm_xml.machine_xml(machine(guid=S2)).replace(
            end.encode("utf-16-le"), f"{clustered}{end}".encode("utf-16-le"))},
        "C", "D")
    machines = inventory(system).machines
    assert {(m.file.path[:8], words) for m, words in zip(
        machines, traits(system, machines), strict=True)} == {
        ("C:\\Progr", ("duplicated id",)),
        ("D:\\out\\T", ("duplicated id", "in the form of an export", "template by its name")),
        ("D:\\Hyper", ("in a folder for replicas",)), ("D:\\own\\V", ("clustered",))}


def test_a_configuration_under_another_guid_than_its_own_is_said() -> None:
    system = host({f"{REGISTER}/Virtual Machines/{S1}.xml": Link(
        f"D:\\Virtual Machines\\{VM}.xml"),
                   f"D:/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine())}, "C", "D")
    (found,) = inventory(system).machines
    (problem,) = system.problems()
    assert (found.vm_id, problem.code, problem.what) == (VM, "VM-ID", (
        f"C:\\ProgramData\\Microsoft\\Windows\\Hyper-V\\Virtual Machines\\{S1}.xml leads to the "
        f"configuration of {VM}"))
