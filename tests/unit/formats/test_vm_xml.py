"""Machine configuration XML: what the corpus writer stored, in every encoding and torn anywhere."""

import base64
import dataclasses
import random
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer import times
from analyzer.errors import Corrupt, EvidenceError, NotThisFormat, Unsupported
from analyzer.formats import vm_xml
from analyzer.formats.vm_devices import Adapter, ComPort, Drive, Qos
from analyzer.formats.vm_xml import VmConfiguration, parse
from corpus.make import vm_xml as make

VM = "11111111-AAAA-4000-8000-000000000001"
SNAPSHOT = "22222222-BBBB-4000-8000-000000000002"
PARENT = "33333333-CCCC-4000-8000-000000000003"
SWITCH = "44444444-DDDD-4000-8000-000000000004"
SCSI = ("55555555-EEEE-4000-8000-000000000005", "05555555-EEEE-4000-8000-000000000006")
NICS = ("66666666-FFFF-4000-8000-000000000007", "77777777-FFFF-4000-8000-000000000008")
CREATED = times.parse_iso("2009-05-06T07:08:09") + 1234567

MACHINE = make.Machine(
    guid=VM, name="web & <mail> Ü 日本", created=CREATED, notes="line 1\nline 2", version=0x0300,
    memory_mb=2048, processors=2, boot=("HardDrive", "Optical", "Network", "Floppy"),
    bios_guid="99999999-AAAA-4000-8000-000000000009", bios_serial="1234-5678",
    startup_action=2, shutdown_action=0, owner_sid="S-1-5-21-1-2-3-500",
    drives=(make.Drive("ide", 0, 0, "VHD", "D:\\VMs\\web.vhd"),
            make.Drive("ide", 1, 0, "ISO", ""),
            make.Drive("scsi", 0, 0, "VHD", "D:\\VMs\\data0.vhd"),
            make.Drive("scsi", 1, 3, "PHYSICAL", "\\\\.\\PHYSICALDRIVE2"),
            make.Drive("floppy", 0, 0, "VFD", "D:\\boot.vfd")),
    scsi_instances=SCSI,
    nics=(make.Nic(NICS[0], "LAN", "00-15-5D-01-07-DC", switch=SWITCH, port="port 7"),
          make.Nic(NICS[1], "Legacy", "00-00-00-00-00-00", legacy=True, static_mac=True)),
    com=("\\\\.\\pipe\\com1", ""), saved=("D:\\s\\x.bin", "D:\\s\\x.vsv"), snapshot_count=1,
    snapshot_root="D:\\snap", data_root="D:\\VMs", current_parent=SNAPSHOT)


def whole() -> VmConfiguration:
    return parse(make.machine_xml(MACHINE))


def text_of(data: bytes) -> str:
    return data.decode("utf-16")


def facts(configuration: VmConfiguration) -> dict[str, object]:
    """Everything but the notices."""
    return {name: getattr(configuration, name) for name in configuration.__slots__
            if name != "notices"}


def test_every_fact_that_was_written_comes_back() -> None:
    got = whole()
    assert not got.partial
    assert not got.notices
    assert (got.name, got.notes, got.type_id) == (MACHINE.name, MACHINE.notes, "Virtual Machines")
    assert (got.vm_id, got.global_id, got.logical_id, got.snapshot_id) == (VM, VM, VM, "")
    assert (got.is_snapshot, got.is_planned) == (False, False)
    assert (got.created_at, got.version, got.generation) == (CREATED, "3.0", None)
    assert (got.memory.size_mb, got.processors.count) == (2048, 2)
    assert (got.memory.minimum_mb, got.memory.maximum_mb) == (None, None)
    assert got.boot_order == MACHINE.boot
    assert (got.start_action, got.stop_action) == ("always start (2)", "turn off (0)")
    assert (got.bios_guid, got.bios_serial) == (MACHINE.bios_guid, "1234-5678")
    assert got.saved_state is not None
    assert dataclasses.astuple(got.saved_state) == ("D:\\s\\x.bin", "D:\\s\\x.vsv", "Normal")
    assert (got.saved_state.folder, got.owner_sid) == ("D:\\s", "S-1-5-21-1-2-3-500")
    assert (got.disk_merge_pending, got.data_root, got.snapshot_root) == (
        False, "D:\\VMs", "D:\\snap")
    assert got.parent_candidates == (
        ("configuration/global_settings/snapshots/last_applied_id", SNAPSHOT),)
    assert (got.powered_on_at, got.powered_off_at, got.state_changed_at) == (None, None, None)


def test_drives_keep_their_slots_and_controllers_the_order_of_the_manifest() -> None:
    assert whole().drives == (
        Drive("IDE", 0, 0, "disk", "D:\\VMs\\web.vhd"), Drive("IDE", 0, 1, "none", ""),
        Drive("IDE", 1, 0, "dvd", ""), Drive("IDE", 1, 1, "none", ""),
        Drive("SCSI", 0, 0, "disk", "D:\\VMs\\data0.vhd"),
        Drive("SCSI", 1, 3, "pass-through", "\\\\.\\PHYSICALDRIVE2"),
        Drive("floppy", 0, 0, "floppy", "D:\\boot.vfd"))


def test_adapters_ports_components_and_devices() -> None:
    got = whole()
    assert got.adapters == (
        Adapter("LAN", "synthetic", "00-15-5D-01-07-DC", mac_is_static=False, is_connected=True,
                switch_id=SWITCH, switch_name="", port_name="port 7", channel_id=NICS[0]),
        Adapter("Legacy", "legacy", "", mac_is_static=True, is_connected=False, switch_id="",
                switch_name="", port_name=""))
    assert got.com_ports == (ComPort(1, "\\\\.\\pipe\\com1"), ComPort(2, ""))
    assert [(c.device_id.lower(), c.name, c.enabled) for c in got.components] == [
        (device, name, None) for device, name in make.COMPONENTS.values()]
    assert [d.instance for d in got.devices if d.name == "Synthetic SCSI Controller"] == list(SCSI)
    assert "Emulated IDE Controller" in [d.name for d in got.devices]


def test_a_snapshot_names_itself_its_machine_and_its_parent() -> None:
    got = parse(make.snapshot_xml(make.Snapshot(SNAPSHOT, "before", CREATED, PARENT, MACHINE)))
    assert (got.is_snapshot, got.snapshot_id, got.vm_id) == (True, SNAPSHOT, VM)
    assert ("configuration/properties/parent_global_id", PARENT) in got.parent_candidates
    assert got.saved_state is None


@pytest.mark.parametrize(("kind", "other", "expected"), [
    ("Planned Virtual Machines", True, False), ("Snapshots", True, True), ("", True, True),
    ("", False, False)])
def test_what_counts_as_snapshot(kind: str, other: bool, expected: bool) -> None:
    text = text_of(make.machine_xml(MACHINE))
    text = text.replace(">Virtual Machines<", f">{kind}<")
    if other:
        text = text.replace(f'<global_id type="string">{VM}', f'<global_id type="string">{PARENT}')
    got = parse(text.encode("utf-16"))
    assert (got.is_snapshot, got.is_planned) == (expected, kind.startswith("Planned"))
    assert got.vm_id == VM
    assert got.snapshot_id == (PARENT if expected else "")


LEAF_NAME = '<name type="string">WEB</name>'


def minimal(body: str) -> VmConfiguration:
    return parse(f"<configuration>{body}</configuration>".encode())


def test_siblings_of_one_name_are_all_kept() -> None:
    metric = '<metric><value type="integer">{}</value></metric>'
    got = minimal(f"<global_settings>{metric.format(1)}{metric.format(2)}</global_settings>")
    assert [(s.key, s.value) for s in got.settings] == [
        ("configuration/global_settings/metric[1]/value", 1),
        ("configuration/global_settings/metric[2]/value", 2)]


def test_text_beside_elements_is_not_passed_over() -> None:
    note = '<notes>{}<b type="string">x</b>{}</notes>'
    for before, after in (("hidden", ""), ("", "hidden")):
        got = minimal(f"<properties>{LEAF_NAME}{note.format(before, after)}</properties>")
        assert (got.name, got.partial) == ("WEB", True)
        assert {n.code for n in got.notices} == {"XML-PARTIAL"}


def test_values_are_decoded_by_their_type() -> None:
    leaves = {"string": " a ", "integer": "-5", "bool": "True", "boolean": "false",
              "bytes": "AAEC\n", "": "x"}
    body = "".join(f'<l type="{kind}">{text}</l>' for kind, text in leaves.items())
    got = minimal(f"<settings>{body}</settings>")
    assert [s.value for s in got.settings] == ["a", -5, True, False, b"\0\1\2", "x"]
    assert [s.text for s in got.settings] == list(leaves.values())
    bad = minimal('<settings><a type="integer">x</a><b type="bytes">*</b></settings>')
    assert [s.value for s in bad.settings] == [None, None]


@pytest.mark.parametrize(("data", "expected", "codes"), [
    (CREATED.to_bytes(8, "little"), CREATED, []),
    (CREATED.to_bytes(8, "big"), None, ["TIME-RANGE"]),
    (b"\xff" * 8, None, ["TIME-NEVER"]), (b"\1" + bytes(7), None, ["TIME-RANGE"]),
    (bytes(8), None, ["TIME-NEVER"]), (b"\1\2\3", None, ["XML-VALUE"])])
def test_creation_time_is_a_time_or_a_notice(
    data: bytes, expected: int | None, codes: list[str]
) -> None:
    text = base64.b64encode(data).decode()
    got = minimal(f'<properties><creation_time type="bytes">{text}</creation_time></properties>')
    assert got.created_at == expected
    assert [n.code for n in got.notices] == codes


def test_version_dynamic_memory_generation_and_times_of_2012_r2() -> None:
    got = minimal(
        '<properties><version type="integer">1280</version><subtype type="integer">1</subtype>'
        '<last_powered_off_time type="integer">133211067586606556</last_powered_off_time>'
        '<last_powered_on_time type="integer">0</last_powered_on_time></properties>'
        '<settings><memory><bank><dynamic_memory_enabled type="bool">True</dynamic_memory_enabled>'
        '<limit type="integer">4096</limit><reservation type="integer">256</reservation>'
        "</bank></memory></settings>")
    assert (got.version, got.generation) == ("5.0", 2)
    assert (got.memory.minimum_mb, got.memory.maximum_mb) == (256, 4096)
    assert times.iso(got.powered_off_at) == "2023-02-17T11:25:58.6606556Z"
    assert got.powered_on_at is None
    assert minimal('<properties><version type="integer">3</version></properties>').version == "3"


def test_nodes_without_manifest_are_known_by_their_content() -> None:
    text = text_of(make.machine_xml(MACHINE))
    start, end = text.index("  <manifest>"), text.index("</manifest>") + len("</manifest>")
    got = parse((text[:start] + text[end:]).encode("utf-16"))
    assert set(got.drives) >= {d for d in whole().drives if d.controller != "SCSI"}
    assert {d.path for d in got.drives} == {d.path for d in whole().drives}
    assert {(a.name, a.adapter) for a in got.adapters} == {
        ("LAN", "synthetic"), ("Legacy", "legacy")}
    assert [n.what for n in got.notices] == ["the manifest does not list 2 SCSI controllers"]


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-16LE, mark": lambda t: b"\xff\xfe" + t.encode("utf-16-le"),
    "UTF-16LE, no mark": lambda t: t.encode("utf-16-le"),
    "UTF-16BE, mark": lambda t: b"\xfe\xff" + t.encode("utf-16-be"),
    "UTF-16BE, no mark": lambda t: t.encode("utf-16-be"),
    "UTF-8 says UTF-16": lambda t: t.encode(),
    "UTF-8, mark": lambda t: b"\xef\xbb\xbf" + t.replace("UTF-16", "utf-8").encode(),
    "UTF-8": lambda t: t.replace("UTF-16", "utf-8").encode(),
    "UTF-16 says UTF-8": lambda t: t.replace("UTF-16", "UTF-8").encode("utf-16"),
    "no declaration": lambda t: re.sub(r"<\?.*?\?>", "", t).encode(),
}
WRONG = ("UTF-8 says UTF-16", "UTF-16 says UTF-8")


@pytest.mark.parametrize("name", ENCODINGS)
def test_encodings_change_nothing(name: str) -> None:
    got = parse(ENCODINGS[name](text_of(make.machine_xml(MACHINE))))
    assert facts(got) == facts(whole())
    assert [n.code for n in got.notices] == (["XML-ENCODING"] if name in WRONG else [])


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("tail", [1, 2, 511, 4096])
def test_a_tail_of_nuls_changes_nothing(name: str, tail: int) -> None:
    got = parse(ENCODINGS[name](text_of(make.machine_xml(MACHINE))) + bytes(tail))
    assert facts(got) == facts(whole())
    assert "XML-TAIL" in [n.code for n in got.notices]


def test_half_a_character_after_the_end_changes_nothing() -> None:
    got = parse(make.machine_xml(MACHINE) + b"x")
    assert (facts(got), [n.code for n in got.notices]) == (facts(whole()), ["XML-TAIL"])


def pairs(configuration: VmConfiguration) -> set[tuple[str, str]]:
    """Key and text, numbers of siblings left out: those change when siblings are lost."""
    return {(re.sub(r"\[[0-9]+\]", "", s.key), s.text) for s in configuration.settings}


def assert_no_invention(got: VmConfiguration, truth: VmConfiguration) -> None:
    assert got.partial
    assert any(n.code == "XML-PARTIAL" and n.start is not None for n in got.notices)
    assert pairs(got) <= pairs(truth)
    assert {a.mac for a in got.adapters} <= {a.mac for a in truth.adapters}
    guessed = any("SCSI" in n.what for n in got.notices)
    assert {dataclasses.replace(d, qos=None) for d in got.drives
            if d.controller != "SCSI" or not guessed} <= {
        dataclasses.replace(d, qos=None) for d in truth.drives}
    assert {d.path for d in got.drives} <= {d.path for d in truth.drives}
    assert got.boot_order in ((), truth.boot_order)
    for field in ("name", "notes", "vm_id", "snapshot_id", "version", "bios_guid", "owner_sid"):
        assert getattr(got, field) in ("", getattr(truth, field))
    assert got.created_at in (None, truth.created_at)


def torn(data: bytes, truth: VmConfiguration, step: int) -> Iterator[VmConfiguration]:
    for cut in range(1, len(data) - 1, step):
        try:
            got = parse(data[:cut])
        except EvidenceError:
            continue
        if facts(got) != facts(truth):  # else only white space or a line end was cut
            assert_no_invention(got, truth)
        yield got


@pytest.mark.parametrize("name", ENCODINGS)
def test_torn_files_keep_what_stands_before_the_tear_and_invent_nothing(name: str) -> None:
    data = ENCODINGS[name](text_of(make.machine_xml(MACHINE)))
    counts = [len(got.settings) for got in torn(data, whole(), len(data) // 90)]
    assert counts == sorted(counts)
    assert len(counts) > 80


def test_a_value_cut_in_the_middle_is_not_reported() -> None:
    text = text_of(make.machine_xml(MACHINE))
    at = text.index("boot.vfd")
    got = parse(text[: at + 3].encode("utf-16"))
    assert got.partial
    assert "D:\\boo" not in {s.text for s in got.settings}
    assert Drive("IDE", 0, 0, "disk", "D:\\VMs\\web.vhd") in got.drives
    notice = next(n for n in got.notices if n.code == "XML-PARTIAL")
    assert notice.what == ("<pathname> without its end, inside configuration/"
                           "_8f0d2762-0b00-4e04-af4f-19010527cb93_/controller0/drive0")
    assert notice.start is not None
    assert 2 * at - 60 < notice.start < 2 * at + 10
    assert (got.is_snapshot, got.vm_id) == (None, "")


@pytest.mark.parametrize("name", ["UTF-16LE, mark", "UTF-8"])
@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_a_hole_costs_what_it_covers(name: str, fill: bytes) -> None:
    data = ENCODINGS[name](text_of(make.machine_xml(MACHINE)))
    for at in range(0, len(data) - 512, 400):
        got = parse(data[:at] + fill * 512 + data[at + 512 :])
        assert_no_invention(got, whole())
        assert len(got.settings) > len(whole().settings) * 0.6
        assert all(n.length == 0 or n.length is None or n.length >= 500 for n in got.notices
                   if n.code == "XML-PARTIAL"), at


@pytest.mark.parametrize(("data", "error"), [
    (b"", Corrupt), (bytes(4096), Corrupt), (b"MZ\x90\0", NotThisFormat),
    (b"\xff\xfe<\0?\0x\0m\0l\0", Corrupt), (b"<configur", Corrupt),
    (b"<vm_description><type>1</type></vm_description>", NotThisFormat),
    (b"<preferences><version>2.0</version></preferences>", NotThisFormat),
    (b"<configuration><appSettings><add key='a'/></appSettings></configuration>", NotThisFormat),
    (b"<configuration/>", NotThisFormat),
    (b"<configuration><settings><memory><bank></bank></memory>", Corrupt),
    (b"<prefere", NotThisFormat),
    (b"<!-- <configuration> --><a><b/></a>", NotThisFormat),
    (b"<configuration>" + b" " * vm_xml.LARGEST, Unsupported)])
def test_what_is_no_configuration(data: bytes, error: type[EvidenceError]) -> None:
    with pytest.raises(error):
        parse(data)


LEAF = '<properties><name type="string">{}</name><notes type="string">n</notes></properties>'


def laughs() -> str:
    entities = ['<!ENTITY a0 "ha">'] + [
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)]
    return f"<!DOCTYPE c [{''.join(entities)}]><configuration>{LEAF.format('&a9;')}</configuration>"


def quadratic() -> str:
    return (f'<!DOCTYPE c [<!ENTITY a "{"x" * 50_000}">]>'
            f"<configuration>{LEAF.format('&a;' * 50_000)}</configuration>")


def nested(depth: int, name: str) -> str:
    return f"<configuration>{f'<{name}>' * depth}"


BOMBS = {
    "billion laughs": laughs(),
    "quadratic": quadratic(),
    "laughs in an attribute": laughs().replace('type="string">n', 'type="&a9;">n'),
    "depth 100000": nested(100_000, "a"),
    "long names": nested(120, "n" * 4000) + '<x type="string">1</x>' * 9_000,
    "closed long names": "<configuration><settings>" + f"<{'n' * 4000}>" * 100
    + '<x type="string">1</x>' * 30_000 + f"</{'n' * 4000}>" * 100 + "</settings></configuration>",
    "too many leaves": f"<configuration><settings>{'<a/>' * 400_000}</settings></configuration>",
    "open comments": "<configuration>" + "<!--" * 1_000_000,
    "open document types": "<configuration>" + "<!DOCTYPE>" * 500_000,
    "open subsets": "<configuration>" + "<!DOCTYPE[" * 500_000,
    "angle brackets": "<configuration>" + "<" * 500_000,
    "ampersands": "<configuration>" + "&" * 4_000_000,
    "spaces in a tag": "<configuration" + " " * 4_000_000,
    "attributes": "<configuration><properties " + 'a="b" ' * 500_000,
    "manifest": "<configuration><manifest>" + "".join(
        f'<vdev{n:03}><device type="string">x</device></vdev{n:03}>' for n in range(9_999))
    + "</manifest></configuration>",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_and_are_said(name: str) -> None:
    data = BOMBS[name].encode()
    start = time.process_time()
    try:
        got = parse(data)
        assert got.notices
        assert sum(len(s.text) for s in got.settings) <= 2 * len(data)
    except EvidenceError:
        pass
    assert time.process_time() - start < 25  # RELIABILITY G8


def test_a_flood_of_bad_values_is_cut_short() -> None:
    nodes = (f"_{n:08x}-0000-0000-0000-000000000000_" for n in range(2000))
    got = minimal("".join(f'<{n}><MacAddress type="string">zz</MacAddress></{n}>' for n in nodes))
    assert len(got.adapters) == 2000
    assert len(got.notices) == 1001
    assert got.notices[-1].what == "more values that do not fit"


def test_long_names_do_not_fill_memory() -> None:
    data = BOMBS["closed long names"].encode()
    tracemalloc.start()
    try:
        with pytest.raises(Corrupt):
            parse(data)
        assert tracemalloc.get_traced_memory()[1] < 300 * 2**20
    finally:
        tracemalloc.stop()


def test_entities_are_never_resolved_and_the_rest_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    for kind in (f'SYSTEM "{secret.as_uri()}"', '"inner"'):
        document = f"<!DOCTYPE c [<!ENTITY x {kind}>]><configuration>{LEAF}</configuration>"
        got = parse(document.format("&x;").encode())
        assert (got.name, got.notes) == ("", "n")
        assert {n.code for n in got.notices} == {"XML-DOCTYPE", "XML-PARTIAL"}
        assert "SECRET" not in repr(got)
    plain = parse(f'<!DOCTYPE c SYSTEM "file:///x.dtd"><configuration>{LEAF}</configuration>'
                  .format("a &amp; &#98; &lt;").encode())
    assert (plain.name, plain.partial) == ("a & b <", False)
    assert [n.code for n in plain.notices] == ["XML-DOCTYPE"]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40),
       st.sampled_from(sorted(ENCODINGS)))
def test_any_name_survives_any_encoding(name: str, encoding: str) -> None:
    machine = dataclasses.replace(MACHINE, name=name)
    data = ENCODINGS[encoding](text_of(make.machine_xml(machine)))
    stored = re.sub("[\ufffe\uffff]", "", name)
    if stored == name:
        assert parse(data).name == name.strip()


def test_mutants_end_in_a_result_or_an_evidence_error() -> None:
    dice, clean = random.Random(5), make.machine_xml(MACHINE)
    for _ in range(150):
        data = bytearray(clean)
        for _ in range(dice.choice((1, 3, 20))):
            data[dice.randrange(len(data))] = dice.randrange(256)
        start = dice.randrange(len(data))
        if dice.random() < 0.3:
            del data[start : start + dice.choice((1, 2, 300))]
        try:
            got = parse(bytes(data))
        except EvidenceError:
            continue
        assert not got.partial or got.notices


REAL = {
    "dissect.target/hyperv/B90AC31B-C6F8-479F-9B91-07B894A6A3F6.xml": (
        244, "Default Generation 1", "B90AC31B-C6F8-479F-9B91-07B894A6A3F6", 512,
        "C:\\Disks\\Default Generation 1.vhdx", ""),
    "mwrock-packer-templates/vm.XML": (
        248, "2012R2", "0AA394FA-7C4A-4070-BA32-773D43B28A68", 1024,
        "C:\\dev\\vagrant\\Win2k12R2\\.vagrant\\machines\\default\\hyperv\\disk.vhd",
        "2014-11-09T05:34:40.4317327Z"),
    "base-boxes/vm.xml": (
        248, "81Update", "0AA394FA-7C4A-4070-BA32-773D43B28A68", 1024,
        "C:\\dev\\vagrant\\Win2k12R2\\.vagrant\\machines\\default\\hyperv\\disk.vhd",
        "2014-11-09T05:34:40.4317327Z"),
}


def real_text(path: Path) -> str:
    data = path.read_bytes()
    return data.decode("utf-16" if data.startswith(b"\xff\xfe") else "utf-8")


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_real_files_say_what_is_known_of_them(realdata: Path, name: str) -> None:
    got = parse((realdata / name).read_bytes())
    leaves, title, vm_id, memory, disk, created = REAL[name]
    assert (len(got.settings), got.name, got.vm_id, got.memory.size_mb) == (
        leaves, title, vm_id, memory)
    assert len(re.findall(r"<\w+ type=", real_text(realdata / name))) == leaves
    assert (got.version, got.generation, got.partial) == ("5.0", 1, False)
    assert (got.drives[0], len(got.drives)) == (
        Drive("IDE", 0, 0, "disk", disk, got.drives[0].qos), 5)
    assert got.drives[0].qos in (
        Qos(0, 0, 100, is_shared=False, policy_id=""), Qos(0, 0, None, is_shared=False,
                                                           policy_id=""))
    assert times.iso(got.created_at) == created
    assert all(s.value is not None for s in got.settings)
    assert [n.code for n in got.notices] == (
        ["XML-ENCODING"] if "mwrock" in name else [] if created else ["TIME-NEVER"])


@pytest.mark.realdata
def test_the_connected_adapter_of_the_real_export(realdata: Path) -> None:
    got = parse((realdata / "mwrock-packer-templates/vm.XML").read_bytes())
    assert got.adapters == (Adapter(
        "Network Adapter", "synthetic", "00-15-5D-01-07-DC", mac_is_static=False, is_connected=True,
        switch_id="438B7B13-6180-4155-B7BF-08709CCF234D", switch_name="Virtual External Switch",
        port_name="87279691-8C7B-4C18-A0CB-52B86BD450D5",
        channel_id=got.adapters[0].channel_id, cluster_monitored=True, prevents_ip_spoofing=False,
        features=got.adapters[0].features),)
    (feature,) = got.adapters[0].features
    assert (feature.name, feature.version, feature.data) == ("offload", 256, bytes.fromhex(
        "00020000640000000000000001000000 00000000"))
    assert feature.meaning == ("IPsec offload limit 512, VMQ weight 100, IOV weight 0, "
                               "IOV queue pairs 1, IOV interrupt moderation 0")
    assert got.powered_on_at == 130599954966442599
    assert got.owner_sid == "S-1-5-21-805543585-96907229-3301423255-1001"


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_real_files_in_nine_encodings_whole_and_torn(realdata: Path, name: str) -> None:
    text, truth = real_text(realdata / name), parse((realdata / name).read_bytes())
    for encode in ENCODINGS.values():
        data = encode(text)
        assert facts(parse(data)) == facts(truth)
        counts = [len(got.settings) for got in torn(data, truth, len(data) // 25)]
        assert counts == sorted(counts)


@pytest.mark.realdata
def test_the_saved_state_fragment_of_a_real_file(realdata: Path) -> None:
    text = (realdata / "fragments/savedstate-2012R2.xml.txt").read_text()
    got = minimal(text.partition("-->")[2])
    assert got.saved_state is not None
    assert got.saved_state.state_path.endswith("C520D71E-AE84-40D6-A2B5-B1F697821703.vsv")
    assert got.saved_state.folder.endswith("\\C520D71E-AE84-40D6-A2B5-B1F697821703")


@pytest.mark.realdata
def test_other_xml_of_real_hosts_is_refused(realdata: Path) -> None:
    others = [*(realdata / "vmc").glob("*.vmc"), *(realdata / "event-xml-text").glob("*.xml"),
              realdata / "fragments/virtmgmt.VMBrowser.config.txt"]
    assert len(others) >= 6
    for path in others:
        with pytest.raises(NotThisFormat):
            parse(path.read_bytes())
