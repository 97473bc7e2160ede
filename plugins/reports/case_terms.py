"""Words of CASE/UCO as JSON-LD: names, typed values, facets, relationships.

CASE and UCO 1.x: https://ontology.unifiedcyberontology.org, https://caseontology.org.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid5

from analyzer.times import iso

Node = dict[str, Any]

_UCO: Final = "https://ontology.unifiedcyberontology.org/uco"
CONTEXT: Final = {
    "kb": "urn:uuid:", "xsd": "http://www.w3.org/2001/XMLSchema#",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    **{f"uco-{part}": f"{_UCO}/{part}/" for part in (
        "action", "core", "observable", "tool", "types")}}
_SPACE: Final = UUID("1a8c9d0e-7b5f-5c1e-9a55-6f0f4a3c2b17")
_HEXADECIMAL: Final = re.compile("([0-9A-Fa-f]{2})+")
_OBSERVABLE: Final = "uco-observable:"
ENDS: Final = ("uco-core:source", "uco-core:target")
"""What a relationship joins."""


def name(*parts: object) -> str:
    """An id made from what it names: the same parts give the same id in every case."""
    return f"kb:{uuid5(_SPACE, json.dumps([str(part) for part in parts]))}"


def time(ticks: int | None) -> Node | None:
    """xsd:dateTime with seven digits, UTC."""
    return None if ticks is None else {"@type": "xsd:dateTime", "@value": iso(ticks)}


def digest(owner: str, method: str, value: str) -> Node | None:
    """A hash; None where there is none, or what an image calls one is no hexadecimal text."""
    if not _HEXADECIMAL.fullmatch(value):
        return None
    return {"@id": name(owner, method, value), "@type": "uco-types:Hash",
            "uco-types:hashMethod": method,
            "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": value}}


def present(values: Sequence[Node | None]) -> list[Node]:
    """Those that there are."""
    return [value for value in values if value]


def facet(owner: str, kind: str, **values: Any) -> Node | None:
    """A facet of an observable; values that are missing are left out, and so is an empty facet."""
    told = {f"{_OBSERVABLE}{key}": value for key, value in values.items()
            if value is not None and value not in ("", [])}
    if not told:
        return None
    return {"@id": name(owner, kind, told), "@type": f"{_OBSERVABLE}{kind}"} | told


def observable(own: str, kinds: Sequence[str], title: str, about: Sequence[str] = (),
               facets: Sequence[Node | None] = (), references: Sequence[Node | None] = ()) -> Node:
    """One object with what is said of it."""
    lists = {"core:description": [text for text in about if text],
             "core:externalReference": present(references), "core:hasFacet": present(facets)}
    return {"@id": own, "@type": [f"{_OBSERVABLE}{kind}" for kind in kinds]} | \
        ({"uco-core:name": title} if title else {}) | \
        {f"uco-{key}": value for key, value in lists.items() if value}


def reference(owner: str, context: str, identifier: str) -> Node | None:
    """An id that something else gave the object."""
    if not identifier:
        return None
    return {"@id": name(owner, context, identifier), "@type": "uco-core:ExternalReference",
            "uco-core:definingContext": context, "uco-core:externalIdentifier": identifier}


def relationship(source: str, kind: str, target: str, since: int | None = None) -> Node:
    """That one object stands in a relation to another."""
    started = {} if since is None else {"uco-core:startTime": time(since)}
    ends = dict(zip(ENDS, ({"@id": source}, {"@id": target}), strict=True))
    return {"@id": name(source, kind, target),
            "@type": f"{_OBSERVABLE}ObservableRelationship"} | ends | {
            "uco-core:kindOfRelationship": kind, "uco-core:isDirectional": True} | started
