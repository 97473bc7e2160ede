"""The inventory as CASE/UCO; its own validator runs in tests/integration/test_exchange.py."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from analyzer.records import Evidence, Snapshot
from plugins.reports.case_uco import case_uco
from tests.plugins.reports import case, hostile
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written

Named = Callable[[str], FakeTables]
Node = dict[str, Any]
CORE, SEEN = "uco-core:", "uco-observable:"


def graph(tables: FakeTables) -> list[Node]:
    """The nodes that are written."""
    found: list[Node] = json.loads(written(case_uco, tables))["@graph"]
    return found


def references(node: Any) -> Iterator[str]:
    """Every id that is only named: `{"@id": ...}`."""
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, dict) and list(value) == ["@id"]:
            yield value["@id"]
        elif isinstance(value, dict | list):
            yield from references(value)


@pytest.fixture
def nodes(tables: FakeTables) -> list[Node]:
    return graph(tables)


def titled(nodes: list[Node], title: str) -> Node:
    """The one object of that name."""
    (found,) = (node for node in nodes if node.get(f"{CORE}name") == title)
    return found


def facet(node: Node, kind: str) -> Node:
    """The facet of that kind."""
    found: Node
    (found,) = (f for f in node[f"{CORE}hasFacet"] if f["@type"] == f"{SEEN}{kind}")
    return found


def related(nodes: list[Node], kind: str) -> dict[str, list[str]]:
    """Source id -> ids of the targets of that relation."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for node in nodes:
        if node.get(f"{CORE}kindOfRelationship") == kind:
            found[node[f"{CORE}source"]["@id"]].append(node[f"{CORE}target"]["@id"])
    return found


def test_an_image_has_its_stored_hashes_and_is_an_exhibit(nodes: list[Node]) -> None:
    image = titled(nodes, case.IMAGE)
    content = facet(image, "ContentDataFacet")
    assert content[f"{SEEN}sizeInBytes"] == 40 * case.GIB
    assert {h["uco-types:hashMethod"]: h["uco-types:hashValue"]["@value"]
            for h in content[f"{SEEN}hash"]} == {
        "MD5": "9e107d9d372bb6826bd81d3542a419d6",
        "SHA1": "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"}
    assert "hashes as stored in the image; verified: match" in image[f"{CORE}description"]
    (exhibit,) = (n for n in nodes if n.get("case-investigation:exhibitNumber") == "3")
    assert exhibit[f"{CORE}object"] == [{"@id": image["@id"]}]


def test_vmtrail_is_the_instrument_of_an_action_with_all_as_its_result(nodes: list[Node]) -> None:
    tool = titled(nodes, "vmtrail")
    action = titled(nodes, "analysis")
    assert tool["uco-tool:version"] == "0.1.0"
    assert action["uco-action:instrument"] == {"@id": tool["@id"]}
    assert action["uco-action:startTime"]["@value"] == "2026-11-23T03:00:00.0000000Z"
    assert "3 problems; places looked at: 1 read, 1 absent, 1 partial, 1 unreadable" in \
        action[f"{CORE}description"]
    (result,) = (n for n in nodes if n["@id"] == action["uco-action:result"]["@id"])
    given = {one["@id"] for one in result[f"{CORE}object"]}
    assert {n["@id"] for n in nodes if n["@type"] != "case-investigation:ProvenanceRecord"} - \
        {tool["@id"], action["@id"]} == given


def test_a_machine_has_its_ids_its_host_its_configuration_and_its_disks(nodes: list[Node]) -> None:
    web = titled(nodes, "web-frontend")
    assert {r[f"{CORE}externalIdentifier"] for r in web[f"{CORE}externalReference"]} == {
        case.WEB, "A7C1F0DE-0000-4000-8000-0123456789AB"}
    assert facet(web, "ComputerSpecificationFacet")[f"{SEEN}totalRam"] == 2048 << 20
    assert related(nodes, "Hosted_By")[web["@id"]] == [titled(nodes, "HV01")["@id"]]
    configuration = titled(nodes, f"{case.WEB}.xml")
    assert related(nodes, "Characterized_By")[web["@id"]] == [configuration["@id"]]
    assert facet(configuration, "NTFSFileFacet")[f"{SEEN}entryID"] == 5120
    top, one, base = (titled(nodes, n)["@id"] for n in ("web_B7.avhd", "web_A1.avhd", "web.vhd"))
    assert related(nodes, "Attached_To")[top] == [web["@id"]]
    assert related(nodes, "Child_Of")[top] == [one]
    assert related(nodes, "Child_Of")[one] == [base]


def test_snapshots_are_a_tree_with_the_time_they_were_taken(nodes: list[Node]) -> None:
    first, second, lost = (titled(nodes, name)["@id"] for name in (
        "Fresh install", "Before SP1 roll-up", "(name not readable)"))
    parents = related(nodes, "Child_Of")
    assert parents[second] == [first]
    assert lost not in parents
    (taken,) = (n for n in nodes if n.get(f"{CORE}kindOfRelationship") == "Snapshot_Of"
                and n[f"{CORE}source"]["@id"] == first)
    assert taken[f"{CORE}startTime"]["@value"] == "2008-09-03T09:00:00.0000000Z"


def test_a_file_lies_in_a_volume_in_a_disk_file_in_a_volume_in_the_image(
        nodes: list[Node]) -> None:
    within = related(nodes, "Contained_Within")
    base = titled(nodes, "web.vhd")["@id"]
    (volume,) = within[base]
    assert within[volume] == [titled(nodes, case.IMAGE)["@id"]]
    guests = [n["@id"] for n in nodes if f"{SEEN}OperatingSystem" in n["@type"]
              and n.get(f"{CORE}name") == "Windows Web Server 2008"]
    assert len(guests) == 3


def test_every_id_that_is_named_is_told_whatever_the_texts(named: Named) -> None:
    nodes = graph(named("".join(hostile.NAMES)))
    assert {one for node in nodes for one in references(node)} <= {n["@id"] for n in nodes}
    assert any("no hexadecimal number" in " ".join(n.get(f"{CORE}description", [])) for n in nodes)
    assert all(re.fullmatch(r"kb:[0-9a-f-]{36}", node["@id"]) for node in nodes)


def test_a_case_without_anything_has_an_empty_graph() -> None:
    assert graph(FakeTables([])) == []


def test_one_object_has_one_name_whatever_the_rows_say() -> None:
    rows = [Snapshot(source=case.at("/p1/s.xml", entry=9), vm_id=case.WEB, snapshot_id=case.S1,
                     system_id=case.HOST, name=name) for name in ("first", "second")]
    nodes = graph(FakeTables([*case.records(), *rows]))
    names: defaultdict[str, set[str]] = defaultdict(set)
    for node in nodes:
        names[node["@id"]] |= {node[key] for key in (f"{CORE}name",) if key in node}
    assert max(map(len, names.values())) == 1


def test_ids_are_those_of_the_image_not_of_the_case(tables: FakeTables) -> None:
    assert written(case_uco, tables) == written(case_uco, tables)
    names = {n["@id"] for n in graph(tables)}
    tables.records["evidence"][0] = Evidence(source=case.at(""), name=case.IMAGE, format="raw",
                                             size=1, files=())
    assert names.isdisjoint(n["@id"] for n in graph(tables) if f"{SEEN}File" in n["@type"])
