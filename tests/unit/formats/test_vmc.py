"""Machines of Virtual Server and Virtual PC, their networks and shortcuts."""

import random
import re
from pathlib import Path

import pytest

from analyzer import times
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat
from analyzer.formats import shell_link, virtual_server, vmc
from analyzer.formats.vm_adapters import Adapter
from analyzer.formats.vm_devices import ComPort, Drive
from corpus.make import virtual_server as make

FLOPPY = make.paths("pathname", "D:\\boot.vfd")
FOLDER = "D:\\Shared Virtual Machines\\web"
FULL = make.vmc(
    ide=make.controller("ide", 1, make.location(0, 2, "D:\\cd.iso"))
    + make.controller("ide", 0, make.location(0, 1, "D:\\a.vhd", undo="D:\\undo.vud"),
                      make.location(1, 1, "b.vhd", "..\\b.vhd"), make.location(2, 9)),
    scsi=make.controller("scsi", 0, make.location(3, 1, "D:\\s0.vhd"))
    + make.controller("scsi", 1, make.location(0, 1, "D:\\s1.vhd")),
    floppy=f"<floppy id=\"0\">{FLOPPY}</floppy>",
    saved="D:\\web.vsv")


def test_a_machine_is_read_into_the_model_of_hyper_v() -> None:
    got = vmc.parse(FULL, FOLDER)
    assert got.drives == (
        Drive("IDE", 0, 0, "disk", "D:\\a.vhd", undo_path="D:\\undo.vud"),
        Drive("IDE", 0, 1, "disk", "D:\\Shared Virtual Machines\\b.vhd"),
        Drive("IDE", 0, 2, "drive type 9", ""), Drive("IDE", 1, 0, "dvd", "D:\\cd.iso"),
        Drive("SCSI", 0, 3, "disk", "D:\\s0.vhd"), Drive("SCSI", 1, 0, "disk", "D:\\s1.vhd"),
        Drive("floppy", 0, 0, "floppy", "D:\\boot.vfd"))
    assert got.adapters == (Adapter(
        "Ethernet controller 0", "legacy", "00-03-FF-B1-86-A0", mac_is_static=None,
        is_connected=None, switch_id="FDCA1A5B-FFA0-11DC-806B-E1EDD5D5E3CB",
        switch_name="External", port_name=""),)
    assert got.com_ports == (ComPort(2, "\\\\.\\pipe\\kd"),)
    assert (got.version, got.memory.size_mb, got.bios_guid, got.vm_id, got.is_snapshot) == (
        "2.0", 256, make.BIOS, "", False)
    assert got.saved_state is not None
    assert (got.saved_state.state_path, got.notices, got.partial) == ("D:\\web.vsv", (), False)


def test_traits() -> None:
    assert vmc.traits(vmc.parse(FULL)) == vmc.Traits(
        "Microsoft Virtual Server 2005 R2 1.1.465.0", "", "", "2010-05-16 23:35:06")
    for clock in ("FF003500230000160510", "06003500990000160510", "0600"):
        bad = FULL.decode("utf-16").replace("06003500230000160510", clock).encode("utf-16")
        assert vmc.traits(vmc.parse(bad)).clock == ""


def test_bad_values_name_the_key_of_the_file_itself() -> None:
    data = FULL.decode("utf-16").replace(">256<", ">lots<").encode("utf-16")
    (notice,) = vmc.parse(data).notices
    assert notice.what == "preferences/hardware/memory/ram_size is 'lots', not a number"


@pytest.mark.parametrize(("data", "error"), [
    (b"<preferences><version>2.0</version></preferences>", NotThisFormat),
    (b"<configuration/>", NotThisFormat), (b"", Corrupt), (FULL[:300], Corrupt)])
def test_what_is_no_machine(data: bytes, error: type[EvidenceError]) -> None:
    with pytest.raises(error):
        vmc.parse(data)


def test_torn_files_keep_what_stands_before_the_tear_and_invent_nothing() -> None:
    whole = vmc.parse(FULL, FOLDER)
    pairs = {(s.key, s.text) for s in whole.settings}
    counts = []
    for cut in range(2, len(FULL) - 2, 24):
        try:
            got = vmc.parse(FULL[:cut], FOLDER)
        except EvidenceError:
            continue
        counts.append(len(got.settings))
        assert got.partial
        assert {(s.key, s.text) for s in got.settings} <= pairs
        assert {d.path for d in got.drives} <= {d.path for d in whole.drives}
    assert counts == sorted(counts)
    assert len(counts) > 100


def test_mutants_end_in_a_result_or_an_evidence_error() -> None:
    dice = random.Random(11)
    for _ in range(200):
        data = bytearray(FULL)
        for _ in range(dice.choice((1, 4, 30))):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            got = vmc.parse(bytes(data), FOLDER)
        except EvidenceError:
            continue
        assert vmc.traits(got) is not None
        assert not got.partial or got.notices


def test_networks_and_the_time_in_their_ids() -> None:
    data = (f'<preferences><id type="bytes">{make.NETWORK}</id>'
            '<name type="string">External</name></preferences>').encode("utf-16")
    got = virtual_server.network(data)
    assert (got.name, got.network_id) == ("External", "FDCA1A5B-FFA0-11DC-806B-E1EDD5D5E3CB")
    assert times.iso(got.made_at)[:10] == "2008-04-01"
    assert len(got.settings) == 2
    assert got.notices == ()
    assert virtual_server.time_of(bytes(16)) is None
    assert virtual_server.time_of(bytes.fromhex(make.NETWORK)[:15]) is None
    with pytest.raises(NotThisFormat):
        virtual_server.network(FULL)
    assert [n.code for n in virtual_server.network(data[:-20]).notices] == ["XML-PARTIAL"]


@pytest.mark.parametrize("network_id", [
    "00000000000010008000000000000000", "00802b8c00001000806be1edd5d5e3cb",
    "ffffffffffff1fff8000000000000000"])
def test_a_time_of_no_clock_in_an_id_is_none_and_said(network_id: str) -> None:
    """1582, before UUIDs begin to count in ticks; 1583; and the last one, of the year 5236."""
    data = f'<o><id type="bytes">{network_id}</id></o>'.encode()
    got = virtual_server.network(data)
    assert (got.made_at, [n.code for n in got.notices]) == (None, ["TIME-RANGE", "XML-VALUE"])
    got = virtual_server.network(b'<o><id type="bytes">zz</id></o>')
    assert [n.what for n in got.notices] == ["the network has no name and no id of 16 bytes"]


def test_a_description_of_windows_virtual_pc_names_its_machine() -> None:
    whole = virtual_server.description(make.description())
    assert (whole.machines, whole.notices) == (("C:\\vms\\xp.vmc",), ())
    two = make.description({"a": "C:\\vms\\a.vmc", "b": "C:\\vms\\b.vmc"})
    torn = virtual_server.description(two[:-60])
    assert (torn.machines, [n.code for n in torn.notices]) == (
        ("C:\\vms\\a.vmc",), ["XML-PARTIAL"])
    with pytest.raises(NotThisFormat):
        virtual_server.description(FULL)


@pytest.mark.parametrize(("data", "target"), [
    (make.shortcut("D:\\vms\\web.vmc"), "D:\\vms\\web.vmc"),
    (make.shortcut("D:\\vms\\日本.vmc", wide=True), "D:\\vms\\日本.vmc"),
    (make.shortcut("vms\\web.vmc", share="\\\\srv\\vm"), "\\\\srv\\vm\\vms\\web.vmc")])
def test_shortcuts(data: bytes, target: str) -> None:
    got = shell_link.parse(data)
    assert (got.target, got.relative_path, got.working_folder) == (
        target, "..\\x.vmc", "C:\\vms")
    assert (got.target_size, got.written_at) == (4096, 129_000_000_000_000_000)
    for cut in range(len(data)):
        with pytest.raises((Corrupt, NotThisFormat)):
            shell_link.parse(data[:cut])


def test_changed_shortcuts_end_in_a_result_or_an_evidence_error() -> None:
    dice, whole = random.Random(3), make.shortcut("D:\\vms\\web.vmc", wide=True)
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 3))):
            data[dice.randrange(len(data))] = dice.choice((0, 255, dice.randrange(256)))
        try:
            assert len(shell_link.parse(bytes(data)).target) <= len(data)
        except EvidenceError:
            continue


REAL = {"mosa-1aae5326-MOSA.vmc": (72, 128, "2008-12-21 09:32:43"),
        "mosa-32b2d37e-MOSA.vmc": (72, 256, "2009-08-04 20:28:54"),
        "mosa-674cc0b1-MOSA.vmc": (79, 256, "2010-05-16 23:35:06"),
        "singularity-pxe.vmc": (68, 512, "2007-04-16 14:28:38")}


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_real_machines_with_every_leaf(realdata: Path, name: str) -> None:
    data = (realdata / "vmc" / name).read_bytes()
    got = vmc.parse(data, "C:\\vms")
    leaves, memory, clock = REAL[name]
    assert len(re.findall(r"<\w+ type=", data.decode("utf-16"))) == leaves
    assert (len(got.settings), got.memory.size_mb, vmc.traits(got).clock) == (
        leaves, memory, clock)
    assert all(s.value is not None for s in got.settings)
    assert len({s.key for s in got.settings}) == leaves
    assert got.notices == ()
    assert (got.start_action, got.stop_action) == ("unknown (2)", (
        "unknown (0)" if name.startswith("mosa-674cc0b1") else "unknown (4)"))
    assert got.com_ports == ((ComPort(1, "c:\\Singularity\\base\\pxe.log (port_type 0)"),
                              ComPort(2, "\\\\.\\pipe\\kd"))
                             if name.startswith("singularity") else ())
    assert got.adapters[0].mac.startswith("00-03-FF-")
    network = virtual_server.time_of(bytes.fromhex(got.adapters[0].switch_id.replace("-", "")))
    assert times.iso(network)[:4] in ("2007", "2008")
