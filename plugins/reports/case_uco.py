"""The inventory as CASE/UCO, for exchange with other tools."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from analyzer.plugin import Tables, report
from analyzer.times import iso
from plugins.reports.case_machines import Machines
from plugins.reports.case_places import Places
from plugins.reports.case_terms import CONTEXT, ENDS, Node, name, observable, time

Row = dict[str, Any]


@report("inventory", "case", "case.jsonld", on_request=True)
def case_uco(tables: Tables, out: BinaryIO) -> None:
    """JSON-LD by the ontologies CASE and UCO: images with hashes, volumes, the files that
    machines are read from, computers, virtual machines, snapshots, disks, adapters, what relates
    them, and how vmtrail came by them. Events and findings are not in it.

    Every id is made from what it names, so that two cases of one image give the same ids.
    """
    head = json.dumps({"@context": CONTEXT})
    out.write(f'{head[:-1]}, "@graph": ['.encode("ascii"))
    separator = "\n"
    for node in _once(tables):
        out.write(f"{separator}{json.dumps(node)}".encode("ascii"))
        separator = ",\n"
    out.write(b"\n]}\n")


def _once(tables: Tables) -> Iterator[Node]:
    """Every node, once; several of one id are joined by a reader."""
    places = Places(tables)
    machines = Machines(tables, places)
    told: dict[str, int] = {}
    named: set[str] = set()
    titled: set[str] = set()
    for part in (places.images(), places.volumes(), machines.nodes(), places.files()):
        for node in part:
            said = hash(json.dumps(node))
            if node["@id"] in titled:
                node.pop("uco-core:name", None)  # an object has one
            titled |= {node["@id"]} if "uco-core:name" in node else set()
            if told.get(node["@id"]) != said:
                told[node["@id"]] = said
                named |= {node[end]["@id"] for end in ENDS if end in node}
                yield node
    unknown = sorted(named - told.keys())
    yield from (observable(own, ["ObservableObject"], "", [
        "named by the case and not described in it"]) for own in unknown)
    yield from _provenance(tables, places, [*told, *unknown])


def _provenance(tables: Tables, places: Places, told: list[str]) -> Iterator[Node]:
    """The images as exhibits, and each run of vmtrail with what it gave."""
    exhibits = []
    for row in tables.rows("evidence"):
        image = places.image(row["name"])
        exhibits.append(name(image, "exhibit"))
        about = [f"{key.replace('_', ' ')}, as the image has it: {row[key]}"
                 for key in ("case_number", "examiner") if row[key]]
        if row["acquired_at"] is not None:
            about.append(f"acquired at {iso(row['acquired_at'])}, as the image has it")
        yield _record(exhibits[-1], [image], about, row["evidence_number"])
    for row in tables.rows("run"):
        yield from _run(row, exhibits, told, _coverage(tables))


def _record(own: str, objects: list[str], about: list[str], exhibit: str = "") -> Node:
    more = {"uco-core:description": about, "case-investigation:exhibitNumber": exhibit}
    return {"@id": own, "@type": "case-investigation:ProvenanceRecord",
            "uco-core:object": [{"@id": one} for one in objects]} | {
                key: value for key, value in more.items() if value}


def _run(row: Row, exhibits: list[str], told: list[str], coverage: str) -> Iterator[Node]:
    tool = name("vmtrail", row["tool_version"])
    action = name("run", row["started_at"], *exhibits, *row["arguments"])
    result = name(action, "result")
    yield {"@id": tool, "@type": "uco-tool:AnalyticTool", "uco-core:name": "vmtrail",
           "uco-tool:toolType": "offline forensic analyzer of Hyper-V hosts",
           "uco-tool:version": row["tool_version"]}
    yield {"@id": action, "@type": "case-investigation:InvestigativeAction",
           "uco-core:name": "analysis",
           "uco-core:description": [f"vmtrail {' '.join(row['arguments'])}",
                                    f"exit code {row['exit_code']}", coverage],
           "uco-action:startTime": time(row["started_at"]),
           "uco-action:endTime": time(row["finished_at"]),
           "uco-action:instrument": {"@id": tool},
           "uco-action:object": [{"@id": exhibit} for exhibit in exhibits],
           "uco-action:result": {"@id": result}}
    yield _record(result, told, ["what vmtrail states of these images"])


def _coverage(tables: Tables) -> str:
    problems = sum(tables.counts("problem", "code").values())
    places = ", ".join(f"{count} {state}" for state, count in
                       tables.counts("coverage", "state").items())
    return f"{problems} problems; places looked at: {places or 'none'}"
