"""Inventory writers."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace

from analyzer.records import Problem, VirtualMachine
from plugins.reports.hosts import LISTED
from plugins.reports.inventory_csv import COLUMNS, inventory_csv
from plugins.reports.inventory_json import inventory_json
from plugins.reports.inventory_table import inventory_table
from tests.plugins.reports import case
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written

Named = Callable[[str], FakeTables]
ACTIVE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def test_table_says_what_there_is(tables: FakeTables) -> None:
    text = written(inventory_table, tables).decode()
    assert "Hyper-V host HV01: Windows Server 2008 Enterprise, build 6001.18000" in text
    for name in ("web-frontend", "sql-prod", "dc-1", "test", "deleted configuration"):
        assert name in text
    tree = text[text.index("Snapshots of web-frontend"):].splitlines()
    assert tree[1].startswith("    ● Fresh install")
    assert tree[2].startswith("    ├─● Try: other web server")
    assert tree[3].startswith("    ● Before SP1 roll-up")
    assert "the present grew from here" in tree[4]
    assert "dangling parent" in tree[5]
    assert "VHD-PARENT" in text
    assert "Looked at: 1 place absent, 1 place partial, 1 place read, 1 place unreadable" in text


def test_the_id_of_a_machine_without_a_name_is_whole() -> None:
    machines = [replace(record, name="") for record in case.records()
                if isinstance(record, VirtualMachine)]
    text = written(inventory_table, FakeTables(machines)).decode()
    assert all(f"({machine.vm_id})" in text for machine in machines)


def test_table_columns_are_aligned(tables: FakeTables) -> None:
    lines = written(inventory_table, tables).decode().splitlines()
    header = next(n for n, line in enumerate(lines) if line.startswith("  MACHINE"))
    column = lines[header].index("CREATED")
    assert lines[header + 1][column:].startswith("2008-07-01 06:30:00")
    assert lines[header + 2][column:].startswith("2008-10-02 10:00:00")


def test_table_drives_no_terminal(named: Named, hostile_name: str) -> None:
    text = written(inventory_table, named(hostile_name)).decode()
    assert not ACTIVE.search(text)
    plain = written(inventory_table, named("x")).decode()
    assert text.count("\n") == plain.count("\n")


def test_nothing_found_is_said_with_what_was_looked_at() -> None:
    places = [record for record in case.records() if type(record).__name__ == "Coverage"]
    text = written(inventory_table, FakeTables(places)).decode()
    assert ("No virtual machine was found in what could be read: 1 place absent, "
            "1 place partial, 1 place read, 1 place unreadable." in text)
    assert "no place is on record" in written(inventory_table, FakeTables([])).decode()


def test_json_is_one_tree(tables: FakeTables) -> None:
    found = json.loads(written(inventory_json, tables))
    host, = found["hosts"]
    assert host["system"]["host_name"] == "HV01"
    _, sql, _, web, _ = host["machines"]
    assert web["created_at"] == "2008-09-01T12:00:05.1234567Z"
    assert web["source"]["image_offset"] == 0x4F3200
    assert [(s["name"], s["depth"]) for s in web["snapshots"]["rows"]][:2] == [
        ("Fresh install", 0), ("Before SP1 roll-up", 1)]
    fresh = next(s for s in web["snapshots"]["rows"] if s["snapshot_id"] == case.S1)
    assert sorted(fresh["children"]) == [case.S2, case.S3]
    assert web["disks"]["total"] == 7
    assert [g["host_name"] for g in web["guests"]["rows"]] == ["WEB01", "WEB01", "WIN-7Q2X"]
    assert sql["problems"]["rows"][0]["code"] == "VHD-PARENT"
    others = found["not_of_a_machine"]
    assert others["disk_layer"]["rows"][0]["path"] == "D:\\old\\stray.vhd"
    assert [s["host_name"] for s in others["system"]["rows"]] == ["STRAY"]
    assert others["problem"]["total"] == 1


def test_a_problem_without_machine_goes_to_the_one_its_file_describes() -> None:
    records = list(case.records())
    web = next(r for r in records if type(r).__name__ == "VirtualMachine" and r.vm_id == case.WEB)
    records.append(Problem(source=web.source, code="XML-ENCODING", what="odd", effect="none"))
    found = json.loads(written(inventory_json, FakeTables(records)))
    machine, = (m for m in found["hosts"][0]["machines"] if m["vm_id"] == case.WEB)
    assert [p["code"] for p in machine["problems"]["rows"]] == ["XML-ENCODING"]


def test_json_loses_no_text_and_no_row(named: Named, hostile_name: str) -> None:
    tables = named(hostile_name)
    data = written(inventory_json, tables)
    assert data.isascii()
    found = json.loads(data)
    machines = [m for host in found["hosts"] for m in host["machines"]]
    assert sorted(m["name"] for m in machines) == sorted(
        r["name"] for r in tables.rows("virtual_machine"))
    for key, table in (("snapshots", "snapshot"), ("drives", "vm_drive"), ("disks", "disk_layer"),
                       ("problems", "problem"), ("findings", "finding")):
        listed = sum(m[key]["total"] for m in machines)
        assert listed + found["not_of_a_machine"][table]["total"] == len(tables.records[table])


def test_json_says_how_many_rows_it_does_not_list(tables: FakeTables) -> None:
    problem = tables.records["problem"][-1]
    tables.records["problem"] = [problem] * (LISTED + 5)
    listed = json.loads(written(inventory_json, tables))["not_of_a_machine"]["problem"]
    assert (listed["total"], len(listed["rows"])) == (LISTED + 5, LISTED)
    text = written(inventory_table, tables).decode()
    assert f"{LISTED + 5:,} x VOL-BITLOCKER" in text


def test_csv_has_one_row_a_machine(tables: FakeTables, named: Named, hostile_name: str) -> None:
    rows = list(csv.DictReader(io.StringIO(written(inventory_csv, tables).decode(), newline="")))
    assert [row["name"] for row in rows] == ["dc-1", "sql-prod", "test", "web-frontend", ""]
    assert rows[3]["disk_paths"] == "C:\\VHD\\web_B7.avhd"
    assert rows[3]["current_snapshot"] == case.LONG_NAME
    assert rows[1]["unreadable_bytes"] == str(40 * case.GIB)
    data = written(inventory_csv, named(hostile_name)).decode()
    broken = list(csv.DictReader(io.StringIO(data, newline=""), strict=True))
    assert len(broken) == 5
    for row in broken:
        assert set(row) == {*COLUMNS, "escaped"}
        assert not any(v.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for v in row.values())


def test_rows_of_equal_ids_stay_with_their_host() -> None:
    """The same machine on two hosts: each keeps its own rows."""
    from dataclasses import replace

    here = list(case.records())
    there = [replace(r, system_id=r.system_id.replace("hv01", "hv02"),
                     source=replace(r.source, evidence="hv02.E01")) for r in here]
    found = json.loads(written(inventory_json, FakeTables([*here, *there])))
    for host, image in zip(found["hosts"], ("hv01.E01", "hv02.E01"), strict=True):
        for machine in host["machines"]:
            for part in ("snapshots", "drives", "disks", "guests", "problems"):
                rows = machine[part]["rows"]
                assert {row["source"]["evidence"] for row in rows} <= {image}


def test_output_is_the_same_twice(tables: FakeTables) -> None:
    for report in (inventory_table, inventory_json, inventory_csv):
        assert written(report, tables) == written(report, tables)
