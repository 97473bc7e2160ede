"""The register of machines against the configurations that were found."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analyzer.plugin import Tables, analysis
from analyzer.records import Finding, Record

Row = Mapping[str, Any]
MISSING = "registered, configuration missing"
ALIVE = ("registered", MISSING)
Judgement = tuple[str, str, str]


@analysis("virtual_machine", yields=(Finding,))
def register_findings(tables: Tables) -> Iterator[Record]:
    """Registered without configuration, copies of registered machines, replicas, templates."""
    machines = list(tables.rows("virtual_machine"))
    holders: dict[str, list[Row]] = {}
    for row in machines:
        if row["vm_id"] and row["state"] in ALIVE:
            holders.setdefault(row["vm_id"], []).append(row)
    for row in machines:
        for code, what, basis in _judge(row, holders.get(row["vm_id"], ())):
            yield Finding.about(row, code, what, basis)


def _judge(row: Row, holders: Sequence[Row]) -> Iterator[Judgement]:
    name = row["name"] or row["vm_id"]
    if row["state"] == MISSING:
        found = f", it is described by the copy {row['source_path']}" if row["name"] else ""
        yield ("VM-GONE", f"{name} is registered and its configuration is not there{found}",
               "direct: data.vmcx names the file")
    if row["state"] == "exported":
        yield ("VM-EXPORTED", f"{name} was exported to {row['configuration_path']}",
               "direct: an export of 2008 or 2008 R2 that was not imported has .exp for .xml")
    yield from _copies(row, name, holders)
    if row["replication"]:
        what = f"{name} is or was replicated ({row['replication']}): as the primary or the replica"
        yield ("VM-REPLICA", what,
               "direct: global_settings/replication, which is not understood as to which of both")
    if "template" in f"{row['name']} {row['configuration_path']}".lower():
        yield ("VM-TEMPLATE", f"{name} may serve as a template",
               "inferred: from its name or folder only; a configuration has no such mark")


def _copies(row: Row, name: str, holders: Sequence[Row]) -> Iterator[Judgement]:
    """Another configuration of a registered machine here; the same machine on another host."""
    here = [other for other in holders if other["system_id"] == row["system_id"]]
    if row["state"] == "unregistered" and here:
        yield ("VM-COPY", (f"{row['configuration_path']} has the id of {here[0]['name'] or name}, "
               f"which is registered with {here[0]['configuration_path']}"),
               "derived: equal ids; an export, a backup and a copied folder look alike")
    elsewhere = sorted({other["system_id"] for other in holders} - {row["system_id"]})
    if row["state"] in ALIVE and elsewhere:
        yield ("VM-TWOHOSTS", f"{name} is registered on {', '.join(elsewhere)} too",
               "derived: equal ids; a migrated, restored, replicated or copied machine")
