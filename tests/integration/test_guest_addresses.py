"""Addresses of guests on their adapters, against what the recipe gave them."""

import json
from collections.abc import Callable
from pathlib import Path

from analyzer.case.folder import Case
from analyzer.case.query import CaseTables


def test_the_lease_of_a_guest_is_joined_to_the_adapter_of_its_machine(
        case_of: Callable[[str], Path], corpus: Path) -> None:
    truth = json.loads((corpus / "truth" / "ws2012r2.json").read_text())
    machines = {row["name"]: row for row in truth["machines"]}
    tables = CaseTables(Case(case_of("ws2012r2")))
    rows = list(tables.rows("vm_address"))
    assert {(r["vm_id"], r["mac"], r["interface_id"], *r["addresses"]) for r in rows} == {
        (machines[r["machine"]]["guid"], machines[r["machine"]]["nics"][0]["mac"],
         r["interface"], r["address"]) for r in truth["addresses"]}
    assert all(row["basis"].startswith("derived: the only adapter") for row in rows)
    (lease,) = {(*row["addresses"], row["dhcp_server"], row["lease_obtained_at"])
                for row in tables.rows("network_interface") if row["dhcp_server"]}
    (given,) = truth["addresses"]
    assert lease == (given["address"], given["lease"][0], given["lease"][1])


def test_the_parents_of_snapshot_disks_lie_on_volumes_that_the_host_knows(
        case_of: Callable[[str], Path]) -> None:
    tables = CaseTables(Case(case_of("ws2012r2")))
    assert {row["parent_volume"].partition(" ")[2] for row in tables.rows("disk_layer")
            if row["parent_volume"]} == {"(C:)", "(D:)"}
