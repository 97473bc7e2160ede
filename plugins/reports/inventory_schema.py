"""The JSON Schema of inventory.json, made from the records and shipped in schemas/."""

import json
import types
from importlib.resources import files
from typing import Any, BinaryIO, Final, Union, get_args, get_origin

from analyzer.plugin import Tables, publishes, report
from analyzer.records import TABLES, Record, column_types, moments
from analyzer.records.descriptions import aligned_texts, field_texts
from analyzer.source import Source
from plugins.reports.hosts import LISTED, PARTS
from plugins.reports.inventory_json import LISTS, SCHEMA

Schema = dict[str, Any]

FILE: Final = "schemas/inventory-1.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TIME: Final = r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z)?$"
_TYPES: Final[dict[Any, Schema]] = {
    str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"},
    float: {"type": "number"}, tuple[str, ...]: {"type": "array", "items": {"type": "string"}},
}


@report("inventory", "schema", "inventory.schema.json")
def inventory_schema(tables: Tables, out: BinaryIO) -> None:
    """The JSON Schema (2020-12) of inventory.json, the same for every case.

    All keys named there are required; later versions of vmtrail may write more of them.
    """
    out.write(files("plugins.reports").joinpath(FILE).read_bytes())


@publishes(FILE)
def schema_text() -> str:
    """The schema as it is shipped."""
    return json.dumps(schema(), indent=1) + "\n"


def schema() -> Schema:
    """The schema of a whole inventory."""
    lists = {table: _reference(f"{table}_list") for table in PARTS}
    return {"$schema": _DIALECT, "$id": SCHEMA, "title": "vmtrail inventory 1"} | _object({
        "$schema": {"const": SCHEMA, "description": "Name of this schema."},
        "schema": {"const": "vmtrail inventory 1", "description": "The same, for people."},
        "run": _reference("run_list"),
        "evidence": _reference("evidence_list"),
        "hosts": {"type": "array", "items": _reference("host"),
                  "description": "Windows installations that have machines, or are hosts."},
        "not_of_a_machine": _object(lists, "Rows that belong to no machine that is known."),
    }, "Hosts, their virtual machines, and what belongs to each, as vmtrail found them.") | {
        "$defs": _definitions()}


def _definitions() -> Schema:
    tables = ("run", "evidence", *PARTS)
    tree = {"depth": _TYPES[int] | {"description": "0 for a root of the tree."},
            "children": _TYPES[tuple[str, ...]] | {"description": "Snapshots that grew from it."}}
    return {
        "source": _object(_source(), "The place a row comes from."),
        "host": _object({
            "system_id": _TYPES[str] | {"description": field_texts(Record)["system_id"]},
            "system": {"anyOf": [_reference("system"), {"type": "null"}],
                       "description": "null where that installation could not be read."},
            "machines": {"type": "array", "items": _reference("virtual_machine"),
                         "description": "Machines that this host has or had."},
        }, "A host and its machines."),
        "virtual_machine": _row("virtual_machine", {
            key: _reference(f"{table}_list") for key, table in LISTS.items()}),
        **{table: _row(table, tree if table == "snapshot" else {}) for table in tables},
        **{f"{table}_list": _list(table) for table in tables},
    }


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(properties: Schema, description: str) -> Schema:
    return {"type": "object", "description": description, "required": list(properties),
            "properties": properties}


def _list(table: str) -> Schema:
    return _object({
        "total": {"type": "integer", "minimum": 0, "description": "How many rows there are."},
        "rows": {"type": "array", "maxItems": LISTED, "items": _reference(table),
                 "description": f"The first {LISTED:,} of them."},
    }, f"Rows of the table {table}.")


def _row(table: str, more: Schema) -> Schema:
    record = TABLES[table]
    texts, labels = field_texts(Record) | field_texts(record), moments(record)
    fields = {name: _value(name, hint) | {"description": texts.get(name) or f"{labels[name]}."}
              for name, hint in column_types(record).items() if name != "source"}
    about = " ".join((record.__doc__ or "").split())
    return _object(fields | {"source": _reference("source")} | more, about)


def _source() -> Schema:
    texts = aligned_texts(Source)
    plain = {name: _value(name, hint) | {"description": texts[name]}
             for name, hint in Source.__annotations__.items()}
    return {"address": {"type": "string",
                        "description": "What `vmtrail cat` and `vmtrail stat` take."}} | plain


def _value(name: str, hint: Any) -> Schema:
    if name.endswith("_at"):
        return {"type": "string", "pattern": _TIME}
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (kind for kind in get_args(hint) if kind is not type(None))
        return _TYPES[inner] | {"type": [_TYPES[inner]["type"], "null"]}
    return _TYPES[hint]
