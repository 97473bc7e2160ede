"""Whether guests are where they say they are."""

from collections.abc import Iterator
from typing import Any

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record

BASIS = "derived: Virtual Machine\\Guest\\Parameters against the configurations"


@analysis("guest_identity", "virtual_machine", "system", yields=(Finding,))
def guest_findings(tables: Tables) -> Iterator[Record]:
    """Compares what a guest's registry says with the machine and the host it was found in."""
    names = {row["vm_id"]: row["name"] for row in tables.rows("virtual_machine") if row["name"]}
    hosts = {row["host_name"].upper() for row in tables.rows("system")
             if row["role"] == "Hyper-V host"}
    if "" in hosts:
        hosts = set()  # the name of a host could not be read: it may be any
    for row in tables.rows("guest_identity"):
        for code, what in _judge(row, names.get(row["vm_id"], ""), hosts):
            yield Finding.about(row, code, what, BASIS)


def _judge(row: dict[str, Any], name: str, hosts: set[str]) -> Iterator[tuple[str, str]]:
    said = row["vm_name"]
    if not row["vm_id"]:
        yield "GUEST-ORPHAN", f"the guest on a disk that no machine names says it was {said}"
    elif name and said and name != said:
        yield "GUEST-NAME", (f"the guest of {name} says its machine was called {said}: renamed "
                             "since, or another machine's disk")
    if row["stated_vm_id"] and row["vm_id"] and row["stated_vm_id"] != row["vm_id"]:
        yield "GUEST-ID", (f"the guest of {name} says its machine has the id "
                           f"{row['stated_vm_id']}")
    if hosts and row["physical_host"] and row["physical_host"].upper() not in hosts:
        yield "GUEST-HOST", (f"the guest of {name or said} last ran on {row['physical_host']}, "
                             "which is not this host")
