"""inventory.json and the JSON Schema that is published for it, held together by jsonschema."""

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from plugins.reports.inventory_json import inventory_json
from plugins.reports.inventory_schema import FILE, inventory_schema, schema, schema_text
from tests.conftest import ROOT
from tests.plugins.reports.tables import FakeTables
from tests.plugins.reports.written import written

Named = Callable[[str], FakeTables]
PUBLISHED = json.loads((ROOT / "plugins" / "reports" / FILE).read_bytes())


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema of an object."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


@cache
def strict() -> Draft202012Validator:
    """The published schema, and no key but those it names."""
    closed = copy.deepcopy(PUBLISHED)
    for node in objects(closed):
        node["additionalProperties"] = False
    return Draft202012Validator(closed)


def wrong(document: Any) -> list[str]:
    """What the strict schema has against a document."""
    return [f"{error.json_path}: {error.message[:200]}" for error in strict().iter_errors(document)]


def test_the_published_file_is_a_schema_and_that_of_this_version() -> None:
    Draft202012Validator.check_schema(PUBLISHED)
    assert PUBLISHED == schema() == json.loads(schema_text())
    assert json.loads(written(inventory_schema, FakeTables([]))) == PUBLISHED


def test_every_key_is_described() -> None:
    definitions = PUBLISHED["$defs"]
    for node in objects(PUBLISHED):
        for key, value in node["properties"].items():
            target = definitions[value["$ref"].rpartition("/")[2]] if "$ref" in value else value
            assert len(target["description"]) > 4, (node["description"], key)


def test_the_inventory_names_the_schema_and_holds_to_it(tables: FakeTables) -> None:
    document = json.loads(written(inventory_json, tables))
    assert document["$schema"] == PUBLISHED["$id"]
    assert wrong(document) == []
    assert wrong(json.loads(written(inventory_json, FakeTables([])))) == []


def test_texts_that_break_writers_hold_to_it(named: Named) -> None:
    document = json.loads(written(inventory_json, named("\udcff\x00\n\"\u202e")))
    assert wrong(document) == []


@pytest.mark.parametrize(("change", "complaint"), [
    (lambda web: web.pop("memory_mb"), "'memory_mb' is a required property"),
    (lambda web: web.update(memory_mb="512"), "'512' is not of type"),
    (lambda web: web.update(created_at="2008-09-01"), "does not match"),
    (lambda web: web.update(colour="red"), "'colour' was unexpected"),
    (lambda web: web["source"].update(entry=1.5), "1.5 is not of type"),
    (lambda web: web["disks"].update(total=-1), "-1 is less than the minimum"),
    (lambda web: web["snapshots"]["rows"][0].pop("children"), "'children' is a required"),
])
def test_what_the_writer_does_not_write_fails(
        tables: FakeTables, change: Callable[[Any], object], complaint: str) -> None:
    document = json.loads(written(inventory_json, tables))
    change(next(m for m in document["hosts"][0]["machines"] if m["snapshots"]["rows"]))
    assert len(wrong(document)) == 1
    assert complaint in wrong(document)[0]
