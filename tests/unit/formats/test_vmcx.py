"""VMCX: real files, and files of every container version made by the corpus writer."""

import json
import os
import re
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from analyzer import times
from analyzer.blocks import Memory
from analyzer.errors import Corrupt, NotThisFormat, Unreadable
from analyzer.formats import vm_xml as xml
from analyzer.formats import vmcx
from analyzer.formats.vmcx_file import VERSIONS
from analyzer.formats.vmcx_tree import LARGEST_VALUE, MOST_DEPTH
from corpus.make import vm_xml
from corpus.make import vmcx as make

VM = "11111111-AAAA-4000-8000-000000000001"
OTHER = "dissect.hypervisor/descriptor/hyperv/test.vmcx"
GENERATION_2 = "dissect.target/hyperv/993F7B33-6057-4D1E-A1FE-A1A1D77BE974.vmcx"
REGISTER = "dissect.target/hyperv/data.vmcx"

KEYS: list[make.Key] = [("configuration", [
    ("properties", [("name", "web Ü 日本"), ("global_id", VM), ("version", 2304)]),
    ("metric", [("guid", "a")]), ("metric", [("guid", "b")]), ("other", -5),
    ("metric", [("guid", "c")]), ("large", bytes(range(256)) * 9), ("text", "x" * 3000),
    ("unsigned", make.Unsigned(2**64 - 1)), ("double", 1.5), ("yes", True), ("no", False),
    ("empty", ""), ("none", b""), ("node", []), ("bytes", b"\0\1")])]


def read(data: bytes) -> vmcx.Vmcx:
    return vmcx.open_vmcx(Memory(data))


def said(file: vmcx.Vmcx) -> list[tuple[str, object]]:
    return [(leaf.key, leaf.value) for leaf in file.settings]


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "leaves", "tables"), [
    (OTHER, 303, 8), (GENERATION_2, 251, 6), (REGISTER, 35, 3)])
def test_every_leaf_of_a_real_file_is_there(realdata: Path, name: str, leaves: int,
                                            tables: int) -> None:
    file = read((realdata / name).read_bytes())
    assert (len(file.settings), len(file.storage.tables)) == (leaves, tables)
    assert not file.notices
    assert not file.partial
    places = [file.places[leaf.at] for leaf in file.settings if leaf.at is not None]
    assert len(set(places)) == leaves


@pytest.mark.realdata
def test_a_real_machine_is_what_its_readme_says(realdata: Path) -> None:
    got = read((realdata / GENERATION_2).read_bytes()).configuration()
    assert (got.name, got.version, got.generation) == ("Default Generation 2", "9.0", 2)
    assert times.iso(got.created_at).startswith("2023-02-17T17:03:30.381010")
    assert [(d.controller, d.slot, d.medium, d.path) for d in got.drives] == [
        ("SCSI", 0, "disk", "C:\\Disks\\Default Generation 2.vhdx")]
    other = read((realdata / OTHER).read_bytes()).configuration()
    assert (other.name, other.vm_id) == ("Other Location", "282874FC-59D6-4F30-BC04-5FDD909C82E0")
    assert times.iso(other.created_at).startswith("2021-08-22T21:41:00")
    assert (other.is_snapshot, other.is_planned) == (False, False)
    assert [n.code for n in other.notices] == ["TIME-NEVER"], "it was never started"


@pytest.mark.realdata
def test_former_values_of_real_files_are_recovered(realdata: Path) -> None:
    other = read((realdata / OTHER).read_bytes()).former
    assert {(f.key.rpartition("/")[2], f.text, f.now, f.found_in) for f in other} == {
        ("type_id", "Planned Virtual Machines", "Virtual Machines", "slack"),
        ("type", "NONE", "VHD", "slack"), ("type", "NONE", "ISO", "slack")}
    assert all(f.basis.startswith("inferred") for f in other)
    register = read((realdata / REGISTER).read_bytes()).former
    assert [(f.key, f.is_gone, f.sequence, f.live_sequence) for f in register] == [
        (f"Configurations/VirtualMachines/_{guid}_", True, 15, 33) for guid in (
            "59BA3B9E-EC28-47A0-BC45-98E06E082ADE", "FA2CC0D6-643D-496C-AA33-10F911E7EAF8",
            "282874FC-59D6-4F30-BC04-5FDD909C82E0")]


@pytest.mark.realdata
@pytest.mark.parametrize("name", [OTHER, GENERATION_2, REGISTER])
def test_dissect_reads_the_same(realdata: Path, name: str) -> None:
    _agrees_with_dissect(realdata / name, read((realdata / name).read_bytes()))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_published_version_is_read(version: int) -> None:
    file = read(make.build(KEYS, version=version))
    assert not file.notices
    assert said(file) == [
        ("configuration/properties/name", "web Ü 日本"), ("configuration/properties/global_id", VM),
        ("configuration/properties/version", 2304), ("configuration/metric[1]/guid", "a"),
        ("configuration/metric[2]/guid", "b"), ("configuration/other", -5),
        ("configuration/metric[3]/guid", "c"), ("configuration/large", bytes(range(256)) * 9),
        ("configuration/text", "x" * 3000), ("configuration/unsigned", 2**64 - 1),
        ("configuration/double", "1.5"), ("configuration/yes", True), ("configuration/no", False),
        ("configuration/empty", ""), ("configuration/none", b""),
        ("configuration/bytes", b"\0\1")]
    assert {leaf.type for leaf in file.settings} == {"string", "integer", "double", "bool", "bytes"}


def test_an_unpublished_version_is_read_and_said() -> None:
    file = read(make.build(KEYS, version=0x0500))
    assert len(file.settings) == 16
    assert [notice.code for notice in file.notices] == ["VMCX-VERSION"]


def test_the_writer_is_read_by_dissect(tmp_path: Path) -> None:
    path = tmp_path / "a.vmcx"
    keys: list[make.Key] = [("configuration", [
        ("a", "text"), ("n", -7), ("u", make.Unsigned(2**63)), ("d", 2.25), ("b", True),
        ("deep", [(f"k{number}", "v" * 60) for number in range(200)]), ("bytes", b"\1\2"),
        ("large", b"y" * 5000)])]
    path.write_bytes(make.build(keys, stale=[(3, KEYS)], free=(2, KEYS)))
    _agrees_with_dissect(path, read(path.read_bytes()))


def test_pending_changes_are_applied_and_said() -> None:
    after: list[make.Key] = [("configuration", [
        ("properties", [("name", "renamed"), ("global_id", VM)]),
        ("more", [(f"k{number}", number) for number in range(300)]), ("large", b"z" * 9000)])]
    file = read(make.build(KEYS, pending=after, stale=[(4, KEYS)]))
    assert [notice.code for notice in file.notices] == ["VMCX-LOG"]
    assert "changes of the replay log were pending" in file.notices[0].what
    assert not file.partial
    assert said(file) == said(read(make.build(after)))
    former = {f.key: (f.text, f.found_in) for f in file.former}
    assert former["configuration/properties/name"] == ("web Ü 日本", "before the pending changes")


def test_a_damaged_pending_change_is_not_applied() -> None:
    after: list[make.Key] = [("configuration", [("properties", [("name", "renamed")])])]
    data = bytearray(make.build(KEYS, pending=after))
    log = struct.unpack_from("<Q", data, 26)[0]
    data[log + 34 + 24] ^= 1  # header checksum of the first entry
    file = read(bytes(data))
    assert file.partial
    assert "damaged and were not" in file.notices[0].effect


def test_former_states_are_told_with_their_sequence() -> None:
    old: list[make.Key] = [("configuration", [
        ("properties", [("name", "before"), ("global_id", VM), ("version", 2304)]),
        ("gone", 77)])]
    oldest: list[make.Key] = [("configuration", [("properties", [("name", "first")])])]
    file = read(make.build(KEYS, stale=[(5, oldest), (7, old)], free=(6, old)))
    assert len(file.settings) == 16
    rows = [(f.key, f.text, f.now, f.is_gone, f.found_in, f.basis, f.sequence, f.live_sequence)
            for f in file.former]
    name = "configuration/properties/name"
    assert rows == [
        (name, "before", "web Ü 日本", False, "replay log", "direct", 7, 9),
        ("configuration/gone", "77", "", True, "replay log", "direct", 7, 9),
        (name, "first", "web Ü 日本", False, "replay log", "direct", 5, 9)]


def test_tables_behind_the_end_and_in_unlisted_space_are_former_values() -> None:
    old = make.build([("configuration", [("properties", [("name", "before")]), ("gone", 7)])],
                     sequence=5)
    file = read(make.build(KEYS, tail=old[3 * 4096:4 * 4096] + b"rest"))
    assert [(f.key, f.text, f.found_in, f.sequence) for f in file.former] == [
        ("configuration/properties/name", "before", "unclaimed space", 5),
        ("configuration/gone", "7", "unclaimed space", 5)]
    assert len(file.settings) == 16


def test_a_table_that_was_replaced_is_told() -> None:
    """Two listed tables of one index: the higher sequence counts, also when it wraps."""
    data = bytearray(make.build([("configuration", [("name", "new"), ("b", "x" * 900)])],
                                sequence=1))
    old = make.build([("configuration", [("name", "old")])], sequence=0xFFFE)
    at = len(data)
    slot = struct.pack("<BIQIB", 2, 0, at, 4096, 1)
    place = 8192 + 8 + 18
    data[place:place + 18] = slot[:1] + zlib.crc32(slot).to_bytes(4, "little") + slot[5:]
    file = read(bytes(data) + old[3 * 4096:4 * 4096])
    assert said(file)[0] == ("configuration/name", "new")
    assert [(f.text, f.now, f.found_in) for f in file.former] == [("old", "new", "replaced table")]
    assert [(n.code, n.start, n.what) for n in file.notices] == [
        ("VMCX-TABLE", at, "key table 1 is listed twice, here and at 0x3000")]
    assert file.partial


def test_slack_tells_the_end_of_a_longer_text() -> None:
    file = read(make.build([("configuration", [
        ("type_id", make.Was("Virtual Machines", "Planned Virtual Machines")),
        ("type", make.Was("VHD", "NONE")),
        ("pathname", make.Was("C:\\a.vhdx", "C:\\old folder\\b.vhdx"))])]))
    assert [(f.text, f.now, f.sequence) for f in file.former] == [
        ("Planned Virtual Machines", "Virtual Machines", None), ("NONE", "VHD", None),
        ("…lder\\b.vhdx", "C:\\a.vhdx", None)]
    assert "of a text of 20 characters" in file.former[2].basis


def test_a_machine_of_xml_and_of_vmcx_is_the_same() -> None:
    machine = vm_xml.Machine(VM, "web", times.UNIX_EPOCH, version=0x0900, bios_guid=VM,
                             drives=(vm_xml.Drive("ide", 0, 0, "VHD", "D:\\a.vhdx"),),
                             nics=(vm_xml.Nic(VM, "LAN", "00-15-5D-01-07-DC"),))
    one = xml.parse(vm_xml.machine_xml(machine))
    two = read(make.machine_vmcx(machine)).configuration()
    assert (one.name, one.vm_id, one.created_at, one.version) == (
        two.name, two.vm_id, two.created_at, two.version)
    assert (one.drives, one.adapters, one.com_ports, one.components, one.devices) == (
        two.drives, two.adapters, two.com_ports, two.components, two.devices)
    assert {(s.key, s.value) for s in one.settings} == {(s.key, s.value) for s in two.settings}


def test_values_of_saved_memory_are_not_read() -> None:
    data = make.build([("savedstate", [("VmVersion", 0x0A00),
                                       ("RamBlock0", b"m" * (LARGEST_VALUE + 1))])])

    class Counted(Memory):
        longest = 0

        def read_at(self, offset: int, length: int) -> bytes:
            Counted.longest = max(Counted.longest, length)
            return super().read_at(offset, length)

    file = vmcx.open_vmcx(Counted(data))
    assert [(s.type, s.text) for s in file.settings] == [
        ("integer", "2560"), ("file object", f"{LARGEST_VALUE + 1} bytes at 0x4000")]
    assert Counted.longest <= LARGEST_VALUE


def test_thousands_of_objects_chain_their_tables() -> None:
    keys: list[make.Key] = [("savedstate", [(f"RamBlock{n}", bytes([n % 256]) * 2048)
                                            for n in range(700)])]
    file = read(make.build(keys))
    assert len(file.settings) == 700
    assert len(file.storage.objects.tables) == 4
    assert all(s.value == bytes([n % 256]) * 2048 for n, s in enumerate(file.settings))


@pytest.mark.parametrize("data", [
    b"", b"\x14\x20", b"<configuration/>", b"conectix" + bytes(9000),
    "<?xml version='1.0'?><vm_description/>".encode("utf-16")])
def test_other_files_are_not_this_format(data: bytes) -> None:
    with pytest.raises(NotThisFormat):
        read(data)


def test_a_file_without_a_key_is_corrupt() -> None:
    with pytest.raises(Corrupt, match="without one whole key"):
        read(make.build([]))


def test_a_register_is_no_machine() -> None:
    with pytest.raises(NotThisFormat):
        read(make.register([(VM, "C:\\a.vmcx")])).configuration()


class Holed(Memory):
    """Bytes whose sector at `hole` cannot be read."""

    hole = 0x3000 + 512

    def read_at(self, offset: int, length: int) -> bytes:
        if offset < self.hole + 512 and offset + length > self.hole:
            start = max(offset, self.hole)
            raise Unreadable("bad sector", start, min(offset + length, self.hole + 512) - start)
        return super().read_at(offset, length)


def test_an_unreadable_sector_costs_the_keys_in_it() -> None:
    data = make.build([("configuration", [(f"k{number}", number) for number in range(60)])])
    file = vmcx.open_vmcx(Holed(data))
    assert 40 <= len(file.settings) < 60
    assert {"VMCX-EIO", "VMCX-KEY"} == {notice.code for notice in file.notices}
    assert all(leaf.key == f"configuration/k{leaf.text}" for leaf in file.settings)
    assert file.partial


def test_an_unreadable_value_is_never_zeros() -> None:
    data = make.build([("configuration", [("name", "x"), ("large", b"y" * 3000)])])

    class InValue(Holed):
        hole = 0x4200

    file = vmcx.open_vmcx(InValue(data))
    assert [(s.type, s.text) for s in file.settings] == [
        ("string", "x"), ("file object", "3000 bytes at 0x4000")]
    assert [notice.code for notice in file.notices] == ["VMCX-VALUE"]


def test_deep_nests_are_cut_into_pieces_and_that_is_said() -> None:
    keys: list[make.Key] = [("leaf", 1)]
    for _ in range(3000):
        keys = [("n", keys), ("v", 2)]
    file = read(make.build([("configuration", keys)]))
    assert len(file.settings) == 3001
    assert max(leaf.key.count("/") for leaf in file.settings) <= MOST_DEPTH
    assert {notice.code for notice in file.notices} == {"VMCX-NODE"}


def test_a_parent_that_is_its_own_child_is_kept_apart() -> None:
    data = bytearray(make.build([("configuration", [("a", [("b", [("c", 5)])])])]))
    table = bytes(data[0x3000:0x4000])
    a = table.index(b"a\0") - 21
    b = table.index(b"b\0") - 21
    data[0x3000 + a + 8:0x3000 + a + 12] = b.to_bytes(4, "little")
    _sum_again(data, 0x3000 + a, 21 + 2 + 12)
    file = read(bytes(data))
    assert [(leaf.value, leaf.key.endswith("b/c")) for leaf in file.settings] == [(5, True)]
    assert "VMCX-NODE" in [notice.code for notice in file.notices]


def _sum_again(data: bytearray, at: int, length: int) -> None:
    data[at + 12:at + 16] = bytes(4)
    data[at + 12:at + 16] = zlib.crc32(bytes(data[at:at + length])).to_bytes(4, "little")


def _leaves(file: vmcx.Vmcx) -> dict[str, str]:
    """Key -> value in words; of siblings of one name, which are left out, dissect keeps one."""
    return {leaf.key: leaf.value.hex() if isinstance(leaf.value, bytes)
            else leaf.text for leaf in file.settings if "[" not in leaf.key}


_DISSECT = """
import json, sys
from dissect.hypervisor.descriptor.hyperv import HyperVFile
found = {}
def walk(keys, path):
    for name, value in keys.items():
        if isinstance(value, dict):
            walk(value, path + [name])
        else:
            text = value.hex() if isinstance(value, bytes) else str(value)
            found["/".join(path + [name])] = text
with open(sys.argv[1], "rb") as file:
    walk(HyperVFile(file).as_dict(), [])
print(json.dumps(found))
"""


def _agrees_with_dissect(path: Path, file: vmcx.Vmcx) -> None:
    """Compares with dissect.hypervisor (AGPL: in a process, and a Python, of its own)."""
    python = os.environ.get("VMTRAIL_DISSECT_PYTHON")
    if python is None:
        pytest.skip("bench: VMTRAIL_DISSECT_PYTHON names no Python that has dissect.hypervisor")
    done = subprocess.run([python, "-c", _DISSECT, str(path)], capture_output=True, text=True,
                          check=True)
    theirs: dict[str, str] = json.loads(done.stdout)
    ours = _leaves(file)
    assert {key: theirs.get(key) for key in ours} == ours
    assert {re.sub(r"\[\d+\]", "", leaf.key) for leaf in file.settings} == set(theirs)
