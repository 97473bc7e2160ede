"""Several images: disks of one host, or hosts side by side."""

import json
from mmap import mmap
from typing import cast

import pytest

from analyzer import attention
from analyzer.computers import disk_facts
from analyzer.engine.tasks import Limits
from analyzer.engine.watch import PAGE_SIZE, ChildWatch, Noted, read_note
from analyzer.errors import Corrupt
from analyzer.filesystem.ntfs import Entry
from analyzer.ownership import DiskFacts, group_by_computer
from analyzer.system import build_systems
from analyzer.volume import Medium
from corpus.make import hive
from tests.dict_system import SIGNATURE, DictFiles, medium, mounted

CONFIG = "Windows/System32/config/SYSTEM"
OTHER = 0x0BADCAFE


def names(groups: list[list[Medium]]) -> list[list[str]]:
    return [[one.source.evidence for one in group] for group in groups]


def grouped(*media: Medium, are_all: bool = True) -> list[list[Medium]]:
    facts = [DiskFacts.from_json(json.loads(json.dumps(disk_facts(m).to_json()))) for m in media]
    return [[media[i] for i in group] for group in group_by_computer(facts, are_all=are_all)]


def windows(name: str, signature: int, *known: tuple[str, int]) -> Medium:
    """A disk with Windows whose MountedDevices know itself and the signatures of `known`."""
    others = {letter: (number, 1) for letter, number in (("C", signature), *known)}
    return medium({f"C:/{CONFIG}": hive.build(mounted(others=others))}, name, signature)


def test_a_second_disk_joins_the_host_that_knows_it() -> None:
    data = medium({"D:/VMs/x": b"1"}, "d.E01", OTHER)
    host = windows("c.E01", SIGNATURE, ("D", OTHER))
    groups = grouped(data, host)
    assert names(groups) == [["d.E01", "c.E01"]]
    (system,) = build_systems(groups[0])
    assert [(v.letter, v.letter_basis) for v in system.volumes] == [
        ("D", "MountedDevices"), ("C", "MountedDevices")]
    item = system.find("D:\\VMs\\x")
    assert item is not None
    assert item.source.address == "d.E01!/p1/VMs/x"


def test_a_disk_nobody_names_joins_the_only_host_without_a_letter() -> None:
    groups = grouped(windows("c.E01", SIGNATURE), medium({"X:/y": b""}, "x.E01", OTHER))
    assert names(groups) == [["c.E01", "x.E01"]]
    (system,) = build_systems(groups[0])
    assert [v.name for v in system.volumes] == ["C:", "d2p1:"]
    assert system.find("d2p1:\\y") is not None


def test_two_hosts_stay_two() -> None:
    one, two = windows("1.E01", SIGNATURE, ("D", 7)), windows("2.E01", OTHER, ("D", 8))
    disk = medium({"D:/x": b""}, "2d.E01", 8)
    stray = medium({"D:/x": b""}, "stray.E01", 99)
    assert names(grouped(one, disk, two, stray)) == [
        ["1.E01"], ["2d.E01", "2.E01"], ["stray.E01"]]


def test_clones_with_one_signature_are_not_taken_for_each_other() -> None:
    assert names(grouped(windows("1.E01", SIGNATURE), windows("2.E01", SIGNATURE))) \
        == [["1.E01"], ["2.E01"]]


def test_two_installations_that_know_each_other_are_one_computer() -> None:
    one, two = windows("1.E01", SIGNATURE, ("D", OTHER)), windows("2.E01", OTHER, ("D", SIGNATURE))
    groups = grouped(one, two)
    assert names(groups) == [["1.E01", "2.E01"]]
    assert [s.system_id for s in build_systems(groups[0])] == ["1.E01!/p1", "2.E01!/p1"]


def test_a_volume_that_cannot_be_looked_through_costs_itself(
        monkeypatch: pytest.MonkeyPatch) -> None:
    disk = medium({f"C:/{CONFIG}": hive.build(mounted("C", "D")), "D:/x": b"1"})
    good, bad = disk.volumes
    look = DictFiles.children

    def children(self: DictFiles, directory: Entry) -> list[Entry]:
        if self is cast("object", bad.filesystem):
            raise Corrupt("no index", 7)
        return look(self, directory)

    monkeypatch.setattr(DictFiles, "children", children)
    assert disk_facts(disk).windows == (good.volume_id,)
    assert [(n.code, n.start) for n in disk.notices] == [("WIN-FIND", 7)]
    (system,) = build_systems([disk])
    list(system.survey())
    assert "WIN-FIND" in {p.code for p in system.problems()}


def test_a_hive_in_memory_is_what_is_read_when_its_keys_are() -> None:
    (system,) = build_systems([windows("c.E01", SIGNATURE)])
    page = mmap(-1, PAGE_SIZE)
    attention.watch(ChildWatch(page, (), Limits()))
    try:
        with attention.on("file", "c.E01!/p1/other"):
            pass
        system.registry.key("SYSTEM", "Select")
        assert read_note(page[:]) == Noted(f"file c.E01!/p1/{CONFIG}", in_use=True)
    finally:
        attention.watch(None)
