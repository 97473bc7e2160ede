"""What the bundled hosts' reports are to the programs that load them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plugins.reports.test_inventory_schema import PUBLISHED, wrong

HOSTS = ("ws2008", "ws2012r2", "ws2019", "vs2005")


@pytest.mark.parametrize("name", HOSTS)
def test_the_inventory_holds_to_its_published_schema(case_of: Callable[[str], Path],
                                                     name: str) -> None:
    reports = case_of(name) / "reports"
    document = json.loads((reports / "inventory.json").read_bytes())
    assert document["hosts"][0]["machines"]
    assert wrong(document) == []
    shipped = json.loads((reports / "inventory.schema.json").read_bytes())
    assert shipped == PUBLISHED
    assert document["$schema"] == shipped["$id"]
