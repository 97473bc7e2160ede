"""Two cases held against each other; the truth is what was changed between them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from analyzer.case.changes import Change, compare
from analyzer.case.estate import hosts, shared
from analyzer.records import (
    DiskLayer,
    Record,
    Snapshot,
    System,
    VirtualMachine,
    VmDrive,
    VmNetworkAdapter,
)
from analyzer.source import Source
from tests.plugins.reports import case
from tests.plugins.reports.tables import FakeTables


def edited(kind: type[Record], key: str, **values: Any) -> list[Record]:
    """The usual case with these values in rows of the machine, or of the name, `key`."""
    return [replace(record, **values) if isinstance(record, kind)
            and key in (record.vm_id, getattr(record, "name", ""), getattr(record, "path", ""))
            else record for record in case.records()]


def without(drop: Callable[[Record], bool]) -> list[Record]:
    return [record for record in case.records() if not drop(record)]


def changes(old: Iterable[Record], new: Iterable[Record]) -> list[tuple[str, ...]]:
    return [(c.what, c.vm_name, c.about, c.field, c.before, c.after)
            for c in compare(FakeTables(old), FakeTables(new)).changes]


def test_equal_cases_have_no_differences() -> None:
    found = compare(FakeTables(case.records()), FakeTables(case.records()))
    assert found.changes == ()
    assert found.machines == {"appeared": 0, "vanished": 0, "moved": 0, "changed": 0,
                              "the same": 5}


def test_a_machine_that_is_in_one_case_only() -> None:
    fewer = without(lambda r: r.vm_id == case.SQL)
    found = compare(FakeTables(case.records()), FakeTables(fewer))
    place = f"hv01.E01!/p2/VMs/sql-prod/Virtual Machines/{case.SQL}.xml"
    assert found.changes == (Change("vanished", case.SQL, "sql-prod", "machine", "", "registered",
                                    "", place, ""),)
    assert (found.machines["vanished"], found.machines["the same"]) == (1, 4)
    back = compare(FakeTables(fewer), FakeTables(case.records())).changes[0]
    assert (back.what, back.after, back.source_before, back.source_after) == \
        ("appeared", "registered", "", place)


@pytest.mark.parametrize(("kind", "key", "values", "expected"), [
    (VirtualMachine, case.SQL, {"memory_mb": None},
     ("changed", "sql-prod", "machine", "memory_mb", "4096", "")),
    (VirtualMachine, case.WEB, {"boot_order": ("IDE", "CD")},
     ("changed", "web-frontend", "machine", "boot_order", "CD; IDE; Network; Floppy", "IDE; CD")),
    (VirtualMachine, case.SQL, {"configuration_path": "E:\\x.xml"},
     ("moved", "sql-prod", "machine", "configuration_path",
      f"D:\\VMs\\sql-prod\\{case.SQL}.xml", "E:\\x.xml")),
    (Snapshot, case.LONG_NAME, {"parent_id": case.S3},
     ("changed", "web-frontend", f"snapshot {case.S4}", "parent_id", case.S2, case.S3)),
    (VmDrive, "D:\\iso\\w2k8.iso", {"path": "D:\\iso\\other.iso"},
     ("changed", "web-frontend", "drive IDE 1", "path", "D:\\iso\\w2k8.iso",
      "D:\\iso\\other.iso")),
    (VmNetworkAdapter, "Network Adapter", {"mac": "00-15-5D-FF-FF-FF"},
     ("changed", "web-frontend", "adapter synthetic Network Adapter", "mac",
      "00-15-5D-01-07-DC", "00-15-5D-FF-FF-FF")),
    (DiskLayer, "C:\\VHD\\dc-1.vhd", {"verdict": "corrupt"},
     ("changed", "dc-1", "disk file C:\\VHD\\dc-1.vhd", "verdict", "complete", "corrupt")),
])
def test_one_edit_is_one_change(kind: type[Record], key: str, values: dict[str, Any],
                                expected: tuple[str, ...]) -> None:
    found = changes(case.records(), edited(kind, key, **values))
    if expected[2].startswith("drive"):
        expected = (*expected[:2], next(c[2] for c in found), *expected[3:])
    assert found == [expected]


def test_a_part_that_comes_or_goes() -> None:
    found = changes(case.records(), without(lambda r: isinstance(r, Snapshot)
                                            and r.snapshot_id == case.S5))
    assert found == [("vanished", "web-frontend", f"snapshot {case.S5}", "", "dangling parent",
                      "")]


def other_host(old: str = case.HOST, new: str = "hv02.E01!/p1") -> list[Record]:
    """The same machines on another host."""
    found: list[Record] = []
    for record in case.records():
        moved = replace(record, source=replace(record.source, evidence="hv02.E01"),
                        system_id=record.system_id.replace(old, new))
        is_host = isinstance(moved, System) and moved.system_id == new
        found.append(replace(moved, host_name="HV02")  # type: ignore[call-arg] # of a System
                     if is_host else moved)
    return found


def test_another_host_is_a_move() -> None:
    found = changes(case.records(), other_host())
    assert {c[:1] + c[2:] for c in found} == {("moved", "machine", "host", "HV01", "HV02")}
    assert len(found) == 5


def test_the_registered_configuration_is_compared_and_copies_are_counted() -> None:
    copy = VirtualMachine(source=Source("hv01.E01", "/p1/AAA.xml"), system_id=case.HOST,
                          vm_id=case.DC, name="copy", format="xml", state="unregistered")
    registered = edited(VirtualMachine, case.DC, state="registered")
    found = changes(registered, [copy, *registered])
    assert found == [("changed", "dc-1", "machine", "configurations", "1", "2")]


def test_an_estate_of_one_host_shares_nothing() -> None:
    assert shared({"a": FakeTables(case.records())}) == []
    twice = {"a": FakeTables(case.records()), "b": FakeTables(case.records())}
    found = {one.kind for one in shared(twice)}
    assert found == set()  # the same Windows, acquired twice


def test_ids_on_two_hosts_of_one_case_or_of_two() -> None:
    both = [*case.records(), *other_host()]
    for cases in ({"one": FakeTables(both)},
                  {"one": FakeTables(case.records()), "two": FakeTables(other_host())}):
        found = shared(cases)
        ids = {(one.kind, one.value) for one in found}
        assert ("machine id", case.GONE) in ids
        assert ("BIOS GUID", "A7C1F0DE-0000-4000-8000-0123456789AB") in ids
        assert ("MAC address", "00-15-5D-01-07-DC") in ids
        assert ("disk id", "D15C0000-0000-4000-8000-AAAAAAAAAAAA") in ids
        (mac,) = [one for one in found if one.kind == "MAC address"]
        assert [(s.host.name, s.vm_name, s.source.evidence) for s in mac.sightings] == \
            [("HV01", "web-frontend", "hv01.E01"), ("HV02", "web-frontend", "hv02.E01")]


def test_zeros_are_no_id_and_unknown_hosts_stay_apart() -> None:
    def machine(evidence: str, bios: str) -> VirtualMachine:
        return VirtualMachine(source=Source(evidence, "/p1/x.xml"), system_id=f"{evidence}!/p1",
                              vm_id="", name="x", format="vmc", state="registered",
                              bios_guid=bios)
    zeros = "00000000-0000-0000-0000-000000000000"
    assert shared({"c": FakeTables([machine("a", zeros), machine("b", zeros)])}) == []
    found = shared({"c": FakeTables([machine("a", "ab" + zeros[2:]),
                                     machine("b", "AB" + zeros[2:])])})
    assert [(one.value[:2], len(one.sightings)) for one in found] == [("AB", 2)]
    assert str(hosts("c", FakeTables([machine("a", zeros)]))["a!/p1"]) == "a!/p1"
