"""A machine of which only access lists are left, from the volume to the inventory."""

import json
from pathlib import Path

import pytest

from analyzer.cli.main import main
from corpus.make import vhd
from corpus.make.ntfs import Volume
from corpus.make.times import born, ticks
from corpus.make.world import vm_sid

GONE, OLDER = (f"{digit * 8}-2222-3333-4444-555555555555" for digit in "23")
MADE = ticks("2009-06-02 08:00:00")
pytestmark = pytest.mark.needs_ntfs3g


def test_a_disk_without_configuration_names_the_machines_that_had_it(
        tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    volume = Volume(tmp_path / "scratch", sectors=16 << 11, start_sector=2048, serial=7,
                    made=born(MADE))
    with volume.changing() as tree:
        disk = vhd.fixed(bytes(1 << 20), unique_id=b"A" * 16, created=9)
        tree.write("/VMs/old.vhd", disk, born(MADE))
        tree.grant("/VMs/old.vhd", [vm_sid(OLDER)])
        tree.grant("/VMs/old.vhd", [vm_sid(GONE)])
    image, case = tmp_path / "volume.raw", tmp_path / "case"
    image.write_bytes(volume.image())
    assert main(["analyze", str(image), "-o", str(case), "--jobs", "1", "-q"]) == 0
    capfdbinary.readouterr()
    assert main(["inventory", str(case), "--format", "json"]) == 0
    told = json.loads(capfdbinary.readouterr().out)
    machines = {row["vm_id"]: row for host in told["hosts"] for row in host["machines"]}
    assert machines.keys() == {GONE, OLDER}
    assert {row["state"] for row in machines.values()} == {"no configuration, in access lists"}
    assert machines[GONE]["source"]["path"] == "/p1/VMs/old.vhd"
    assert machines[OLDER]["source"]["path"] == "/p1/$Secure:$SDS"
    for vm_id, row in machines.items():
        assert "VM-ACLONLY" in [f["code"] for f in row["findings"]["rows"]]
        rights = {a["account_name"]: a["rights"] for a in row["access"]["rows"]}
        assert rights[f"NT VIRTUAL MACHINE\\{vm_id}"] == "full control"
