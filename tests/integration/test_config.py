"""`vmtrail config`: any configuration file as a tree."""

import json
from pathlib import Path

import pytest

from analyzer import times
from analyzer.cli.main import main
from corpus.make import virtual_server, vm_xml, vmcx
from tests.unit.formats.test_vmgs import header
from tests.unit.formats.test_vmgs import written as guest_state

VM = "11111111-2222-3333-4444-555555555555"


def written(folder: Path, data: bytes) -> str:
    file = folder / "file"
    file.write_bytes(data)
    return str(file)


def machine(name: str = "WEB") -> bytes:
    return vm_xml.machine_xml(vm_xml.Machine(VM, name, 128_000_000_000_000_000))


def test_a_file_on_disk_is_a_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", written(tmp_path, machine())]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("configuration of a machine (XML), version 2.0: ")
    assert lines[1] == "configuration"
    assert "    name (string): WEB" in lines
    assert "      device (string): 58f75a6d-d949-4320-99e1-a2a2576d581c" in lines
    assert "    version (integer) ?: 256" in lines
    assert lines.count("  manifest") == 1


def test_json_has_every_leaf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--json", written(tmp_path, machine())]) == 0
    head, *rows, notice = map(json.loads, capsys.readouterr().out.splitlines())
    assert head["settings"] == len(rows) > 80
    assert (notice["notice"], notice["effect"]) == (
        "XML-VALUE", "left out; the raw text stays in the settings")
    assert {row["key"]: (row["value"], row["understood"]) for row in rows}[
        "configuration/properties/name"] == ("WEB", True)


@pytest.mark.parametrize(("data", "kind"), [
    (virtual_server.vmc(), "machine of Virtual Server or Virtual PC (.vmc)"),
    (virtual_server.description(), "machine description of Windows Virtual PC (XML)"),
    (b"<!-- Microsoft Network --><preferences><id type='bytes'>00</id></preferences>",
     "XML with root 'preferences', which calls itself 'Microsoft Network'"),
    (b"<AzAdminManager Guid='1'/>", "authorization store (AzMan XML)"),
    (b"<configuration><appSettings><add key='a'/></appSettings></configuration>",
     "XML with root 'configuration'")])
def test_other_kinds_are_told_apart(data: bytes, kind: str, tmp_path: Path,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", written(tmp_path, data)]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith(f"{kind}: ")


def test_a_shortcut_and_a_guest_state_are_trees_too(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", written(tmp_path, virtual_server.shortcut("D:\\vms\\web.vmc"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("shortcut (.lnk); of Virtual Server it registers a machine")
    assert "target (string): D:\\vms\\web.vmc" in lines
    assert f"written_at (time): {times.iso(129_000_000_000_000_000)}" in lines
    assert "created_at (time): 1" in lines, "the number stands where it is no time"
    assert main(["config", "--json", written(tmp_path, guest_state(header(1), header(2)))]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0]["kind"].startswith("guest state (VMGS), version 3.0")
    assert ("files[2]/name", "UEFI variables") in {(r.get("key"), r.get("value")) for r in rows}


def test_a_vmcx_without_both_headers_is_one(tmp_path: Path,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    data = vmcx.build([("configuration", [("properties", [("name", "WEB")])])])
    broken = bytes(64) + data[64:4096] + bytes(64) + data[4160:]
    assert main(["config", written(tmp_path, broken)]) == 0
    said = capsys.readouterr()
    assert "    name (string): WEB" in said.out.splitlines()
    assert "VMCX-HEADER: both headers are damaged; read as version 4.0" in said.err


def test_a_register_is_called_one_and_nothing_in_it_is_doubted(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = vmcx.build([("Configurations", [("FormatVersion", 2), ("VirtualMachines", [
        (f"_{VM}_", "D:\\a.vmcx")])])])
    assert main(["config", written(tmp_path, data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "register of machines (data.vmcx): 2 settings"
    assert lines[-1] == f"    _{VM}_ (string): D:\\a.vmcx"


def test_former_values_are_dated_by_the_states_of_their_table(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The writer gives present tables the number 9, and here the former one 3."""
    data = vmcx.register([], [], former=[(VM, "D:\\a.vmcx")])
    assert main(["config", written(tmp_path, data)]) == 0
    assert "[gone; of state 3 of its table, which is at 9 now; " in capsys.readouterr().out
    assert main(["config", "--json", written(tmp_path, data)]) == 0
    (row,) = [row for line in capsys.readouterr().out.splitlines()
              if "former" in (row := json.loads(line))]
    assert (row["table_sequence"], row["current_sequence"]) == (3, 9)


@pytest.mark.parametrize(("name", "data", "words"), [
    ("a.vud", b"conectix" + bytes(600), "a virtual disk (VHD, VUD); vmtrail disk info"),
    ("a.vhdx", b"vhdxfile" + bytes(600), "a virtual disk (VHDX); vmtrail disk info"),
    ("a.vsv", bytes(20_000_000), "by its name a saved state"),
    ("a.bin", b"\x01\x02" * 600, "by its name a saved state"),
    ("SYSTEM", b"regf" + bytes(600), "a registry hive")])
def test_a_file_that_is_no_configuration_is_called_what_it_is(
        name: str, data: bytes, words: str, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_bytes(data)
    assert main(["config", str(tmp_path / name)]) == 3
    assert words in capsys.readouterr().err


def test_what_is_wrong_is_said_by_code_and_in_words(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", written(tmp_path, machine()[:4000])]) == 4
    assert "XML-PARTIAL" in capsys.readouterr().err
    assert main(["config", written(tmp_path, b"MZ\x90\0")]) == 3
    assert "no configuration: it begins with 4d 5a 90 00" in capsys.readouterr().err
    assert main(["config", str(tmp_path / "none")]) == 2
    assert main(["config", written(tmp_path, b"")]) == 3
    assert main(["config", written(tmp_path, b"<a>" * 100_000)]) in (3, 4)
    assert main(["config", written(tmp_path, b"<a/>" + b" " * (16 << 20))]) == 3


def test_names_that_drive_a_terminal_are_shown(tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    text = machine().decode("utf-16").replace(">WEB<", ">\u202eBEW\u009b2J<")
    assert main(["config", written(tmp_path, text.encode("utf-16"))]) == 0
    out = capsys.readouterr().out
    assert "\\u202eBEW\\x9b2J" in out
    assert "\u202e" not in out


def test_a_file_of_an_image(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register = "C:/ProgramData/Microsoft/Windows/Hyper-V/Virtual Machines"
    address = f"{corpus / 'ws2008.E01'}!/{register}/0C09762A-D156-4CB7-8967-9B4C1F947276.XML"
    assert main(["config", address]) == 0
    assert "    name (string): FAX01" in capsys.readouterr().out.splitlines()


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "leaves"), [
    ("dissect.target/hyperv/B90AC31B-C6F8-479F-9B91-07B894A6A3F6.xml", 244),
    ("dissect.target/hyperv/993F7B33-6057-4D1E-A1FE-A1A1D77BE974.vmcx", 251),
    ("dissect.hypervisor/descriptor/hyperv/test.vmcx", 303),
    ("dissect.target/hyperv/data.vmcx", 35), ("vmc/mosa-674cc0b1-MOSA.vmc", 79)])
def test_real_files(name: str, leaves: int, realdata: Path,
                    capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--json", str(realdata / name)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len([row for row in rows if "key" in row]) == rows[0]["settings"] == leaves
    former = [row["value"] for row in rows if "former" in row]
    is_vmcx = name.endswith(".vmcx") and not name.endswith("data.vmcx")
    assert ("Planned Virtual Machines" in former) == is_vmcx
