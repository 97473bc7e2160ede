"""Saved-state files and types of snapshots on computers made of a dict."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from analyzer.records import SavedState, Snapshot, VirtualMachine
from corpus.make import vm_xml, vmcx
from plugins.artifacts.saved_states import saved_states
from plugins.artifacts.snapshots import snapshots
from plugins.artifacts.virtual_machines import virtual_machines
from tests.dict_system import AT, Content, Deleted, host
from tests.plugins.artifacts.test_artifacts import REGISTER, S1, VM, of

MB = 1 << 20
STRAY = "99999999-2222-3333-4444-555555555555"


def machine(**more: object) -> vm_xml.Machine:
    return vm_xml.Machine(VM, "WEB", AT, **{"memory_mb": 2, **more})  # type: ignore[arg-type] # by name


def states(files: Mapping[str, Content]) -> dict[str, SavedState]:
    rows = of(SavedState, saved_states(host(files, "C", "D")))
    return {row.path.rpartition("\\")[2]: row for row in rows}


def test_files_of_2008_are_tied_to_machine_and_snapshot() -> None:
    saved = (f"D:\\{VM}\\{VM}.bin", f"D:\\{VM}\\{VM}.vsv")
    snapshot = vm_xml.Snapshot(S1, "before", AT, "", machine(), saved=(
        f"D:\\Snapshots\\{S1}\\{S1}.bin", f"D:\\Snapshots\\{S1}\\{S1}.vsv"))
    rows = states({
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine(saved=saved)),
        f"{REGISTER}/Snapshots/{S1}.xml": vm_xml.snapshot_xml(snapshot),
        f"D:/{VM}/{VM}.bin": bytes(2 * MB), f"D:/Snapshots/{S1}/{S1}.bin": bytes(MB),
        f"D:/Snapshots/{S1}/{S1}.vsv": b"", f"D:/{STRAY}/{STRAY}.bin": Deleted(b"12345"),
        f"D:/cache/{STRAY}.bin": b"of another program", "D:/vs/OLD.vsv": b"123"})
    said = {name: (r.vm_id, r.snapshot_id, r.kind, r.state, r.stored_size, r.completeness)
            for name, r in rows.items()}
    assert said == {
        f"{VM}.bin": (VM, "", "memory", "present", 2 * MB, "size of the whole memory, 2 MB"),
        f"{VM}.vsv": (VM, "", "devices and processors", "missing", None, ""),
        f"{S1}.bin": (VM, S1, "memory", "present", MB, "1 MB of 2 MB of memory"),
        f"{S1}.vsv": (VM, S1, "devices and processors", "present", 0, "empty"),
        f"{STRAY}.bin": (STRAY, "", "memory", "deleted", 5, ""),
        "OLD.vsv": ("", "", "saved state of Virtual Server", "present", 3, "")}
    assert rows[f"{VM}.bin"].referenced_by == "savedstate/memlocation"
    assert rows[f"{VM}.vsv"].state_basis == "there is no such file"
    assert (rows[f"{VM}.bin"].holds_memory, rows[f"{S1}.vsv"].holds_memory) == (None, False)
    assert not rows[f"{STRAY}.bin"].owner_is_known
    assert (rows["OLD.vsv"].created_at or 0) >= AT


def test_run_time_states_of_2016() -> None:
    blocks: vmcx.Keys = [("savedstate", [
        ("VmVersion", 2304), ("type", "Normal"), ("RamBlock0", b"z" * 3000),
        ("RamMemoryBlock0", bytes(8) + (512).to_bytes(8, "little") + bytes(32))])]
    rows = states({
        f"{REGISTER}/Virtual Machines/{VM}.vmcx": vmcx.machine_vmcx(machine(version=0x0900)),
        f"{REGISTER}/Virtual Machines/{VM}.vmrs": vmcx.build(blocks),
        f"D:/x/{STRAY}.VMRS": vmcx.build([("configuration", [("x", 1)])]),
        f"D:/y/{S1}.vmrs": bytes(9 * MB), f"D:/y/{S1}.vmgs": bytes(512)})
    assert {name: (r.holds_memory, r.completeness, r.owner_is_known)
            for name, r in rows.items()} == {
        f"{VM}.vmrs": (True, "1 of 2 MB of memory; no state of processors and devices", True),
        f"{STRAY}.VMRS": (False, "no saved state in it", False),
        f"{S1}.vmrs": (True, "", False),
        f"{S1}.vmgs": (None, "not decoded: no guest state file", False)}
    assert rows[f"{S1}.vmrs"].memory_basis == "inferred: from its size only"


@pytest.mark.parametrize(("version", "name", "word"), [
    (512, "before", "standard"), (1280, "before", "standard"), (2304, "before", ""),
    (2304, "Automatic Checkpoint - WEB - (1/2/2017)", "automatic")])
def test_the_type_of_a_snapshot(version: int, name: str, word: str) -> None:
    snapshot = vm_xml.Snapshot(S1, name, AT, "", machine(version=version))
    made = vm_xml.snapshot_settings(snapshot)
    data = vmcx.build(vmcx.from_settings(made))
    (row,) = of(Snapshot, snapshots(host({
        f"{REGISTER}/Virtual Machines/{VM}.vmcx": vmcx.machine_vmcx(
            machine(version=version, current_parent=S1)),
        f"{REGISTER}/Snapshots/{S1}.vmcx": data}, "C")))
    assert (row.snapshot_type, row.type_id, row.is_current) == (word, "Snapshots", True)
    assert row.type_basis


@pytest.mark.parametrize("word", ["recovery", "replica", "automatic"])
def test_a_type_that_the_configuration_records(word: str) -> None:
    """With what other settings say, raw; the machine's own wish for automatic ones is none."""
    text = vm_xml.snapshot_xml(vm_xml.Snapshot(S1, "x", AT, "", machine())).decode("utf-16")
    kind = f"{word.title()} Snapshots"
    text = text.replace(">Snapshots<", f">{kind}<").replace("<settings>", "".join((
        "<new><consistency_level type='integer'>2</consistency_level>",
        "<enable_automatic type='bool'>True</enable_automatic></new><settings>")), 1)
    (row,) = of(Snapshot, snapshots(host({
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine()),
        f"{REGISTER}/Snapshots/{S1}.xml": text.encode("utf-16")}, "C")))
    assert (row.snapshot_type, row.type_basis, row.type_settings) == (
        word, f"direct: type_id {kind}", ("configuration/new/consistency_level=2",))


def test_a_recovery_snapshot_by_its_disk() -> None:
    drive = vm_xml.Drive("ide", 0, 0, "VHD", "D:\\web-AutoRecovery.avhd")
    snapshot = vm_xml.Snapshot(S1, "x", AT, "", machine(drives=(drive,)))
    (row,) = of(Snapshot, snapshots(host({
        f"{REGISTER}/Virtual Machines/{VM}.xml": vm_xml.machine_xml(machine()),
        f"{REGISTER}/Snapshots/{S1}.xml": vm_xml.snapshot_xml(snapshot)}, "C")))
    assert (row.snapshot_type, row.type_basis) == (
        "recovery", "inferred: name of the disk D:\\web-AutoRecovery.avhd")


@pytest.mark.realdata
def test_snapshots_errors_and_numa_of_a_real_file(realdata: Path) -> None:
    path = next(realdata.rglob("993F7B33*.vmcx"))
    (row,) = of(VirtualMachine, virtual_machines(host({
        f"{REGISTER}/Virtual Machines/{path.name}": path.read_bytes()}, "C")))
    assert (row.checkpoint_type, row.automatic_checkpoints) == (
        "production, else standard (3)", False)
    assert (row.critical_error_action, row.numa_enabled, row.numa_node_memory_mb,
            row.numa_node_processors, row.numa_socket_nodes) == ("pause (1)", True, 14310, 2, 1)
