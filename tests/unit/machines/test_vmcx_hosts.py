"""Hosts of 2016 and later: data.vmcx, VMCX configurations, VMRS files."""

from pathlib import Path

import pytest

from analyzer.machines import inventory
from analyzer.records import (
    ONCE_REGISTERED,
    VirtualMachine,
    VmFormerSetting,
    VmMetric,
    VmRuntimeState,
    VmSetting,
)
from corpus.make import vhd, vm_xml, vmcx
from plugins.artifacts.former_settings import former_settings
from plugins.artifacts.machine_settings import machine_settings
from plugins.artifacts.runtime_states import runtime_states
from plugins.artifacts.virtual_machines import virtual_machines
from tests.dict_system import AT, Content, Deleted, host

REGISTER = "C:/ProgramData/Microsoft/Windows/Hyper-V"
CACHE = f"{REGISTER}/Virtual Machines Cache"
HERE, THERE, GONE, COPIED, LOOSE, OLD = (f"{n}1111111-2222-3333-4444-555555555555"
                                         for n in "123456")
ORIGINAL = f"D:/VMs/Virtual Machines/{THERE}.vmcx"


def configuration(guid: str, name: str) -> bytes:
    return vmcx.machine_vmcx(vm_xml.Machine(guid, name, AT, version=0x0900, bios_guid=guid))


def snapshot(guid: str, parent: str = "") -> bytes:
    machine = vm_xml.Machine(THERE, "there", AT, bios_guid=THERE)
    return vmcx.build(vmcx.from_settings(vm_xml.snapshot_settings(
        vm_xml.Snapshot(guid, "before the update", AT, parent, machine))))


def files() -> dict[str, Content]:
    rows = [(HERE, f"{REGISTER}/Virtual Machines/{HERE}.vmcx"), (THERE, ORIGINAL),
            (GONE, f"D:/gone/{GONE}.vmcx"), (COPIED, f"E:/vms/{COPIED}.vmcx")]
    windows = [(guid, path.replace("/", "\\")) for guid, path in rows]
    cache = [(guid, f"{CACHE}/{guid}.vmcx".replace("/", "\\")) for guid in (THERE, COPIED)]
    return {
        f"{REGISTER}/data.vmcx": vmcx.register(
            windows, cache, former=[(OLD, f"D:\\old\\{OLD}.vmcx")]),
        rows[0][1]: configuration(HERE, "here"), ORIGINAL: configuration(THERE, "there"),
        f"{CACHE}/{THERE}.vmcx": configuration(THERE, "there, a copy"),
        f"{CACHE}/{COPIED}.vmcx": configuration(COPIED, "copied"),
        f"{REGISTER}/Resource Types/{OLD}.vmcx": vmcx.build([("configuration", [("x", 1)])]),
        f"{REGISTER}/Virtual Machines/{LOOSE}.vmcx": configuration(LOOSE, "loose"),
    }


def test_the_register_tells_who_is_registered() -> None:
    system = host(files(), "C", "D")
    rows = {r.vm_id: r for r in virtual_machines(system)
            if isinstance(r, VirtualMachine)}
    assert {guid: (r.name, r.state, r.format) for guid, r in rows.items()} == {
        HERE: ("here", "registered", "vmcx"), THERE: ("there", "registered", "vmcx"),
        LOOSE: ("loose", "unregistered", "vmcx"), OLD: ("", ONCE_REGISTERED, "none"),
        GONE: ("", "registered, configuration missing", "none"),
        COPIED: ("copied", "registered, configuration missing", "vmcx")}
    old = rows[OLD]
    assert (old.configuration_path, old.source.detail) == (
        f"D:\\old\\{OLD}.vmcx", f"Configurations/VirtualMachines/_{OLD}_")
    assert old.source.offset is not None
    gone = rows[GONE]
    assert gone.configuration_path == f"D:\\gone\\{GONE}.vmcx"
    assert gone.registration_path.endswith("data.vmcx")
    assert gone.source.offset is not None
    said = [p for p in system.problems() if p.code == "VM-REGISTER"]
    assert [(GONE in p.what, "not described" in p.effect) for p in said] == [
        (True, True), (False, False)]
    assert "Virtual Machines Cache" in said[1].effect


def test_a_machine_that_is_named_twice_is_told_twice() -> None:
    made = files()
    made[f"{REGISTER}/data.vmcx"] = vmcx.register([
        (HERE, f"{REGISTER}/Virtual Machines/{HERE}.vmcx".replace("/", "\\")),
        (HERE, f"D:\\gone\\{HERE}.vmcx")])
    rows = {(r.vm_id, r.state) for r in virtual_machines(host(made, "C", "D"))
            if isinstance(r, VirtualMachine)}
    assert {(HERE, "registered"), (HERE, "registered, configuration missing")} <= rows


def test_a_machine_registered_with_the_file_of_another_is_missing() -> None:
    made = files()
    made[f"{REGISTER}/data.vmcx"] = vmcx.register([(GONE, ORIGINAL.replace("/", "\\"))])
    system = host(made, "C", "D")
    rows = {(r.vm_id, r.state) for r in virtual_machines(system) if isinstance(r, VirtualMachine)}
    assert {(GONE, "registered, configuration missing"), (THERE, "unregistered")} <= rows
    (said,) = [p.what for p in system.problems() if p.code == "VM-REGISTER"]
    assert said.endswith(f"{THERE}.vmcx: the file holds the configuration of {THERE}")


def test_a_registered_machine_whose_file_cannot_be_read_is_told() -> None:
    path = f"{REGISTER}/Virtual Machines/{HERE}.vmcx"
    system = host({path: b"\x14\x20\x28\x01" + bytes(20000), f"{REGISTER}/data.vmcx":
                   vmcx.register([(HERE, path.replace("/", "\\"))])}, "C")
    (row,) = (r for r in virtual_machines(system) if isinstance(r, VirtualMachine))
    assert (row.vm_id, row.state) == (HERE, "registered, configuration missing")
    assert any(p.what.endswith("it cannot be read") for p in system.problems())


def test_a_path_to_another_computer_is_called_so() -> None:
    system = host({f"{REGISTER}/data.vmcx": vmcx.register([(HERE, "\\\\srv\\vms\\x.vmcx")])}, "C")
    inventory(system)
    (said,) = [p.what for p in system.problems() if p.code == "VM-REGISTER"]
    assert said.endswith("x.vmcx: a path without a drive letter, as of another computer")


def test_every_key_of_the_register_and_of_run_time_state_is_kept() -> None:
    made = files()
    metric: vmcx.Keys = [("guid", "b"), ("deviceinstance", [("guid", HERE), ("metric", [
        ("typecode", f"{OLD};0\\0\\L"), ("enabled", True), ("value", 7)])])]
    made[f"{REGISTER}/Virtual Machines/{HERE}.vmrs"] = vmcx.build([
        ("configuration", [("global_settings", [("metrics", [
            ("devicetype", list(metric)), ("devicetype", list(metric))])])]),
        ("savedstate", [("VmVersion", 0x0900), ("new", 1), ("RamBlock0", b"m")])])
    rows = list(machine_settings(host(made, "C", "D")))
    said = {(r.key, r.value): r.understood for r in rows
            if isinstance(r, VmSetting) and not r.vm_id}
    register = "Configurations/VirtualMachines"
    assert {(f"{register}/_{GONE}_", f"D:\\gone\\{GONE}.vmcx"), ("savedstate/new", "1"),
            ("Configurations/FormatVersion", "2")} <= said.keys()
    assert said["savedstate/VmVersion", "2304"]
    assert not said["savedstate/new", "1"]
    assert not any("RamBlock" in key for key, _ in said)
    assert [(r.vm_id, r.definition_id, r.place, r.enabled, r.metric_value)
            for r in rows if isinstance(r, VmMetric)] == [(HERE, OLD, "0\\0\\L", True, 7)] * 2


def test_a_machine_taken_off_the_register_is_told() -> None:
    (row,) = former_settings(host(files(), "C", "D"))
    assert isinstance(row, VmFormerSetting)
    assert (row.vm_id, row.value, row.is_gone) == (OLD, f"D:\\old\\{OLD}.vmcx", True)
    assert (row.found_in, row.basis) == ("free space", "direct")
    assert (row.table_sequence, row.current_sequence) == (3, 9)


def test_a_damaged_original_is_replaced_by_its_copy() -> None:
    made = files()
    made[ORIGINAL] = b"\x14\x20\x28\x01" + bytes(20000)
    system = host(made, "C", "D")
    (machine,) = [m for m in inventory(system).machines if m.vm_id == THERE]
    assert (machine.configuration.name, machine.state) == (
        "there, a copy", "registered, configuration missing")
    assert {"CORRUPT", "VM-REGISTER"} <= {p.code for p in system.problems()}


def test_a_damaged_register_is_a_problem_and_the_folder_counts() -> None:
    made = files()
    made[f"{REGISTER}/data.vmcx"] = bytes(30000)
    system = host(made, "C", "D")
    states = {(m.configuration.name, m.state) for m in inventory(system).machines}
    assert states == {("here", "registered"), ("loose", "registered"), ("there", "unregistered"),
                      ("there, a copy", "cached copy"), ("copied", "cached copy")}
    assert any("registered is not known" in p.effect for p in system.problems())


def test_snapshots_and_deleted_configurations() -> None:
    made = files()
    first, second = (f"{n}AAAAAAA-0000-0000-0000-000000000000" for n in "12")
    made[f"D:/VMs/Snapshots/{first}.vmcx"] = snapshot(first)
    made[f"D:/VMs/Snapshots/{second}.VMCX"] = snapshot(second, first)
    made[f"D:/old/{OLD}.vmcx"] = Deleted(configuration(OLD, "was here"))
    found = inventory(host(made, "C", "D"))
    (machine,) = [m for m in found.machines if m.vm_id == THERE]
    assert [(n.snapshot_id, n.parent_id, n.format) for n in machine.nodes] == [
        (first, "", "vmcx"), (second, first, "vmcx")]
    assert [m.state for m in found.machines if m.vm_id == OLD] == ["deleted configuration"]


def test_a_guest_state_file_is_no_disk_of_its_machine() -> None:
    """It has the form of a fixed VHD (FIELD-GUIDE 6), and no configuration names it as a disk."""
    made = files()
    made[f"{REGISTER}/Virtual Machines/{HERE}.vmgs"] = vhd.fixed(
        bytes(4 << 20), unique_id=bytes(range(16)), created=0)
    made["D:/VMs/renamed.bin"] = made[f"{REGISTER}/Virtual Machines/{HERE}.vmgs"]
    found = inventory(host(made, "C", "D"))
    assert [file.path for file in found.shelf.files] == ["D:\\VMs\\renamed.bin"]


def test_windows_virtual_pc_is_told_apart() -> None:
    made = files() | {"D:/pc/XP.vmcx": "<?xml version='1.0'?><vm_description/>".encode("utf-16")}
    system = host(made, "C", "D")
    assert len(inventory(system).machines) == 4
    assert [p.code for p in system.problems() if "XP.vmcx" in p.source.path] == ["VM-LINK"]


def test_a_configuration_without_headers_is_read() -> None:
    made = files()
    made[ORIGINAL] = bytes(8192) + configuration(THERE, "there")[8192:]
    made[f"D:/kept/{OLD}.bak"] = bytes(4096) + configuration(OLD, "kept")[4096:]
    system = host(made, "C", "D")
    (machine,) = [m for m in inventory(system).machines if m.vm_id == THERE]
    assert (machine.configuration.name, machine.state) == ("there", "registered")
    assert [m.configuration.name for m in inventory(system).machines if m.vm_id == OLD] == ["kept"]
    assert "VMCX-HEADER" in [p.code for p in system.problems()]


def saved(kind: str = "Normal") -> bytes:
    ranges = (3).to_bytes(4, "little") + bytes(4) + (512).to_bytes(8, "little") + bytes(32)
    return vmcx.build([
        ("configuration", [("properties", [("version", 0x0900)])]),
        ("savedstate", [("VmVersion", 0x0900), ("type", kind), ("RamMemoryBlock0", ranges),
                        ("savedVM", [("partition_state", b"p" * 5000)]),
                        ("RamBlock0", b"m" * 2**20), ("RamBlock1", b"c" * 70_000)])])


def test_saved_states_are_counted_and_tied_to_their_machine() -> None:
    made = files()
    made[f"D:/VMs/Virtual Machines/{THERE}.VMRS"] = saved()
    made[f"{REGISTER}/Virtual Machines/{HERE}.vmrs"] = vmcx.build(
        [("configuration", [("properties", [("version", 0x0900)])])])
    made[f"D:/left/{OLD}.vmrs"] = saved("Snapshot")
    system = host(made, "C", "D")
    rows = {r.vm_id: r for r in runtime_states(system) if isinstance(r, VmRuntimeState)}
    assert {guid: (r.has_saved_state, r.owner_is_known, r.saved_state_type)
            for guid, r in rows.items()} == {
        THERE: (True, True, "Normal"), HERE: (False, True, ""), OLD: (True, False, "Snapshot")}
    there = rows[THERE]
    assert (there.saved_version, there.partition_state_size) == ("9.0", 5000)
    assert (there.memory_size, there.ram_blocks, there.ram_blocks_compressed) == (2**21, 2, 1)
    assert there.ram_blocks_size == 2**20 + 70_000
    machines = {r.vm_id: r.has_saved_state for r in virtual_machines(system)
                if isinstance(r, VirtualMachine)}
    assert (machines[THERE], machines[HERE]) == (True, False)


@pytest.mark.realdata
def test_the_real_register_and_its_machines(realdata: Path) -> None:
    folder = realdata / "dissect.target" / "hyperv"
    one = "993F7B33-6057-4D1E-A1FE-A1A1D77BE974"
    system = host({
        f"{REGISTER}/data.vmcx": (folder / "data.vmcx").read_bytes(),
        f"C:/Hyper-V/EasyToFind/Virtual Machines/{one}.vmcx":
            (folder / f"{one}.vmcx").read_bytes()}, "C")
    rows = [r for r in virtual_machines(system) if isinstance(r, VirtualMachine)]
    assert {(r.vm_id[:8], r.name, r.state) for r in rows} == {
        ("993F7B33", "Default Generation 2", "registered"),
        ("EC04F346", "", "registered, configuration missing"),
        ("A5B56431", "", "registered, configuration missing"),
        ("4C57771A", "", "registered, configuration missing"),
        ("59BA3B9E", "", ONCE_REGISTERED), ("FA2CC0D6", "", ONCE_REGISTERED),
        ("282874FC", "", ONCE_REGISTERED)}
    former = [r for r in former_settings(system) if isinstance(r, VmFormerSetting)]
    assert [r.vm_id[:8] for r in former if r.key.startswith("Configurations/VirtualMachines")] == [
        "59BA3B9E", "FA2CC0D6", "282874FC"]
    assert [(r.value, r.current_value) for r in former if r.vm_id == one] == [
        ("Planned Virtual Machines", "Virtual Machines")]
